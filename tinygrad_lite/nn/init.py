"""First values of parameters: arrays drawn from a distribution, scaled to the layer.

`fan_in` and `fan_out` are the first and the last axis of a shape, as in `Linear.weight`.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..errors import ArgumentError
from ..random import generator

Shape = tuple[int, ...]


def uniform(
    shape: Shape,
    low: float = 0.0,
    high: float = 1.0,
    *,
    dtype: DTypeLike = np.float32,
    rng: Any = None,
) -> np.ndarray:
    """Draws from the uniform distribution over [low, high).

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> nn.Parameter(nn.init.uniform((2, 3), -0.1, 0.1)).shape
    (2, 3)
    """
    return np.asarray(generator(rng).uniform(low, high, shape), dtype)


def normal(
    shape: Shape,
    mean: float = 0.0,
    std: float = 1.0,
    *,
    dtype: DTypeLike = np.float32,
    rng: Any = None,
) -> np.ndarray:
    """Draws from the normal distribution of this mean and standard deviation.

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> nn.init.normal((2, 3), std=0.01).shape
    (2, 3)
    """
    return np.asarray(generator(rng).normal(mean, std, shape), dtype)


def glorot_uniform(
    shape: Shape, gain: float = 1.0, *, dtype: DTypeLike = np.float32, rng: Any = None
) -> np.ndarray:
    """Uniform of variance `gain² · 2 / (fan_in + fan_out)` [1]_: for tanh and sigmoid.

    References
    ----------
    .. [1] Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural
       networks", 2010.

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> layer = nn.Linear(4, 3)
    >>> layer.weight.data = nn.init.glorot_uniform(layer.weight.shape)
    """
    limit = gain * (6 / sum(_fans(shape))) ** 0.5
    return uniform(shape, -limit, limit, dtype=dtype, rng=rng)


def glorot_normal(
    shape: Shape, gain: float = 1.0, *, dtype: DTypeLike = np.float32, rng: Any = None
) -> np.ndarray:
    """Normal of variance `gain² · 2 / (fan_in + fan_out)`; see `glorot_uniform`.

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> nn.init.glorot_normal((4, 3)).dtype
    dtype('float32')
    """
    return normal(shape, 0.0, gain * (2 / sum(_fans(shape))) ** 0.5, dtype=dtype, rng=rng)


def he_uniform(shape: Shape, *, dtype: DTypeLike = np.float32, rng: Any = None) -> np.ndarray:
    """Uniform of variance `2 / fan_in` [1]_: for ReLU.

    References
    ----------
    .. [1] He et al., "Delving deep into rectifiers", 2015.

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> nn.init.he_uniform((4, 3)).shape
    (4, 3)
    """
    limit = (6 / _fans(shape)[0]) ** 0.5
    return uniform(shape, -limit, limit, dtype=dtype, rng=rng)


def he_normal(shape: Shape, *, dtype: DTypeLike = np.float32, rng: Any = None) -> np.ndarray:
    """Normal of variance `2 / fan_in`; see `he_uniform`.

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> nn.init.he_normal((4, 3)).shape
    (4, 3)
    """
    return normal(shape, 0.0, (2 / _fans(shape)[0]) ** 0.5, dtype=dtype, rng=rng)


def _fans(shape: Shape) -> tuple[int, int]:
    if len(shape) < 2 or 0 in shape:
        raise ArgumentError(
            f"init: a shape of at least two axes, none empty, is needed to tell fan_in from "
            f"fan_out, not {shape}. Use init.uniform or init.normal."
        )
    return shape[0], shape[-1]
