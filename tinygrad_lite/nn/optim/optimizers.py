"""SGD, Adam, AdamW, RMSprop, with the formulas of PyTorch.

Updates are written with `out=` and go through large arrays in blocks: temporaries and main memory
would cost more than the arithmetic.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ...tensor import Tensor
from .optimizer import Optimizer

BLOCK = 16384  # entries: five float32 arrays of them stay in a cache of 512 kB


class SGD(Optimizer):
    """Stochastic gradient descent [1]_, with momentum [2]_, also Nesterov's [3]_.

    Parameters
    ----------
    parameters : iterable of Tensor
    lr : float
    momentum : float
        The share of the last direction that is kept, in [0, 1).
    nesterov : bool
        Look ahead by the momentum.
    weight_decay : float
        Adds this times the parameter to its gradient.

    Notes
    -----
    ::

        g = gradient + weight_decay · w
        v = momentum · v + g                 (the first v is g)
        w = w - lr · v                       (Nesterov: w - lr · (g + momentum · v))

    References
    ----------
    .. [1] Robbins & Monro, "A stochastic approximation method", 1951.
    .. [2] Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
    .. [3] Sutskever et al., "On the importance of initialization and momentum in deep learning",
       2013.

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> w = nn.Parameter([2.0])
    >>> optimizer = nn.optim.SGD([w], lr=0.25)
    >>> (w ** 2).sum().backward()
    >>> optimizer.step()
    >>> w
    Parameter([1.], shape=(1,), requires_grad=True)
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        momentum: float = 0.0,
        *,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ):
        super().__init__(parameters, lr)
        self.momentum = _share(self, "momentum", momentum)
        self.checked("nesterov", nesterov, not nesterov or momentum > 0, "used with a momentum")
        self.nesterov = nesterov
        self.weight_decay = _decay(self, weight_decay)

    def update(self, parameter: np.ndarray, gradient: np.ndarray, state: dict[str, Any]) -> None:
        if self.momentum and "v" not in state:
            state["v"] = np.zeros_like(parameter)
        arrays = [parameter, gradient, *([state["v"]] if self.momentum else [])]
        for (w, g, *vs), (s,) in in_blocks(arrays, scratch=1):
            if self.weight_decay:
                np.multiply(w, self.weight_decay, out=s)
                g = np.add(s, g, out=s)
            for v in vs:
                v *= self.momentum
                v += g
                if not self.nesterov:
                    g = v
                else:
                    g = g + self.momentum * v
            np.multiply(g, self.lr, out=s)
            w -= s


class Adam(Optimizer):
    """Steps of the size of `lr`, by running means of the gradient and of its square [1]_.

    Parameters
    ----------
    parameters : iterable of Tensor
    lr : float
    betas : (float, float)
        Shares in [0, 1) of the two running means that a step keeps.
    eps : float
        Keeps the division finite.
    weight_decay : float
        Adds this times the parameter to its gradient; see AdamW for the better way.

    Notes
    -----
    ::

        g = gradient + weight_decay · w
        m = β₁ · m + (1 - β₁) · g
        v = β₂ · v + (1 - β₂) · g²
        w = w - lr · m̂ / (√v̂ + eps)          m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ), step t

    References
    ----------
    .. [1] Kingma & Ba, "Adam: a method for stochastic optimization", 2015.

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> w = nn.Parameter([2.0])
    >>> optimizer = nn.optim.Adam([w], lr=0.25)
    >>> (w ** 2).sum().backward()
    >>> optimizer.step()
    >>> w
    Parameter([1.75], shape=(1,), requires_grad=True)
    """

    decoupled = False  # whether weight decay goes past the running means

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        super().__init__(parameters, lr)
        self.betas = (_share(self, "betas[0]", betas[0]), _share(self, "betas[1]", betas[1]))
        self.eps = self.checked("eps", eps, eps >= 0, "at least 0")
        self.weight_decay = _decay(self, weight_decay)

    def update(self, parameter: np.ndarray, gradient: np.ndarray, state: dict[str, Any]) -> None:
        if not state:
            state.update(m=np.zeros_like(parameter), v=np.zeros_like(parameter))
        beta1, beta2 = self.betas
        # √v̂ = √v / root: dividing the numbers of the formula by it saves a pass over the array.
        root = (1 - beta2**self.steps) ** 0.5
        rate = self.lr * root / (1 - beta1**self.steps)
        eps = self.eps * root
        for (w, g, m, v), (s, d) in in_blocks(
            [parameter, gradient, state["m"], state["v"]], scratch=2
        ):
            if self.weight_decay and self.decoupled:
                w *= 1 - self.lr * self.weight_decay
            elif self.weight_decay:
                np.multiply(w, self.weight_decay, out=d)
                g = np.add(d, g, out=d)
            m *= beta1
            m += np.multiply(g, 1 - beta1, out=s)
            v *= beta2
            np.square(g, out=s)
            s *= 1 - beta2
            v += s
            np.sqrt(v, out=s)
            s += eps
            np.divide(m, s, out=s)
            s *= rate
            w -= s


class AdamW(Adam):
    """Adam, but weight decay shrinks the parameter itself: `w = w · (1 - lr · weight_decay)` [1]_.

    Parameters are those of `Adam`.

    References
    ----------
    .. [1] Loshchilov & Hutter, "Decoupled weight decay regularization", 2019.

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> nn.optim.AdamW([nn.Parameter([2.0])]).weight_decay
    0.01
    """

    decoupled = True

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ):
        super().__init__(parameters, lr, betas, eps, weight_decay)


class RMSprop(Optimizer):
    """Gradients divided by the root of their running mean square [1]_.

    Parameters
    ----------
    parameters : iterable of Tensor
    lr : float
    alpha : float
        The share in [0, 1) of the running mean that a step keeps.
    eps : float
        Keeps the division finite.
    momentum : float
        The share in [0, 1) of the last direction that is kept.
    weight_decay : float
        Adds this times the parameter to its gradient.

    Notes
    -----
    ::

        g = gradient + weight_decay · w
        v = alpha · v + (1 - alpha) · g²
        b = momentum · b + g / (√v + eps)
        w = w - lr · b

    References
    ----------
    .. [1] Tieleman & Hinton, "Lecture 6.5: rmsprop", Neural networks for machine learning, 2012.

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> w = nn.Parameter([2.0])
    >>> optimizer = nn.optim.RMSprop([w], lr=0.05)
    >>> (w ** 2).sum().backward()
    >>> optimizer.step()
    >>> w
    Parameter([1.5], shape=(1,), requires_grad=True)
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        *,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ):
        super().__init__(parameters, lr)
        self.alpha = _share(self, "alpha", alpha)
        self.eps = self.checked("eps", eps, eps >= 0, "at least 0")
        self.momentum = _share(self, "momentum", momentum)
        self.weight_decay = _decay(self, weight_decay)

    def update(self, parameter: np.ndarray, gradient: np.ndarray, state: dict[str, Any]) -> None:
        if not state:
            state["v"] = np.zeros_like(parameter)
            if self.momentum:
                state["b"] = np.zeros_like(parameter)
        arrays = [parameter, gradient, *state.values()]
        for (w, g, v, *bs), (s, d) in in_blocks(arrays, scratch=2):
            if self.weight_decay:
                np.multiply(w, self.weight_decay, out=d)
                g = np.add(d, g, out=d)
            v *= self.alpha
            np.square(g, out=s)
            s *= 1 - self.alpha
            v += s
            np.sqrt(v, out=s)
            s += self.eps
            np.divide(g, s, out=s)
            for b in bs:
                b *= self.momentum
                b += s
                s[...] = b
            s *= self.lr
            w -= s


def in_blocks(
    arrays: list[np.ndarray], scratch: int
) -> Iterator[tuple[list[np.ndarray], list[np.ndarray]]]:
    """Matching parts of arrays of one shape, to be worked on in place, and scratch of their size.

    Parameters own their memory and are contiguous, so that their parts are views.
    """
    size = arrays[0].size
    if size <= BLOCK:
        yield arrays, [np.empty_like(arrays[0]) for _ in range(scratch)]
        return
    flat = [array.reshape(-1) for array in arrays]
    spare = [np.empty(BLOCK, array.dtype) for array in arrays[:1] * scratch]
    for start in range(0, size, BLOCK):
        parts = [array[start : start + BLOCK] for array in flat]
        yield parts, [array[: parts[0].size] for array in spare]


def _share(optimizer: Optimizer, name: str, value: float) -> float:
    return float(optimizer.checked(name, value, 0 <= value < 1, "at least 0 and less than 1"))


def _decay(optimizer: Optimizer, value: float) -> float:
    return float(optimizer.checked("weight_decay", value, value >= 0, "at least 0"))
