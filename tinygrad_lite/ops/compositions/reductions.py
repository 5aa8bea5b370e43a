"""Reductions, and functions along an axis."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ...errors import ArgumentError, ShapeError
from .. import cumulative, reductions
from ..reductions import like
from .shapes import _arrays

NOT_GIVEN: Any = np._NoValue  # NumPy's default where None would mean something

# ---- extremes, order -----------------------------------------------------------------------------


@like(np.amax)
def amax(*args: Any, **options: Any) -> Any:
    """`max`, by its older name."""
    return np.max(*args, **options)


@like(np.amin)
def amin(*args: Any, **options: Any) -> Any:
    """`min`, by its older name."""
    return np.min(*args, **options)


@like(np.ptp)
def ptp(*args: Any, **options: Any) -> Any:
    """`max(a) - min(a)`."""
    return np.max(*args, **options) - np.min(*args, **options)


@like(np.quantile)
def quantile(a: Any, q: Any, *args: Any, **options: Any) -> Any:
    """`sort(a)[q * (n - 1)]`, linear between entries; several `q` stack their results."""
    if np.ndim(q) == 0:
        return reductions.quantile(a, q, *args, **options)
    q = np.asarray(q)
    each = [q[(*i, ...)] for i in np.ndindex(q.shape)]  # 0-d arrays, to NumPy no weak numbers
    found = np.stack([reductions.quantile(a, one, *args, **options) for one in each])
    return found.reshape((*q.shape, *found.shape[1:]))


@like(np.percentile)
def percentile(a: Any, q: Any, *args: Any, **options: Any) -> Any:
    """`quantile(a, q / 100)`."""
    dtype = a.dtype if a.dtype.kind == "f" else np.dtype(float)
    q = np.asarray(q, dtype if isinstance(q, int | float) else None) / dtype.type(100)
    return np.quantile(a, q, *args, **options)


# ---- means ---------------------------------------------------------------------------------------


def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False
) -> Any:
    """`sum(a * weights) / sum(weights)`; gradients flow to the weights, too."""
    if weights is None:
        mean = np.mean(a, axis=axis, keepdims=keepdims)
        return (mean, np.full_like(mean, a.size / (mean.size or 1))) if returned else mean
    a, weights = _arrays((a, weights))
    weights = weights if weights.shape == a.shape else _spread_weights(weights, a, axis)
    weighted = weights * (a if a.dtype.kind == "f" else a.astype(np.float64))
    total = np.sum(weights, axis=axis, dtype=weighted.dtype, keepdims=keepdims)
    mean = np.sum(weighted, axis=axis, keepdims=keepdims) / total
    return (mean, np.broadcast_to(total, mean.shape)) if returned else mean


def _spread_weights(weights: Any, a: Any, axis: Any) -> Any:
    """Weights of the axes that are averaged, in their order, as they lie among the axes of `a`."""
    axes = [axis] if isinstance(axis, int) else [*(axis or ())]
    if weights.shape != tuple(a.shape[i] for i in axes):
        raise ShapeError(
            f"average: weights need the shape of a, {a.shape}, or the lengths of its axes "
            f"axis={axis}, not {weights.shape}."
        )
    others = (1,) * (a.ndim - weights.ndim)
    return np.moveaxis(weights.reshape(*weights.shape, *others), [*range(len(axes))], axes)


# ---- without NaN ---------------------------------------------------------------------------------


@like(np.nansum)
def nansum(a: Any, *args: Any, **options: Any) -> Any:
    """`sum(where(isnan(a), 0, a))`."""
    return np.sum(np.where(np.isnan(a), 0, a), *args, **options)


@like(np.nanprod)
def nanprod(a: Any, *args: Any, **options: Any) -> Any:
    """`prod(where(isnan(a), 1, a))`."""
    return np.prod(np.where(np.isnan(a), 1, a), *args, **options)


@like(np.nanmean)
def nanmean(a: Any, *args: Any, **options: Any) -> Any:
    """`nansum(a) / sum(~isnan(a))`."""
    if a.dtype.kind != "f":
        return np.mean(a, *args, **options)
    total = np.nansum(a, *args, **options)
    return (total / np.sum(~np.isnan(a), *args, **options)).astype(total.dtype)


# ---- along an axis -------------------------------------------------------------------------------


def diff(
    a: Any, n: int = 1, axis: int = -1, prepend: Any = NOT_GIVEN, append: Any = NOT_GIVEN
) -> Any:
    """`a[1:] - a[:-1]`, `n` times, with entries put before and after."""
    axis = normalize_axis_index(axis, a.ndim)
    one = (*a.shape[:axis], 1, *a.shape[axis + 1 :])  # a number counts for each row
    parts = [x for x in (prepend, a, append) if x is not NOT_GIVEN]
    parts = [x if np.ndim(x) else np.broadcast_to(x, one) for x in parts]
    a = np.concatenate(parts, axis=axis) if len(parts) > 1 else a
    return cumulative.diff(a, n=min(n, a.shape[axis]), axis=axis)  # more would change nothing


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """`diff` of all entries in order, with others put before and after."""
    between = np.diff(np.ravel(ary))
    before, after = (
        np.ravel([] if x is None else x).astype(between.dtype) for x in (to_begin, to_end)
    )
    return np.concatenate([before, between, after])


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """`sum(diff(x) * (y[1:] + y[:-1]) / 2)`; without `x`, all steps are `dx`."""
    y = np.moveaxis(y, axis, -1)
    if x is not None:
        dx = np.diff(np.moveaxis(x, axis, -1) if np.ndim(x) > 1 else x)
    return np.sum(dx * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)


def cumulative_sum(
    x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
) -> Any:
    """`cumsum(x)`, on request with a 0 before it."""
    return _cumulative(np.cumsum, x, axis, dtype, 0 if include_initial else None)


def cumulative_prod(
    x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False
) -> Any:
    """`cumprod(x)`, on request with a 1 before it."""
    return _cumulative(np.cumprod, x, axis, dtype, 1 if include_initial else None)


def _cumulative(run: Any, x: Any, axis: Any, dtype: Any, initial: int | None) -> Any:
    if axis is None and x.ndim != 1:
        raise ArgumentError(f"{run.__name__}: name an axis=, unless there is one, not {x.ndim}.")
    found = run(x, axis or 0, dtype)
    return found if initial is None else np.insert(found, 0, initial, axis or 0)
