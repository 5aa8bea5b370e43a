"""Bounds on gradients, to be applied between `backward` and `step`."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...context import current, no_grad
from ...errors import ArgumentError, GradientError
from ...tensor import Tensor


def clip_gradient_norm(parameters: Iterable[Tensor], max_norm: float) -> Any:
    """Scale all gradients together, so that their common norm is at most `max_norm` [1]_.

    Parameters
    ----------
    parameters : iterable of Tensor
    max_norm : float
        Positive; of all gradients as one vector (Euclidean).

    Returns
    -------
    float
        The norm as it was; a Tensor of it, while a computation is traced.

    Raises
    ------
    GradientError
        If the norm is NaN or infinite: there is no scaling that mends that.

    References
    ----------
    .. [1] Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent neural networks",
       2013.

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> w = nn.Parameter([3.0, 4.0])
    >>> (w * w).sum().backward()
    >>> nn.optim.clip_gradient_norm([w], 5.0)
    10.0
    >>> w.grad
    Tensor([3., 4.], shape=(2,))
    """
    _check(max_norm, "max_norm")
    trained = [p for p in _listed(parameters) if p._grad is not None]
    if (recorder := current.get().recorder) is not None:
        norm = _traced(trained, max_norm)
        recorder.expect(lambda: np.isfinite(norm))
        return norm
    gradients = [p._grad._data for p in trained if p._grad is not None]
    with np.errstate(over="ignore"):
        norm = float(np.sqrt(sum(float(np.vdot(g, g)) for g in gradients)))
        if not np.isfinite(norm):  # squares may overflow the dtype of the gradients
            norm = float(np.sqrt(sum(np.square(g, dtype=np.float64).sum() for g in gradients)))
    if not np.isfinite(norm):
        raise GradientError(
            f"clip_gradient_norm: the norm of the gradients is {norm}. Run the step under "
            "tl.detect_anomaly() to find the operation that made it."
        )
    if norm > max_norm:
        for p, g in zip(trained, gradients, strict=True):
            p.grad = g * (max_norm / norm)
    return norm


def _traced(trained: list[Tensor], max_norm: float) -> Any:
    """The same by operations, which a trace can see."""
    with no_grad():
        gradients: list[Any] = [p._grad for p in trained]
        norm: Any = np.sqrt(np.stack([np.square(g).sum() for g in gradients]).sum())
        for p, g in zip(trained, gradients, strict=True):
            p.grad = g * np.minimum(max_norm / norm, 1.0)
    return norm


def clip_gradient_value(parameters: Iterable[Tensor], limit: float) -> None:
    """Bound each entry of each gradient to [-limit, limit].

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> w = nn.Parameter([3.0, -4.0])
    >>> (w * w).sum().backward()
    >>> nn.optim.clip_gradient_value([w], 7.0)
    >>> w.grad
    Tensor([ 6., -7.], shape=(2,))
    """
    _check(limit, "limit")
    with no_grad():
        for p in _listed(parameters):
            if p._grad is not None:
                p.grad = p._grad.clip(-limit, limit)


def _listed(parameters: Iterable[Tensor]) -> list[Tensor]:
    return [parameters] if isinstance(parameters, Tensor) else list(parameters)


def _check(limit: float, name: str) -> None:
    if not limit > 0:
        raise ArgumentError(f"{name} must be positive, not {limit!r}.")
