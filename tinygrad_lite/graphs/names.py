"""What the values of a graph are called: as the user calls them, wherever that can be found out.

In this order: the Tensor's own `name=`; the path of a parameter in its model; a variable of the
frame that asked for the graph; an argument of the traced function; what the source calls it, where
it is assigned or used; the path of the module that made it; a letter. Where several values would
have one name, they are numbered, `h#1`, `h#2`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count, groupby
from string import ascii_lowercase
from typing import Any

from ..context import Call
from ..nn import Module
from ..source import SourcePlace, assigned_name, operand_names
from ..tensor import Tensor
from .steps import Applied, Contribution, ModuleCall, Seed, Step, Update, Value

Names = dict[int, str]  # by the identity of the Value
RESERVED = {"g", "out"}  # what rules call the gradient and the output


def name_all(
    steps: Sequence[Step],
    values: Sequence[Value],
    tensors: Sequence[tuple[Tensor, Value]],
    calls: Iterable[tuple[Call, ModuleCall]],
    variables: Mapping[str, Any],
    arguments: Mapping[str, Value],
    asked: SourcePlace | None,
) -> None:
    """Give every value its name, and every module call its path; `asked` for the graph."""
    calls = list(calls)
    models = _models(calls, variables)
    _name_calls(calls, models)
    by_tensor: dict[int, Value] = {}
    for t, value in tensors:
        by_tensor.setdefault(id(t), value)
    names: Names = {}
    applied = [step for step in steps if isinstance(step, Applied)]
    placed = [step for step in applied if step.place != asked]  # `graph = tl.trace(…)`
    for found in (
        _own(tensors),
        _parameters(models, by_tensor),
        _variables(variables, by_tensor, models),
        ((value, name) for name, value in arguments.items()),
        _assigned(placed),
        _used(placed),
        _made_by_module(applied),
    ):
        for value, name in found:
            if name:
                names.setdefault(id(value), name)
    updates = [step for step in steps if isinstance(step, Update)]
    written = {id(step.output) for step in updates}
    _number([value for value in values if id(value) not in written], names)
    for update in updates:
        update.output.name = f"{update.target.name} after {update.name}"
    _name_gradients(steps)
    _make_unique(values)


# ---- modules -------------------------------------------------------------------------------------


def _models(
    calls: Iterable[tuple[Call, ModuleCall]], variables: Mapping[str, Any]
) -> list[tuple[str, Module]]:
    """The outermost modules, each with what it is called if there are several."""
    found: dict[int, Module] = {}
    for call, _ in calls:
        module = call.module()
        if call.parent is None and module is not None:
            found.setdefault(id(module), module)
    if len(found) < 2:
        return [("", module) for module in found.values()]
    said = {id(x): name for name, x in variables.items() if isinstance(x, Module)}
    return [(said.get(key, type(module).__name__.lower()), module) for key, module in found.items()]


def _name_calls(
    calls: Iterable[tuple[Call, ModuleCall]], models: Sequence[tuple[str, Module]]
) -> None:
    paths: dict[int, dict[int, str]] = {}  # of a model: the paths of its modules
    prefixes = {id(module): prefix for prefix, module in models}
    for call, made in calls:
        outermost = call
        while outermost.parent is not None:
            outermost = outermost.parent
        root, module = outermost.module(), call.module()
        if root is None or module is None:
            continue
        if id(root) not in paths:
            paths[id(root)] = {id(m): path for path, m in root.named_modules()}
        path = paths[id(root)].get(id(module), type(module).__name__)
        made.path = _joined(prefixes.get(id(root), ""), path)


def _joined(prefix: str, path: str) -> str:
    return f"{prefix}.{path}".strip(".")


# ---- where names come from -----------------------------------------------------------------------

Found = Iterator[tuple[Value, str]]


def _own(tensors: Sequence[tuple[Tensor, Value]]) -> Found:
    return ((value, t.name) for t, value in tensors if t.name)


def _parameters(models: Sequence[tuple[str, Module]], by_tensor: Mapping[int, Value]) -> Found:
    for prefix, module in models:
        for path, member in (*module.named_parameters(), *module.named_buffers()):
            if id(member) in by_tensor:
                yield by_tensor[id(member)], _joined(prefix, path)


def _variables(
    variables: Mapping[str, Any],
    by_tensor: Mapping[int, Value],
    models: Sequence[tuple[str, Module]],
) -> Found:
    called = {id(module) for _, module in models}
    modules = []
    for name, x in variables.items():
        if name.startswith("_") or not name.isidentifier():  # of IPython's, of pytest's
            continue
        if isinstance(x, Tensor) and id(x) in by_tensor:
            yield by_tensor[id(x)], name
        elif isinstance(x, Module) and id(x) not in called:
            modules.append((name, x))
    yield from _parameters(modules, by_tensor)


def _assigned(applied: Sequence[Applied]) -> Found:
    """Results that the source line assigns. Of several steps of one call, that is the last."""
    for (place, call), group in groupby(applied, lambda step: (step.place, _called_there(step))):
        name = "" if place is None else assigned_name(place)
        if name:
            last, *others = reversed(list(group))
            yield last.output, name
            if call is None:  # else a loop, or a function that consists of several
                for step in others:
                    if step.name == last.name:
                        yield step.output, name


def _called_there(step: Applied) -> ModuleCall | None:
    """The module that the step's line calls, if it does."""
    calls = step.call.chain if step.call is not None else ()
    return next((call for call in calls if call.place == step.place), None)


def _used(applied: Sequence[Applied]) -> Found:
    """What the source calls the operands, where they stand in it."""
    for step in applied:
        values = [x for x in step.inputs if isinstance(x, Value)]
        if step.call is None:
            names = operand_names(step.place, len(step.inputs))
            text = "" if step.place is None else step.place.expression
            if text.endswith(")") and step.name not in text:  # a part of what is called there
                continue
            yield from (
                (x, n) for x, n in zip(step.inputs, names, strict=True) if isinstance(x, Value)
            )
        elif step.place is not None:  # in a module: its only argument
            inputs = [x for x in values if x.kind in ("input", "constant")]
            first, second = operand_names(step.place, 2)
            if len(inputs) == 1 and not second:
                yield inputs[0], first


def _made_by_module(applied: Sequence[Applied]) -> Found:
    """The last result of a call is the module's."""
    last: dict[int, Applied] = {}
    for step in applied:
        if step.call is not None:
            last[id(step.call)] = step
    for step in last.values():
        if step.call is not None:
            path, root = step.call.path, step.call.chain[0].kind.lower()
            yield step.output, f"{root}.{path}" if path[:1].isdigit() else path


# ---- one name, one value -------------------------------------------------------------------------


def _number(values: Sequence[Value], names: Names) -> None:
    """Write the names down; letters where there are none."""
    taken = set(names.values()) | RESERVED
    letters = (x + n for n in chain([""], map(str, count(1))) for x in ascii_lowercase)
    free = (letter for letter in letters if letter not in taken)
    named = [value for value in values if value.kind != "gradient" and not value.name]
    for value in named:
        value.name = names.get(id(value)) or next(free)
    _make_unique(named)


def _make_unique(values: Iterable[Value]) -> None:
    values = list(values)
    uses = Counter(value.name for value in values)
    numbers: dict[str, Iterator[int]] = defaultdict(lambda: count(1))
    for value in values:
        if uses[value.name] > 1:
            numbered = (f"{value.name}#{i}" for i in numbers[value.name])
            value.name = next(name for name in numbered if name not in uses)


def _name_gradients(steps: Sequence[Step]) -> None:
    """The whole gradient is `∂y/∂x`; if several uses contribute, the parts say through what."""
    root = ""
    last: dict[int, Contribution] = {}  # to each value
    for step in steps:
        if isinstance(step, Seed):
            root = step.of.name
            step.output.name = f"∂{root}/∂{root}"
        elif isinstance(step, Contribution):
            name = f"∂{root}/∂{step.to.name}"
            before = last.get(id(step.to))
            if step.earlier and before is not None:
                before.total.name = f"{name}, first {step.earlier}"
                before.output.name = f"{name} through {before.of.output.name}"
            if step.earlier:
                step.output.name = f"{name} through {step.of.output.name}"
            step.total.name = name
            last[id(step.to)] = step
        elif isinstance(step, Applied) and step.phase == "backward":
            step.output.name = step.inputs[1].name
