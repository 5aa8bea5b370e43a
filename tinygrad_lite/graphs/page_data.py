"""A Graph as the data of a page that plays it, step by step."""

import linecache
import os
from typing import Any

from ..source import SourcePlace
from .as_json import entries_of
from .badges import badges
from .boxes import Picture
from .columns import clean
from .explain import equation, rows_of
from .heatmap import TILES, heatmap, statistics
from .palette import COLORS
from .reasons import Reasons
from .record import PHASES, Graph
from .saved import kept_after, read_by, saved
from .steps import Applied, Contribution, ModuleCall, Seed, Step, Update, Value
from .words import sentences

WHOLE = 256  # entries up to which an array is there in full
MOST_ENTRIES = 300_000  # of all arrays that are
FILE = 2_000  # lines up to which a file is there in full
AROUND = 40  # lines of a longer one that are shown around each that is meant
LINE = 400  # characters of a line


def data(graph: Graph, check: bool = False) -> dict[str, Any]:
    """The graph as dicts, lists, strings and numbers that JSON can hold.

    Steps, values, boxes and so on refer to each other by position, from 0, or by the ids of the
    picture.

    Returns
    -------
    dict, with the keys
        title, summary, note : str
        steps : list of dict
            `number`, from 1; `phase`; `kind`: "applied", "seed", "contribution" or "update";
            `title`; `to`, the input that a gradient flows to, or None; `words`, a sentence;
            `symbols`, the rule or expression; `numbers`, the same with numbers or shapes; `notes`;
            `sum`, for one of several contributions to a gradient: `earlier`, `of`, and the values
            `before`, `contribution` and `total`; `place`, a source and a line, or None; `module`;
            `box`, the one in focus; `from`, the one that the gradient comes from; `arrow`, the one
            in motion; `takes`, values; `makes`, a value; `saved`, the bytes that the steps after it
            still need of the forward pass.
        values : list of dict
            `name`; `kind`; `shape`; `dtype`; `made`, a step, or -1 if it was there; `gradient`, a
            value or None; `gradient_by`, the step that completed it; `why_none`; `stats`, see
            `heatmap.statistics`; `entries`, nested lists, of at most 256; `map`, of a
            larger one, see `heatmap`.
        sources : list of dict
            `file`, without its folder; `first`, a line; `lines`.
        diagram : dict
            `title`, `note`, `boxes`, `arrows`, `groups`.
        memory : dict
            `unit`; `peak`; `tensors`, each with `value`, `bytes`, and the steps `from` and `to`.
        check : None, or list of dict
            `box`, `error`, `ok`, which is None where nothing could be compared, and `note`.
        palette : dict of str to [light, dark]
    """
    return _Gatherer(graph).data(check)


class _Gatherer:
    """What was met so far, each with its position."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.picture = Picture(graph)
        self.values: dict[int, int] = {}  # positions, by identity
        self.known: list[Value] = []
        self.sources = _Sources(graph)
        self.counts = _contributions(graph)
        self.totals: dict[int, Value] = {}  # gradients so far, by what they are of
        self.modules: dict[int, str] = {}
        self.titles: dict[int, str] = {}  # of forward steps
        for value in graph.values:
            self.value(value)

    def data(self, check: bool) -> dict[str, Any]:
        graph = self.graph
        arrays = saved(graph)
        left = kept_after(graph, arrays)
        rows = zip(rows_of(graph), sentences(graph), left, strict=True)
        steps = [self.step(i, row, words, rest) for i, (row, words, rest) in enumerate(rows)]
        picture = self.picture.data(self.value)
        tensors = [
            {"value": self.value(x.value), "bytes": x.bytes, "from": x.start, "to": x.end}
            for x in arrays
        ]
        return {
            "title": clean(graph.title, 200),
            "summary": _summary(graph),
            "note": picture["note"],
            "steps": steps,
            "values": self.described(),
            "sources": self.sources.rows,
            "diagram": picture,
            "memory": {"unit": "bytes", "peak": max(left, default=0), "tensors": tensors},
            "check": badges(graph, self.picture) if check else None,
            "palette": {name: [*color] for name, color in COLORS.items()},
        }

    # ---- steps -------------------------------------------------------------------------------

    def step(self, index: int, row: Any, words: str, left: int) -> dict[str, Any]:
        step = row.step
        box, source, arrow = self.picture.focus(step)
        said = {
            "number": step.number,
            "phase": step.phase,
            "kind": type(step).__name__.lower(),
            "title": self.title(step),
            "to": clean(step.to.name, 60) if isinstance(step, Contribution) else None,
            "words": clean(words, 200),
            "symbols": self.symbols(step, row),
            **_numbers(step, row),
            "sum": self.sum(step),
            "place": self.sources.place(step.place),
            "module": self.module(step.call),
            "box": box,
            "from": source,
            "arrow": arrow,
            "takes": [self.value(x) for x in _taken(step)],
            "makes": self.value(step.output),
            "saved": left,
        }
        return said

    def title(self, step: Step) -> str:
        if isinstance(step, Seed):
            name = clean(step.of.name, 60)
            return f"∂{name}/∂{name}"
        if isinstance(step, Update):
            return f"{clean(step.name, 26)}: {clean(step.target.name, 60)}"
        of = step.of if isinstance(step, Contribution) else step
        if id(of) not in self.titles:
            self.titles[id(of)] = equation(of)
        return self.titles[id(of)]

    def symbols(self, step: Step, row: Any) -> str:
        """The rule, or the expression."""
        if isinstance(step, Applied):
            return clean(step.expression, 160)
        if isinstance(step, Contribution):
            return str(row.rule)
        if isinstance(step, Seed):
            return f"{self.title(step)} = 1" if _is_one(step.output) else self.title(step)
        return f"{row.left} ← {row.rule} {row.detail}".strip()

    def sum(self, step: Step) -> dict[str, Any] | None:
        """What a contribution is added to, if the gradient is made of several."""
        if isinstance(step, Seed):
            self.totals[id(step.of)] = step.output
        if not isinstance(step, Contribution):
            return None
        before = self.totals.get(id(step.to)) if step.earlier else None
        self.totals[id(step.to)] = step.total
        if self.counts[step.number] < 2:
            return None
        return {
            "earlier": step.earlier,
            "of": self.counts[step.number],
            "before": None if before is None else self.value(before),
            "contribution": self.value(step.output),
            "total": self.value(step.total),
        }

    def module(self, call: ModuleCall | None) -> str:
        if call is None:
            return ""
        if id(call) not in self.modules:
            path = f"{call.path}: " if call.path else ""
            self.modules[id(call)] = clean(path + call.summary, 120)
        return self.modules[id(call)]

    # ---- values ------------------------------------------------------------------------------

    def value(self, x: Value) -> int:
        if id(x) not in self.values:
            self.values[id(x)] = len(self.known)
            self.known.append(x)
        return self.values[id(x)]

    def described(self) -> list[dict[str, Any]]:
        for x in self.known:  # grows on the way
            if x.gradient is not None:
                self.value(x.gradient)
        made = _makers(self.graph)
        reasons = Reasons(self.graph)
        large = sum(x.array.size > WHOLE for x in self.known)
        tiles = TILES if large <= 200 else TILES // 2 if large <= 1_000 else TILES // 4
        room = MOST_ENTRIES
        found = []
        for x in self.known:
            is_whole = x.array.size <= (WHOLE if room > 0 else 1)
            room -= x.array.size if is_whole else 0
            found.append(
                {
                    "name": clean(x.name, 200),
                    "kind": x.kind,
                    "shape": list(x.shape),
                    "dtype": str(x.dtype),
                    "made": made.get(id(x), -1),
                    "gradient": None if x.gradient is None else self.value(x.gradient),
                    "gradient_by": None if x.gradient is None else made.get(id(x.gradient)),
                    "why_none": "" if x.gradient is not None else clean(reasons.of(x), 400),
                    "stats": statistics(x.array),
                    "entries": entries_of(x.array) if is_whole else None,
                    "map": None if is_whole else heatmap(x.array, tiles),
                }
            )
        return found


# ---- what is said of a step ----------------------------------------------------------------------


def _numbers(step: Step, row: Any) -> dict[str, Any]:
    """The rule with numbers and what it gives, and notes, without that on the running sum."""
    notes = [note for note in row.notes if not note.startswith("adds to ")]
    detail = row.detail
    if isinstance(step, Contribution) and detail.endswith("."):  # how its result was fitted
        notes.insert(0, detail)
        detail = ""
    if isinstance(step, Update | Seed):
        detail = ""
    result = row.result
    joined = " " if result[:2] in ("= ", "≈ ") else " · "
    said = f"{detail}{joined}{result}" if detail and result else detail or result
    return {"numbers": clean(said.removeprefix("= "), 200), "notes": [clean(x, 300) for x in notes]}


def _is_one(x: Value) -> bool:
    return x.array.size == 1 and bool(x.array.item() == 1)


def _taken(step: Step) -> list[Value]:
    """What a step takes; a contribution what its rule reads."""
    if isinstance(step, Contribution):
        taken: list[Any] = [step.g, *read_by(step)]
    elif isinstance(step, Update):
        taken = [step.target, *step.inputs]
    else:
        taken = [*step.inputs]
        if isinstance(step, Applied):
            pending: list[Any] = [*step.attributes.values()]
            for part in pending:  # grows on the way
                if isinstance(part, list | tuple):
                    pending += part
                else:
                    taken.append(part)
    return list({id(x): x for x in taken if isinstance(x, Value)}.values())


def _contributions(graph: Graph) -> dict[int, int]:
    """By the number of a step, how many contributions make its gradient in this backward pass."""
    groups: dict[int, list[int]] = {}  # by what the gradient is of, the latest
    found: dict[int, list[int]] = {}
    for step in graph:
        if isinstance(step, Contribution):
            if not step.earlier:
                groups[id(step.to)] = []
            groups[id(step.to)].append(step.number)
            found[step.number] = groups[id(step.to)]
    return {number: len(group) for number, group in found.items()}


def _makers(graph: Graph) -> dict[int, int]:
    """The step that made each value."""
    made: dict[int, int] = {}
    for index, step in enumerate(graph):
        made.setdefault(id(step.output), index)
        if isinstance(step, Contribution):
            made.setdefault(id(step.total), index)
    return made


def _summary(graph: Graph) -> str:
    counts = {name: len(graph.phase(name)) for name in PHASES}
    said = [f"{n:,} {name}" for name, n in counts.items() if n]
    return f"{', '.join(said) or 'no'} step{'' if len(graph) == 1 else 's'}"


# ---- sources -------------------------------------------------------------------------------------


class _Sources:
    """The lines of the files that places are in: all of a file, or those around what is meant."""

    def __init__(self, graph: Graph):
        self.rows: list[dict[str, Any]] = []
        self._lines: dict[tuple[int, int], tuple[str, int]] = {}
        used: dict[str, set[int]] = {}
        for step in graph:
            if step.place is not None:
                file, line = self._at(step.place)
                used.setdefault(file, set()).add(line)
        self._pieces: dict[str, list[tuple[int, int]]] = {}  # position, and the first line beyond
        for file, lines in used.items():
            self._pieces[file] = [*self._read(file, sorted(lines))]

    def place(self, place: SourcePlace | None) -> list[int] | None:
        if place is None:
            return None
        file, line = self._at(place)
        return [next(position for position, end in self._pieces[file] if line < end), line]

    def _at(self, place: SourcePlace) -> tuple[str, int]:
        instruction = (id(place.code), place.instruction)
        if instruction not in self._lines:  # finding its line takes long
            self._lines[instruction] = (place.file, place.line)
        return self._lines[instruction]

    def _read(self, file: str, used: list[int]) -> Any:
        there = linecache.getlines(file)
        pieces = [(1, max(len(there), used[-1]) + 1)]
        if len(there) > FILE:
            pieces = []
            for line in used:
                if pieces and line - AROUND <= pieces[-1][1]:
                    pieces[-1] = (pieces[-1][0], line + AROUND)
                else:
                    pieces.append((max(line - AROUND, 1), line + AROUND))
        for first, end in pieces:
            lines = [_code(line) for line in there[first - 1 : end - 1]]
            yield len(self.rows), end
            self.rows.append({"file": os.path.basename(file), "first": first, "lines": lines})


def _code(line: str) -> str:
    """A line of source, not too long, and without halves of characters, which no file can hold."""
    line = line.rstrip("\n").expandtabs(4)
    line = line if len(line) <= LINE else line[: LINE - 1] + "…"
    return line.encode("utf-8", "replace").decode()
