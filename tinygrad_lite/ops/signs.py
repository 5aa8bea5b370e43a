"""Other ways to write NumPy's functions: by an operator's sign, and as methods of ufuncs."""

from typing import Any

import numpy as np

# fmt: off
OPERATORS: dict[np.ufunc, str] = {
    np.add: "x + y", np.subtract: "x - y", np.multiply: "x * y", np.divide: "x / y",
    np.floor_divide: "x // y", np.remainder: "x % y", np.power: "x ** y", np.matmul: "x @ y",
    np.negative: "-x", np.positive: "+x", np.invert: "~x",
    np.bitwise_and: "x & y", np.bitwise_or: "x | y", np.bitwise_xor: "x ^ y",
    np.equal: "x == y", np.not_equal: "x != y", np.less: "x < y", np.less_equal: "x <= y",
    np.greater: "x > y", np.greater_equal: "x >= y",
}
UFUNC_METHODS: dict[tuple[np.ufunc, str], Any] = {
    (np.add, "reduce"): np.sum, (np.add, "accumulate"): np.cumsum,
    (np.multiply, "reduce"): np.prod, (np.multiply, "accumulate"): np.cumprod,
    (np.maximum, "reduce"): np.max, (np.minimum, "reduce"): np.min,
    (np.logical_and, "reduce"): np.all, (np.logical_or, "reduce"): np.any,
}
# fmt: on
