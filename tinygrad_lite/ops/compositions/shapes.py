"""Shapes: joining, cutting, turning. What is wrong with a call, NumPy's own functions say."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..indexing import on_axis


def ndim(a: Any) -> Any:
    """The number of axes, as in `a.ndim`."""
    return a.ndim


def shape(a: Any) -> Any:
    """As in `a.shape`."""
    return a.shape


def size(a: Any, axis: int | None = None) -> Any:
    """The number of entries, or the length of an axis."""
    return a.size if axis is None else a.shape[axis]


# ---- axes ------------------------------------------------------------------------------------


def ravel(a: Any, order: Any = "C") -> Any:
    """`np.reshape(a, -1, order)`."""
    return a.reshape(-1) if order == "C" else np.reshape(a, -1, order)


def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """`a.transpose(order)`, with the axes in `source` put at `destination`."""
    return np.transpose(a, np.moveaxis(_numbered_axes(a), source, destination).shape)


def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """`a.transpose(order)`, with the axis put before the one that is at `start`."""
    return np.transpose(a, np.rollaxis(_numbered_axes(a), axis, start).shape)


def matrix_transpose(x: Any, /) -> Any:
    """`x.swapaxes(-1, -2)`."""
    return x.mT


def atleast_1d(*arys: Any) -> Any:
    """`a.reshape(1)` of a number."""
    return _at_least(np.atleast_1d, arys)


def atleast_2d(*arys: Any) -> Any:
    """`a[None]` of a row."""
    return _at_least(np.atleast_2d, arys)


def atleast_3d(*arys: Any) -> Any:
    """`a[None, :, None]` of a row, `a[:, :, None]` of a matrix."""
    return _at_least(np.atleast_3d, arys)


def broadcast_arrays(*args: Any) -> Any:
    """`np.broadcast_to` the shape that fits all."""
    arrays = _arrays(args)
    common = np.broadcast_shapes(*[a.shape for a in arrays])
    return tuple([np.broadcast_to(a, common) for a in arrays])


def meshgrid(*xi: Any, sparse: bool = False, indexing: Any = "xy") -> Any:
    """Each of `xi` reshaped onto an axis of its own, and broadcast along the others' axes."""
    arrays = _arrays(xi)
    shapes = np.meshgrid(*[np.empty(x.size) for x in arrays], sparse=True, indexing=indexing)
    grid = [x.reshape(like.shape) for x, like in zip(arrays, shapes, strict=True)]
    return tuple(grid) if sparse else broadcast_arrays(*grid)


# ---- joining ---------------------------------------------------------------------------------


def vstack(tup: Any, *, dtype: Any = None) -> Any:
    """`np.concatenate` of rows, `np.atleast_2d`, on axis 0."""
    parts = [a if a.ndim > 1 else atleast_2d(a) for a in _arrays(tup)]
    return np.concatenate(parts, dtype=dtype)


def hstack(tup: Any, *, dtype: Any = None) -> Any:
    """`np.concatenate` on axis 1, or on the only one."""
    parts = [a if a.ndim else atleast_1d(a) for a in _arrays(tup)]
    return np.concatenate(parts, 0 if parts and parts[0].ndim == 1 else 1, dtype=dtype)


def dstack(tup: Any) -> Any:
    """`np.concatenate` of `np.atleast_3d`, on axis 2."""
    return np.concatenate([a if a.ndim > 2 else atleast_3d(a) for a in _arrays(tup)], 2)


def column_stack(tup: Any) -> Any:
    """`np.concatenate` of columns, on axis 1."""
    return np.concatenate([a if a.ndim > 1 else a.reshape(-1, 1) for a in _arrays(tup)], 1)


def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """`np.concatenate((arr, values), axis)`."""
    return np.concatenate(_arrays((arr, values)), axis)


def block(arrays: Any) -> Any:
    """`np.concatenate` of the innermost lists on the last axis, of those on the one before, …"""

    def filled(nest: Any, numbers: Any) -> Any:
        if isinstance(nest, list | tuple):
            return type(nest)([filled(p, numbers) for p in nest])
        return next(numbers)

    parts = _arrays(_entries(arrays))
    return by_number(lambda *numbers: np.block(filled(arrays, iter(numbers))), *parts)


# ---- cutting ---------------------------------------------------------------------------------


def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """`ary[a:b]` along an axis, for parts as equal as they can be, or cut at the indices."""
    return _cut(np.array_split, ary, indices_or_sections, axis)


def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """`ary[a:b]` along an axis, for equal parts, or cut at the indices."""
    return _cut(np.split, ary, indices_or_sections, axis)


def hsplit(ary: Any, indices_or_sections: Any) -> Any:
    """`np.split` along axis 1, or the only one."""
    return split(ary, indices_or_sections, min(1, ary.ndim - 1))


def vsplit(ary: Any, indices_or_sections: Any) -> Any:
    """`np.split` along axis 0 of matrices, or arrays with more axes."""
    return split(ary, indices_or_sections, -ary.ndim if ary.ndim > 1 else -2)


def dsplit(ary: Any, indices_or_sections: Any) -> Any:
    """`np.split` along axis 2."""
    return split(ary, indices_or_sections, 2)


def unstack(x: Any, /, *, axis: int = 0) -> Any:
    """`x[i]` along an axis, for each `i`."""
    return tuple(np.moveaxis(x, axis, 0))


# ---- turning ---------------------------------------------------------------------------------


def fliplr(m: Any) -> Any:
    """`np.flip(m, 1)`."""
    return np.flip(m, 1)


def flipud(m: Any) -> Any:
    """`np.flip(m, 0)`."""
    return np.flip(m, 0)


def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """`np.flip(m, axes[1])`, its two axes swapped, for a quarter of a turn."""
    one, two = normalize_axis_tuple(axes, m.ndim)
    if k % 2 == 0:
        return np.flip(m, (one, two) if k % 4 == 2 else ())
    return np.flip(m, two).swapaxes(one, two) if k % 4 == 1 else np.flip(m.swapaxes(one, two), two)


def astype(x: Any, dtype: Any, /) -> Any:
    """`x.astype(dtype)`."""
    return x.astype(dtype)


# ---- how -------------------------------------------------------------------------------------


def _arrays(parts: Any) -> list[Any]:
    """The parts, as arrays if they are none; Python's floats take on the dtype of the others."""
    arrays = list(parts)
    floats = [x.dtype for x in arrays if hasattr(x, "dtype") and x.dtype.kind == "f"]
    for i, x in enumerate(arrays):
        if not hasattr(x, "ndim"):
            kinds = {type(number) for number in _entries(x)}
            is_weak = floats and kinds in ({float}, {float, int})
            arrays[i] = np.asarray(x, np.result_type(*floats) if is_weak else None)
    return arrays


def _entries(nest: Any) -> list[Any]:
    """What is in nested lists."""
    if isinstance(nest, list | tuple):
        return [leaf for part in nest for leaf in _entries(part)]
    return [nest]


def by_number(function: Callable[..., Any], *arrays: Any) -> Any:
    """What a function that moves entries makes of arrays, by what it makes of their numbers."""
    entries = np.concatenate(arrays, None)
    cuts = np.cumsum([a.size for a in arrays])[:-1]
    numbers = np.split(np.arange(entries.size), cuts)
    numbered = [n.reshape(a.shape) for n, a in zip(numbers, arrays, strict=True)]
    return np.take(entries, function(*numbered))


def positions(x: Any, axis: int) -> Any:
    """The positions along an axis."""
    return np.arange(x.shape[normalize_axis_index(axis, x.ndim)])


def _numbered_axes(a: Any) -> Any:
    """An array without entries, whose axes are as long as their number: so one sees them move."""
    return np.empty(range(a.ndim))


def _at_least(function: Any, arrays: Any) -> Any:
    """Arrays in the shapes that a function gives them, in a tuple if there are several."""
    shapes = [function(np.broadcast_to(0, np.shape(a))).shape for a in arrays]
    made = [a.reshape(shape) for a, shape in zip(_arrays(arrays), shapes, strict=True)]
    return made[0] if len(made) == 1 else tuple(made)


def _cut(split: Any, x: Any, where: Any, axis: int) -> list[Any]:
    """The parts of an array that a function makes, by what it makes of the positions."""
    parts = split(positions(x, axis), np.asarray(where))
    slices = [slice(p[0], p[-1] + 1) if p.size else slice(0) for p in parts]
    return [x[on_axis(axis, part, x.ndim)] for part in slices]
