"""Products of vectors, matrices and arrays of any rank; diagonals and triangles."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .indexing import scatter_add
from .operation import Operation, op
from .subscripts import backward_subscripts, contract, split


def as_matrices(g: Any, out: Any, inputs: Sequence[Any]) -> tuple[Any, Any, Sequence[Any]]:
    """Make a row of a 1-D `x` and a column of a 1-D `y`, and give `g` and `out` those axes."""
    x, y = inputs
    if x.ndim > 1 and y.ndim > 1:
        return g, out, inputs
    shape = g.shape
    if y.ndim == 1:
        y, shape = y.reshape(*y.shape, 1), (*shape, 1)
    if x.ndim == 1:
        x, shape = x.reshape(1, *x.shape), (*shape[:-1], 1, shape[-1])
    return g.reshape(shape), out.reshape(shape), [x, y]


matmul = op(
    np.matmul,
    lift=as_matrices,
    x=lambda g, out, x, y: g @ y.mT,
    y=lambda g, out, x, y: x.mT @ g,
)


def as_rows(g: Any, out: Any, inputs: Sequence[Any]) -> tuple[Any, Any, Sequence[Any]]:
    """Make one matrix of all rows of `x`, whatever axes they lie on, and so of the others."""
    x, weight, bias = inputs
    if x.ndim == 2 == weight.ndim:
        return g, out, inputs
    features, outputs = weight.shape if weight.ndim == 2 else (weight.size, 1)
    inputs = [x.reshape(-1, features), weight.reshape(features, outputs), bias.reshape(outputs)]
    return g.reshape(-1, outputs), out.reshape(-1, outputs), inputs


@op(
    lift=as_rows,
    x=lambda g, out, x, weight, bias: g @ weight.mT,
    weight=lambda g, out, x, weight, bias: x.mT @ g,
    bias=lambda g, out, x, weight, bias: g,
)
def linear(x: Any, weight: Any, bias: Any) -> Any:
    """The affine map `x @ weight + bias`, as one operation.

    Parameters
    ----------
    x : (..., in_features)
    weight : (in_features, out_features), or (in_features,) for a single output
    bias : (out_features,), or ()

    Raises
    ------
    ShapeError
        If any has another shape.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.f.linear(tl.ones(2, 3), tl.ones(3, 1), tl.ones(1))
    Tensor([[4.],
            [4.]], shape=(2, 1))
    """
    if weight.ndim not in (1, 2) or bias.shape != weight.shape[1:]:
        raise ValueError("weight must be (in_features, out_features) and bias (out_features,)")
    y = x @ weight
    if y.dtype != bias.dtype:
        return y + bias
    y += bias  # in the memory that the product has just got
    return y


# ---- with vectors ----------------------------------------------------------------------------


def flat(g: Any, out: Any, inputs: Sequence[Any]) -> tuple[Any, Any, Sequence[Any]]:
    """Make vectors of both inputs."""
    return g, out, [np.reshape(x, -1) for x in inputs]


vecdot = op(
    np.vecdot,
    x=lambda g, out, x, y: g[..., None] * y,
    y=lambda g, out, x, y: g[..., None] * x,
)
if hasattr(np, "matvec"):  # from NumPy 2.2 on
    matvec = op(
        np.matvec,
        x=lambda g, out, x, y: g[..., None] * y[..., None, :],
        y=lambda g, out, x, y: np.vecmat(g, x),
    )
    vecmat = op(
        np.vecmat,
        x=lambda g, out, x, y: np.matvec(y, g),
        y=lambda g, out, x, y: x[..., None] * g[..., None, :],
    )
outer = op(
    np.outer,
    lift=flat,
    x=lambda g, out, x, y: g @ y,
    y=lambda g, out, x, y: x @ g,
)
cross = op(
    np.cross,
    x=lambda g, out, x, y: np.cross(y, g),
    y=lambda g, out, x, y: np.cross(g, x),
)

# ---- over named axes -------------------------------------------------------------------------


def whole(values: Any, own: str, known: str) -> Any:
    """Give values on the axes `known` those of `own` that they lack: the same along them."""
    lengths = dict(zip(known, values.shape, strict=True))
    return values if known == own else values.reshape([lengths.get(c, 1) for c in own])


def einsum_slope(g: Any, xs: Sequence[Any], subscripts: str, position: int) -> Any:
    """The einsum of `g` and the other operands, which lacks the axes that only this one has."""
    backward = backward_subscripts(subscripts, position)
    flow = einsum([g, *xs[:position], *xs[position + 1 :]], backward)
    return whole(flow, split(subscripts)[0][position], split(backward)[1])


einsum: Operation = op(
    contract,
    name="einsum",
    each=lambda g, out, *xs, position, subscripts: einsum_slope(g, xs, subscripts, position),
)

# ---- parts of matrices -----------------------------------------------------------------------


def diagonal_entries(rows: int, columns: int, offset: int) -> slice:
    """Where a diagonal lies among all entries of a matrix, row by row."""
    start = offset if offset >= 0 else -offset * columns
    count = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    return slice(start, start + count * (columns + 1), columns + 1)


def on_diagonal(g: Any, shape: tuple[int, ...], offset: int, axis1: int, axis2: int) -> Any:
    """Zeros of the given shape, with `g` on a diagonal."""
    rows, columns, stack = shape[axis1], shape[axis2], g.shape[:-1]
    entries = (..., diagonal_entries(rows, columns, offset))
    matrices = scatter_add(g, entries, (*stack, rows * columns)).reshape(*stack, rows, columns)
    return np.moveaxis(matrices, (-2, -1), (axis1, axis2))


diagonal = op(
    np.diagonal,
    x=lambda g, out, x, offset=0, axis1=0, axis2=1: on_diagonal(g, x.shape, offset, axis1, axis2),
)
tril = op(np.tril, x=lambda g, out, x, k=0: np.tril(g, k))
triu = op(np.triu, x=lambda g, out, x, k=0: np.triu(g, k))
