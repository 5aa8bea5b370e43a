"""Operations that move entries, and change none."""

from functools import reduce
from math import prod
from operator import add, index
from typing import Any

import numpy as np

from ..errors import ArgumentError, OperationError
from .indexing import on_axis, scatter_add, zeros
from .operation import op

# ---- the same entries, on other axes ---------------------------------------------------------


def inverse_order(axes: Any, ndim: int) -> Any:
    """The permutation that undoes `axes`."""
    return None if axes is None else np.argsort([axis % ndim for axis in axes]).tolist()


def _reshape(a: Any, shape: Any, order: str = "C") -> Any:
    if order not in ("C", "F"):
        raise ArgumentError(f"reshape: order is 'C' or 'F', by rows or by columns, not {order!r}.")
    return a.reshape(shape, order=order)


reshape = op(
    np.reshape,
    run=_reshape,
    x=lambda g, out, x, shape, order="C": (
        g.reshape(x.shape) if order == "C" else np.reshape(g, x.shape, order)
    ),
    formulas={"x": "np.reshape(g, x.shape, order)"},
)
expand_dims = op(np.expand_dims, x=lambda g, out, x, axis: g.reshape(x.shape))
squeeze = op(
    np.squeeze,
    run=lambda a, axis=None: a.squeeze(axis),
    x=lambda g, out, x, axis=None: g.reshape(x.shape),
)
transpose = op(
    np.transpose,
    run=lambda a, axes=None: a.transpose(axes),
    x=lambda g, out, x, axes=None: g.transpose(inverse_order(axes, g.ndim)),
)
swapaxes = op(np.swapaxes, x=lambda g, out, x, axis1, axis2: g.swapaxes(axis1, axis2))
broadcast_to = op(np.broadcast_to, x=lambda g, out, x, shape: g)

# ---- entries in another order ----------------------------------------------------------------

flip = op(np.flip, x=lambda g, out, x, axis=None: np.flip(g, axis))
roll = op(
    np.roll,
    x=lambda g, out, x, shift, axis=None: np.roll(g, np.negative(shift), axis),
    formulas={"x": "np.roll(g, np.negative(shift), axis)"},
)

# ---- entries more than once: the gradients of the copies add up ------------------------------


def add_tiles(g: Any, shape: tuple[int, ...], reps: Any) -> Any:
    """The sum of the copies that `tile` made of an array of the given shape."""
    counts = [int(n) for n in np.atleast_1d(reps)]
    counts = [1] * (g.ndim - len(counts)) + counts
    lengths = [1] * (g.ndim - len(shape)) + list(shape)
    copies = g.reshape([n for pair in zip(counts, lengths, strict=True) for n in pair])
    axes = tuple([2 * i for i, count in enumerate(counts) if count != 1])
    return (np.add.reduce(copies, axis=axes) if axes else copies).reshape(shape)


def add_repeats(g: Any, shape: tuple[int, ...], repeats: Any, axis: int | None) -> Any:
    """The sum of the copies that `repeat` made of each entry of an array of the given shape."""
    if axis is None or not shape:
        return add_repeats(g, (prod(shape),), repeats, 0).reshape(shape)
    axis %= len(shape)
    if np.size(repeats) != 1:
        copied = np.repeat(np.arange(shape[axis]), repeats)
        return scatter_add(g, on_axis(axis, copied, len(shape)), shape)
    count = int(np.max(repeats))
    copies = g.reshape(*shape[: axis + 1], count, *shape[axis + 1 :])
    if not 1 <= count <= 8:
        return np.add.reduce(copies, axis=axis + 1)
    # NumPy is slow at sums along a short axis.
    return reduce(add, [copies[on_axis(axis + 1, i, copies.ndim)] for i in range(count)])


tile = op(
    np.tile,
    x=lambda g, out, x, reps: add_tiles(g, x.shape, reps),
    shape_by="reps",
)
repeat = op(
    np.repeat,
    run=lambda a, repeats, axis=None: a.repeat(repeats, axis),
    x=lambda g, out, x, repeats, axis=None: add_repeats(g, x.shape, repeats, axis),
    shape_by="repeats",
)

# ---- entries and a border --------------------------------------------------------------------

BORDERS = ("edge", "reflect", "symmetric", "wrap")  # made of entries


def _pad(array: Any, pad_width: Any, mode: Any = "constant", constant_values: Any = 0) -> Any:
    widths = pad_widths(pad_width, array.ndim)
    if mode in BORDERS:
        return np.pad(array, widths, mode)
    if mode != "constant":
        modes = ", ".join(("constant", *BORDERS))
        raise OperationError(f"pad: mode={mode!r} has no gradient here. The modes are {modes}.")
    if type(constant_values) is not int or constant_values != 0:
        return np.pad(array, widths, constant_values=constant_values)
    out = zeros([b + n + a for n, (b, a) in zip(array.shape, widths, strict=True)], array)
    out[inside(array.shape, widths)] = array
    return out


def pad_widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    """How many entries come before and after, for each axis."""
    if type(pad_width) is int:
        widths = [(pad_width, pad_width)] * ndim
    else:
        widths = [(index(b), index(a)) for b, a in np.broadcast_to(pad_width, (ndim, 2)).tolist()]
    if widths and min(map(min, widths)) < 0:
        raise ValueError(f"pad_width can't be negative: {pad_width!r}")
    return widths


def inside(shape: tuple[int, ...], widths: Any) -> tuple[slice, ...]:
    """The index of what was padded."""
    return tuple([slice(b, b + n) for n, (b, _) in zip(shape, widths, strict=True)])


def unpadded(g: Any, shape: tuple[int, ...], pad_width: Any, mode: str) -> Any:
    """What is inside, with what was copied into the border added up."""
    widths = pad_widths(pad_width, len(shape))
    if mode == "constant":
        return g[inside(shape, widths)]
    copied = np.pad(np.arange(prod(shape)).reshape(shape), widths, mode)  # type: ignore[call-overload]
    return scatter_add(g, copied, (prod(shape),)).reshape(shape)


pad = op(
    np.pad,
    run=_pad,
    x=lambda g, out, x, pad_width, mode="constant", constant_values=0: unpadded(
        g, x.shape, pad_width, mode
    ),
    shape_by="pad_width",
)

# ---- several arrays --------------------------------------------------------------------------


def part(g: Any, xs: Any, position: int, axis: int | None) -> Any:
    """The part of a concatenation that came from `xs[position]`."""
    if axis is None:
        return part(g, [x.reshape(-1) for x in xs], position, 0).reshape(xs[position].shape)
    start = sum([x.shape[axis] for x in xs[:position]])
    return g[on_axis(axis, slice(start, start + xs[position].shape[axis]), g.ndim)]


concatenate = op(
    np.concatenate,
    run=lambda arrays, axis=0, *, dtype=None: np.concatenate(arrays, axis, dtype=dtype),
    each=lambda g, out, *xs, position, axis=0, dtype=None: part(g, xs, position, axis),
    formulas={"each": "part(g, xs, position, axis)"},
)
stack = op(
    np.stack,
    run=lambda arrays, axis=0, *, dtype=None: np.stack(arrays, axis, dtype=dtype),
    each=lambda g, out, *xs, position, axis=0, dtype=None: g[on_axis(axis, position, g.ndim)],
    formulas={"each": "np.moveaxis(g, axis, 0)[position]"},
)

# ---- dtype -----------------------------------------------------------------------------------


@op(x=lambda g, out, x, dtype: g)
def astype(x: Any, dtype: Any) -> Any:
    """The entries in another dtype; gradients flow between floating ones."""
    return x.astype(dtype)
