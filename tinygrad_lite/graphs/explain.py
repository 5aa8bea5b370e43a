"""A computation as text: what each step computed, and what each use gave to which gradient."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from textwrap import wrap
from typing import NamedTuple

import numpy as np

from .columns import Cell, Lines, clean, cut, lines, paint, shows_color, widest, width
from .details import CHANGED, added, of_applied, of_contribution
from .numbers import is_few, number, text
from .record import Graph
from .steps import Applied, Contribution, Seed, Step, Update, Value

WIDTH = 100  # columns of a terminal
SIGNS = ("= ", "≈ ")


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


def explanation(graph: Graph, places: bool = True, color: bool | None = None) -> Lines:
    """The steps of a graph as lines in columns, under headings that say where they come from."""
    color = shows_color() if color is None else color
    rows = list(rows_of(graph))
    forward, backward = _columns(rows, len(str(len(graph))) + 4)
    with_sign = any(row.result.startswith(SIGNS) and row.result[2] == "-" for row in rows)
    found: list[str] = [] if rows else ["nothing was computed"]
    for phase, group in groupby(rows, lambda row: row.step.phase):
        found.append(paint(phase, phase, color))
        for heading, row in _under_headings(group):
            found += [f"  {paint(heading, 'dim', color)}"] if heading and places else []
            found += lines(_cells(row, backward if row.to else forward, with_sign), color)
    return Lines("\n".join([*found, *_error(graph, color), *_gradients(graph, color)]))


# ---- what is said --------------------------------------------------------------------------------


def rows_of(graph: Graph) -> Iterator[Row]:
    totals: dict[int, Value] = {}  # gradients so far, by what they are of
    before: Step | None = None
    for step in graph:
        if isinstance(step, Contribution):
            said = isinstance(before, Contribution) and before.of is step.of
            yield _contribution(step, said, totals.get(id(step.to)))
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
    detail, sign = of_applied(step)
    shown = result(step.output, sign)
    return Row(step, equation(step), "", clean(step.name, 24), detail, shown)


def _contribution(step: Contribution, is_said: bool, before: Value | None) -> Row:
    detail, sign, notes = of_contribution(step)
    if step.earlier:
        plural = "s" if step.earlier > 1 else ""
        is_number = before is not None and not step.total.shape
        total = f"together {text(step.total.array)}"
        said = added(before, step.output, step.total) if before and is_number else total
        notes.append(f"adds to {step.earlier} earlier contribution{plural}: {said}")
    expression = "" if is_said else equation(step.of)
    to, rule = f"→ {_name(step.to)}", clean(step.named_rule(), 160)
    return Row(step, expression, to, rule, detail, result(step.output, sign), tuple(notes))


def _update(step: Update) -> Row:
    by = ", ".join([clean(x.name if isinstance(x, Value) else str(x), 60) for x in step.inputs])
    numbers = {key: x for key, x in step.attributes.items() if isinstance(x, int | float)}
    options = ", ".join(f"{key}={number(x)}" for key, x in numbers.items())
    name = clean(f"{step.name}({options})" if options else step.name, 26)
    said = _change(step.target.array, step.output.array)
    return Row(step, _name(step.target), "", name, f"by {by}" if by else "", said)


def _change(old: np.ndarray, new: np.ndarray) -> str:
    """`2 → 0.5`, or of many entries the largest of such steps."""
    said = f"{text(old)} → {text(new)}"
    if is_few(old) and len(said) <= 60:
        return said
    with np.errstate(all="ignore"):
        change = abs(new.astype(np.float64) - old.astype(np.float64))
    return f"largest change {number(change.max() if change.size else 0.0)}"


def equation(step: Applied) -> str:
    """`h = x @ w`."""
    return clean(f"{_name(step.output)} = {step.expression}", 120)


def result(x: Value, sign: str = "=") -> str:
    """`= 0.42`, or of many entries a summary."""
    if x.changed:
        return CHANGED
    return f"{sign} {text(x.array)}" if is_few(x.array) else text(x.array)


def _name(x: Value) -> str:
    return clean(x.name, 60)


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
    ends = [row.detail + ("" if row.result.startswith(SIGNS) else "  ") for row in steps]
    return Columns(left, to, rule, detail, detail + widest(ends, 36) + 1)


def _cells(row: Row, at: Columns, with_sign: bool) -> Iterator[Cell]:
    result, detail, notes = row.result, row.detail, list(row.notes)
    if at.detail + width(detail) > WIDTH:
        said = [detail]
        if result.startswith(SIGNS) and not detail.endswith("."):  # they belong together
            together = f"{detail} {result}"
            said = [together] if at.left + width(together) <= WIDTH else [detail, result]
            result = ""
        notes, detail = [*said, *notes], ""
    if with_sign and result.startswith(SIGNS) and result[2] not in "-[":
        result = f"{result[0]}  {result[2:]}"
    start = at.detail + width(detail) + 1 if detail else at.detail
    if detail and not result.startswith(SIGNS):
        start += 2
    column = max(at.result, start)
    most = WIDTH + 2 if result.startswith(SIGNS) else WIDTH  # rather than out of line
    if column + width(result) > most:
        column = start
    if column + width(result) > most:
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
    why = graph.backward_error.removeprefix("backward: ")
    said = f"{'stops here' if began else 'none'}: {why}"
    for i, line in enumerate(said.splitlines()):
        indent = "    " if i else "  "
        yield from wrap(clean(line, 2000), WIDTH, initial_indent=indent, subsequent_indent="    ")


def _gradients(graph: Graph, color: bool) -> Iterator[str]:
    """The gradient of every leaf that requires one."""
    leaves = [] if graph.backward_error else list(leaves_of(graph))
    found = kept(graph)
    gradients = [x.gradient and found.get(id(x.gradient), x.gradient) for x in leaves]
    said = [
        (_name(x), "none" if g is None else CHANGED if g.changed else text(g.array))
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
