"""Selecting entries."""

from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError
from .. import elementwise
from ..indexing import along, argpartition, argsort, plain, take
from .shapes import _arrays, by_number


def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    """`arr[indices]` along one axis, in step with the others."""
    if axis is None:
        arr, axis = arr.reshape(-1), 0
    if indices.ndim != arr.ndim:
        raise ShapeError(f"take_along_axis: {indices.shape} indices into {arr.shape} entries.")
    return arr[along(indices, arr.shape, axis)]


def sort(a: Any, axis: int | None = -1, kind: Any = None, *, stable: Any = None) -> Any:
    """`np.take_along_axis(a, np.argsort(a, axis), axis)`."""
    return take_along_axis(a, argsort(a, axis, kind, stable=stable), axis)


def partition(a: Any, kth: Any, axis: int | None = -1, kind: Any = "introselect") -> Any:
    """`np.take_along_axis(a, np.argpartition(a, kth, axis), axis)`."""
    return take_along_axis(a, argpartition(a, kth, axis, kind), axis)


# ---- by conditions ---------------------------------------------------------------------------


def where(condition: Any, /, *choices: Any) -> Any:
    """`np.nonzero(condition)`, if there is nothing to choose from."""
    if len(choices) == 1:
        raise ArgumentError("where: give both x and y, or neither of them.")
    return elementwise.where(condition, *choices) if choices else nonzero(condition)


def nonzero(a: Any) -> Any:
    """The columns of `np.argwhere(a)`, without gradient."""
    if a.ndim == 0:
        raise ShapeError("nonzero: a number has no positions. Use np.atleast_1d.")
    return tuple(np.transpose(np.argwhere(a)))


def compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    """`np.take(a, np.flatnonzero(condition), axis)`."""
    if np.ndim(condition) != 1:
        raise ShapeError(f"compress: the condition needs one axis, not {np.shape(condition)}.")
    return take(a, np.flatnonzero(condition), axis)


def extract(condition: Any, arr: Any) -> Any:
    """`np.take(arr, np.flatnonzero(condition))`."""
    return take(arr, np.flatnonzero(condition))


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """`np.where(first, its_choice, np.where(second, its_choice, … default))`."""
    if not 0 < len(condlist) == len(choicelist):
        raise ShapeError(f"select: {len(condlist)} conditions for {len(choicelist)} choices.")
    choices = [np.asarray(c) if isinstance(c, list) else c for c in (*choicelist, default)]
    dtype = np.result_type(*[getattr(c, "dtype", c) for c in choices])
    *choices, out = choices
    out = out.astype(dtype) if hasattr(out, "astype") else np.asarray(out, dtype)
    for condition, choice in zip(reversed(condlist), reversed(choices), strict=True):
        out = np.where(condition, choice, out)
    return out


def choose(a: Any, choices: Any, *, mode: Any = "raise") -> Any:
    """`np.stack(choices)[a]`, entry by entry."""
    chosen = np.choose(np.asarray(a), list(range(len(choices))), mode=mode)
    *parts, chosen = np.broadcast_arrays(*choices, chosen)
    return np.stack(parts)[(chosen, *np.indices(chosen.shape, sparse=True))]


# ---- more entries, or fewer ------------------------------------------------------------------


def delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    """`np.take` of all entries but those at `obj`."""
    return by_number(lambda x: np.delete(x, _positions(obj), axis), arr)


def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """`np.take` of the entries of both, the values put before `obj`."""
    arr, values = _arrays((arr, values))
    place = _positions(obj)
    if isinstance(place, np.ndarray) and place.dtype == bool:  # NumPy 2.0 took it for numbers
        place = np.flatnonzero(place)
    return by_number(lambda x, v: np.insert(x, place, v, axis), arr, values.astype(arr.dtype))


def _positions(obj: Any) -> Any:
    """An index that says how many entries there will be; a trace refuses Tensors."""
    return np.asarray(obj) if hasattr(obj, "__apply__") else plain(obj)
