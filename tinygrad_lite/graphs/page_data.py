"""A Graph as the data of a page that plays it, step by step."""

from collections import Counter
from typing import Any

from .as_json import entries_of
from .badges import badges, checks
from .boxes import Picture
from .columns import clean
from .details import of_contribution, sum_of
from .explain import Row, equation, result, rows_of
from .heatmap import TILES, heatmap, statistics
from .numbers import is_few, text
from .palette import COLORS
from .reasons import Reasons
from .record import PHASES, Graph
from .saved import kept_during, read_by, saved
from .sources import Sources
from .stages import Stage, fitting, stages
from .steps import Applied, Contribution, ModuleCall, Seed, Step, Update, Value
from .words import sentences

WHOLE = 256  # entries up to which an array is there in full
MOST_ENTRIES = 300_000  # of all arrays that are


def data(graph: Graph, check: bool = False) -> dict[str, Any]:
    """The graph as dicts, lists, strings and numbers that JSON can hold.

    Steps, values, boxes and so on refer to each other by position, from 0, or by the ids of the
    picture.

    Returns
    -------
    dict, with the keys
        title, summary, note : str
        steps : list of dict
            Where what a rule gave was summed or spread to fit, this is a step of its own.
            `number`, from 1; `line`, the step's number in the graph; `phase`; `kind`: "applied",
            "seed", "rule", "contribution" or "update"; `part`: "", or of two that are one in the
            graph "rule", and "summed" or "spread"; `title`; `to`, the input that a gradient flows
            to, or None; `words`, a sentence; `symbols`, the rule or expression; `numbers`, the same
            with numbers or shapes; `notes`;
            `sum`, for one of several contributions to a gradient: `first`, the step with the first
            of them, how many came `earlier` and there are, `of`, and the values `contribution` and
            `total`; `place`, a source and a line, or None; `module`;
            `box`, the one in focus; `from`, the one that the gradient comes from; `arrow`, the one
            in motion; `takes`, values; `makes`, a value; `saved`, the bytes of the forward pass
            that this step, or one after it, reads on the way back.
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
            `unit`; `peak`; `tensors`, each with `value`, `bytes`, and the first and the last step
            that keep it, `from` and `to`.
        check : None, or list of dict
            `box`, `error`, `ok`, which is None where nothing could be compared, and `note`.
        palette : dict of str to [light, dark]
    """
    return _Gatherer(graph).data(check)


class _Gatherer:
    """What was met so far, each with its position."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.stages = list(stages(graph))
        self.given: dict[int, str] = {}  # names of what rules gave, before it was fitted
        self.picture = Picture(graph)
        self.values: dict[int, int] = {}  # positions, by identity
        self.known: list[Value] = []
        self.sources = Sources(graph)
        self.counts = _contributions(graph)
        self.begun: dict[int, int] = {}  # where sums began, by what the gradient is of
        self.modules: dict[int, str] = {}
        self.titles: dict[int, str] = {}  # of forward steps
        self.wrong: dict[tuple[int, int], float] = {}  # errors of rules, by step and input
        for value in graph.values:
            self.value(value)

    def data(self, check: bool) -> dict[str, Any]:
        graph = self.graph
        checked = checks(graph) if check else []
        self.wrong = {
            (id(of), position): said["error"]
            for of, found in checked
            for position, said in found.items()
            if said["ok"] is False
        }
        first: dict[int, int] = {}  # the first stage of each step, in which its rule reads
        for i, stage in enumerate(self.stages):
            first.setdefault(stage.step.number - 1, i)
        arrays = [x._replace(start=first[x.start], end=first[x.end]) for x in saved(graph)]
        kept = kept_during(arrays, len(self.stages))
        rows, words = list(rows_of(graph)), list(sentences(graph))
        steps = [
            self.step(i, stage, _row(stage, rows[stage.step.number - 1]), words[i], kept[i])
            for i, stage in enumerate(self.stages)
        ]
        picture = self.picture.data(self.value)
        tensors = [
            {"value": self.value(x.value), "bytes": x.bytes, "from": x.start, "to": x.end}
            for x in arrays
        ]
        return {
            "title": clean(graph.title, 200),
            "summary": _summary(self.stages),
            "note": picture["note"],
            "steps": steps,
            "values": self.described(),
            "sources": self.sources.rows,
            "diagram": picture,
            "memory": {"unit": "bytes", "peak": max(kept, default=0), "tensors": tensors},
            "check": badges(checked, self.picture) if check else None,
            "palette": {name: [*color] for name, color in COLORS.items()},
        }

    # ---- steps -------------------------------------------------------------------------------

    def step(self, index: int, stage: Stage, row: Row, words: str, kept: int) -> dict[str, Any]:
        step, part = stage
        box, source, arrow = self.picture.foci[index]
        taken = _taken(step)
        if isinstance(step, Contribution) and part == "rule":
            fitted = self.stages[index + 1].part
            self.given[id(step.output)] = f"∂{step.to.name} before it is {fitted}"
        elif isinstance(step, Contribution) and step.given is not None:
            taken = [step.given]
        said = _numbers(step, row)
        said["notes"] += self.warning(step, part)
        return {
            "number": index + 1,
            "line": step.number,
            "phase": step.phase,
            "kind": "rule" if part == "rule" else type(step).__name__.lower(),
            "part": part,
            "title": self.title(step),
            "to": clean(step.to.name, 60) if isinstance(step, Contribution) else None,
            "words": clean(words, 200),
            "symbols": self.symbols(step, row),
            **said,
            "sum": None if part == "rule" else self.sum(index, step),
            "place": self.sources.place(step.place),
            "module": self.module(step.call),
            "box": box,
            "from": source,
            "arrow": arrow,
            "takes": [self.value(x) for x in taken],
            "makes": self.value(step.output),
            "saved": kept,
        }

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

    def symbols(self, step: Step, row: Row) -> str:
        """The rule, or the expression."""
        if isinstance(step, Applied):
            return clean(step.expression, 160)
        if isinstance(step, Contribution):
            return str(row.rule)
        if isinstance(step, Seed):
            return f"{self.title(step)} = 1" if _is_one(step.output) else self.title(step)
        return f"{row.left} ← {row.rule} {row.detail}".strip()

    def sum(self, index: int, step: Step) -> dict[str, Any] | None:
        """What a contribution is added to, if the gradient is made of several."""
        if not isinstance(step, Contribution) or self.counts[step.number] < 2:
            return None
        if not step.earlier:
            self.begun[id(step.to)] = index
        return {
            "first": self.begun[id(step.to)],
            "earlier": step.earlier,
            "of": self.counts[step.number],
            "contribution": self.value(step.output),
            "total": self.value(step.total),
        }

    def warning(self, step: Step, part: str) -> list[str]:
        """That the rule which gives a gradient disagrees with central differences."""
        if not isinstance(step, Contribution) or part in ("summed", "spread"):
            return []
        error = self.wrong.get((id(step.of), step.position))
        said = f"This rule DISAGREES with central differences; relative error {error}."
        return [] if error is None else [said]

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
        made = _makers(self.stages)
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
                    "name": clean(self.given.get(id(x), x.name), 200),
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


def _row(stage: Stage, row: Row) -> Row:
    """What is said of a stage, of what is said of its step."""
    step = stage.step
    if not stage.part or not isinstance(step, Contribution):
        return row
    if stage.part == "rule":
        detail, sign, _ = of_contribution(step)
        if detail.endswith("."):  # it says what comes later
            detail = "" if is_few(step.output.array) else str(step.rule_shape)
        said = result(step.output, sign)
        detail = "" if said == f"= {detail}" else detail  # a number by itself
        return row._replace(step=step, detail=detail, result=said, notes=())
    assert step.given is not None
    return row._replace(rule=fitting(step), detail="", result=_fitted(step, step.given), notes=())


def _fitted(step: Contribution, given: Value) -> str:
    """`1 + 2 + 3 = 6`, or the shapes before and after, and what came of it."""
    before, after = given.array, step.output.array
    if after.ndim == 0 and before.ndim == 1 and is_few(before):
        return sum_of([Value("", x) for x in before], step.output, "{sum} {sign} {total}")
    if before.ndim == 0:  # every entry is as it
        return f"{text(before)} → {text(after) if is_few(after) else after.shape}"
    return f"{before.shape} → {after.shape or 'one number'} · {text(after)}"


def _numbers(step: Step, row: Row) -> dict[str, Any]:
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


def _makers(parts: list[Stage]) -> dict[int, int]:
    """The stage that made each value."""
    made: dict[int, int] = {}
    for index, (step, _) in enumerate(parts):
        made.setdefault(id(step.output), index)
        if isinstance(step, Contribution):
            made.setdefault(id(step.total), index)
    return made


def _summary(parts: list[Stage]) -> str:
    counts = Counter(step.phase for step, _ in parts)
    said = [f"{counts[name]:,} {name}" for name in PHASES if counts[name]]
    return f"{', '.join(said) or 'no'} step{'' if len(parts) == 1 else 's'}"
