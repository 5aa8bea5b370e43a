"""Numbers and arrays as short text."""

from typing import Any

import numpy as np

FEW = 6  # entries that are shown one by one


def number(x: Any, digits: int = 4) -> str:
    """Four significant digits, no trailing zeros: `0.42`, `-3`, `1.2e-07`."""
    if isinstance(x, bool | np.bool_):
        return str(bool(x))
    if isinstance(x, int | np.integer):
        return str(int(x))
    return f"{float(x) + 0.0:.{digits}g}"  # -0.0 + 0.0 is 0.0


def is_few(array: np.ndarray) -> bool:
    """Whether an array is shown entry by entry."""
    return 0 < array.size <= FEW and array.ndim <= 2


def text(array: np.ndarray, digits: int = 4) -> str:
    """An array of few entries as they are, `[1, 0.5]`; a larger one as `summary` has it."""
    return _nested(array.tolist(), digits) if is_few(array) else summary(array)


def summary(array: np.ndarray) -> str:
    """Mean and largest size, `mean -0.0012 · largest size 0.031`, and how many aren't finite."""
    if array.size == 0:
        return "no entries"
    if array.dtype.kind == "b":
        return f"{number(array.mean() * 100)} % true"
    wide = array.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    parts = []
    if finite.size:
        with np.errstate(over="ignore"):  # the sum of numbers near the largest there are
            mean = finite.mean()
        parts += [f"mean {number(mean)}", f"largest size {number(abs(finite).max())}"]
    counts = {"NaN": np.isnan(wide).sum(), "infinite": np.isinf(wide).sum()}
    parts += [f"{n} {what}" for what, n in counts.items() if n]
    return " · ".join(parts)


def memory(count: int) -> str:
    """Bytes as people read them: `512 B`, `32 kB`, `1.5 MB`."""
    size, units = float(count), ["B", "kB", "MB", "GB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{size:.3g} {units[0]}"


def _nested(entries: Any, digits: int) -> str:
    if isinstance(entries, list):
        return f"[{', '.join([_nested(x, digits) for x in entries])}]"
    return number(entries, digits)
