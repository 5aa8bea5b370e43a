"""Functions that are constant but for their jumps: no gradient flows through them."""

import numpy as np

from .operation import no_gradient

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
all_ = no_gradient(np.all)
any_ = no_gradient(np.any)

# ---- positions, signs ------------------------------------------------------------------------

argmax = no_gradient(np.argmax)
argmin = no_gradient(np.argmin)
sign = no_gradient(np.sign)

# ---- creation after an array -----------------------------------------------------------------

zeros_like = no_gradient(np.zeros_like)
ones_like = no_gradient(np.ones_like)
full_like = no_gradient(np.full_like)
