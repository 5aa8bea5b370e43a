"""Running sums and products, products of all entries, differences of neighbours."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from .operation import op
from .reductions import like, reduced, reduction


def accumulated(function: Callable[..., Any], ufunc: np.ufunc) -> Callable[..., Any]:
    """What computes `function`: `ufunc.accumulate`."""

    @like(function)
    def run(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
        return running(ufunc, a, axis, dtype)

    return run  # type: ignore[no-any-return]


def running(ufunc: np.ufunc, a: Any, axis: int | None, dtype: Any = None) -> Any:
    """`ufunc.accumulate`, which is slow: it goes on entry by entry where rows could go at once."""
    a, axis = flattened(a, axis)
    rows = a.swapaxes(axis, 0)
    is_large = isinstance(a, np.ndarray) and a.size > 256 * len(rows)
    if a.dtype.char not in "fd" or dtype is not None or not is_large:
        return ufunc.accumulate(a, axis, dtype)
    found = np.array(rows, order="C")
    for before, row in pairwise(found):
        ufunc(before, row, row)
    return found.swapaxes(axis, 0)


def flattened(x: Any, axis: int | None) -> tuple[Any, int]:
    """`x` as `np.cumsum` takes it: on one axis, if none is named."""
    return (x.reshape(-1), axis or 0) if axis is None or x.ndim == 0 else (x, axis)


def can_divide(products: Any) -> bool:
    """Whether dividing a product by a factor takes it out: never near 0 and infinity.

    Asked of arrays alone: what is recorded is to hold for other values, too.
    """
    if hasattr(products, "__apply__") or products.size == 0:
        return False
    sizes = np.absolute(products)
    return bool(np.finfo(sizes.dtype).tiny <= sizes.min() and sizes.max() < np.inf)


def cut(x: Any, axis: int, start: Any = None, stop: Any = None, step: Any = None) -> Any:
    """`x[start:stop:step]` along one axis."""
    return x[(slice(None),) * (axis % x.ndim) + (slice(start, stop, step),)]


def reverse(x: Any, axis: int) -> Any:
    return cut(x, axis, step=-1)


def products_before(x: Any, axis: int) -> Any:
    """For each entry the product of all before it; 1 for the first."""
    first = np.ones_like(cut(x, axis, stop=1))
    return np.concatenate([first, np.cumprod(cut(x, axis, stop=-1), axis=axis)], axis=axis)


def products_without(x: Any, axes: tuple[int, ...]) -> Any:
    """For each entry the product of all others; zeros among them do no harm."""
    if not axes:
        return np.ones_like(x)
    axis, *rest = axes
    after = reverse(products_before(reverse(x, axis), axis), axis)
    without = products_before(x, axis) * after
    if not rest:
        return without
    return without * products_without(np.prod(x, axis=axis, keepdims=True), tuple(rest))


def prod_slope(g: Any, out: Any, x: Any, axis: Any) -> Any:
    """`g * out / x`, also where `x` is 0."""
    if can_divide(out):
        return g * out / x
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return g * products_without(x, tuple(axes) if x.ndim else ())


def sums_from(g: Any, axis: int) -> Any:
    """For each entry the sum of it and all after it."""
    g = reverse(g, axis)
    sums = running(np.add, g, axis) if not hasattr(g, "__apply__") else np.cumsum(g, axis=axis)
    return reverse(sums, axis)


def recurrence(a: Any, b: Any) -> Any:
    """`s[k] = a[k] * s[k - 1] + b[k]`, starting with `b[0]`, in linear time without a loop.

    Two steps at once give every second entry, by a recurrence half as long; one more step gives
    the others.
    """
    n = len(b)
    if n < 2:
        return b
    if n % 2:
        s = recurrence(a[:-1], b[:-1])
        return np.concatenate([s, a[-1:] * s[-1:] + b[-1:]])
    odd = recurrence(a[1::2] * a[::2], a[1::2] * b[::2] + b[1::2])
    even = np.concatenate([b[:1], a[2::2] * odd[:-1] + b[2::2]])
    return np.stack([even, odd], axis=1).reshape(b.shape)


def cumprod_slope(g: Any, out: Any, x: Any, axis: int) -> Any:
    """The sum of `g * out` from each entry on, over `x`, also where `x` is 0."""
    if can_divide(out):
        return sums_from(g * out, axis) / x
    a, b = (reverse(each, axis).swapaxes(axis, 0) for each in (x, g))
    s = recurrence(np.concatenate([a[:1], a[:-1]]), b)  # s[k] = g[k] + x[k + 1] * s[k + 1]
    return products_before(x, axis) * reverse(s.swapaxes(axis, 0), axis)


def within_zeros(g: Any, n: int, axis: int) -> Any:
    """`g` with `n` zeros at each end of an axis."""
    shape = list(g.shape)
    shape[axis] = n
    zeros = np.zeros(shape, g.dtype)
    return np.concatenate([zeros, g, zeros], axis=axis)


prod = reduction(
    np.prod,
    run=reduced(np.prod, np.multiply),
    x=lambda g, out, x, axis=None, dtype=None, keepdims=False: prod_slope(g, out, x, axis),
    formula="g * out / x",
)
cumsum = op(
    np.cumsum,
    run=accumulated(np.cumsum, np.add),
    x=lambda g, out, x, axis=None, dtype=None: sums_from(g, axis or 0).reshape(x.shape),
    formulas={"x": "np.flip(np.cumsum(np.flip(g, axis), axis), axis).reshape(x.shape)"},
)
cumprod = op(
    np.cumprod,
    run=accumulated(np.cumprod, np.multiply),
    x=lambda g, out, x, axis=None, dtype=None: cumprod_slope(g, out, *flattened(x, axis)).reshape(
        x.shape
    ),
    formulas={"x": "np.flip(np.cumsum(np.flip(g * out, axis), axis), axis).reshape(x.shape) / x"},
)
diff = op(
    np.diff,
    x=lambda g, out, x, n=1, axis=-1: (-1) ** n * np.diff(within_zeros(g, n, axis), n, axis),
)
