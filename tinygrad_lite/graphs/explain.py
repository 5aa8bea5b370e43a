"""A computation as text: what each step computed, and what each use gave to which gradient."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from math import prod
from textwrap import wrap
from typing import Any, NamedTuple

import numpy as np

from .columns import Cell, clean, cut, lines, paint, shows_color, widest, width
from .numbers import is_few, number, text
from .plugged import names_in, with_numbers, with_shapes
from .record import Graph
from .steps import Applied, Contribution, Seed, Step, Update, Value

WIDTH = 100  # columns of a terminal
CHANGED = "changed since"


class Row(NamedTuple):
    """What is said of a step: cells from left to right, and lines under them."""

    step: Step
    left: str  # the expression
    to: str  # the input that a gradient flows to
    rule: str  # or the name of the operation
    detail: str
    result: str
    notes: tuple[str, ...] = ()


class Columns(NamedTuple):
    """Where the cells of rows begin."""

    left: int
    to: int
    rule: int
    detail: int
    result: int


def explanation(graph: Graph, places: bool = True, color: bool | None = None) -> str:
    """The steps of a graph as lines in columns, under headings that say where they come from."""
    color = shows_color() if color is None else color
    rows = list(_rows(graph))
    forward, backward = _columns(rows, len(str(len(graph))) + 4)
    with_sign = any(row.result.startswith("= -") for row in rows)
    found: list[str] = []
    for phase, group in groupby(rows, lambda row: row.step.phase):
        found.append(paint(phase, phase, color))
        for heading, row in _under_headings(group):
            found += [f"  {paint(heading, 'dim', color)}"] if heading and places else []
            found += lines(_cells(row, backward if row.to else forward, with_sign), color)
    return "\n".join([*found, *_error(graph, color), *_gradients(graph, color)])


# ---- what is said --------------------------------------------------------------------------------


def _rows(graph: Graph) -> Iterator[Row]:
    totals: dict[int, Value] = {}  # gradients so far, by what they are of
    rules: dict[Any, str] = {}
    before: Step | None = None
    for step in graph:
        if isinstance(step, Contribution):
            said = isinstance(before, Contribution) and before.of is step.of
            yield _contribution(step, said, totals.get(id(step.to)), rules)
            totals[id(step.to)] = step.total
        elif isinstance(step, Seed):
            totals[id(step.of)] = step.output
            yield Row(step, _name(step.of), "", "", _name(step.output), result(step.output))
        elif isinstance(step, Update):
            yield _update(step)
        else:
            yield _applied(step)
        before = step


def _applied(step: Applied) -> Row:
    inputs = {f"_{i}": x for i, x in enumerate(step.inputs)}
    standing = tuple(
        [x if x is None else Value("", np.zeros(()), key) for key, x in inputs.items()]
    )
    formula = Applied(step.operation, step.name, standing, step.output, step.attributes).expression
    detail = _detail(formula, inputs, step, step.output.shape)
    return Row(step, equation(step), "", clean(step.name, 24), detail, result(step.output))


def _contribution(
    step: Contribution, is_said: bool, before: Value | None, rules: dict[Any, str]
) -> Row:
    of, operation = step.of, step.of.operation
    assert operation is not None
    key = (operation, step.position, id(of.attributes) if of.attributes else None)
    if key not in rules:
        rules[key] = step.rule()
    rule = rules[key]
    named = {} if operation.each else dict(zip(operation.rules, of.inputs, strict=False))
    named = {**named, "g": step.g, "out": of.output}
    if operation.trusted and "n" not in named and step.g.array.size:
        named["n"] = step.to.array.size // step.g.array.size  # see `ops.reductions`
    shown = _detail(rule, named, of, step.rule_shape, is_lifted=operation.lift is not None)
    notes = list(_fitted(step))
    if notes and shown in ("", str(step.rule_shape)):
        shown = notes.pop(0)
    if step.earlier:
        plural = "s" if step.earlier > 1 else ""
        notes.append(f"adds to {step.earlier} earlier contribution{plural}: {_sum(before, step)}")
    expression = "" if is_said else equation(of)
    to = f"→ {_name(step.to)}"
    return Row(step, expression, to, clean(rule, 160), shown, result(step.output), tuple(notes))


def _update(step: Update) -> Row:
    by = ", ".join([clean(x.name if isinstance(x, Value) else str(x), 60) for x in step.inputs])
    old, new = step.target.array, step.output.array
    if new.ndim == 0:
        said = f"{number(old.item())} → {number(new.item())}"
    else:
        with np.errstate(all="ignore"):
            change = abs(new.astype(np.float64) - old.astype(np.float64))
        biggest = change.max() if change.size else 0.0
        said = f"largest change {number(biggest)}"
    return Row(step, _name(step.target), "", clean(step.name, 24), f"by {by}" if by else "", said)


def equation(step: Applied) -> str:
    """`h = x @ w`."""
    return clean(f"{_name(step.output)} = {step.expression}", 120)


def result(x: Value) -> str:
    """`= 0.42`, or of many entries a summary."""
    if x.changed:
        return CHANGED
    return f"= {text(x.array)}" if is_few(x.array) else text(x.array)


def _detail(
    formula: str,
    inputs: dict[str, Any],
    of: Applied,
    shape: tuple[int, ...],
    is_lifted: bool = False,
) -> str:
    """The formula with numbers in it, if there are few; or else the shape of what it gives."""
    names = names_in(formula)
    used = {key: x for key, x in inputs.items() if key in names}
    values = [x for x in used.values() if isinstance(x, Value)]
    changed = [x for x in values if x.changed]
    if changed:
        return f"{', '.join(dict.fromkeys(map(_name, changed)))} {CHANGED}"
    shapes = {key: x.shape for key, x in used.items() if isinstance(x, Value)}
    is_clear = names.isdisjoint(_attribute_names(of)) and not (is_lifted and any(shapes.values()))
    is_short = all(is_few(x.array) and x.array.ndim < 2 for x in values)
    if is_clear and is_short and (formula not in shapes or not shapes[formula]):
        said = with_numbers(formula, {key: _number(x) for key, x in used.items()})
        if said and width(said) <= 44:
            return said
    if is_clear or all(len(known) > 1 for known in shapes.values()):
        said = with_shapes(formula, shapes)
        if said:
            return f"{said} → {shape}"
    return str(shape) if shape else ""


def _fitted(step: Contribution) -> Iterator[str]:
    """How what the rule gave was made to fit the input."""
    name, axes, shape = _name(step.to), step.summed_over, step.rule_shape
    extra = max(len(shape) - len(step.lifted_shape), 0)
    if axes:
        which = "all axes" if len(axes) == len(shape) > 1 else _axes(axes)
        rows = f"{shape[0]} row{'s' if shape[0] != 1 else ''}"
        size = rows if axes == (0,) and len(shape) == 2 else str(shape)
        yield f"{shape} summed over {which} → {step.to.shape}: {name} was broadcast to {size}."
    summed = tuple([1 if i in axes else n for i, n in enumerate(shape)][extra:])
    lifted = step.lifted_shape
    if prod(summed) != prod(lifted):
        missing = len(lifted) - len(summed)
        copied = [i for i, n in enumerate(lifted) if i < missing or n != summed[i - missing]]
        each = "every entry gets" if prod(summed) == 1 else f"along {_axes(tuple(copied))} it is"
        yield f"{summed} spread over {lifted}: {each} the same."
    elif step.lifted_shape != step.to.shape and not axes:
        yield f"{step.lifted_shape} reshaped to {step.to.shape}."


def _sum(before: Value | None, step: Contribution) -> str:
    """`3 + 3 = 6`, or what all of them give."""
    if before is not None and step.total.array.ndim == 0:
        parts = [number(x.array.item()) for x in (before, step.output, step.total)]
        return f"{parts[0]} + {parts[1]} = {parts[2]}"
    return f"together {result(step.total).removeprefix('= ')}"


def _axes(axes: tuple[int, ...]) -> str:
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"


def _number(x: Any) -> str:
    if isinstance(x, Value):
        return text(x.array)
    return number(x) if isinstance(x, int | float | np.generic) else str(x)


def _name(x: Value) -> str:
    return clean(x.name, 60)


def _attribute_names(of: Applied) -> set[str]:
    """What the values among the attributes are called: their names may be those of inputs."""
    found, parts = set(), list(of.attributes.values())
    for part in parts:  # grows on the way
        if isinstance(part, Value):
            found.add(part.name)
        elif isinstance(part, list | tuple):
            parts += part
    return found


# ---- how it is laid out --------------------------------------------------------------------------


def _under_headings(rows: Iterable[Row]) -> Iterator[tuple[str, Row]]:
    """Each row with the heading that it needs: module and source line, where they change."""
    place, call = "", None
    for row in rows:
        step, parts = row.step, []
        here = place if step.place is None else str(step.place)
        if step.call is not None and step.call is not call:
            path = f"{step.call.path}: " if step.call.path else ""
            parts.append(clean(f"{path}{step.call.summary}", 60))
        if here != place or (step.call is None and call is not None):
            parts.append(clean(here, WIDTH - 5 - width("".join(parts))))
        place, call = here, step.call
        yield "   ".join(parts), row


def _columns(rows: list[Row], left: int) -> tuple[Columns, Columns]:
    """Those of other steps and of contributions, as narrow as what stands in them allows.

    What is very long doesn't count. If there is room for it, contributions stand beside the
    expression that they flow through, and results under each other; else they stand under it.
    """
    flows, others = [row for row in rows if row.to], [row for row in rows if not row.to]
    inputs = widest([row.to for row in flows], 30)
    rule = left + widest([row.left for row in others], 30)
    to = left + widest([row.left for row in flows], 30) + 3
    if flows and to + inputs > 50:
        forward = _filled(others, left, left, rule + 3)
        return forward, _filled(flows, left, left + 2, left + 2 + inputs + 3)
    rule = max(rule, to + inputs) + 4
    forward, backward = _filled(others, left, to, rule), _filled(flows, left, to, rule)
    end = max(forward.result, backward.result)
    return forward._replace(result=end), backward._replace(result=end)


def _filled(rows: list[Row], left: int, to: int, rule: int) -> Columns:
    detail = rule + widest([row.rule for row in rows], 26) + 3
    steps = [row for row in rows if row.result and row.step.phase != "update"]
    ends = [row.detail + ("" if row.result[0] == "=" else "  ") for row in steps]
    return Columns(left, to, rule, detail, detail + widest(ends, 36) + 1)


def _cells(row: Row, at: Columns, with_sign: bool) -> Iterator[Cell]:
    result, detail, notes = row.result, row.detail, list(row.notes)
    if at.detail + width(detail) > WIDTH:
        notes.insert(0, detail)
        detail = ""
    if with_sign and result.startswith("= ") and result[2] not in "-[":
        result = f"=  {result[2:]}"
    start = at.detail + width(detail) + 1 if detail else at.detail
    if detail and not result.startswith("="):
        start += 2
    column = max(at.result, start)
    if column + width(result) > WIDTH:
        column = start
    if column + width(result) > WIDTH:
        notes.insert(0, result)
        result = ""
    color = row.step.phase
    yield 2, f"{row.step.number:>{at.left - 4}}", color
    yield at.left, cut(row.left, WIDTH - at.left), ""
    yield at.to, row.to, color
    yield at.rule, cut(row.rule, WIDTH - at.rule), ""
    yield at.detail, detail, ""
    yield column, result, ""
    for note in notes:
        fits = [c for c in (at.detail, at.rule, at.to) if c + width(note) <= WIDTH]
        yield (fits or [at.left])[0], note, ""


# ---- what comes of it ----------------------------------------------------------------------------


def _error(graph: Graph, color: bool) -> Iterator[str]:
    """Why the backward pass isn't there, or isn't complete."""
    if not graph.backward_error:
        return
    began = graph.phase("backward")
    if not began:
        yield paint("backward", "backward", color)
    said = f"{'stops here' if began else 'none'}: {graph.backward_error}"
    for i, line in enumerate(said.splitlines()):
        indent = "    " if i else "  "
        yield from wrap(clean(line, 2000), WIDTH, initial_indent=indent, subsequent_indent="    ")


def _gradients(graph: Graph, color: bool) -> Iterator[str]:
    """The gradient of every leaf that requires one."""
    leaves = [] if graph.backward_error else list(leaves_of(graph))
    found = kept(graph)
    gradients = [x.gradient and found.get(id(x.gradient), x.gradient) for x in leaves]
    said = [
        (_name(x), "none" if g is None else result(g).removeprefix("= "))
        for x, g in zip(leaves, gradients, strict=True)
    ]
    if not said or not any(isinstance(step, Seed) for step in graph):
        return
    title = paint("gradients", "backward", color)
    line = " · ".join(f"{name} {x}" for name, x in said)
    if all(g is None or is_few(g.array) for g in gradients) and width(line) < 99:
        yield f"{title}: {line}"
        return
    yield title
    names = widest([name for name, _ in said], 40)
    shapes = widest([str(x.shape) for x in leaves], 40)
    for x, (name, gradient) in zip(leaves, said, strict=True):
        shape = str(x.shape) if x.shape else ""
        cells = [(2, name, ""), (names + 5, shape, ""), (names + shapes + 8, gradient, "")]
        yield from lines(cells, color)


def kept(graph: Graph) -> dict[int, Value]:
    """What a gradient made when it was added to those of earlier passes, by its identity."""
    adding = [step for step in graph.phase("backward") if isinstance(step, Applied)]
    return {id(step.inputs[1]): step.output for step in adding}


def leaves_of(graph: Graph) -> Iterator[Value]:
    """The leaves that require a gradient, but for those that were written after it came."""
    written = {id(step.output) for step in graph.phase("update")}
    copies = {
        id(step.output) for step in graph if isinstance(step, Applied) and step.operation is None
    }
    for x in graph.values:
        is_leaf = x.kind == "parameter" or id(x) in copies
        if is_leaf and x.requires_grad and (x.gradient is not None or id(x) not in written):
            yield x
