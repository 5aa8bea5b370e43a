"""What `detect_anomaly` looks for: the first NaN or infinity, and shared arrays that changed."""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from .context import Switch, calls, place
from .errors import AnomalyError, MutationError, call_lines, operand_lines
from .ops import Operation
from .source import SourcePlace


def detect_anomaly() -> Switch:
    """Within it, the first NaN or infinity that an operation or a gradient makes is an error.

    It also finds arrays shared with `Tensor(array, copy=False)` that were changed between
    forward and backward. Slow: for finding a mistake, not for training.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> with tl.detect_anomaly():  # doctest: +ELLIPSIS
    ...     np.log(tl.Tensor([1.0, 0.0]))
    Traceback (most recent call last):
    ...
    tinygrad_lite.errors.AnomalyError: log made 1 infinity (of 2 entries) from finite inputs...
    """
    return Switch(anomaly=True)


def check_forward(result: Any, op: Operation, inputs: tuple[Any, ...]) -> None:
    """Refuse a result that isn't finite; remember the checksums of what the user shares."""
    mend = []
    if any(sign in op.domain for sign in "<>="):
        mend = [
            f"  {op.name} is defined for {op.domain}. If np.where is to hide this later: the "
            f"gradient\n  would still be NaN. Choose a safe input first, {_safe_input(op)}."
        ]
    _refuse_not_finite(op.name, result._data, inputs, mend=mend)
    result._checksums = {
        position: _checksum(x._data)
        for position, x in enumerate(result.inputs)
        if getattr(x, "_memory", None) is not None and x._memory.is_shared
    }


def check_unchanged(result: Any) -> None:
    """Refuse a result whose inputs share an array that has changed since the forward pass."""
    for position, checksum in getattr(result, "_checksums", {}).items():
        x = result.inputs[position]
        if checksum != _checksum(x._data):
            name = f"`{x.name}`" if x.name else "a Tensor made with copy=False"
            raise MutationError(
                f"{result.op.name}: the array that {name} shares has changed since the forward "
                f"pass, at {SourcePlace(*result._place)}\n"
                "  Call backward() before changing the array, or let Tensor(array) copy it."
            )


def check_backward(contribution: Any, result: Any, position: int, g: Any = None) -> None:
    """Refuse a gradient that isn't finite; `g` is what flowed in."""
    names = list(result.op.rules)
    label = names[position] if position < len(names) else f"input {position}"
    what = f"the gradient of {result.op.name} by {label}"
    array = np.asarray(getattr(contribution, "_data", contribution))
    mend = []
    if _is_masked(array, getattr(g, "_data", g)):
        mend = [
            "  The gradient that flowed in is 0 there: this is a branch that np.where, or a mask, "
            "didn't take,\n  but 0 times infinity is NaN. Choose a safe input first, "
            f"{_safe_input(result.op)}."
        ]
    _refuse_not_finite(what, array, result.inputs, result, mend)


def _is_masked(flow: Any, g: Any) -> bool:
    """Whether nothing flowed in wherever what flows out isn't finite: 0/0, or 0 times infinity."""
    bad = ~np.isfinite(flow)
    if g is None or not bad.any():
        return False
    return not (g[bad] if g.shape == flow.shape else g).any()


def _safe_input(op: Operation) -> str:
    """How to give an operation an input that is harmless where its output isn't taken."""
    if op.domain in ("x > 0", "x >= 0"):
        return f"np.{op.name}(np.where(x > 0, x, 1.0))"
    if op.domain == "y != 0":
        return f"np.{op.name}(x, np.where(y != 0, y, 1.0))"
    return f"as np.where(inside, x, harmless) for {op.name}"


def _refuse_not_finite(
    what: str, array: Any, inputs: tuple[Any, ...], of: Any = None, mend: Sequence[str] = ()
) -> None:
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    nans, infinities = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    counts = [f"{nans} NaN"] * bool(nans)
    counts += [f"{infinities} {'infinity' if infinities == 1 else 'infinities'}"] * bool(infinities)
    values = [np.asarray(getattr(x, "_data", x)) for x in inputs if x is not None]
    finite = all(np.isfinite(v).all() for v in values if v.dtype.kind == "f")
    source = "finite inputs" if finite else "inputs that weren't all finite"
    where, call = (place(3), calls.get()) if of is None else (of._place, of.call)
    lines = [f"{what} made {' and '.join(counts)} (of {array.size} entries) from {source}"]
    lines += operand_lines(inputs, "xyz", [None] * len(inputs), call, where)
    lines += [
        f"    {label} lies between {v.min():.6g} and {v.max():.6g}"
        for label, v in zip("xyz", values, strict=False)
        if v.size and v.dtype.kind in "fiu"
    ]
    raise AnomalyError("\n".join([*lines, *call_lines(call, where), *mend]))


def _checksum(array: Any) -> int:
    return zlib.crc32(array.tobytes())
