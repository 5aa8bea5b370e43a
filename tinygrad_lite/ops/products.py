"""Matrix products."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .operation import op


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
