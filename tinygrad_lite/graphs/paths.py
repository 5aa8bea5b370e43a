"""Along which paths a gradient came."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from ..tensor import Tensor
from .columns import Lines, clean, lines, widest
from .details import sum_of
from .explain import equation, kept, result
from .numbers import text
from .record import Graph
from .steps import Contribution, Seed, Value

PATHS = 4  # are listed
EDGES = 12  # are shown of each
TERMS = 6  # of a sum are shown
Part = Seed | Contribution


def carried(graph: Graph, x: Value, t: Tensor | None, name: str) -> Lines:
    """The gradient of a value, and the paths from a result to it."""
    parts, ways = _sums(graph)
    assert x.gradient is not None
    shape = f"{x.shape}, " if x.shape else ""
    terms = [part.output for part in parts.get(id(x.gradient), ())]
    is_sum = not x.shape and 1 < len(terms) <= TERMS
    amount = sum_of(terms, x.gradient) if is_sum else text(x.gradient.array)
    said = [f"{name} has a gradient: {shape}{amount}", *_not_kept(graph, x, t, name)]
    total = kept(graph).get(id(x.gradient))
    if total is not None:
        said.append(f"  in the last backward pass; with those before {text(total.array)}.")
    count = ways[id(x.gradient)]
    found = list(islice(_paths(parts, x.gradient), PATHS))
    title = "One path carried it" if count == 1 else f"{_count(count)} paths carried it"
    if count > len(found):
        title += f". Here are {len(found)}, which at each sum follow the largest term first"
    said.append(f"{title}:")
    for path in found:
        said += ["", *_path(path)]
    return Lines("\n".join(said))


def _not_kept(graph: Graph, x: Value, t: Tensor | None, name: str) -> Iterator[str]:
    """Why `t.grad` is None, though there is a gradient."""
    if t is None or t.grad is not None:
        return
    if t.op is not None:
        yield f"  {name}.grad is None, since only leaves keep theirs: call {name}.retain_grad()"
        yield f'  before backward(), or read graph["{name}"].gradient.array.'
    elif graph.traced:
        yield f"  {name}.grad is None: it was forgotten since, as by zero_grad()."
    else:
        yield f"  {name}.grad is None: making a graph doesn't write it; backward() does."


def _sums(graph: Graph) -> tuple[dict[int, list[Part]], dict[int, int]]:
    """What was added up to each gradient, and along how many paths it came, by its identity."""
    latest: dict[int, list[Part]] = {}  # by what the gradient is of
    parts: dict[int, list[Part]] = {}
    ways: dict[int, int] = {}
    for step in graph:
        if isinstance(step, Seed):
            latest[id(step.of)] = parts[id(step.output)] = [step]
            ways[id(step.output)] = 1
        elif isinstance(step, Contribution):
            before = latest.get(id(step.to), []) if step.earlier else []
            through = ways.get(id(step.g), 1)
            if before:
                last = before[-1]
                through += ways[id(last.total if isinstance(last, Contribution) else last.output)]
            else:
                latest[id(step.to)] = before
            before.append(step)
            parts[id(step.total)], ways[id(step.total)] = before, through
    return parts, ways


def _paths(parts: dict[int, list[Part]], gradient: Value) -> Iterator[list[Part]]:
    """Paths, each from a result down; those of the largest contribution first."""
    todo: list[tuple[Value, Any]] = [(gradient, None)]
    while todo:
        g, path = todo.pop()  # a path is its first edge and the rest of it
        for part in sorted(reversed(parts.get(id(g), ())), key=_size):  # the last goes first
            if isinstance(part, Contribution):
                todo.append((part.g, (part, path)))
            else:
                edges: list[Part] = [part]
                while path is not None:
                    edges.append(path[0])
                    path = path[1]
                yield edges


def _size(part: Part) -> float:
    array = np.asarray(part.output.array, dtype=np.float64)
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max()) if finite.size else 0.0


def _path(edges: list[Part]) -> list[str]:
    """A line for each edge of a path, what is too many in the middle left out."""
    shown: list[Part | None] = [*edges]
    if len(edges) > EDGES + 1:
        half = EDGES // 2
        shown = [*edges[:half], None, *edges[-half:]]
    rows = []
    for edge in shown:
        if edge is None:
            rows.append((f"… {len(edges) - EDGES:,} more", "", "", ""))
        elif isinstance(edge, Seed):
            rows.append((clean(edge.of.name, 60), "", "", result(edge.output)))
        else:
            to, rule = f"→ {clean(edge.to.name, 60)}", clean(edge.named_rule(), 44)
            rows.append((to, equation(edge.of), rule, result(edge.output)))
    starts = [4]
    for column, most in zip(zip(*rows, strict=True), (30, 36, 30), strict=False):
        starts.append(starts[-1] + widest(column, most) + 3)
    cells = [[(at, cell, "") for at, cell in zip(starts, row, strict=True)] for row in rows]
    return [line for row in cells for line in lines(row, False)]


def _count(count: int) -> str:
    """A number, however large: `12,345`, `about 10^300`."""
    if count < 10**40:
        return f"{count:,}"
    digits = int((count.bit_length() - 1) * 0.30103)
    return f"about 10^{digits:,}"
