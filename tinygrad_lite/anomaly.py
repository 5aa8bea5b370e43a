"""What `detect_anomaly` looks for: the first NaN or infinity, and shared arrays that changed."""

import zlib
from typing import Any

import numpy as np

from .context import calls, place
from .errors import AnomalyError, MutationError, call_lines, operand_lines
from .ops import Operation
from .source import SourcePlace


def check_forward(result: Any, op: Operation, inputs: tuple[Any, ...]) -> None:
    """Refuse a result that isn't finite; remember the checksums of what the user shares."""
    _refuse_not_finite(op.name, result._data, inputs)
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


def check_backward(contribution: Any, result: Any, position: int) -> None:
    """Refuse a gradient that isn't finite."""
    names = list(result.op.rules)
    label = names[position] if position < len(names) else f"input {position}"
    values = getattr(contribution, "_data", contribution)
    _refuse_not_finite(
        f"the gradient of {result.op.name} by {label}", values, result.inputs, result
    )


def _refuse_not_finite(what: str, array: Any, inputs: tuple[Any, ...], of: Any = None) -> None:
    array = np.asarray(array)
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
    raise AnomalyError("\n".join([*lines, *call_lines(call, where)]))


def _checksum(array: Any) -> int:
    return zlib.crc32(array.tobytes())
