"""Entry by entry, and comparisons of whole arrays."""

from typing import Any

import numpy as np

from .. import elementwise


def clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    """`minimum(maximum(a, min), max)`, but with all of the gradient to `a` at the bounds."""
    return elementwise.clip(a, min if a_min is None else a_min, max if a_max is None else a_max)


def copy(a: Any) -> Any:
    """`+a`: the same entries in memory of their own."""
    return elementwise.positive(a)


def allclose(
    a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """`all(isclose(a, b))`, as Python's bool."""
    return bool(np.all(np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)))


def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    """`all(a1 == a2)` for two of the same shape, else False, as Python's bool."""
    if np.shape(a1) != np.shape(a2):
        return False
    equal = np.equal(a1, a2)
    return bool(np.all(equal | np.isnan(a1) & np.isnan(a2) if equal_nan else equal))


def array_equiv(a1: Any, a2: Any) -> bool:
    """`all(a1 == a2)` for two that broadcast, else False, as Python's bool."""
    try:
        return bool(np.all(np.equal(a1, a2)))
    except ValueError:  # they don't broadcast
        return False
