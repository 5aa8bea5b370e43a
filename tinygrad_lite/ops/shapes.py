"""Operations that move entries, and change none."""

from typing import Any

import numpy as np

from .operation import op


def _reshape(a: Any, shape: Any) -> Any:
    return a.reshape(shape)


def _concatenate(arrays: Any, axis: int | None = 0) -> Any:
    return np.concatenate(arrays, axis)


def _stack(arrays: Any, axis: int = 0) -> Any:
    return np.stack(arrays, axis)


def _transpose(a: Any, axes: Any = None) -> Any:
    return a.transpose(axes)


def inverse(axes: Any, ndim: int) -> Any:
    """The permutation that undoes `axes`."""
    return None if axes is None else tuple(int(i) for i in np.argsort([a % ndim for a in axes]))


def part(g: Any, xs: tuple[Any, ...], position: int, axis: int | None) -> Any:
    """The part of a concatenation that came from `xs[position]`."""
    if axis is None:
        start = sum(x.size for x in xs[:position])
        return g[start : start + xs[position].size].reshape(xs[position].shape)
    start = sum(x.shape[axis] for x in xs[:position])
    before = (slice(None),) * (axis % g.ndim)
    return g[(*before, slice(start, start + xs[position].shape[axis]))]


reshape = op(np.reshape, run=_reshape, x=lambda g, out, x, shape: g.reshape(x.shape))
expand_dims = op(np.expand_dims, x=lambda g, out, x, axis: g.reshape(x.shape))
squeeze = op(np.squeeze, x=lambda g, out, x, axis=None: g.reshape(x.shape))
transpose = op(
    np.transpose,
    run=_transpose,
    x=lambda g, out, x, axes=None: g.transpose(inverse(axes, g.ndim)),
)
swapaxes = op(np.swapaxes, x=lambda g, out, x, axis1, axis2: g.swapaxes(axis1, axis2))
broadcast_to = op(np.broadcast_to, x=lambda g, out, x, shape: g)
concatenate = op(
    np.concatenate,
    run=_concatenate,
    each=lambda g, out, *xs, position, axis=0: part(g, xs, position, axis),
)
stack = op(
    np.stack,
    run=_stack,
    each=lambda g, out, *xs, position, axis=0: g[(slice(None),) * (axis % g.ndim) + (position,)],
)


@op(x=lambda g, out, x, dtype: g)
def astype(x: Any, dtype: Any) -> Any:
    """The entries in another dtype; gradients flow between floating ones."""
    return x.astype(dtype)
