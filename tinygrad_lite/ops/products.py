"""Matrix products."""

from typing import Any

import numpy as np

from .operation import op


def as_matrices(g: Any, out: Any, inputs: list[Any]) -> tuple[Any, Any, list[Any]]:
    """Make a row of a 1-D `x` and a column of a 1-D `y`, and give `g` and `out` those axes."""
    x, y = inputs
    if x.ndim > 1 and y.ndim > 1:
        return g, out, inputs
    shape = g.shape
    if y.ndim == 1:
        shape = (*shape, 1)
    if x.ndim == 1:
        shape = (*shape[:-1], 1, shape[-1])
    if x.ndim == 1:
        x = x.reshape(1, *x.shape)
    if y.ndim == 1:
        y = y.reshape(*y.shape, 1)
    return g.reshape(shape), out.reshape(shape), [x, y]


matmul = op(
    np.matmul,
    lift=as_matrices,
    x=lambda g, out, x, y: g @ y.mT,
    y=lambda g, out, x, y: x.mT @ g,
)
