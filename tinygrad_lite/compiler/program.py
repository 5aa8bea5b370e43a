"""What is compiled: statements, each one call of NumPy and the array that it makes.

A program is what is left of a Graph when every operation, every gradient rule and every update has
been taken apart into the calls of NumPy that it makes (`lowering`). Passes turn a program into a
better one, and `writing` makes Python of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from ..graphs import Step


@dataclass(eq=False, slots=True)
class Node:
    """An array, or a number, of a program, and what makes it.

    Attributes
    ----------
    function : str
        What is called, as it is written: `np.add`, `np.add.reduce`, `.reshape`, or an operator of
        Python's on live numbers, `+`. Of what no call makes: "argument", "tensor" (a leaf of the
        user's), "array" (an array of the user's), "constant", "number" (Python's, read anew at each
        call), "state" (of an optimizer).
    inputs : tuple
        Nodes, numbers and whatever else the call takes by position; Nodes also in tuples and lists.
    options : dict of str to Any
        What it takes by keyword.
    example : ndarray or number
        What it was when the computation was traced: tells shape, dtype and the order of its axes in
        memory.
    view_of : Node or None
        What it is a view of, so that nothing is computed.
    source : Step or None
        The step of the Graph that it is a part of.
    of : Any
        Of what no call makes: the Tensor, the array, or where the number is found; of "flat", the
        leaves that are its parts.
    label : str
        What a leaf is called.
    quiet : frozenset of str
        The floating-point errors that aren't warned of: "over", "divide", ….
    """

    function: str
    inputs: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    example: Any = None
    view_of: "Node | None" = None
    source: Step | None = None
    of: Any = None
    quiet: frozenset[str] = frozenset()
    label: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        return getattr(self.example, "shape", ())

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.asarray(self.example).dtype

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def is_leaf(self) -> bool:
        """Whether it is there, and no call makes it."""
        return self.function in LEAVES

    @property
    def root(self) -> "Node":
        """Whose memory it is."""
        node = self
        while node.view_of is not None:
            node = node.view_of
        return node

    def __repr__(self) -> str:
        return f"<{self.function} {self.dtype} {self.shape}>"


LEAVES = frozenset(
    ("argument", "tensor", "array", "constant", "number", "state", "generator", "gradient", "flat")
)
LIVE = frozenset(("number", "generator", "gradient"))  # found anew at each call
Operand = Any  # a Node, or a number, None, a slice, …, also in tuples and lists


@dataclass(eq=False, slots=True)
class Write:
    """What a leaf, or an array of an optimizer's state, or a count of it, is to be at the end.

    Attributes
    ----------
    target : Node
        The leaf as it was.
    value : Node
        What it becomes.
    """

    target: Node
    value: Node


@dataclass(eq=False, slots=True)
class Program:
    """Statements in order, what they begin with, and what is wanted of them.

    Attributes
    ----------
    name : str
    nodes : list of Node
        Whatever a call makes, in an order in which it can be computed.
    arguments : list of Node
    outputs : list of Node
    writes : list of Write
    gradients : list of Node
        What the `grad` of leaves is afterwards, if that is asked for.
    """

    name: str
    nodes: list[Node]
    arguments: list[Node]
    outputs: list[Any]
    writes: list[Write]
    gradients: list[Node] = field(default_factory=list)

    @property
    def wanted(self) -> list[Node]:
        """What has to be computed."""
        found = [x for x in self.outputs if isinstance(x, Node)]
        found += [write.value for write in self.writes]
        found += self.gradients
        return found + [node for node in self.nodes if node.function in EFFECTS]

    def replace(self, found: "dict[Node, Any]") -> None:
        """Put others in the place of Nodes, wherever those are used; drops what is replaced."""

        def now(x: Any) -> Any:
            while isinstance(x, Node) and x in found:
                x = found[x]
            return x

        for node in self.nodes:
            node.inputs = tuple([mapped(now, x) for x in node.inputs])
            node.options = {key: mapped(now, x) for key, x in node.options.items()}
            node.view_of = now(node.view_of)
        self.nodes = [node for node in self.nodes if node not in found]
        self.outputs = [now(x) for x in self.outputs]
        for write in self.writes:
            write.value = now(write.value)
        self.gradients = [now(g) for g in self.gradients]

    def users(self) -> dict[Node, list[Node]]:
        """For each Node those that take it."""
        found: dict[Node, list[Node]] = {}
        for node in self.nodes:
            for x in dict.fromkeys(operands(node)):
                found.setdefault(x, []).append(node)
        return found


def copy_what_is_written(program: Program) -> None:
    """Have results that are leaves as they were be copied before these are written."""
    written = {write.target.root for write in program.writes}
    copies: dict[Node, Node] = {}

    def as_it_was(x: Any) -> Any:
        if not isinstance(x, Node) or x.root not in written:
            return x
        return copies.setdefault(x, Node(".copy", (x,), {}, np.array(x.example), label=x.label))

    program.outputs = [as_it_was(x) for x in program.outputs]
    program.gradients = [as_it_was(g) for g in program.gradients]
    program.nodes[:0] = copies.values()


EFFECTS = frozenset(("guard", ".random", ".standard_normal"))  # what is done for what it does


def operands(node: Node) -> Iterator[Node]:
    """The Nodes that a Node takes."""
    for x in (*node.inputs, *node.options.values()):
        yield from nodes_in(x)


def nodes_in(x: Any) -> Iterator[Node]:
    if isinstance(x, Node):
        yield x
    elif isinstance(x, tuple | list):
        for part in x:
            yield from nodes_in(part)
    elif isinstance(x, slice):
        yield from nodes_in((x.start, x.stop, x.step))


def mapped(function: Callable[[Any], Any], x: Any) -> Any:
    """The same operand with `function` of each of its Nodes."""
    if isinstance(x, Node):
        return function(x)
    if type(x) in (tuple, list):
        return type(x)([mapped(function, part) for part in x])
    if isinstance(x, slice):
        return slice(*(mapped(function, part) for part in (x.start, x.stop, x.step)))
    return x
