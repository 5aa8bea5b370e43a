"""Operations entry by entry. Inputs broadcast; the engine sums their gradients back."""

import operator

import numpy as np

from .operation import op

# ---- arithmetic ------------------------------------------------------------------------------

add = op(
    np.add,
    x=lambda g, out, x, y: g,
    y=lambda g, out, x, y: g,
)
subtract = op(
    np.subtract,
    x=lambda g, out, x, y: g,
    y=lambda g, out, x, y: -g,
)
multiply = op(
    np.multiply,
    x=lambda g, out, x, y: g * y,
    y=lambda g, out, x, y: g * x,
)
divide = op(
    np.divide,
    x=lambda g, out, x, y: g / y,
    y=lambda g, out, x, y: -g * out / y,
)
negative = op(np.negative, x=lambda g, out, x: -g)
positive = op(np.positive, run=lambda x: np.array(x, order="C"), x=lambda g, out, x: g)
# The exponent y - 1, but for y = 0, where the gradient is 0 at every x, 0 too. NumPy's operator
# is faster than its function: it turns squares and roots into what they are.
power = op(
    np.power,
    run=operator.pow,
    x=lambda g, out, x, y: g * (y * x ** (y - (y != 0))),
    y=lambda g, out, x, y: g * out * np.log(np.where(x == 0, 1, x)),
)

# ---- exponentials, roots ---------------------------------------------------------------------

exp = op(np.exp, x=lambda g, out, x: g * out)
expm1 = op(np.expm1, x=lambda g, out, x: g * (out + 1))
log = op(np.log, x=lambda g, out, x: g / x)
log1p = op(np.log1p, x=lambda g, out, x: g / (1 + x))
sqrt = op(np.sqrt, x=lambda g, out, x: g / (2 * out))
square = op(np.square, x=lambda g, out, x: g * (2 * x))

# ---- trigonometric and hyperbolic ------------------------------------------------------------

sin = op(np.sin, x=lambda g, out, x: g * np.cos(x))
cos = op(np.cos, x=lambda g, out, x: -g * np.sin(x))
tanh = op(np.tanh, x=lambda g, out, x: g * (1 - out**2))

# ---- with kinks: see the table of conventions in docs/conventions.md --------------------------

absolute = op(np.absolute, x=lambda g, out, x: g * np.sign(x))
maximum = op(
    np.maximum,
    x=lambda g, out, x, y: np.where(x > y, g, np.where(x == y, g / 2, 0)),
    y=lambda g, out, x, y: np.where(y > x, g, np.where(y == x, g / 2, 0)),
)
minimum = op(
    np.minimum,
    x=lambda g, out, x, y: np.where(x < y, g, np.where(x == y, g / 2, 0)),
    y=lambda g, out, x, y: np.where(y < x, g, np.where(y == x, g / 2, 0)),
)
clip = op(
    np.clip,
    x=lambda g, out, x, low, high: np.where(x == out, g, 0),
    low=lambda g, out, x, low, high: np.where((x < out) & (out == low), g, 0),
    high=lambda g, out, x, low, high: np.where((x > out) | (x < out) & (out != low), g, 0),
)
where = op(
    np.where,
    condition=None,
    x=lambda g, out, condition, x, y: np.where(condition, g, 0),
    y=lambda g, out, condition, x, y: np.where(condition, 0, g),
)
