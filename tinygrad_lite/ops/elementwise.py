"""Operations entry by entry. Inputs broadcast; the engine sums their gradients back."""

import math
import operator
from typing import Any

import numpy as np

from .functions import sigmoid
from .operation import Operation, op
from .special import quiet_square, sinc_slope

LN2, LN10 = math.log(2), math.log(10)

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
    domain="y != 0",
    kinks="infinite at y = 0",
    x=lambda g, out, x, y: g / y,
    y=lambda g, out, x, y: -g * out / y,
)
reciprocal = op(np.reciprocal, domain="x != 0", x=lambda g, out, x: -g * out**2)
negative = op(np.negative, x=lambda g, out, x: -g)
positive = op(np.positive, run=lambda x: np.array(x, order="C", like=x), x=lambda g, out, x: g)
JUMPS: dict[str, Any] = dict(
    domain="y != 0",
    kinks="at jumps, where x / y is an integer: that of the value's side",
    x=lambda g, out, x, y: g,
)
remainder = op(
    np.remainder,
    **JUMPS,
    y=lambda g, out, x, y: -g * np.rint(x / y - out / y),  # x / y may be rounded to an integer
    formulas={"y": "-g * np.floor(x / y)"},
)
fmod = op(
    np.fmod,
    **JUMPS,
    y=lambda g, out, x, y: -g * np.rint((x - out) / y),
    formulas={"y": "-g * np.trunc(x / y)"},
)

# ---- powers, roots ---------------------------------------------------------------------------


def power_by_base(g: Any, out: Any, x: Any, y: Any) -> Any:
    """`g * y * x ** (y - 1)`, but 0 for y = 0, where the gradient is 0 at every x, 0 too."""
    x, y = promoted(x, out), promoted(y, out)
    return g * (y * x ** (y - (y != 0)))


def power_by_exponent(g: Any, out: Any, x: Any, y: Any) -> Any:
    """`g * out * log(x)`, but 0 for x = 0, and for 0 = ∞ ** y."""
    is_zero = (x == 0) | (x == math.inf) & (out == 0)
    return g * out * np.log(promoted(np.where(is_zero, 1, x), out))


def promoted(x: Any, out: Any) -> Any:
    """An input of mixed dtypes in the output's, so that nothing is rounded to the smaller one."""
    return x if getattr(x, "dtype", out.dtype) == out.dtype else x.astype(out.dtype)


POWER: dict[str, Any] = dict(
    domain="x > 0, or y an integer",
    kinks="by x: infinite at x = 0 for y < 1, but 0 for y = 0; by y: 0 at x = 0",
    x=power_by_base,
    y=power_by_exponent,
    formulas={"x": "g * y * x**(y - 1)", "y": "g * out * np.log(x)"},
)
power = op(np.power, run=operator.pow, **POWER)  # turns squares and roots into what they are
float_power = op(np.float_power, **POWER)
sqrt = op(np.sqrt, domain="x >= 0", kinks="infinite at 0", x=lambda g, out, x: g / (2 * out))
cbrt = op(np.cbrt, kinks="infinite at 0", x=lambda g, out, x: g / (3 * out**2))
square = op(np.square, x=lambda g, out, x: g * (2 * x))

# ---- exponentials, logarithms ----------------------------------------------------------------

exp = op(np.exp, x=lambda g, out, x: g * out)
exp2 = op(np.exp2, x=lambda g, out, x: g * out * LN2)
expm1 = op(np.expm1, x=lambda g, out, x: g * np.exp(x))
log = op(np.log, domain="x > 0", kinks="infinite at 0", x=lambda g, out, x: g / x)
log2 = op(np.log2, domain="x > 0", kinks="infinite at 0", x=lambda g, out, x: g / LN2 / x)
log10 = op(np.log10, domain="x > 0", kinks="infinite at 0", x=lambda g, out, x: g / LN10 / x)
log1p = op(np.log1p, domain="x > -1", kinks="infinite at -1", x=lambda g, out, x: g / (1 + x))


def _logaddexp(x: Any, y: Any) -> Any:
    """`np.logaddexp`, in large arrays by functions that NumPy computes many at a time."""
    if np.size(x) + np.size(y) < 256 or np.result_type(x, y).char not in "fd":
        return np.logaddexp(x, y)
    with np.errstate(invalid="ignore", over="ignore"):
        lower = np.fmin(-np.absolute(x - y), 0)  # 0 between an infinity and itself
    return np.maximum(x, y) + np.log1p(np.exp(lower))


def gap(x: Any, y: Any) -> Any:
    """`x - y`, but 0 between an infinity and itself."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(np.isinf(x) & (x == y), 0, x - y)


logaddexp = op(
    np.logaddexp,
    run=_logaddexp,
    kinks="shared evenly where both are the same infinity",
    x=lambda g, out, x, y: g * sigmoid(gap(x, y)),
    y=lambda g, out, x, y: g * sigmoid(gap(y, x)),
    formulas={"x": "g * sigmoid(x - y)", "y": "g * sigmoid(y - x)"},
)
logaddexp2 = op(
    np.logaddexp2,
    kinks="shared evenly where both are the same infinity",
    x=lambda g, out, x, y: g * sigmoid(LN2 * gap(x, y)),
    y=lambda g, out, x, y: g * sigmoid(LN2 * gap(y, x)),
    formulas={"x": "g * sigmoid(np.log(2) * (x - y))", "y": "g * sigmoid(np.log(2) * (y - x))"},
)

# ---- trigonometric ---------------------------------------------------------------------------

sin = op(np.sin, x=lambda g, out, x: g * np.cos(x))
cos = op(np.cos, x=lambda g, out, x: -g * np.sin(x))
tan = op(np.tan, domain="cos(x) != 0", x=lambda g, out, x: g * (1 + out**2))
ENDS: dict[str, Any] = dict(domain="-1 <= x <= 1", kinks="infinite at -1 and 1")
arcsin = op(np.arcsin, x=lambda g, out, x: g / np.sqrt((1 - x) * (1 + x)), **ENDS)
arccos = op(np.arccos, x=lambda g, out, x: -g / np.sqrt((1 - x) * (1 + x)), **ENDS)
arctan = op(
    np.arctan,
    x=lambda g, out, x: g / (1 + quiet_square(x)),
    formulas={"x": "g / (1 + x**2)"},
)


def cosine(x: Any, h: Any) -> Any:
    """`x / h` for h = hypot(x, y); 0 at the origin, and ±1 where x is infinite."""
    at_end = (h == 0) | np.isinf(x)
    return promoted(np.where(at_end, np.sign(x), x), h) / np.where(at_end, 1, h)


def over_square(x: Any, y: Any) -> Any:
    """`x / (x**2 + y**2)`, which neither overflows nor underflows; 0 at the origin."""
    square = quiet_square(x) + quiet_square(y)
    if is_ordinary(square):  # np.hypot would take longer than all the rest
        return x / square
    h = np.hypot(x, y)
    return cosine(x, h) / np.where(h == 0, 1, h)


def is_ordinary(square: Any) -> bool:
    """Whether squares that were added are all right to rounding; of Tensors nothing is known."""
    if hasattr(square, "__apply__") or not square.ndim or square.dtype.char not in "fd":
        return False
    low, high = (f.reduce(square, None, initial=1) for f in (np.minimum, np.maximum))
    return bool(low > 1e-30 and high < 1e30)


arctan2 = op(
    np.arctan2,
    kinks="0 at the origin",
    y=lambda g, out, y, x: g * over_square(x, y),
    x=lambda g, out, y, x: -g * over_square(y, x),
    formulas={"y": "g * x / (x**2 + y**2)", "x": "-g * y / (x**2 + y**2)"},
)
hypot = op(
    np.hypot,
    kinks="0 at the origin",
    x=lambda g, out, x, y: g * cosine(x, out),
    y=lambda g, out, x, y: g * cosine(y, out),
    formulas={"x": "g * x / out", "y": "g * y / out"},
)
sinc = op(
    np.sinc,
    x=lambda g, out, x: g * sinc_slope(out, x),
    formulas={"x": "g * (np.cos(np.pi * x) - out) / x"},
)
deg2rad = op(np.deg2rad, x=lambda g, out, x: g * (math.pi / 180))
radians = op(np.radians, x=lambda g, out, x: g * (math.pi / 180))
rad2deg = op(np.rad2deg, x=lambda g, out, x: g * (180 / math.pi))
degrees = op(np.degrees, x=lambda g, out, x: g * (180 / math.pi))

# ---- hyperbolic ------------------------------------------------------------------------------

sinh = op(np.sinh, x=lambda g, out, x: g * np.cosh(x))
cosh = op(np.cosh, x=lambda g, out, x: g * np.sinh(x))
tanh = op(np.tanh, x=lambda g, out, x: g * (1 - out**2))
arcsinh = op(np.arcsinh, x=lambda g, out, x: g / np.hypot(1, x))
arccosh = op(
    np.arccosh,
    domain="x >= 1",
    kinks="infinite at 1",
    x=lambda g, out, x: g / (np.sqrt(x - 1) * np.sqrt(x + 1)),
)
arctanh = op(np.arctanh, domain="-1 < x < 1", x=lambda g, out, x: g / ((1 - x) * (1 + x)))

# ---- with kinks: see the table of conventions in docs/conventions.md --------------------------

absolute = op(np.absolute, kinks="0 at 0", x=lambda g, out, x: g * np.sign(x))
fabs = op(np.fabs, kinks="0 at 0", x=lambda g, out, x: g * np.sign(x))
copysign = op(
    np.copysign,
    kinks="by x: 0 at x = 0; by y: 0, at the jump as well",
    x=lambda g, out, x, y: g * (np.sign(x) * np.sign(out)),
    y=None,
)
heaviside = op(
    np.heaviside,
    kinks="by x: 0, at the jump as well",
    x=None,
    y=lambda g, out, x, y: g * (x == 0),
)


def extreme_of_two(function: Any, kinks: str = "half to each where x = y") -> Operation:
    return op(
        function,
        kinks=kinks,
        x=lambda g, out, x, y: g * (x == out) - g / 2 * (x == y),
        y=lambda g, out, x, y: g * (y == out) - g / 2 * (y == x),
    )


maximum, minimum = extreme_of_two(np.maximum), extreme_of_two(np.minimum)
fmax = extreme_of_two(np.fmax, "half to each where x = y; all of it to x where y is NaN")
fmin = extreme_of_two(np.fmin, fmax.kinks)
clip = op(
    np.clip,
    kinks="all of it to x at the bounds",
    x=lambda g, out, x, low, high: g * (x == out),
    low=lambda g, out, x, low, high: g * ((x < out) & (out == low)),
    high=lambda g, out, x, low, high: g * ((x > out) | (x < out) & (out != low)),
)
where = op(
    np.where,
    kinks="all of it to the one chosen",
    condition=None,
    x=lambda g, out, condition, x, y: np.where(condition, g, 0),
    y=lambda g, out, condition, x, y: np.where(condition, 0, g),
)
nan_to_num = op(
    np.nan_to_num,
    kinks="0 where an entry is replaced",
    x=lambda g, out, x, nan=0.0, posinf=None, neginf=None: np.where(np.isfinite(x), g, 0),
)
