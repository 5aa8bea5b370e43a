"""Multiply by numbers as rarely as can be."""

from typing import Any

from ..numbers import number_times
from ..program import Node, Program, operands


def scalars(program: Program) -> None:
    """Multiply by numbers as rarely as can be: once, where the array is smallest.

    Of two multiplications by numbers one is left. And as gradients flow through products and sums,
    a learning rate that all of them are multiplied by may as well multiply what they flow from:
    the few entries at the loss in place of a number for each weight.
    """
    _merge(program)
    for node in list(program.nodes):
        if node in program.nodes and _factor(node) is not None and node.source is not None:
            _hoist(program, node)
    _merge(program)


def _factor(node: Node) -> tuple[Any, Node] | None:
    """The number and the array that a statement multiplies."""
    if node.function not in ("np.multiply", "np.divide") or len(node.inputs) != 2:
        return None
    if node.options or node.dtype.char not in "fd":  # half precision would lose small ones
        return None
    x, y = node.inputs
    if node.function == "np.divide":
        is_scaled = isinstance(y, int | float) and y and isinstance(x, Node)
        return (1 / y, x) if is_scaled and x.dtype == node.dtype and node.ndim else None
    if isinstance(y, Node) and not _is_number(y) and _is_number(x):
        return (x, y) if y.dtype == node.dtype and y.shape == node.shape else None
    if isinstance(x, Node) and not _is_number(x) and _is_number(y):
        return (y, x) if x.dtype == node.dtype and x.shape == node.shape else None
    return None


def _is_number(x: Any) -> bool:
    """Whether it is Python's own: NumPy's are arrays without axes, which a program computes."""
    return type(x.example if isinstance(x, Node) else x) in (int, float)


def _merge(program: Program) -> None:
    """One multiplication in place of two, none by 1."""
    users = program.users()
    wanted = set(program.wanted)
    gone: dict[Node, Any] = {}
    for node in list(program.nodes):
        factor = _factor(node)
        if factor is None:
            continue
        number, x = factor
        inner = _factor(x)
        if inner is not None and len(users[x]) == 1 and x not in wanted:
            number = number_times(number, inner[0], node.source)
            if isinstance(number, Node):
                program.nodes.insert(program.nodes.index(node), number)
            node.function, node.inputs = "np.multiply", (number, inner[1])
            users[inner[1]] = [*(u for u in users.get(inner[1], []) if u is not x), node]
            gone[x] = inner[1]
            x = inner[1]
        if type(number) in (int, float) and number == 1:
            gone[node] = x
    program.replace(gone)


def _hoist(program: Program, last: Node) -> None:
    """Multiply what an array flows from, instead of the array."""
    factor = _factor(last)
    if factor is None:
        return
    number, x = factor
    users = program.users()
    wanted = set(program.wanted)
    sources: dict[Node, list[Node] | None] = {}
    carried = [x] if _sources(x, sources) is not None else []
    for node in carried:  # grows on the way
        carried += [y for y in dict.fromkeys(sources[node] or ()) if y not in carried]
    for node in carried:
        for user in users[node]:
            if user is not last and (user not in carried or node not in (sources[user] or ())):
                return
    absorbing = [node for node in carried if _factor(node) is not None]
    if not carried or any(node in wanted for node in carried):
        return
    _bring_forward(program, number, min(map(program.nodes.index, absorbing)))
    for node in absorbing:
        inner = _factor(node)
        assert inner is not None
        product = number_times(number, inner[0], node.source)
        if isinstance(product, Node):
            program.nodes.insert(program.nodes.index(node), product)
        node.function, node.inputs = "np.multiply", (product, inner[1])
    program.replace({last: x})


def _bring_forward(program: Program, number: Any, position: int) -> None:
    """Have a number, and those that it is computed from, be there before a statement."""
    needed = {number} if isinstance(number, Node) else set()
    late = []
    for node in reversed(program.nodes[position:]):
        if node in needed:
            needed.update(operands(node))
            late.append(node)
    left = [node for node in program.nodes if node not in late]
    program.nodes = [*left[:position], *reversed(late), *left[position:]]


def _sources(node: Node, known: dict[Node, list[Node] | None]) -> list[Node] | None:
    """The inputs that are to be multiplied so that the node is: none, if it multiplies itself.

    None if that can't be done.
    """
    if node in known:
        return known[node]
    known[node] = None
    if _factor(node) is not None:
        known[node] = []
    elif node.function in PRODUCTS and not node.options:
        terms = [x for x in node.inputs if isinstance(x, Node) and x.dtype == node.dtype]
        once = [x for x in terms if terms.count(x) == 1]  # in a square it would count twice
        found = next((x for x in once if _sources(x, known) is not None), None)
        known[node] = None if found is None else [found]
    elif node.function in SUMS and not node.options:
        terms = [node.inputs[0]] if node.function in OF_ONE else [*node.inputs]
        if all(isinstance(x, Node) and _sources(x, known) is not None for x in terms):
            known[node] = terms
    return known[node]


PRODUCTS = frozenset(("np.matmul", "np.multiply", ".dot"))  # in proportion to any of its inputs
OF_ONE = frozenset(("np.negative", "np.add.reduce", ".reshape", ".transpose"))  # to the first
SUMS = OF_ONE | {"np.add", "np.subtract", "pack"}  # and to all of them together
