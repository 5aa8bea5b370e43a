"""Functions that are constant but for their jumps: no gradient flows through them."""

from typing import Any

import numpy as np

from .operation import no_gradient, op

# ---- comparisons, logic ----------------------------------------------------------------------

equal = no_gradient(np.equal, "x y")
not_equal = no_gradient(np.not_equal, "x y")
less = no_gradient(np.less, "x y")
less_equal = no_gradient(np.less_equal, "x y")
greater = no_gradient(np.greater, "x y")
greater_equal = no_gradient(np.greater_equal, "x y")

bitwise_and = no_gradient(np.bitwise_and, "x y")
bitwise_or = no_gradient(np.bitwise_or, "x y")
bitwise_xor = no_gradient(np.bitwise_xor, "x y")
invert = no_gradient(np.invert)
logical_and = no_gradient(np.logical_and, "x y")
logical_or = no_gradient(np.logical_or, "x y")
logical_not = no_gradient(np.logical_not)

isfinite = no_gradient(np.isfinite)
isinf = no_gradient(np.isinf)
isnan = no_gradient(np.isnan)
isneginf = no_gradient(np.isneginf)
isposinf = no_gradient(np.isposinf)
isclose = no_gradient(np.isclose, "a b")
all_ = no_gradient(np.all)
any_ = no_gradient(np.any)

# ---- positions, counts -----------------------------------------------------------------------

argmax = no_gradient(np.argmax)
argmin = no_gradient(np.argmin)
count_nonzero = no_gradient(np.count_nonzero)
searchsorted = no_gradient(np.searchsorted, "a v")
digitize = no_gradient(np.digitize, "x bins")

# ---- signs, whole numbers --------------------------------------------------------------------

sign = no_gradient(np.sign)
signbit = no_gradient(np.signbit)
floor = no_gradient(np.floor)
ceil = no_gradient(np.ceil)
trunc = no_gradient(np.trunc)
rint = no_gradient(np.rint)
fix = op(np.fix, run=np.trunc, x=None)  # NumPy is about to drop it
round_ = no_gradient(np.round)
around = no_gradient(np.around)
floor_divide = no_gradient(np.floor_divide, "x y")

# ---- creation after an array -----------------------------------------------------------------


def _empty_like(prototype: Any, dtype: Any = None, *, shape: Any = None) -> Any:
    return np.empty_like(prototype, dtype, shape=shape)  # has no signature before NumPy 2.1


empty_like = op(np.empty_like, run=_empty_like, prototype=None)
zeros_like = no_gradient(np.zeros_like)
ones_like = no_gradient(np.ones_like)
full_like = no_gradient(np.full_like)
