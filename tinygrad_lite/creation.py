"""New Tensors by shape. Floating ones are float32 unless a dtype says otherwise."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .context import current
from .errors import DtypeError
from .ops import constant
from .random import generator
from .tensor import Tensor, wrap
from .values import unpacked


def zeros(*shape: Any, dtype: DTypeLike = np.float32, requires_grad: bool = False) -> Tensor:
    """Zeros, of a shape given as `(2, 3)` or as `2, 3`.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.zeros(2, 3).shape
    (2, 3)
    """
    return Tensor(np.zeros(unpacked(shape), dtype), requires_grad)


def ones(*shape: Any, dtype: DTypeLike = np.float32, requires_grad: bool = False) -> Tensor:
    """Ones, of a shape given as `(2, 3)` or as `2, 3`.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.ones(2)
    Tensor([1., 1.], shape=(2,))
    """
    return Tensor(np.ones(unpacked(shape), dtype), requires_grad)


def full(
    shape: Any, value: float, *, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """A shape filled with one value, whose dtype is as in `Tensor(value)`.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.full((2,), 0.5)
    Tensor([0.5, 0.5], shape=(2,))
    """
    return Tensor(np.full(shape, Tensor(value, dtype=dtype).data), requires_grad)


def arange(
    *start_stop_step: float, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """Numbers from `start` (0) up to, without, `stop`, in steps of `step` (1).

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.arange(1.0, 2.0, 0.5)
    Tensor([1. , 1.5], shape=(2,))
    """
    if dtype is None and any(isinstance(number, float) for number in start_stop_step):
        dtype = np.float32
    return Tensor(np.arange(*start_stop_step, dtype=dtype), requires_grad)


def eye(n: int, m: int | None = None, *, dtype: DTypeLike = np.float32) -> Tensor:
    """Ones on the diagonal of an `(n, m)` matrix, square by default.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.eye(2)
    Tensor([[1., 0.],
            [0., 1.]], shape=(2, 2))
    """
    return Tensor(np.eye(n, m, dtype=dtype))


def drawn(sample: Callable[[Any], Any], rng: Any = None, requires_grad: bool = False) -> Tensor:
    """What `sample` draws from a generator: the given one, one of a seed, or the common one.

    A compiled program draws anew at each call.
    """
    result = wrap(np.asarray(sample(generator(rng))))
    result.requires_grad = requires_grad
    if (recorder := current.get().recorder) is not None:
        recorder.drew(result, sample, rng)
    return result


def rand(
    *shape: Any, dtype: DTypeLike = np.float32, requires_grad: bool = False, rng: Any = None
) -> Tensor:
    """Draws from the uniform distribution over [0, 1).

    Parameters
    ----------
    *shape : int, or one tuple of int
    dtype : floating dtype
    requires_grad : bool
    rng : numpy.random.Generator or int, optional
        By default the generator that `tl.seed` seeds.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> bool((tl.rand(2, rng=0) < 1).all())
    True
    """
    _check_floating("rand", dtype)
    below_1 = np.nextafter(np.ones((), dtype), np.zeros((), dtype))  # what rounding could reach

    def sample(rng: Any) -> Any:
        return np.minimum(rng.random(unpacked(shape)).astype(dtype), below_1)

    return drawn(sample, rng, requires_grad)


def randn(
    *shape: Any, dtype: DTypeLike = np.float32, requires_grad: bool = False, rng: Any = None
) -> Tensor:
    """Draws from the normal distribution of mean 0 and variance 1.

    Parameters
    ----------
    *shape : int, or one tuple of int
    dtype : floating dtype
    requires_grad : bool
    rng : numpy.random.Generator or int, optional
        By default the generator that `tl.seed` seeds.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> bool((tl.randn(2, rng=0) == tl.randn(2, rng=0)).all())
    True
    """
    _check_floating("randn", dtype)

    def sample(rng: Any) -> Any:
        return rng.standard_normal(unpacked(shape)).astype(dtype)

    return drawn(sample, rng, requires_grad)


def zeros_like(t: Any, *, dtype: DTypeLike | None = None) -> Any:
    """Zeros of the shape of `t`, and of its dtype unless another is given.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.zeros_like(tl.Tensor([1, 2]))
    Tensor([0, 0], shape=(2,))
    """
    return constant.zeros_like(t, dtype=dtype)


def ones_like(t: Any, *, dtype: DTypeLike | None = None) -> Any:
    """Ones of the shape of `t`, and of its dtype unless another is given.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.ones_like(tl.Tensor([1.5, 2.5]))
    Tensor([1., 1.], shape=(2,))
    """
    return constant.ones_like(t, dtype=dtype)


def full_like(t: Any, value: float, *, dtype: DTypeLike | None = None) -> Any:
    """One value in the shape of `t`, and in its dtype unless another is given.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.full_like(tl.Tensor([1.5, 2.5]), 7)
    Tensor([7., 7.], shape=(2,))
    """
    return constant.full_like(t, value, dtype=dtype)


def rand_like(t: Any, *, rng: Any = None) -> Tensor:
    """`rand` of the shape and dtype of `t`.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.rand_like(tl.zeros(2, 3)).shape
    (2, 3)
    """
    return rand(t.shape, dtype=t.dtype, rng=rng)


def randn_like(t: Any, *, rng: Any = None) -> Tensor:
    """`randn` of the shape and dtype of `t`.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.randn_like(tl.zeros(2, 3)).shape
    (2, 3)
    """
    return randn(t.shape, dtype=t.dtype, rng=rng)


def _check_floating(name: str, dtype: DTypeLike) -> None:
    if np.dtype(dtype).kind != "f":
        raise DtypeError(f"{name}: draws are floating-point numbers, not {np.dtype(dtype)}.")
