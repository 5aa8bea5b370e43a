"""Arrays as a page shows them: what they hold in short, and as a picture of few tiles."""

from base64 import b64encode
from math import ceil, prod
from typing import Any

import numpy as np

TILES = 64  # along each side of a picture


def statistics(array: np.ndarray) -> dict[str, Any] | None:
    """Of the finite entries mean, deviation, extremes and the share of zeros; how many aren't.

    None for a single number, which is said itself, and for what holds nothing.
    """
    if array.size < 2:
        return None
    with np.errstate(all="ignore"):  # the sum of numbers near the largest there are
        wide = array.astype(np.float64).ravel()
        is_finite = np.isfinite(wide)
        count = int(is_finite.sum())
        finite = wide if count == wide.size else wide[is_finite]
        said: dict[str, Any] = dict.fromkeys(("mean", "std", "min", "max"))
        if count:
            found = finite.mean(), finite.std(), finite.min(), finite.max()
            said = {key: rounded(x) for key, x in zip(said, found, strict=True)}
        nan = int(np.isnan(wide).sum()) if count < wide.size else 0
    zeros = rounded(np.count_nonzero(finite == 0) / max(count, 1))
    return said | {"zeros": zeros, "nan": nan, "inf": wide.size - count - nan}


def rounded(x: Any) -> float | str:
    """To digits on which all sums agree; as text if it isn't finite, as means of huge numbers."""
    x = float(f"{float(x):.9g}")
    return x if np.isfinite(x) else "NaN" if x != x else "Infinity" if x > 0 else "-Infinity"


def heatmap(array: np.ndarray, tiles: int = TILES) -> dict[str, Any] | None:
    """The entries as bytes, -127 … 127 for ± the scale, -128 for NaN; None if there are none.

    The scale is the largest size of what is finite, or None if nothing is.
    An array with more rows or columns than `tiles` becomes means of blocks; one with more than two
    axes is folded into rows, and one with a single axis, too, where it comes out even.
    """
    if array.size == 0:
        return None
    shape = _folded(array.shape, tiles)
    with np.errstate(all="ignore"):
        table = array.astype(np.float64).reshape(shape)
        heights, widths = (_starts(n, tiles) for n in shape)
        if len(heights) < shape[0] or len(widths) < shape[1]:
            counts = np.outer(np.diff([*heights, shape[0]]), np.diff([*widths, shape[1]]))
            parts = table / counts.max()  # before they are added up, so that no sum overflows
            sums = np.add.reduceat(np.add.reduceat(parts, heights, 0), widths, 1)
            table = sums * (counts.max() / counts)
        is_nan = np.isnan(table)
        is_finite = np.isfinite(table)
        scale = float(np.abs(table[is_finite]).max(initial=0.0))
        relative = np.where(is_nan, 0.0, table) / (scale or 1.0)
        levels = np.rint(np.clip(relative, -1, 1) * 127).astype(np.int8)
    levels[is_nan] = -128
    return {
        "rows": len(heights),
        "cols": len(widths),
        "scale": rounded(scale) if is_finite.any() else None,
        "of": _said(array.shape, shape, tiles),
        "data": b64encode(levels.tobytes()).decode(),
    }


def _folded(shape: tuple[int, ...], tiles: int) -> tuple[int, int]:
    """Rows and columns of an array of any shape."""
    if len(shape) >= 2:
        return prod(shape[:-1]), shape[-1]
    size = prod(shape)
    even = [n for n in range(8, tiles + 1) if size % n == 0 and size // n <= n]
    return (size // even[0], even[0]) if size > tiles and even else (1, size)


def _starts(size: int, tiles: int) -> Any:
    """Where the blocks begin."""
    return np.arange(0, size, ceil(size / tiles))


def _said(shape: tuple[int, ...], folded: tuple[int, int], tiles: int) -> str:
    height, width = (ceil(n / tiles) for n in folded)
    parts = [f"folded into rows of {folded[1]:,}"] if len(shape) < 2 and folded[0] > 1 else []
    if height * width > 1:
        parts.append(f"means of {height:,} × {width:,} entries")
    return ", ".join(parts)
