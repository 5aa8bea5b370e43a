"""Layers."""

from collections.abc import Iterator
from typing import Any, overload

import numpy as np
from numpy.typing import DTypeLike

from ..creation import drawn
from ..errors import ArgumentError
from ..ops import functions as f
from ..random import generator
from ..tensor import Tensor
from . import init
from .module import Module, Parameter


class Linear(Module):
    """Affine map `y = x @ weight + bias`.

    Parameters
    ----------
    in_features, out_features : int
        Sizes of the last axis of the input and of the output; at least 1.
    bias : bool
        Whether to add `bias`.
    dtype : floating dtype
    rng : numpy.random.Generator or int, optional
        Draws the weights; by default the generator that `tl.seed` seeds.

    Shapes
    ------
    x : (..., in_features), floating
    y : (..., out_features), the dtype of `x`
    weight : (in_features, out_features)
    bias : (out_features,)

    Raises
    ------
    ShapeError
        If the last axis of `x` isn't `in_features`.

    Notes
    -----
    Weights and bias start uniform in ±1/√in_features [1]_. The weight's layout is that of the
    mathematics, and the faster one; PyTorch keeps its transpose.

    References
    ----------
    .. [1] LeCun, Bottou, Orr & Müller, "Efficient BackProp", 1998.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> from tinygrad_lite import nn
    >>> nn.Linear(3, 2)(tl.ones(5, 3)).shape
    (5, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: DTypeLike = np.float32,
        rng: Any = None,
    ):
        for size in (in_features, out_features):
            if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
                raise ArgumentError(
                    f"Linear: in_features and out_features must be integers of at least 1, "
                    f"not {in_features!r} and {out_features!r}."
                )
        rng = generator(rng)
        self.in_features = in_features
        self.out_features = out_features
        limit = 1 / float(in_features) ** 0.5
        shape = (in_features, out_features)
        self.weight = Parameter(init.uniform(shape, -limit, limit, dtype=dtype, rng=rng))
        self.bias = (
            Parameter(init.uniform((out_features,), -limit, limit, dtype=dtype, rng=rng))
            if bias
            else None
        )

    def forward(self, x: Tensor) -> Any:
        if self.bias is None:
            return x @ self.weight
        return f.linear(x, self.weight, self.bias)

    def summary(self) -> str:
        bias = "" if self.bias is not None else ", no bias"
        return f"Linear({self.in_features} → {self.out_features}{bias})"


class Sequential(Module):
    """Modules one after the other.

    Parameters
    ----------
    *modules : Module
        Each takes what the one before it gives. Their paths are '0', '1', …

    Raises
    ------
    ArgumentError
        If one is no Module.

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    Sequential(3 modules): 13 parameters
      0  Linear(2 → 3): 9 parameters
      1  Tanh()
      2  Linear(3 → 1): 4 parameters
    """

    def __init__(self, *modules: Module):
        for module in modules:
            if isinstance(module, list | tuple):
                raise ArgumentError(
                    f"Sequential takes Modules, not a {type(module).__name__}: give them one by "
                    "one: Sequential(*layers)."
                )
            if not isinstance(module, Module):
                raise ArgumentError(
                    f"Sequential takes Modules, not {module!r}: give ReLU(), not ReLU or np.tanh."
                )
        vars(self).update({str(i): module for i, module in enumerate(modules)})

    def forward(self, x: Any) -> Any:
        for module in self:
            x = module(x)
        return x

    def __iter__(self) -> Iterator[Module]:
        return (part for name, part in vars(self).items() if name.isdigit())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, position: int) -> Module: ...

    @overload
    def __getitem__(self, position: slice) -> "Sequential": ...

    def __getitem__(self, position: int | slice) -> Module:
        chosen = list(self)[position]
        return Sequential(*chosen) if isinstance(chosen, list) else chosen

    def summary(self) -> str:
        return f"Sequential({len(self)} module{'' if len(self) == 1 else 's'})"


class ReLU(Module):
    """`max(x, 0)`, entry by entry [1]_.

    References
    ----------
    .. [1] Nair & Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.nn.ReLU()(tl.Tensor([-1.0, 1.0]))
    Tensor([0., 1.], shape=(2,))
    """

    def forward(self, x: Tensor) -> Any:
        return f.relu(x)


class Tanh(Module):
    """The hyperbolic tangent, entry by entry.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.nn.Tanh()(tl.Tensor([0.0, 1.0]))
    Tensor([0.    , 0.7616], shape=(2,))
    """

    def forward(self, x: Tensor) -> Any:
        return np.tanh(x)


class Sigmoid(Module):
    """The logistic function `1 / (1 + exp(-x))`, entry by entry.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.nn.Sigmoid()(tl.Tensor([0.0]))
    Tensor([0.5], shape=(1,))
    """

    def forward(self, x: Tensor) -> Any:
        return f.sigmoid(x)


class Softmax(Module):
    """Probabilities along an axis, `exp(x) / sum(exp(x))`.

    For training use the logits themselves, with CrossEntropyLoss.

    Parameters
    ----------
    axis : int

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.nn.Softmax()(tl.Tensor([0.0, 0.0]))
    Tensor([0.5, 0.5], shape=(2,))
    """

    def __init__(self, axis: int = -1):
        self.axis = axis

    def forward(self, x: Tensor) -> Any:
        return f.softmax(x, self.axis)


class Dropout(Module):
    """In training, zeros for a share `p` of the entries, and the others divided by `1 - p` [1]_.

    After `eval()` it changes nothing.

    Parameters
    ----------
    p : float
        The chance of an entry to be dropped, in [0, 1).
    rng : numpy.random.Generator or int, optional
        By default the generator that `tl.seed` seeds.

    References
    ----------
    .. [1] Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
       2014.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> drop = tl.nn.Dropout(0.5, rng=0)
    >>> drop(tl.ones(4))
    Tensor([2., 2., 2., 0.], shape=(4,))
    >>> drop.eval()(tl.ones(4))
    Tensor([1., 1., 1., 1.], shape=(4,))
    """

    def __init__(self, p: float = 0.5, *, rng: Any = None):
        if not (isinstance(p, int | float) and 0 <= p < 1):
            raise ArgumentError(f"Dropout: p must be at least 0 and less than 1, not {p!r}.")
        self.p = p
        self.rng = None if rng is None else generator(rng)

    def forward(self, x: Tensor) -> Any:
        if not self.training or self.p == 0:
            return x
        chances = drawn(lambda rng: rng.random(x.shape, np.float32), self.rng)
        dtype = x.dtype if x.dtype.kind == "f" else np.float32
        mask = (chances >= self.p) / np.asarray(1 - self.p, dtype)
        mask.name = "mask"
        return x * mask

    def summary(self) -> str:
        return f"Dropout({self.p})"
