"""Operations that reduce axes: for their rules `g` and `out` have kept the reduced axes, as 1.

A gradient smaller than its input is spread over it by the engine.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .operation import Operation, Rule, op


def keep_axes(
    g: Any, out: Any, inputs: Sequence[Any], axis: Any = None, keepdims: bool = False, **_: Any
) -> tuple[Any, Any, Sequence[Any]]:
    """Undo what `keepdims=False` did to `g` and `out`."""
    if axis is None or keepdims or inputs[0].ndim == 0:
        return g, out, inputs
    shape = list(inputs[0].shape)
    for i in axis if isinstance(axis, tuple) else (axis,):
        shape[i] = 1
    return g.reshape(shape), out.reshape(shape), inputs


def reduction(
    function: Callable[..., Any], x: Rule, run: Callable[..., Any] | None = None
) -> Operation:
    return op(function, run=run, lift=keep_axes, x=x)


def _sum(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False) -> Any:
    return np.add.reduce(a, axis=axis, dtype=dtype, keepdims=keepdims)


def _mean(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    if a.dtype.char not in "fd" or a.size == 0:  # half precision, integers: np.mean knows how
        return np.mean(a, axis=axis, keepdims=keepdims)
    total = np.add.reduce(a, axis=axis, keepdims=keepdims)
    return total / entries(a, total)


def _max(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    return np.maximum.reduce(a, axis=axis, keepdims=keepdims)


def _min(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    return np.minimum.reduce(a, axis=axis, keepdims=keepdims)


def entries(x: Any, out: Any) -> Any:
    """How many entries of `x` each entry of `out` stands for."""
    return x.size // (out.size or 1)


def inverse(n: int) -> float:
    """1/n as Python's number, which fits every dtype; NaN where there is no mean."""
    return 1 / n if n > 0 else float("nan")


def evenly(mask: Any, x: Any, axis: Any) -> Any:
    """Shares of the entries that tie: 1/n each, where `mask` holds n times along `axis`."""
    wide = np.promote_types(x.dtype, np.float32)  # half precision can't count beyond 65504
    return mask / np.sum(mask, axis=axis, keepdims=True, dtype=wide)


sum_ = reduction(np.sum, run=_sum, x=lambda g, out, x, axis=None, dtype=None, keepdims=False: g)
mean = reduction(
    np.mean,
    run=_mean,
    x=lambda g, out, x, axis=None, keepdims=False: g * inverse(entries(x, out)),
)
var = reduction(
    np.var,
    x=lambda g, out, x, axis=None, ddof=0, keepdims=False: (
        g * (2 * inverse(entries(x, out) - ddof)) * (x - np.mean(x, axis=axis, keepdims=True))
    ),
)
max_ = reduction(
    np.max,
    run=_max,
    x=lambda g, out, x, axis=None, keepdims=False: g * evenly(x == out, x, axis),
)
min_ = reduction(
    np.min,
    run=_min,
    x=lambda g, out, x, axis=None, keepdims=False: g * evenly(x == out, x, axis),
)
