"""NumPy's functions that are others under another name, on arrays that are written down."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple


def _expand_dims(a: Any, axis: Any) -> Any:
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    axes = normalize_axis_tuple(axes, a.ndim + len(axes))
    left = iter(a.shape)
    return a.reshape(tuple([1 if i in axes else next(left) for i in range(a.ndim + len(axes))]))


def _moveaxis(a: Any, source: Any, destination: Any) -> Any:
    sources = normalize_axis_tuple(source, a.ndim)
    order = [i for i in range(a.ndim) if i not in sources]
    for target, i in sorted(zip(normalize_axis_tuple(destination, a.ndim), sources, strict=True)):
        order.insert(target, i)
    return a.transpose(tuple(order))


def _reduction(ufunc: Any) -> Callable[..., Any]:
    def reduce(
        a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False, **more: Any
    ) -> Any:
        return ufunc.reduce(a, axis=axis, dtype=dtype, keepdims=keepdims, **more)

    return reduce


def _array_of(x: Any, dtype: Any = None, copy: bool = True, order: str = "K") -> Any:
    if not hasattr(x, "node"):
        return np.array(x, dtype, order=order)  # type: ignore[call-overload]
    x = x.astype(dtype, copy=False) if dtype is not None else x
    return x.copy() if copy else x


CREATIONS: frozenset[Any] = frozenset((np.zeros, np.ones, np.empty, np.full, np.arange))
FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.reshape: lambda a, shape, order="C": a.reshape(shape, order=order),
    np.ravel: lambda a: a.ravel(),
    np.squeeze: lambda a, axis=None: a.squeeze(axis),
    np.expand_dims: _expand_dims,
    np.transpose: lambda a, axes=None: a.transpose(axes) if axes is not None else a.transpose(),
    np.swapaxes: lambda a, axis1, axis2: a.swapaxes(axis1, axis2),
    np.moveaxis: _moveaxis,
    np.matrix_transpose: lambda x: x.mT,
    np.copy: lambda a: a.copy(),
    np.array: _array_of,
    np.asarray: lambda x, dtype=None: _array_of(x, dtype, copy=False),
    np.sum: _reduction(np.add),
    np.prod: _reduction(np.multiply),
    np.max: _reduction(np.maximum),
    np.min: _reduction(np.minimum),
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: a.size,
}
