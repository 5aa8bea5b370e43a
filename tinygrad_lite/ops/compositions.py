"""Functions of NumPy that are made of others, and so need no rule of their own."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import BoundsError, ShapeError
from .elementwise import clip
from .indexing import along


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return clip(a, min if a_min is None else a_min, max if a_max is None else a_max)


def _take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    if axis is None:
        arr, axis = arr.reshape(-1), 0
    if indices.ndim != arr.ndim:
        raise ShapeError(
            f"take_along_axis: indices need as many axes as the array {arr.shape}, not "
            f"{indices.shape}."
        )
    if not -arr.ndim <= axis < arr.ndim:
        raise BoundsError(f"take_along_axis: axis={axis} is out of range for shape {arr.shape}.")
    return arr[along(indices, arr.shape, axis)]


def _ndim(a: Any) -> Any:
    return a.ndim


def _shape(a: Any) -> Any:
    return a.shape


def _size(a: Any, axis: int | None = None) -> Any:
    return a.size if axis is None else a.shape[axis]


def _amax(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return np.max(a, axis=axis, keepdims=keepdims)


def _amin(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return np.min(a, axis=axis, keepdims=keepdims)


def _ravel(a: Any) -> Any:
    return a.reshape(-1)


def _std(a: Any, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Any:
    return np.sqrt(np.var(a, axis=axis, ddof=ddof, keepdims=keepdims))


compositions: dict[Callable[..., Any], Callable[..., Any]] = {
    np.amax: _amax,
    np.amin: _amin,
    np.clip: _clip,
    np.ndim: _ndim,
    np.ravel: _ravel,
    np.shape: _shape,
    np.size: _size,
    np.std: _std,
    np.take_along_axis: _take_along_axis,
}
