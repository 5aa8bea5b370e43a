"""Losses: each a function, and the same as a module that keeps its options."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from ..context import current
from ..errors import ArgumentError, BoundsError, DtypeError, ShapeError
from ..ops import functions as f
from ..tensor import Tensor
from .module import Module

Reduction = Literal["mean", "sum", "none"]


def mse_loss(prediction: Any, target: Any, *, reduction: Reduction = "mean") -> Any:
    """Squared error, `(prediction - target)²`.

    Parameters
    ----------
    prediction, target : of one shape
    reduction : 'mean', 'sum' or 'none'
        Over all entries.

    Raises
    ------
    ShapeError
        If the shapes differ: broadcasting them is hardly ever meant.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.nn.mse_loss(tl.Tensor([1.0, 3.0]), tl.Tensor([1.0, 1.0]))
    Tensor(2., shape=())
    """
    _check_shapes("MSELoss", prediction, target)
    return _reduced((prediction - target).square(), reduction)


def l1_loss(prediction: Any, target: Any, *, reduction: Reduction = "mean") -> Any:
    """Absolute error, `|prediction - target|`; parameters as of `mse_loss`.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.nn.l1_loss(tl.Tensor([1.0, 3.0]), tl.Tensor([1.0, 1.0]))
    Tensor(1., shape=())
    """
    _check_shapes("L1Loss", prediction, target)
    return _reduced(abs(prediction - target), reduction)


def huber_loss(
    prediction: Any, target: Any, *, delta: float = 1.0, reduction: Reduction = "mean"
) -> Any:
    """Half the squared error up to `delta`, beyond it linear [1]_; parameters as of `mse_loss`.

    References
    ----------
    .. [1] Huber, "Robust estimation of a location parameter", 1964.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.nn.huber_loss(tl.Tensor([1.0, 4.0]), tl.Tensor([0.0, 0.0]), reduction="none")
    Tensor([0.5, 3.5], shape=(2,))
    """
    _check_delta(delta)
    _check_shapes("HuberLoss", prediction, target)
    r = prediction - target
    near = np.clip(r, -delta, delta)
    return _reduced(near * (r - 0.5 * near), reduction)


def bce_with_logits_loss(logits: Any, target: Any, *, reduction: Reduction = "mean") -> Any:
    """Binary cross-entropy of `sigmoid(logits)`, without overflow.

    Parameters
    ----------
    logits : floating, any shape
    target : of the same shape, probabilities in [0, 1]
    reduction : 'mean', 'sum' or 'none'

    Raises
    ------
    ShapeError, BoundsError
        If the shapes differ, or a target isn't a probability.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.nn.bce_with_logits_loss(tl.Tensor([0.0, 0.0]), tl.Tensor([1.0, 0.0]))
    Tensor(0.6931, shape=())
    """
    _check_shapes("BCEWithLogitsLoss", logits, target)
    _check_probabilities("BCEWithLogitsLoss", target)
    return _reduced(f.softplus(logits) - logits * target, reduction)


def cross_entropy_loss(
    logits: Any, target: Any, *, label_smoothing: float = 0.0, reduction: Reduction = "mean"
) -> Any:
    """Cross-entropy of `softmax(logits)`: minus the logarithm of the right class's probability.

    Parameters
    ----------
    logits : floating, (..., classes)
    target : class indices (...), integers in [0, classes); or probabilities (..., classes)
    label_smoothing : float
        The share in [0, 1] of the target that is spread evenly over all classes.
    reduction : 'mean', 'sum' or 'none'
        Over all but the last axis.

    Raises
    ------
    ShapeError, DtypeError
        If `target` is neither of the two.
    BoundsError
        If a class is out of range (-1, too), or a target isn't a probability, or they don't sum
        to 1 along the last axis (within 0.001).

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> logits = tl.Tensor([[2.0, 0.0], [0.0, 2.0]])
    >>> tl.nn.cross_entropy_loss(logits, np.array([0, 0]), reduction="none")
    Tensor([0.1269, 2.1269], shape=(2,))
    """
    _check_smoothing(label_smoothing)
    if not logits.ndim:
        raise ShapeError("CrossEntropyLoss: logits need a last axis, of classes, but have none.")
    values = target._data if isinstance(target, Tensor) else np.asarray(target)
    classes = logits.shape[-1]
    if values.dtype.kind in "iu" and values.shape == logits.shape[:-1]:
        try:
            loss = f.cross_entropy(logits, target)
        except BoundsError as error:
            raise _wrong_class(values, classes) from error
    elif values.dtype.kind == "f" and values.shape == logits.shape:
        _check_probabilities("CrossEntropyLoss", target)
        _check_sums(values)
        _expect(target, lambda t: (abs(t.astype(np.float64).sum(axis=-1) - 1) <= 1e-3).all())
        loss = -(target * f.log_softmax(logits)).sum(axis=-1)
    else:
        raise (DtypeError if values.shape == logits.shape else ShapeError)(
            f"CrossEntropyLoss: for logits {logits.shape} the target must be integer classes of "
            f"shape {logits.shape[:-1]}, or floating probabilities of shape {logits.shape}, not "
            f"{values.dtype} of shape {values.shape}.{_classes_from(values, logits.shape)}"
        )
    if label_smoothing:
        even = -f.log_softmax(logits).mean(axis=-1)
        loss = (1 - label_smoothing) * loss + label_smoothing * even
    return _reduced(loss, reduction)


class MSELoss(Module):
    """`mse_loss` as a module.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.nn.MSELoss(reduction="sum")(tl.Tensor([1.0, 3.0]), tl.Tensor([1.0, 1.0]))
    Tensor(4., shape=())
    """

    def __init__(self, *, reduction: Reduction = "mean"):
        self.reduction = _checked(reduction)

    def forward(self, prediction: Any, target: Any) -> Any:
        return mse_loss(prediction, target, reduction=self.reduction)


class L1Loss(Module):
    """`l1_loss` as a module.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.nn.L1Loss()(tl.Tensor([1.0, 3.0]), tl.Tensor([1.0, 1.0]))
    Tensor(1., shape=())
    """

    def __init__(self, *, reduction: Reduction = "mean"):
        self.reduction = _checked(reduction)

    def forward(self, prediction: Any, target: Any) -> Any:
        return l1_loss(prediction, target, reduction=self.reduction)


class HuberLoss(Module):
    """`huber_loss` as a module.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.nn.HuberLoss(delta=2.0)(tl.Tensor([1.0, 3.0]), tl.Tensor([1.0, 1.0]))
    Tensor(1., shape=())
    """

    def __init__(self, delta: float = 1.0, *, reduction: Reduction = "mean"):
        self.delta = _check_delta(delta)
        self.reduction = _checked(reduction)

    def forward(self, prediction: Any, target: Any) -> Any:
        return huber_loss(prediction, target, delta=self.delta, reduction=self.reduction)


class BCEWithLogitsLoss(Module):
    """`bce_with_logits_loss` as a module.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.nn.BCEWithLogitsLoss()(tl.Tensor([0.0]), tl.Tensor([1.0]))
    Tensor(0.6931, shape=())
    """

    def __init__(self, *, reduction: Reduction = "mean"):
        self.reduction = _checked(reduction)

    def forward(self, logits: Any, target: Any) -> Any:
        return bce_with_logits_loss(logits, target, reduction=self.reduction)


class CrossEntropyLoss(Module):
    """`cross_entropy_loss` as a module.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> tl.nn.CrossEntropyLoss()(tl.Tensor([[0.0, 0.0]]), np.array([1]))
    Tensor(0.6931, shape=())
    """

    def __init__(self, *, label_smoothing: float = 0.0, reduction: Reduction = "mean"):
        self.label_smoothing = _check_smoothing(label_smoothing)
        self.reduction = _checked(reduction)

    def forward(self, logits: Any, target: Any) -> Any:
        return cross_entropy_loss(
            logits, target, label_smoothing=self.label_smoothing, reduction=self.reduction
        )


def _checked(reduction: Reduction) -> Reduction:
    if reduction not in ("mean", "sum", "none"):
        raise ArgumentError(f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}.")
    return reduction


def _check_delta(delta: float) -> float:
    if not delta > 0:
        raise ArgumentError(f"HuberLoss: delta must be positive, not {delta!r}.")
    return delta


def _check_smoothing(share: float) -> float:
    if not 0 <= share <= 1:
        raise ArgumentError(f"CrossEntropyLoss: label_smoothing must be in [0, 1], not {share!r}.")
    return share


def _reduced(loss: Any, reduction: Reduction) -> Any:
    if reduction == "mean":
        return loss.mean()
    return loss.sum() if _checked(reduction) == "sum" else loss


def _check_shapes(name: str, prediction: Any, target: Any) -> None:
    if isinstance(target, Tensor | np.ndarray) and prediction.shape == target.shape:
        return
    p, t = np.shape(prediction), np.shape(target)
    if p == t:
        return
    try:
        together = f"would broadcast to {np.broadcast_shapes(p, t)}, which is hardly meant"
    except ValueError:
        together = "don't fit"
    mend = "Give both the same shape."
    if int(np.prod(p)) == int(np.prod(t)):
        mend = f"Give both the same shape: target.reshape({', '.join(map(str, p))})"
        extra = [i for i, n in enumerate(p) if n == 1]
        mend += f", or prediction.squeeze({extra[-1]})." if len(p) == len(t) + 1 else "."
    raise ShapeError(f"{name}: prediction {p} and target {t} {together}.\n  {mend}")


def _check_probabilities(name: str, target: Any) -> None:
    values = target._data if isinstance(target, Tensor) else np.asarray(target)
    _expect(target, lambda t: ((t >= 0) & (t <= 1)).all())
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise BoundsError(
            f"{name}: targets must be probabilities in [0, 1], but they lie between "
            f"{values.min():.6g} and {values.max():.6g}."
        )


def _expect(target: Any, condition: Callable[[Tensor], Any]) -> None:
    """What is checked in Python must hold at later calls of a compiled function, too."""
    if isinstance(target, Tensor) and (recorder := current.get().recorder) is not None:
        recorder.expect(lambda: condition(target))


def _wrong_class(values: np.ndarray, classes: int) -> BoundsError:
    where = np.argwhere((values < 0) | (values >= classes))[0]
    return BoundsError(
        f"CrossEntropyLoss: class {values[tuple(where)]} at target[{', '.join(map(str, where))}] "
        f"is out of range: the logits have {classes} classes, 0 to {classes - 1}."
    )


def _check_sums(probabilities: np.ndarray) -> None:
    sums = probabilities.sum(axis=-1, dtype=np.float64)
    wrong = np.argwhere(abs(sums - 1) > 1e-3)
    if len(wrong):
        where = tuple(wrong[0])
        raise BoundsError(
            "CrossEntropyLoss: each row of probabilities must sum to 1, but "
            f"target[{', '.join(map(str, where))}] sums to {sums[where]:.6g}; for independent "
            "yes/no labels use bce_with_logits_loss."
        )


def _classes_from(values: np.ndarray, shape: tuple[int, ...]) -> str:
    """How to make classes of a refused target that looks as if it meant them, or ''."""
    mend = ""
    if values.dtype.kind == "f" and values.shape == shape[:-1]:
        mend = "astype(np.int64)" if (values == np.round(values)).all() else ""
    elif values.dtype.kind in "biu" and values.shape == shape:
        one_hot = (values.sum(axis=-1) == 1).all() and ((values == 0) | (values == 1)).all()
        mend = "argmax(axis=-1)" if one_hot else ""
    return f"\n  target.{mend} would be classes." if mend else ""
