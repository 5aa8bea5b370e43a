"""A Graph as plain data, for files and for pages that show it."""

import json
import math
import os
from typing import Any

import numpy as np

from ..source import SourcePlace
from .record import Graph
from .steps import Applied, Contribution, ModuleCall, Seed, Step, Value

WHOLE = 64  # entries up to which an array is written in full
LONGEST = 1000  # characters of a text


def text(graph: Graph) -> str:
    """`data` as a JSON document, a line for each step, value, module and place."""
    parts = []
    for key, found in data(graph).items():
        if isinstance(found, list) and found and isinstance(found[0], dict):
            rows = ",\n".join(map(_written, found))
            parts.append(f"{_written(key)}: [\n{rows}\n]")
        else:
            parts.append(f"{_written(key)}: {_written(found)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def data(graph: Graph) -> dict[str, Any]:
    """The graph as dicts, lists, strings and numbers that JSON can hold.

    Values, modules and places are listed once, and referred to by their positions in these lists.

    Returns
    -------
    dict, with the keys
        version : 1
        title : str
        backward_error : str, "" if there is none
        outputs : list of positions of values
        steps : list of dict
            In all: `number`, from 1; `phase`: "forward", "backward" or "update"; `kind`: "applied",
            "seed", "contribution" or "update"; `name`; `inputs`, each an argument (see below);
            `output`, a value; `module` and `place`, or None.
            applied: `expression`, `h @ w`; `attributes`, arguments by name.
            seed: `of`, the value whose gradient begins.
            contribution: `of`, the number of the forward step; `position`, which of its inputs;
            `to`, that input, a value; `g`, the gradient that comes in; `rule`, `g * y`;
            `rule_named`, the same with the names of the operands, `g * weight`; `rule_shape`;
            `summed_over`, axes; `earlier`, how many contributions came before; `total`, the
            gradient so far, a value.
            update: `target`, the value before.
        values : list of dict
            `name`; `kind`; `shape`; `dtype`; `requires_grad`; `changed`; `gradient`, a value or
            None; and either `entries`, nested lists, of an array of at most 64, or `summary` of a
            larger one: `mean`, `deviation`, `minimum`, `maximum`, of its finite entries, `nan` and
            `infinite`, how many there are.
        modules : list of dict
            Each a call: `path`, `kind`, `summary`, `parent`, a module or None, and `place`.
        places : list of dict
            `file`, without its folder, `line`, and `text`, the source line.

    Notes
    -----
    An argument is `{"value": 3}`, a position; a number, a string, a bool or None; a list of
    arguments; `{"slice": [start, stop, step]}`; or, of anything else, `{"text": …}`. What JSON has
    no number for is a string: "NaN", "Infinity", "-Infinity". Long texts are cut, with "…".
    """
    return _Writer(graph).data()


class _Writer:
    """What was met so far, each with its position."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.values: dict[int, int] = {}  # by identity
        self.calls: dict[int, int] = {}
        self.rows_of_values: list[Value] = []
        self.modules: list[dict[str, Any]] = []
        self.places: list[dict[str, Any]] = []
        self.known_places: dict[tuple[int, int], int] = {}
        self.found_places: dict[tuple[str, int, str], int] = {}

    def data(self) -> dict[str, Any]:
        graph = self.graph
        for value in graph.values:
            self.value(value)
        steps = [self.step(step) for step in graph.steps]
        outputs = [self.value(value) for value in graph.outputs]
        values = [self.described(value) for value in self.rows_of_values]  # grows: gradients
        return {
            "version": 1,
            "title": _cut(graph.title),
            "backward_error": _cut(graph.backward_error),
            "outputs": outputs,
            "steps": steps,
            "values": values,
            "modules": self.modules,
            "places": self.places,
        }

    # ---- steps -------------------------------------------------------------------------------

    def step(self, step: Step) -> dict[str, Any]:
        row = {
            "number": step.number,
            "phase": step.phase,
            "kind": type(step).__name__.lower(),
            "name": _cut(step.name),
        }
        row |= self.particular(step)
        row["inputs"] = [self.argument(x) for x in step.inputs]
        row["output"] = self.value(step.output)
        row["module"] = self.module(step.call)
        row["place"] = self.place(step.place)
        return row

    def particular(self, step: Step) -> dict[str, Any]:
        """What only steps of this kind have."""
        if isinstance(step, Applied):
            attributes = {_cut(key): self.argument(x) for key, x in step.attributes.items()}
            return {"expression": _cut(step.expression), "attributes": attributes}
        if isinstance(step, Seed):
            return {"of": self.value(step.of)}
        if isinstance(step, Contribution):
            return {
                "of": step.of.number,
                "position": step.position,
                "to": self.value(step.to),
                "g": self.value(step.g),
                "rule": _cut(step.rule()),
                "rule_named": _cut(step.named_rule()),
                "rule_shape": list(step.rule_shape),
                "summed_over": list(step.summed_over),
                "earlier": step.earlier,
                "total": self.value(step.total),
            }
        return {"target": self.value(step.target)}

    def argument(self, x: Any) -> Any:
        if isinstance(x, Value):
            return {"value": self.value(x)}
        if isinstance(x, list | tuple):
            return [self.argument(part) for part in x]
        if isinstance(x, slice):
            return {"slice": [self.argument(part) for part in (x.start, x.stop, x.step)]}
        if isinstance(x, np.generic):
            x = x.item()
        if x is None or isinstance(x, bool | int | float):
            return _number(x)
        return _cut(x) if isinstance(x, str) else {"text": _cut(_said(x))}

    # ---- what is referred to -----------------------------------------------------------------

    def value(self, value: Value) -> int:
        if id(value) not in self.values:
            self.values[id(value)] = len(self.rows_of_values)
            self.rows_of_values.append(value)
        return self.values[id(value)]

    def described(self, value: Value) -> dict[str, Any]:
        row = {
            "name": _cut(value.name),
            "kind": value.kind,
            "shape": list(value.shape),
            "dtype": str(value.dtype),
            "requires_grad": value.requires_grad,
            "changed": value.changed,
            "gradient": None if value.gradient is None else self.value(value.gradient),
        }
        if value.array.size <= WHOLE:
            return row | {"entries": entries_of(value.array)}
        return row | {"summary": _summary(value.array)}

    def module(self, call: ModuleCall | None) -> int | None:
        if call is None:
            return None
        if id(call) not in self.calls:
            parent = self.module(call.parent)  # stands before what is within it
            self.calls[id(call)] = len(self.modules)
            self.modules.append(
                {
                    "path": _cut(call.path),
                    "kind": _cut(call.kind),
                    "summary": _cut(call.summary),
                    "parent": parent,
                    "place": self.place(call.place),
                }
            )
        return self.calls[id(call)]

    def place(self, place: SourcePlace | None) -> int | None:
        if place is None:
            return None
        instruction = (id(place.code), place.instruction)
        if instruction not in self.known_places:  # finding its line takes long
            line = (os.path.basename(place.file), place.line, place.text)
            if line not in self.found_places:
                self.found_places[line] = len(self.places)
                row = {"file": _cut(line[0]), "line": line[1], "text": _cut(line[2])}
                self.places.append(row)
            self.known_places[instruction] = self.found_places[line]
        return self.known_places[instruction]


# ---- numbers and texts ---------------------------------------------------------------------------


def entries_of(array: Any) -> Any:
    """Nested lists of what an array holds; a float32 with the digits that a float32 has."""
    if isinstance(array, np.ndarray) and array.ndim:
        return [entries_of(part) for part in array]
    entry = array[()] if isinstance(array, np.ndarray) else array
    if isinstance(entry, np.floating) and np.isfinite(entry):
        return _number(float(str(entry)))
    return _number(entry.item() if isinstance(entry, np.generic) else None)


def _summary(array: np.ndarray) -> dict[str, Any]:
    numbers = array if array.dtype.kind in "fiub" else np.zeros(0)
    wide = numbers.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    row: dict[str, Any] = dict.fromkeys(("mean", "deviation", "minimum", "maximum"))
    if finite.size:
        with np.errstate(all="ignore"):  # the mean of numbers near the largest there is
            found = finite.mean(), finite.std(), finite.min(), finite.max()
        row = {key: _number(_rounded(x)) for key, x in zip(row, found, strict=True)}
    nan = int(np.isnan(wide).sum())
    return row | {"nan": nan, "infinite": wide.size - finite.size - nan}


def _rounded(x: Any) -> float:
    """To digits on which all sums agree, in whatever order a machine adds them up."""
    return float(f"{x:.9g}")


def _number(x: Any) -> Any:
    """A number as JSON has it; what it has none for is a string."""
    if isinstance(x, float) and not math.isfinite(x):
        return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"
    return x if x is None or isinstance(x, bool | int | float) else str(x)


def _said(x: Any) -> str:
    """What is no number, by what it is; its `repr` might hold where in memory it is."""
    if x is ...:
        return "..."
    if isinstance(x, np.ndarray):
        return f"array of {x.dtype} {x.shape}"
    if isinstance(x, np.dtype):
        return str(x)
    name = getattr(x, "__name__", None)
    return name if isinstance(name, str) else type(x).__name__


def _cut(said: str) -> str:
    """Not too long, and without halves of characters, which no file can hold."""
    said = said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"
    return said.encode("utf-8", "replace").decode()


def _written(x: Any) -> str:
    return json.dumps(x, ensure_ascii=False, allow_nan=False)
