"""What NumPy lacks: the functions of neural networks, as `tl.f`."""

from typing import Any

import numpy as np

from .indexing import scatter_add
from .operation import op
from .reductions import keep_axes

__all__ = [
    "log_softmax",
    "logsumexp",
    "relu",
    "scatter_add",
    "sigmoid",
    "softmax",
    "softplus",
]


@op(x=lambda g, out, x: g * np.sign(out))  # a mask of floats is cheaper than of booleans
def relu(x: Any) -> Any:
    """The positive part, `max(x, 0)`; at 0 its gradient is 0.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.f.relu(tl.Tensor([-1.0, 2.0]))
    Tensor([0., 2.], shape=(2,))
    """
    return np.maximum(x, 0)


@op(x=lambda g, out, x: g * out * (1 - out))
def sigmoid(x: Any) -> Any:
    """The logistic function, `1 / (1 + exp(-x))`, right to rounding for every `x`.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.f.sigmoid(tl.Tensor([0.0, -100.0]))
    Tensor([5.000e-01, 3.783e-44], shape=(2,))
    """
    z = np.exp(-np.absolute(x))  # never overflows
    return np.where(x >= 0, 1, z) / (1 + z)


@op(x=lambda g, out, x: g * sigmoid(x))
def softplus(x: Any) -> Any:
    """A smooth relu, `log(1 + exp(x))`, without overflow.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.f.softplus(tl.Tensor([0.0, 100.0]))
    Tensor([  0.6931, 100.    ], shape=(2,))
    """
    return np.logaddexp(x, 0)


@op(lift=keep_axes, x=lambda g, out, x, axis=None, keepdims=False: g * np.exp(x - out))
def logsumexp(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """`log(sum(exp(x)))` along `axis` (all axes by default), without overflow.

    Parameters
    ----------
    x : floating, any shape
    axis : int or tuple of int, optional
    keepdims : bool

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.f.logsumexp(tl.Tensor([1000.0, 1000.0]))
    Tensor(1000.6931, shape=())
    """
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):  # the sum over nothing is 0, its logarithm -inf
        out = top + np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True))
    return out if keepdims else np.squeeze(out, axis=axis)


@op(x=lambda g, out, x, axis=-1: g - np.exp(out) * np.sum(g, axis=axis, keepdims=True))
def log_softmax(x: Any, axis: int = -1) -> Any:
    """The logarithm of `softmax`, without overflow: `x - logsumexp(x)` along `axis`.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.f.log_softmax(tl.Tensor([0.0, 0.0]))
    Tensor([-0.6931, -0.6931], shape=(2,))
    """
    out = x - np.maximum.reduce(x, axis, None, None, True)
    out -= np.log(np.add.reduce(np.exp(out), axis, None, None, True))
    return out


@op(x=lambda g, out, x, axis=-1: out * (g - np.sum(g * out, axis=axis, keepdims=True)))
def softmax(x: Any, axis: int = -1) -> Any:
    """Probabilities, `exp(x) / sum(exp(x))` along `axis`, without overflow.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.f.softmax(tl.Tensor([0.0, 0.0]))
    Tensor([0.5, 0.5], shape=(2,))
    """
    out = np.exp(x - np.maximum.reduce(x, axis, None, None, True))
    out /= np.add.reduce(out, axis, None, None, True)
    return out
