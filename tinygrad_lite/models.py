"""The two models that this package exists for, each as short as its definition."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from . import nn
from .errors import ArgumentError
from .ops import functions as f
from .random import generator
from .tensor import Tensor


class Adaline(nn.Module):
    """The adaptive linear neuron `y = x @ weight + bias` [1]_.

    Trained with SGD on the squared error it follows Widrow's and Hoff's rule, the LMS rule.

    Parameters
    ----------
    in_features : int
    bias : bool
    dtype : floating dtype

    Shapes
    ------
    x : (..., in_features)
    y : (...)

    References
    ----------
    .. [1] Widrow & Hoff, "Adaptive switching circuits", 1960.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.models.Adaline(3)(tl.ones(5, 3))
    Tensor([0., 0., 0., 0., 0.], shape=(5,), op=linear)
    """

    def __init__(self, in_features: int, bias: bool = True, *, dtype: DTypeLike = np.float32):
        if not isinstance(in_features, int | np.integer) or in_features < 1:
            raise ArgumentError(
                f"Adaline: in_features must be an integer of at least 1, not {in_features!r}."
            )
        self.weight = nn.Parameter(np.zeros(in_features, dtype))
        self.bias = nn.Parameter(np.zeros((), dtype)) if bias else None

    def forward(self, x: Tensor) -> Any:
        if self.bias is None:
            return x @ self.weight
        return f.linear(x, self.weight, self.bias)

    def summary(self) -> str:
        return f"Adaline({self.weight.size} → 1)"


class MLP(nn.Module):
    """The multilayer perceptron: Linear layers with an activation between any two [1]_.

    Parameters
    ----------
    sizes : sequence of int
        Features of the input, of each hidden layer, and of the output: at least two.
    activation : callable that makes a Module
        Between the layers; the last gives its output as it is.
    dtype : floating dtype
    rng : numpy.random.Generator or int, optional
        Draws the weights.

    Shapes
    ------
    x : (..., sizes[0])
    y : (..., sizes[-1])

    References
    ----------
    .. [1] Rumelhart, Hinton & Williams, "Learning representations by back-propagating errors",
       1986.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.models.MLP([784, 128, 10])
    MLP(784 → 128 → 10): 101,770 parameters
      layers.0  Linear(784 → 128): 100,480 parameters
      layers.1  ReLU()
      layers.2  Linear(128 → 10): 1,290 parameters
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Callable[[], nn.Module] = nn.ReLU,
        *,
        dtype: DTypeLike = np.float32,
        rng: Any = None,
    ):
        if isinstance(sizes, int) or len(sizes) < 2:
            raise ArgumentError(f"MLP: sizes must name at least input and output, not {sizes!r}.")
        self.sizes = tuple(sizes)
        rng = generator(rng)
        self.layers: list[nn.Module] = []
        for in_features, out_features in pairwise(sizes):
            if self.layers:
                self.layers.append(_made(activation))
            self.layers.append(nn.Linear(in_features, out_features, dtype=dtype, rng=rng))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x

    def summary(self) -> str:
        return f"MLP({' → '.join(map(str, self.sizes))})"


def _made(activation: Callable[[], nn.Module]) -> nn.Module:
    cause = module = None
    if not isinstance(activation, nn.Module):
        try:
            module = activation()
        except TypeError as error:  # a function of arrays, such as np.tanh
            cause = error
    if not isinstance(module, nn.Module):
        raise ArgumentError(
            "MLP: activation must make a module each time it is called, as nn.Tanh does, "
            f"not {activation!r}."
        ) from cause
    return module
