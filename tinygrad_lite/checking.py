"""Gradient checking: analytic derivatives against central differences.

A central difference is wrong by the curvature that a long step sees and by the rounding that a
short one magnifies. Which step is best, and how well it does, can be read off from what steps of
all lengths give: where three in a row agree, both errors are small. So there is no size below
which a derivative counts as zero.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .derivatives import grad
from .errors import ArgumentError, GradientError, brief
from .nesting import leaves, rebuilt
from .run import Function
from .tensor import Tensor

STEP = 1e-5  # of an entry, or of 1: where curvature and rounding mostly weigh the same
EPS = float(np.finfo(np.float64).eps)

Terms = Callable[..., list[Any]]  # gives arrays; the number to differentiate is their sum


@dataclass(frozen=True)
class GradientCheck:
    """The entry at which analytic and numeric derivative differ most, as allowed.

    Attributes
    ----------
    order : int
        Of the derivative.
    path, index
        Where: `args[0]['w']`, and the index of the entry in it. `gradient of result` is what flows
        into a result, the `g` of rules: gradients are differentiated by it, too.
    analytic, numeric, relative_error : float
    step : float
        How far the entry was moved for `numeric`, to both sides.
    ratio : float
        The difference by what is allowed: above 1 it is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> tl.check_gradients(np.sin, 1.0).relative_error < 1e-8
    True
    """

    order: int
    path: str
    index: tuple[int, ...]
    analytic: float
    numeric: float
    relative_error: float
    step: float
    ratio: float

    def __str__(self) -> str:
        place = self.path + (f"[{', '.join(map(str, self.index))}]" if self.index else "")
        return (
            f"  at              {place}\n"
            f"  analytic        {self.analytic:.9g}\n"
            f"  numeric         {self.numeric:.9g}\n"
            f"  relative error  {self.relative_error:.3g}"
        )


def check_gradients(
    f: Function,
    *args: Any,
    order: int = 2,
    rtol: float = 1e-5,
    atol: float = 0.0,
    entries: int = 1000,
    seed: int = 0,
) -> GradientCheck:
    """Compare the gradients of a function with central differences, up to an order.

    Parameters
    ----------
    f : callable
        Returns any nesting of arrays, the same each time. It must compute in the dtype that it is
        given: all is done in float64.
    *args
        Where to check. All floating arrays, floats and modules among them, however nested, are
        differentiated by; the others are passed on.
    order : int
        2 checks the gradients of gradients, too.
    rtol, atol : float
        Allowed is `rtol` of the larger of the two, plus `atol`, plus the error of the difference.
    entries : int
        Of larger arrays, so many entries are drawn at random.
    seed : int
        For these, and for the random numbers between 0.5 and 1.5 that weigh the results, unless
        there is but one number, and the directions of higher orders.

    Returns
    -------
    GradientCheck
        The worst entry: order, path, index, analytic, numeric, relative error.

    Raises
    ------
    GradientError
        If a derivative is wrong, with the entry and the likely reason; if `f` is random, or gives
        NaN, infinity or less than float64 at the point.

    Notes
    -----
    The first step is 1e-5 of an entry, or 1e-5 if that is more. If the two differ, all powers of
    10 are tried, from 1 or the entry down to 1e-7 of them, and the step is taken whose neighbours
    agree with it well. Its error is estimated from how well they do, and from the rounding of the
    numbers that are added up.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> wrong = tl.op(np.square, x=lambda g, out, x: g * x)  # it should be 2 * x
    >>> tl.check_gradients(wrong, np.array([1.0, 3.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    tinygrad_lite.errors.GradientError: check_gradients: the derivative of order 1 is wrong:
      at              args[0][0]
    ...
    """
    if not isinstance(order, int) or order < 1:
        raise ArgumentError(f"check_gradients: order must be 1 or more, not {order!r}.")
    found = list(leaves(args, "args"))
    if not found:
        raise GradientError(
            f"check_gradients: there is nothing to differentiate by in {brief(args)}: give "
            "floating-point arrays or numbers."
        )
    rng = np.random.default_rng(seed)
    points = [np.array(getattr(x, "_data", x), np.float64) for _, x in found]
    with np.errstate(all="ignore"):
        results = _results(f, args, points)
        _check_results(results, _results(f, args, points))
    paths = [path for path, _ in found] + [f"gradient of {path}" for path, _ in results]
    shapes = [np.shape(x) for _, x in results]
    alone = shapes == [()]  # a single number needs no weight
    points += [np.array(1.0) if alone else rng.uniform(0.5, 1.5, shape) for shape in shapes]

    def weighted(*inputs: Any) -> list[Any]:
        values = _results(f, args, inputs[: len(found)])
        return [x * w for (_, x), w in zip(values, inputs[len(found) :], strict=True)]

    terms: Terms = weighted
    passed: list[GradientCheck] = []
    for at in range(1, order + 1):
        with np.errstate(all="ignore"):  # steps may leave the domain
            passed += _checked(terms, points, at, paths, (rtol, atol), entries, rng)
        terms = _along(terms, [rng.uniform(0.5, 1.5, x.shape) for x in points])
    return max(passed, key=lambda check: check.ratio)


def _results(f: Function, args: Any, inputs: Any) -> list[tuple[str, Any]]:
    """The floating results of `f` where the leaves of its arguments are `inputs`."""
    inputs = [x if isinstance(x, Tensor) else Tensor(x) for x in inputs]
    results = list(leaves(f(*rebuilt(args, inputs, keep=True)), "result"))
    if not results:
        raise GradientError("check_gradients: the function returned no floating arrays.")
    return results


def _check_results(results: list[tuple[str, Any]], again: list[tuple[str, Any]]) -> None:
    """Refuse results for which no rule is to blame."""
    first, second = ([np.asarray(getattr(x, "_data", x)) for _, x in r] for r in (results, again))
    text = ""
    for (path, _), x in zip(results, first, strict=True):
        if x.dtype.itemsize < 8:
            text = f"{path} is {x.dtype}, but the arguments are given in float64: convert nothing."
        elif not np.isfinite(x).all():
            text = f"{path} has NaN or infinity at this point: choose another."
    if not text and not (len(first) == len(second) and all(map(np.array_equal, first, second))):
        text = "the function gives different results when called twice: is it random?"
    if text:
        raise GradientError(f"check_gradients: {text}")


def _along(terms: Terms, directions: list[Any]) -> Terms:
    """The derivative of a sum along a direction, as a sum."""

    def derivative(*inputs: Any) -> list[Any]:
        gradient = grad(_summed(terms), range(len(inputs)))(*inputs)
        return [g * d for g, d in zip(gradient, directions, strict=True)]

    return derivative


def _summed(terms: Terms) -> Function:
    return lambda *inputs: sum(x.sum() for x in terms(*inputs))


def _checked(
    terms: Terms,
    points: list[Any],
    order: int,
    paths: list[str],
    tolerances: tuple[float, float],
    entries: int,
    rng: "np.random.Generator",
) -> list[GradientCheck]:
    """The checks of all entries, of one order; an error at the first that fails."""
    rtol, atol = tolerances
    gradients = [g.data for g in grad(_summed(terms), range(len(points)))(*points)]

    def check(i: int, place: Any, numeric: Any, step: Any, error: Any) -> GradientCheck:
        a, n = float(gradients[i].flat[place]), float(numeric)
        size, gap = float(np.maximum(abs(a), abs(n))), abs(a - n)  # NaN if one of them is
        relative_error = gap / size if gap else 0.0
        ratio = gap / (rtol * size + atol + float(error)) if gap else 0.0
        ratio = ratio if np.isfinite(ratio) else np.inf
        index = tuple(map(int, np.unravel_index(place, points[i].shape)))
        return GradientCheck(order, paths[i], index, a, n, relative_error, float(step), ratio)

    checks = []
    for i, x in enumerate(points):
        drawn = range(x.size) if x.size <= entries else rng.choice(x.size, entries, replace=False)
        for place in drawn:
            step = STEP * max(1.0, abs(x.flat[place]))
            numeric, _ = difference(terms, points, i, place, step)
            checks.append((check(i, place, numeric, step, 0.0), i, place))
    checks.sort(key=lambda found: -found[0].ratio)
    for k, (quick, i, place) in enumerate(checks):
        if quick.ratio <= 1:
            break
        careful = check(i, place, *best_difference(terms, points, i, place))
        if careful.ratio > 1:
            raise GradientError(
                f"check_gradients: the derivative of order {order} is wrong:\n{careful}\n"
                f"{_reason(careful)}"
            )
        checks[k] = careful, i, place
    return [found[0] for found in checks]


def difference(terms: Terms, points: list[Any], i: int, place: Any, step: float) -> Any:
    """The central difference by one entry, and how much of it rounding may have made."""
    middle = points[i].flat[place]
    step = (middle + step) - middle  # what is added after rounding: 0 if nothing is
    sides = []
    for x in (middle + step, middle - step):
        moved = points[i].copy()
        moved.flat[place] = x
        try:
            values = terms(*map(Tensor, [*points[:i], moved, *points[i + 1 :]]))
        except (ArithmeticError, ValueError):  # outside of the domain
            return np.nan, np.nan
        sides.append([value.data for value in values])
    difference = size = moving = 0.0
    for above, below in zip(*sides, strict=True):
        difference += np.sum(above - below)
        size += np.sum(abs(above))
        moving += np.sum(abs(above)) if np.any(above != below) else 0.0
    rounding = 4 * EPS * ((moving or size) / step + size / max(1.0, abs(middle)))
    return difference / (2 * step), rounding


def best_difference(terms: Terms, points: list[Any], i: int, place: Any) -> Any:
    """The central difference of the best step, that step, and the error that may be left."""
    size = max(abs(points[i].flat[place]), 1e-20) if points[i].flat[place] else 1.0
    count = 8 + int(np.ceil(abs(np.log10(size))))
    steps = max(1.0, size) * 10.0 ** -np.arange(count)
    numeric, rounding = np.array([difference(terms, points, i, place, h) for h in steps]).T
    longer, middle, shorter = neighbours = numeric[:-2], numeric[1:-1], numeric[2:]
    error = np.maximum(abs(longer - middle), abs(middle - shorter)) + rounding[1:-1]
    finite = np.isfinite(error)
    if not finite.any():
        return np.nan, steps[-1], 0.0
    sizes = np.max(np.abs(neighbours), axis=0)
    sizes[sizes == 0] = np.max(sizes[finite])  # a slope of 0, beside a kink
    relative = np.where(finite, error / sizes, np.nan)
    accuracy = np.nanmin(relative, initial=np.inf)  # relative: far too long steps agree on about 0
    if accuracy < 0.1:
        best = np.flatnonzero(relative <= max(accuracy, 1e-8))[-1]  # short: kinks may be near
        return middle[best], steps[1 + best], error[best]
    best = np.argmin(np.where(finite, error, np.inf))  # no digit is sure: 0, but for rounding
    return middle[best], steps[1 + best], np.median(error[finite])


def _reason(wrong: GradientCheck) -> str:
    """What probably mends it."""
    if not np.isfinite(wrong.analytic):
        return "  The analytic derivative isn't finite: does a rule divide by 0 at this point?"
    if not np.isfinite(wrong.numeric):
        return "  The function isn't finite on both sides: is this the edge of its domain?"
    near = f"within {wrong.step:.0e} of this point"
    reason = f"  A gradient rule is wrong, or there is a kink {near}."
    if wrong.path.startswith("gradient of"):
        reason += "\n  It is the g that rules are given: is the rule linear in g, without detach?"
    elif wrong.analytic == 0:
        reason += "\n  Or the value left the graph: float(x), x.item(), x.data, math.*, detach?"
    elif wrong.numeric == 0 and len(wrong.index) > 1:
        reason += "\n  If only half of a symmetric matrix is read: check f((x + x.mT) / 2)."
    return reason
