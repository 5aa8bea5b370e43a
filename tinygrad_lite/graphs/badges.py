"""Gradient checks of single operations: rules against central differences, where a graph is."""

import warnings
from typing import Any

import numpy as np

from ..checking import STEP, best_difference, difference
from ..context import Switch
from ..tensor import Tensor, apply
from .boxes import Picture
from .record import Graph
from .steps import Applied, Contribution, Value

TOLERANCE = 1e-5  # of the larger of the two, as `check_gradients` has it
Checks = list[tuple[Applied, dict[int, dict[str, Any]]]]  # of the rules by their inputs' positions
KINK = "there is no derivative here: the slopes to both sides differ"


def checks(graph: Graph) -> Checks:
    """How well each rule does that a gradient flowed by. Never raises.

    Its input is moved in a random direction.
    """
    flowed: dict[int, tuple[Applied, dict[int, None]]] = {}
    for step in graph:
        if isinstance(step, Contribution):
            flowed.setdefault(id(step.of), (step.of, {}))[1][step.position] = None
    rng = np.random.default_rng(0)
    return [(of, _checked(of, list(positions), rng)) for of, positions in flowed.values()]


def badges(found: Checks, picture: Picture) -> list[dict[str, Any]]:
    """For each box the check of its rules; of several that of the worst."""
    worst: dict[str, dict[str, Any]] = {}
    for of, said in found:
        box = picture.box(of)
        if box is not None:
            known = [worst[box]] if box in worst else []
            worst[box] = max([*known, *said.values()], key=_badness)
    return [{"box": box, **said} for box, said in worst.items()]


def _badness(said: dict[str, Any]) -> tuple[int, float]:
    return {True: 0, None: 1, False: 2}[said["ok"]], said["error"] or 0.0


def _checked(of: Applied, positions: list[int], rng: Any) -> dict[int, dict[str, Any]]:
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            with Switch(recording=True, anomaly=False):
                return _compared_rules(of, positions, rng)
    except Exception as error:  # whatever a user's operation does with numbers that are new to it
        return dict.fromkeys(positions, _unknown(f"it can't be checked: {type(error).__name__}"))


def _unknown(note: str) -> dict[str, Any]:
    return {"error": None, "ok": None, "note": note}


def _compared_rules(of: Applied, positions: list[int], rng: Any) -> dict[int, dict[str, Any]]:
    assert of.operation is not None
    values = [x for x in of.inputs if isinstance(x, Value)]
    if any(x.changed for x in values):
        return dict.fromkeys(positions, _unknown("what it was computed from has changed since"))
    attributes = {key: _plain(x) for key, x in of.attributes.items()}
    arrays = [_wide(x.array) if isinstance(x, Value) else x for x in of.inputs]
    found = {}
    for position in positions:
        direction = _direction(arrays[position], rng)
        said = _compared(*_along(of, arrays, attributes, position, direction, rng))
        if said["ok"] is False:  # it may be for matrices of one form, and read but half of them
            for form in _forms(arrays[position], direction):
                again = _compared(*_along(of, arrays, attributes, position, form, rng))
                said = min(said, again, key=_badness)
        found[position] = said
    return found


def _direction(x: np.ndarray, rng: Any) -> Any:
    signs = rng.choice([-1.0, 1.0], x.shape)
    return signs * rng.uniform(0.5, 1.5, x.shape) * np.maximum(1.0, np.abs(x))


def _forms(x: np.ndarray, direction: Any) -> list[Any]:
    """The direction among symmetric, or triangular, matrices, if what is moved is one."""
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        return []
    found = [(x.mT, (direction + direction.mT) / 2)]
    found += [(way(x), way(direction)) for way in (np.tril, np.triu)]
    return [form for known, form in found if np.array_equal(known, x)]


def _along(
    of: Applied, arrays: list[Any], attributes: Any, position: int, direction: Any, rng: Any
) -> Any:
    """The weighted result, as a function of how far one input is moved; its slope, by the rule."""
    x = arrays[position]

    def result(moved: Any) -> Any:
        inputs = [*arrays[:position], moved, *arrays[position + 1 :]]
        return apply(of.operation, tuple(inputs), attributes)  # type: ignore[arg-type]

    at = Tensor(x, requires_grad=True)
    out = result(at)
    weights = rng.uniform(0.5, 1.5, out.shape)
    gradient = out.gradient(at, gradient=weights).data
    analytic = float(np.sum(np.where(direction == 0, 0, gradient * direction)))

    def terms(t: Tensor) -> list[Any]:
        return [Tensor(result(x + t.item() * direction)._data * weights)]

    return terms, analytic


def _compared(terms: Any, analytic: float) -> dict[str, Any]:
    """The relative error: at the step that mostly does, or, if that isn't small, at the best."""
    start = [np.array(0.0)]
    numeric, rounding = difference(terms, start, 0, 0, STEP)
    error, allowed = _error(analytic, numeric, rounding)
    if not error <= allowed:
        numeric, step, left = best_difference(terms, start, 0, 0)
        error, allowed = _error(analytic, numeric, left)
        if not error <= allowed and _is_kink(terms, analytic, step):
            return _unknown(KINK)
    if not np.isfinite(error):
        return _unknown("it isn't finite here")
    return {"error": float(f"{error:.2g}"), "ok": bool(error <= allowed), "note": ""}


def _error(analytic: float, numeric: float, left: float) -> tuple[float, float]:
    """The relative error, and how large it may be, where the difference has an error itself."""
    size = max(abs(analytic), abs(numeric))
    gap = abs(analytic - numeric)
    return (gap / size if gap else 0.0), TOLERANCE + (left / size if size else 0.0)


def _is_kink(terms: Any, analytic: float, step: float) -> bool:
    """Whether the slopes to both sides differ, and the rule's lies between them."""
    zero, up, down = (float(np.sum(terms(Tensor(t))[0].data)) for t in (0.0, step, -step))
    right, left = (up - zero) / step, (zero - down) / step
    size = max(abs(right), abs(left))
    slack = 1e-3 * size
    return (
        abs(right - left) > slack
        and min(right, left) - slack <= analytic <= max(right, left) + slack
    )


def _wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _plain(x: Any) -> Any:
    if isinstance(x, Value):
        return x.array
    return type(x)([_plain(part) for part in x]) if type(x) in (list, tuple) else x
