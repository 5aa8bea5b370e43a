"""SGD, Adam, AdamW, RMSprop, with the formulas of PyTorch.

Updates work in place, with one spare array: temporaries would cost more than the arithmetic.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from ...tensor import Tensor
from .optimizer import Optimizer, is_number


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

    remembered: ClassVar[dict[str, type]] = {"v": np.ndarray}

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
        w, g = parameter, gradient
        if self.weight_decay:
            g = g + self.weight_decay * w
        if self.momentum:
            if not state:
                state["v"] = np.zeros_like(w)
            v = state["v"]
            v *= self.momentum
            v += g
            g = g + self.momentum * v if self.nesterov else v
        w -= self.lr * g


class Adam(Optimizer):
    """Steps of about `lr`: the gradient's mean, divided by the root of its mean square [1]_.

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
        m = β₁ · m + g                       m̂ = m · (1 - β₁) / (1 - β₁ᵗ)      its step t
        v = β₂ · v + g²                      v̂ = v · (1 - β₂) / (1 - β₂ᵗ)
        w = w - lr · m̂ / (√v̂ + eps)

    m sums all gradients so far, each weighted by β₁ to the power of its age, and m̂ divides by the
    sum of the weights: it is their mean. (The paper keeps `(1 - β₁) · m`, which is the same.)

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

    remembered: ClassVar[dict[str, type]] = {"t": int, "m": np.ndarray, "v": np.ndarray}
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
        pair = isinstance(betas, tuple | list) and len(betas) == 2
        self.checked("betas", betas, pair, "two numbers")
        self.betas = (_share(self, "betas[0]", betas[0]), _share(self, "betas[1]", betas[1]))
        self.eps = self.checked("eps", eps, is_number(eps), "at least 0")
        self.weight_decay = _decay(self, weight_decay)

    def update(self, parameter: np.ndarray, gradient: np.ndarray, state: dict[str, Any]) -> None:
        w, g = parameter, gradient
        if not state:
            state.update(t=0, m=np.zeros_like(w), v=np.zeros_like(w))
        t = state["t"] = state["t"] + 1
        m, v = state["m"], state["v"]
        beta1, beta2 = self.betas
        # In m̂ / (√v̂ + eps) the factors of m and √v are numbers: kept apart from the arrays.
        of_m = (1 - beta1) / (1 - beta1**t)
        of_root = ((1 - beta2) / (1 - beta2**t)) ** 0.5
        if self.weight_decay and self.decoupled:
            w *= 1 - self.lr * self.weight_decay
        elif self.weight_decay:
            g = g + self.weight_decay * w
        m *= beta1
        m += g
        v *= beta2
        # `out`, for without it NumPy makes a number, not an array, of a 0-d g.
        s = np.square(g, out=np.empty_like(g))
        v += s
        np.sqrt(v, out=s)
        s += self.eps / of_root
        np.divide(m, s, out=s)
        s *= self.lr * of_m / of_root
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

    remembered: ClassVar[dict[str, type]] = {"v": np.ndarray}

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
        self.eps = self.checked("eps", eps, is_number(eps), "at least 0")
        self.momentum = _share(self, "momentum", momentum)
        self.weight_decay = _decay(self, weight_decay)

    def update(self, parameter: np.ndarray, gradient: np.ndarray, state: dict[str, Any]) -> None:
        w, g = parameter, gradient
        if not state:
            state["v"] = np.zeros_like(w)
        v = state["v"]
        if self.weight_decay:
            g = g + self.weight_decay * w
        v *= self.alpha
        s = np.square(g, out=np.empty_like(g))  # `out` as in Adam
        s *= 1 - self.alpha
        v += s
        np.sqrt(v, out=s)
        s += self.eps
        np.divide(g, s, out=s)
        if self.momentum:
            if "b" not in state:
                state["b"] = np.zeros_like(w)
            b = state["b"]
            b *= self.momentum
            b += s
            s = b
        w -= self.lr * s


def _share(optimizer: Optimizer, name: str, value: float) -> float:
    return float(optimizer.checked(name, value, is_number(value, 1), "at least 0 and less than 1"))


def _decay(optimizer: Optimizer, value: float) -> float:
    return float(optimizer.checked("weight_decay", value, is_number(value), "at least 0"))
