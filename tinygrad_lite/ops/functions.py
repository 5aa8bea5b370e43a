"""What NumPy lacks: the functions of neural networks, as `tl.f`."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .indexing import plain, scatter_add, zeros
from .operation import op
from .products import linear
from .reductions import keep_axes
from .special import erf, normal_cdf, normal_pdf

__all__ = [
    "cross_entropy", "erf", "gelu", "linear", "log_softmax", "logsumexp", "normal_cdf",
    "normal_pdf", "one_hot", "relu", "scatter_add", "sigmoid", "softmax", "softplus",
]  # fmt: skip


@op(kinks="0 at 0", x=lambda g, out, x: g * (out > 0))
def relu(x: Any) -> Any:
    """The positive part, `max(x, 0)`; at 0 its gradient is 0.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.f.relu(tl.Tensor([-1.0, 2.0]))
    Tensor([0., 2.], shape=(2,))
    """
    if getattr(x, "size", 1) > 10_000 and x.dtype.kind == "f":
        return x.clip(0, np.inf)  # the same, faster
    return np.maximum(x, 0)


@op(x=lambda g, out, x: g * out * (1 - out))
def sigmoid(x: Any) -> Any:
    """The logistic function, `1 / (1 + exp(-x))`, right to rounding; 0 where it would be subnormal.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.f.sigmoid(tl.Tensor([0.0, 100.0]))
    Tensor([0.5, 1. ], shape=(2,))
    """
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-1.0 * x))  # unsigned integers have no -x


@op(x=lambda g, out, x: g * sigmoid(x))
def softplus(x: Any) -> Any:
    """A smooth relu, `log(1 + exp(x))`, without overflow.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.f.softplus(tl.Tensor([0.0, 100.0]))
    Tensor([  0.6931, 100.    ], shape=(2,))
    """
    return relu(x) + np.log1p(np.exp(-1.0 * np.absolute(x)))


def gelu(x: Any, approximate: bool = False) -> Any:
    """A smooth relu, `x * normal_cdf(x)` [1]_.

    Parameters
    ----------
    x : floating, any shape
    approximate : bool
        Whether to take a function that is near, and faster to compute:
        `x * sigmoid(√(8/π) * (x + 0.044715 * x**3))`, known as "gelu with tanh".

    References
    ----------
    .. [1] D. Hendrycks, K. Gimpel, "Gaussian error linear units (GELUs)", 2016.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.f.gelu(tl.Tensor([-1.0, 0.0, 2.0]))
    Tensor([-0.1587,  0.    ,  1.9545], shape=(3,))
    """
    if approximate:
        factor = math.sqrt(8 / math.pi)
        return x * sigmoid(x * (factor + 0.044715 * factor * np.square(x)))
    return x * normal_cdf(x)


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
    Tensor(1000.6932, shape=())
    """
    if x.dtype.char not in WIDE:
        return widened(logsumexp, x, axis, keepdims=keepdims)
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):  # the sum over nothing is 0, its logarithm -inf
        out = top + np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True))
    return out if keepdims else np.squeeze(out, axis=axis)


@op(
    x=lambda g, out, x, axis=-1: g - np.exp(out) * total(g, axis),
    formulas={"x": "g - np.exp(out) * np.sum(g, axis=axis, keepdims=True)"},
)
def log_softmax(x: Any, axis: int = -1) -> Any:
    """The logarithm of `softmax`, without overflow: `x - logsumexp(x)` along `axis`.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.f.log_softmax(tl.Tensor([0.0, 0.0]))
    Tensor([-0.6931, -0.6931], shape=(2,))
    """
    if x.dtype.char not in WIDE:
        return widened(log_softmax, x, axis)
    x = axis_first(x, axis)
    out = x - np.maximum.reduce(x, axis=0)
    out -= np.log(total(np.exp(out), 0)[0])
    return out.swapaxes(axis, 0)


@op(
    x=lambda g, out, x, axis=-1: out * (g - dot(g, out, axis)),
    formulas={"x": "out * (g - np.sum(g * out, axis=axis, keepdims=True))"},
)
def softmax(x: Any, axis: int = -1) -> Any:
    """Probabilities, `exp(x) / sum(exp(x))` along `axis`, without overflow.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.f.softmax(tl.Tensor([0.0, 0.0]))
    Tensor([0.5, 0.5], shape=(2,))
    """
    if x.dtype.char not in WIDE:
        return widened(softmax, x, axis)
    x = axis_first(x, axis)
    out = np.exp(x - np.maximum.reduce(x, axis=0))
    out /= total(out, 0)
    return out.swapaxes(axis, 0)


WIDE = "fdg"  # dtypes to compute in


def widened(function: Callable[..., Any], x: Any, *args: Any, **options: Any) -> Any:
    """`function` of half precision, where sums overflow, in single; of integers in double."""
    if x.dtype.kind != "f":
        return function(x.astype(np.float64), *args, **options)
    return function(x.astype(np.float32), *args, **options).astype(x.dtype)


def dot(x: Any, y: Any, axis: int) -> Any:
    """`sum(x * y)` along an axis, which stays, as 1."""
    return np.vecdot(x.swapaxes(axis, -1), y.swapaxes(axis, -1))[..., None].swapaxes(axis, -1)


def total(x: Any, axis: int) -> Any:
    """The sum along an axis, which stays, as 1; of long rows as a product, which is faster."""
    if x.shape[axis] >= LONG:
        x = x.astype(np.float32) if x.dtype == np.float16 else x  # which would overflow
        if x.ndim == 2:
            x = x.swapaxes(axis, 1)
            return (x @ np.ones((x.shape[1], 1), x.dtype)).swapaxes(axis, 1)
    return np.add.reduce(x, axis=axis, keepdims=True)


LONG = 64  # entries of an axis


def axis_first(x: Any, axis: int) -> Any:
    """`x` with `axis` in front: a copy if it is short, since NumPy reduces long rows faster."""
    x = x.swapaxes(axis, 0)
    return x.copy() if len(x) < LONG and x.ndim > 1 else x


def checked(classes: Any, count: int) -> Any:
    """Classes on one axis, none of them negative, which NumPy would take from the end."""
    chosen = classes.reshape(-1)
    if chosen.dtype.kind not in "iu":
        raise TypeError(f"classes must be integers, not {chosen.dtype}")
    if chosen.size and np.minimum.reduce(chosen) < 0:
        raise IndexError(f"class {chosen.min()} is out of range: there are {count}")
    return chosen


def one_hot(classes: Any, count: int, dtype: Any = np.float32) -> Any:
    """A last axis of `count` entries: 1 at the class, 0 elsewhere.

    Parameters
    ----------
    classes : array of int, (...)
    count : int
    dtype : dtype

    Returns
    -------
    ndarray
        Of shape (..., count).

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> tl.f.one_hot(np.array([1, 0]), 3)
    array([[0., 1., 0.],
           [1., 0., 0.]], dtype=float32)
    """
    classes = plain(classes) if hasattr(classes, "dtype") else np.asarray(classes)
    out = zeros((classes.size, count), classes, dtype)
    out[np.arange(classes.size), checked(classes, count)] = 1
    return out.reshape(*classes.shape, count)


@op(
    logits=lambda g, out, logits, classes: (
        g[..., None] * (softmax(logits) - one_hot(classes, logits.shape[-1], logits.dtype))
    ),
    classes=None,
)
def cross_entropy(logits: Any, classes: Any) -> Any:
    """Minus the logarithm of the probability that `softmax(logits)` gives to each class.

    Parameters
    ----------
    logits : floating, (..., number of classes)
    classes : int, (...)

    Returns
    -------
    Tensor or ndarray
        A loss for each row, (...).

    Raises
    ------
    ShapeError, BoundsError
        If `classes` has another shape, or a class is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> tl.f.cross_entropy(tl.Tensor([[2.0, 0.0]]), np.array([1]))
    Tensor([2.1269], shape=(1,))
    """
    if classes.shape != logits.shape[:-1]:
        raise ValueError("classes must have the shape of logits without its last axis")
    if logits.dtype.char not in WIDE:
        return widened(cross_entropy, logits, classes)
    count = logits.shape[-1]
    x = axis_first(logits.reshape(-1, count), 1)
    x = x - np.maximum.reduce(x, axis=0)
    losses = np.log(np.add.reduce(np.exp(x), axis=0))
    losses -= x[checked(classes, count), np.arange(classes.size)]
    return losses.reshape(classes.shape)
