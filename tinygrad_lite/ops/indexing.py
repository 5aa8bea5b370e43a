"""Reading entries by index, and its transpose: adding entries up at an index."""

from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from .operation import no_gradient, op


@op(
    x=lambda g, out, x, index: scatter_add(g, index, x.shape),  # type: ignore[has-type]
    shape_by="index",
)
def getitem(x: Any, index: Any) -> Any:
    """The entries that NumPy's indexing reads; also a single one stays a view of its array."""
    out = x[index]
    view = (*index, ...) if isinstance(index, tuple) else (index, ...)
    return x[view] if isinstance(out, np.generic) else out


@op(values=lambda g, out, values, index, shape: g[index])
def scatter_add(values: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of the given shape, with `values` added at `index`; repeated indices add up.

    Parameters
    ----------
    values : floating, of the shape of `zeros(shape)[index]`
    index : anything that indexes an array of that shape
    shape : tuple of int

    Returns
    -------
    Tensor or ndarray
        Of the given shape, and the dtype of `values`.

    Raises
    ------
    BoundsError
        If an index is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> tl.f.scatter_add(tl.Tensor([1.0, 2.0, 4.0]), np.array([0, 2, 2]), (3,))
    Tensor([1., 0., 6.], shape=(3,))
    """
    out = zeros(shape, values)
    if reads_once(index):
        out[index] = values
    elif out.ndim == 1 or values.size <= 200 or not isinstance(out, np.ndarray):
        np.add.at(out, index, values)
    else:  # NumPy adds to a 1-D array ten times as fast as to any other
        entries = entries_at(index, shape)
        values = np.broadcast_to(values, entries.shape)
        np.add.at(out.reshape(-1), entries.reshape(-1), values.reshape(-1))
    return out


def zeros(shape: Any, x: Any, dtype: Any = None) -> Any:
    """Zeros to be written into, of the kind of array that `x` is, and its dtype if none is given.

    A number of NumPy's, and a Tensor, which isn't written into, have arrays.
    """
    like = None if isinstance(x, np.generic) or hasattr(x, "__apply__") else x
    return np.zeros(shape, dtype or x.dtype, like=like)


def reads_once(index: Any) -> bool:
    """Whether an index reads each entry at most once: numbers, slices, None, Ellipsis, masks."""
    if isinstance(index, tuple):
        return all(map(reads_once, index))
    if isinstance(index, np.ndarray):
        return bool(index.dtype == bool)
    return index is None or index is ... or isinstance(index, int | slice | np.integer)


def entries_at(index: Any, shape: tuple[int, ...]) -> Any:
    """The numbers of the entries that an index reads, counted row by row."""
    entries: Any = 0
    for length, positions in zip(shape, np.indices(shape, sparse=True), strict=True):
        entries = entries * length + np.broadcast_to(positions, shape)[index]
    return entries


def on_axis(axis: int, index: Any, ndim: int) -> tuple[Any, ...]:
    """The index that reads along one axis, and all of the others."""
    return (slice(None),) * (axis % ndim) + (index,)


def along(indices: Any, shape: tuple[int, ...], axis: int) -> tuple[Any, ...]:
    """The index that reads `indices` along one axis, and every other axis in step with them."""
    index: list[Any] = [None] if len(shape) == 1 else list(np.indices(shape, sparse=True))
    index[normalize_axis_index(axis, len(shape))] = indices
    return tuple(index)


def plain(index: Any) -> Any:
    """An index without Tensors."""
    if isinstance(index, tuple | list):
        parts = [plain(i) for i in index]
        return parts if isinstance(index, list) else tuple(parts)
    if isinstance(index, slice):
        return slice(plain(index.start), plain(index.stop), plain(index.step))
    return getattr(index, "_data", index)


# ---- entries along an axis -------------------------------------------------------------------


def add_taken(g: Any, shape: tuple[int, ...], indices: Any, axis: int | None, mode: str) -> Any:
    """Zeros of the given shape, with `g` added where `take` found it."""
    if axis is None or not shape:
        return add_taken(g, (prod(shape),), indices, 0, mode).reshape(shape)
    indices = np.asarray(indices, np.intp)
    if mode != "raise":
        indices = np.take(np.arange(shape[axis]), indices, mode=mode)  # type: ignore[call-overload]
    return scatter_add(g, on_axis(axis, indices, len(shape)), shape)


take = op(
    np.take,
    x=lambda g, out, x, indices, axis=None, mode="raise": add_taken(
        g, x.shape, indices, axis, mode
    ),
)

# ---- where entries are, without gradient -----------------------------------------------------

argsort = no_gradient(np.argsort)
argpartition = no_gradient(np.argpartition)
argwhere = no_gradient(np.argwhere, shape_by="x")
flatnonzero = no_gradient(np.flatnonzero, shape_by="x")

# ---- windows ---------------------------------------------------------------------------------

sliding_window_view = op(
    np.lib.stride_tricks.sliding_window_view,
    x=lambda g, out, x, window_shape, axis=None: add_windows(g, window_shape, axis, x.shape),  # type: ignore[has-type]
)


@op(
    values=lambda g, out, values, window_shape, axis, shape: (
        np.lib.stride_tricks.sliding_window_view(g, window_shape, axis)
    ),
    formulas={"values": "sliding_window_view(g, window_shape, axis)"},
)
def add_windows(values: Any, window_shape: Any, axis: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of the given shape, with windows added where `sliding_window_view` found them.

    Parameters
    ----------
    values : floating, of the shape of `sliding_window_view(zeros(shape), window_shape, axis)`
    window_shape : int or tuple of int
    axis : int, tuple of int or None
        The axes that windows slide along; None: all.
    shape : tuple of int

    Returns
    -------
    Tensor or ndarray
        Of the given shape, and the dtype of `values`.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> from tinygrad_lite.ops.indexing import add_windows
    >>> add_windows(tl.ones(3, 2), 2, 0, (4,))
    Tensor([1., 2., 2., 1.], shape=(4,))
    """
    axes = range(len(shape)) if axis is None else axis
    axes = normalize_axis_tuple(axes, len(shape), allow_duplicate=True)
    out = np.zeros(shape, values.dtype, like=values)
    for offset in product(*map(range, values.shape[len(shape) :])):  # few; positions are many
        start = [0] * len(shape)
        for i, distance in zip(axes, offset, strict=True):
            start[i] += distance
        window = [slice(s, s + n) for s, n in zip(start, values.shape, strict=False)]
        out[tuple(window)] += values[(..., *offset)]
    return out
