"""Gradient checking: analytic derivatives against central differences."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .derivatives import grad
from .errors import ArgumentError, GradientError, brief
from .nesting import leaves, rebuilt
from .run import Function
from .tensor import Tensor

STEP = float(np.cbrt(np.finfo(np.float64).eps))  # where truncation and rounding weigh the same


@dataclass(frozen=True)
class GradientCheck:
    """The entry at which analytic and numeric derivative differ most, as allowed.

    Attributes
    ----------
    order : int
        Of the derivative.
    path, index
        Where: `args[0]['w']`, and the index of the entry in it.
    analytic, numeric, relative_error : float
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
    atol: float = 1e-7,
    entries: int = 1000,
    seed: int = 0,
) -> GradientCheck:
    """Compare the gradients of a function with central differences, up to an order.

    Parameters
    ----------
    f : callable
        Returns any nesting of arrays. It must compute in the dtype that it is given: all is done
        in float64.
    *args
        Where to check. All floating arrays, floats and modules among them, however nested, are
        differentiated by; the others are passed on.
    order : int
        2 checks the gradients of gradients, too.
    rtol, atol : float
        Allowed is `rtol` of the larger of the two, plus `atol` of 1 and of the largest derivative.
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
        If a derivative is wrong, with the worst entry. A kink within 6e-6 of an entry may be the
        reason, too.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> wrong = tl.op(np.square, x=lambda g, out, x: g * x)  # it should be 2 * x
    >>> tl.check_gradients(wrong, np.array([1.0, 3.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    tinygrad_lite.errors.GradientError: check_gradients: the derivative of order 1 is wrong:
      at              args[0][1]
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
    paths = [path for path, _ in found]
    points = [np.array(getattr(x, "_data", x), np.float64) for _, x in found]
    shapes = [np.shape(x) for _, x in _results(f, args, map(Tensor, points))]
    paths += [f"what flows into result {i}" for i in range(len(shapes))]
    alone = shapes == [()]  # a single number needs no weight
    points += [np.array(1.0) if alone else rng.uniform(0.5, 1.5, shape) for shape in shapes]

    def weighted(*inputs: Any) -> Any:
        results = _results(f, args, inputs[: len(found)])
        pairs = zip(results, inputs[len(found) :], strict=True)
        return sum((x * w).sum() for (_, x), w in pairs)

    derivative: Function = weighted
    worst = None
    for at in range(1, order + 1):
        for entry in _compared(derivative, points, at, paths, (rtol, atol), entries, rng):
            if worst is None or entry.ratio > worst.ratio:
                worst = entry
        assert worst is not None
        if worst.ratio > 1:
            raise GradientError(
                f"check_gradients: the derivative of order {at} is wrong:\n{worst}\n"
                f"  A gradient rule is wrong, or there is a kink within {STEP:.0e} of this point."
            )
        directions = [rng.uniform(0.5, 1.5, x.shape) for x in points]
        derivative = _along(derivative, directions)
    assert worst is not None
    return worst


def _results(f: Function, args: Any, inputs: Any) -> list[tuple[str, Any]]:
    """The floating results of `f` where the leaves of its arguments are `inputs`."""
    results = list(leaves(f(*rebuilt(args, inputs, keep=True))))
    if not results:
        raise GradientError("check_gradients: the function returned no floating arrays.")
    return results


def _along(f: Function, directions: list[Any]) -> Function:
    """The derivative of a function along a direction."""

    def derivative(*inputs: Any) -> Any:
        gradient = grad(f, range(len(inputs)))(*inputs)
        return sum((g * d).sum() for g, d in zip(gradient, directions, strict=True))

    return derivative


def _compared(
    f: Function,
    points: list[Any],
    order: int,
    paths: list[str],
    tolerances: tuple[float, float],
    entries: int,
    rng: np.random.Generator,
) -> Iterator[GradientCheck]:
    """Each derivative that is checked, of one order."""
    analytic = [g.data for g in grad(f, range(len(points)))(*points)]
    drawn = [
        np.arange(x.size) if x.size <= entries else rng.choice(x.size, entries, replace=False)
        for x in points
    ]
    numeric = [_differences(f, points, i, places) for i, places in enumerate(drawn)]
    rtol, atol = tolerances
    largest = max((float(np.max(np.abs(n))) for n in numeric if n.size), default=0.0)
    for path, x, g, places, numbers in zip(paths, points, analytic, drawn, numeric, strict=True):
        for place, n in zip(places, numbers.tolist(), strict=True):
            a = g.reshape(-1)[place].item()
            index = tuple(int(i) for i in np.unravel_index(place, x.shape))
            size, gap = max(abs(a), abs(n)), abs(a - n)
            ratio = gap / (rtol * size + atol * max(1.0, largest))
            ratio = ratio if np.isfinite(ratio) else float("inf")
            yield GradientCheck(order, path, index, a, n, gap / size if gap else 0.0, ratio)


def _differences(f: Function, points: list[Any], which: int, places: Any) -> Any:
    """Central differences of a number by some entries of one of the points."""
    x = points[which].copy()
    inputs = [Tensor(x, copy=False) if i == which else Tensor(p) for i, p in enumerate(points)]
    entries, found = x.reshape(-1), np.empty(len(places))
    for i, place in enumerate(places):
        middle = entries[place]
        step = STEP * max(1.0, abs(middle))
        entries[place] = middle + step
        above = float(f(*inputs))
        entries[place] = middle - step
        found[i] = (above - float(f(*inputs))) / (2 * step)
        entries[place] = middle
    return found
