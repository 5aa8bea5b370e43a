"""Why a Tensor got no gradient, or along which paths its gradient came."""

import sys
from collections import defaultdict
from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from ..nn import Buffer, Parameter
from ..tensor import Tensor
from .columns import Lines, clean
from .explain import equation
from .paths import carried
from .record import Graph
from .recorder import owner_of
from .steps import Applied, Seed, Update, Value
from .tracing import variables_of

LISTED = 8  # of what there may be many
CUTS = (
    "then under no_grad, by detach(), numpy() or Tensor(…), or by what has no gradient: "
    "comparisons, argmax, sign, round, astype(int)"
)
UNSEEN = (
    "\n  A Tensor doesn't remember the steps before the first that needs a gradient: "
    "tl.trace(fn, *args) shows them."
)
APART = "no gradient flows between the two"
LATE = "requires_grad was turned on after it was used. Compute the result again."


def reason(graph: Graph, tensor: "Tensor | str") -> Lines:
    """Why `tensor` has no gradient, with a mend; or its gradient, and the paths that carried it."""
    x = graph.value(tensor)
    t = tensor if isinstance(tensor, Tensor) else _tensor_of(graph, x)
    name = _name(x) if x is not None else _called(tensor)
    if x is not None and x.gradient is not None and not graph.backward_error:
        return carried(graph, x, t, name)
    if graph.backward_error:
        error = graph.backward_error.removeprefix("backward: ")
        why = f"the backward pass didn't come to its end: {error}"
    elif x is not None:
        why = _missing(graph, x, t, name)
    else:
        why = _outside(graph, tensor, name)
    return Lines("\n".join(_wrapped(f"{name} has no gradient: {why}")))


def _called(t: Any) -> str:
    """What is in no graph goes by its own name, or by that of the asker's variable."""
    frame = sys._getframe(3)  # of whoever called `Graph.why`
    names = [key for key, x in variables_of(frame).items() if x is t]
    return clean(
        t.name or next((n for n in names if n.isidentifier() and n[:1] != "_"), "this Tensor"), 60
    )


def _wrapped(said: str) -> Iterator[str]:
    for line in said.splitlines():
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        yield from wrap(
            clean(line, 2000) if line[:1] != " " else f"  {clean(line, 2000)}",
            100,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )


# ---- what isn't in the graph ---------------------------------------------------------------------


def _outside(graph: Graph, t: Any, name: str) -> str:
    title = clean(graph.title, 60)
    if t.dtype.kind != "f":
        return not_floating(t.dtype, name)
    shared = next((x for other, x in graph._tensors if _share(other, t)), None)
    if shared is not None and (t.requires_grad or shared.requires_grad):
        return (
            f"it isn't in the graph of {title}. {_name(shared)}, which is, shares its memory, but "
            "no gradient flows between them, as after detach(). Compute with the one that is to "
            "have the gradient."
        )
    if t.op is not None:
        return (
            f"it is a result that isn't in the graph of {title}, which wasn't computed from it. "
            "Was it replaced by a later one of the same name? Or did numpy(), item(), Tensor(…) or "
            "no_grad come between the two?"
        )
    if not t.requires_grad:
        return (
            f"it isn't in the graph of {title}, and requires_grad is off. {_turn_on(name)}"
            f"{'' if graph.traced else UNSEEN}"
        )
    if graph.traced:
        return "nothing that was traced uses it."
    return f"{title} wasn't computed from it, as far as is known.{_cut_off(graph)}"


def _cut_off(graph: Graph) -> str:
    """The leaves where a way back may have ended, in a graph that is a Tensor's history."""
    given = {id(x): x for step in graph.phase("forward") for x in step.inputs if _is_leaf(x)}
    names = [_name(x) for x in given.values() if not x.requires_grad]
    if not names:
        return " Every leaf of the graph has requires_grad on, and it is none of them."
    shown = ", ".join(names[:LISTED]) + (", …" if len(names) > LISTED else "")
    return (
        f"\n  The graph ends where requires_grad is off: {shown}. If that was computed from it, "
        f"{CUTS}. tl.trace(fn, *args) sees every step of a function, and would name the one."
    )


# ---- what is in it -------------------------------------------------------------------------------


def _missing(graph: Graph, x: Value, t: Tensor | None, name: str) -> str:
    """Why a value of the graph has no gradient."""
    if x.kind == "gradient":
        return "it is a gradient itself, of which none was asked for."
    if x.kind == "constant":
        return "it is an array or a number, no Tensor. Make it Tensor(…, requires_grad=True)."
    maker = next((step for step in graph if step.output is x), None)
    if isinstance(maker, Update):
        return (
            f"it is what {clean(maker.name)} left (step {maker.number}{_at(maker)}), and no "
            f"backward pass came after that. Ask for {_name(maker.target)}, as it was before."
        )
    if not x.requires_grad:
        if isinstance(maker, Applied):
            return _made_without(graph, maker)
        if x.dtype.kind != "f":
            return not_floating(x.dtype, name)
        return _leaf_without(graph, x, t, name)
    seeds = [step for step in graph if isinstance(step, Seed)]
    if not seeds:
        return "no backward pass was run. Call backward() on the result, within what is traced."
    if _came_late(graph, x):
        return LATE
    return _unreached(graph, x, seeds)


def _leaf_without(graph: Graph, x: Value, t: Tensor | None, name: str) -> str:
    if isinstance(t, Parameter):
        return (
            "it is a Parameter that is frozen: requires_grad was off when it was used. Set it to "
            "True, and compute again."
        )
    if x.kind == "buffer" or isinstance(t, Buffer):
        return "it is a buffer: what a module keeps, but doesn't train. A Parameter would be."
    if t is not None:
        shared = [o for other, o in graph._tensors if o is not x and _share(other, t)]
        if shared:
            return (
                f"it was detached: it shares its memory with {_name(shared[0])}, but {APART}. "
                f"Compute with {_name(shared[0])} itself."
            )
        if t.requires_grad:
            return LATE
    return f"requires_grad is off. {_turn_on(name)}\n  If it was computed, {CUTS}."


def _made_without(graph: Graph, maker: Applied) -> str:
    """Why a result requires no gradient: the last steps that had to do with any that do."""
    makers = {id(step.output): step for step in graph if isinstance(step, Applied)}
    reached, seen, ends = [maker], {id(maker)}, []
    for step in reached:  # grows on the way
        values = [x for x in step.inputs if isinstance(x, Value)]
        positions = [
            i for i, x in enumerate(step.inputs) if isinstance(x, Value) and x.requires_grad
        ]
        if positions:
            ends.append((step, positions))
        for x in values:
            before = makers.get(id(x))
            if not x.requires_grad and before is not None and id(before) not in seen:
                seen.add(id(before))
                reached.append(before)
    if len(ends) == 1 and ends[0][0] is maker:
        return f"{cuts(*ends[0])} ({_where(maker)})."
    if ends:
        return "\n".join([f"it is computed ({_where(maker)}) from what has none:", *_listed(ends)])
    return f"requires_grad is off for all that it was computed from ({_where(maker)})."


def _came_late(graph: Graph, x: Value) -> bool:
    """Whether results, as they remember it, were computed while it required no gradient."""
    results = {id(value): t for t, value in graph._tensors if t.op is not None}
    return any(
        value is x and rule_of(step, i) is not None and i not in results[id(step.output)]._sources
        for step in graph
        if isinstance(step, Applied) and id(step.output) in results
        for i, value in enumerate(step.inputs)
    )


def _unreached(graph: Graph, x: Value, seeds: list[Seed]) -> str:
    """Why no gradient came to a value that requires one: where the ways from it end."""
    users: dict[int, list[tuple[Applied, int]]] = defaultdict(list)
    for step in graph:
        if isinstance(step, Applied):
            for i, value in enumerate(step.inputs):
                users[id(value)].append((step, i))
    if not users[id(x)]:
        return "no step of the graph uses it."
    roots = {id(seed.of) for seed in seeds}
    reached, seen, ends = [x], {id(x)}, []
    for value in reached:  # grows on the way
        for step, i in users[id(value)]:
            if not step.output.requires_grad or rule_of(step, i) is None:
                ends.append((step, [i]))
            elif id(step.output) not in seen:
                seen.add(id(step.output))
                reached.append(step.output)
    if roots & seen:
        return (
            f"{_name(seeds[-1].of)} depends on it, but the backward pass went only to what was "
            "asked for, as gradient(…) and tl.grad do. Ask for this one, too."
        )
    if ends:
        return "\n".join(["every way from it ends before it comes to a result:", *_listed(ends)])
    of = ", ".join(dict.fromkeys(_name(seed.of) for seed in seeds))
    return f"nothing that was computed from it leads to {of}, where the backward pass began."


def _listed(ends: list[tuple[Applied, list[int]]]) -> list[str]:
    said = [f"  {_where(step)}: {cuts(step, positions)}." for step, positions in ends[:LISTED]]
    return [*said, f"  and {len(ends) - LISTED} more."] if len(ends) > LISTED else said


def cuts(step: Applied, positions: list[int]) -> str:
    """Why no gradient flows through a step to these inputs."""
    operation = step.operation
    if operation is None:
        source = _name(step.inputs[0])
        return f"no gradient comes back through {step.name}; compute with {source} itself"
    if step.output.dtype.kind != "f":
        return not_floating(step.output.dtype).rstrip(".")
    if not operation.differentiable:
        return f"{operation.name} is constant but for its jumps, so that its gradient is zero"
    flat = [i for i in positions if rule_of(step, i) is None]
    if flat and len(flat) == len(positions):
        names = ", ".join(list(operation.rules)[i] for i in flat)
        return f"the gradient of {operation.name} by its input {names} is zero"
    return "it was computed under no_grad"


def rule_of(step: Applied, position: int) -> Any:
    return None if step.operation is None else step.operation.rule(position)


# ---- words ---------------------------------------------------------------------------------------


def not_floating(dtype: Any, name: str = "") -> str:
    mend = f" Use {name}.astype(np.float32)." if name else ""
    return f"it holds {dtype}, and only floating-point Tensors have gradients.{mend}"


def _turn_on(name: str) -> str:
    return (
        f"Before computing with it, make it Tensor(…, requires_grad=True), or set "
        f"{name}.requires_grad = True."
    )


def _where(step: Applied) -> str:
    return f"step {step.number}, {equation(step)}{_at(step)}"


def _name(x: Value) -> str:
    return clean(x.name, 60)


def _at(step: Applied | Update) -> str:
    return "" if step.place is None else f", at {clean(str(step.place).split(':  ')[0], 60)}"


def _is_leaf(x: Any) -> bool:
    return isinstance(x, Value) and x.kind in ("input", "buffer", "parameter", "constant")


def _tensor_of(graph: Graph, x: Value | None) -> Tensor | None:
    return next((t for t, value in graph._tensors if value is x), None)


def _share(t: Tensor, other: Tensor) -> bool:
    """Whether they see the same memory."""
    return owner_of(t._data) is owner_of(other._data)
