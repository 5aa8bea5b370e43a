"""Special functions that NumPy lacks, computed with NumPy alone."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .operation import op

# ---- what rules are made of ------------------------------------------------------------------


def quiet_square(x: Any) -> Any:
    """`x**2`, infinite without a warning where it overflows: `exp(-∞)` and `1 / ∞` are right."""
    with np.errstate(over="ignore"):
        return x * x


# sinc(x) = 1 - (πx)²/3! + (πx)⁴/5! - …; here its derivative, over π²x, from the highest power on.
SINC_SLOPE = [(-1) ** m * 2 * m / math.factorial(2 * m + 1) for m in range(12, 0, -1)]


def sinc_slope(out: Any, x: Any) -> Any:
    """`(cos(πx) - sinc(x)) / x`, but near 0, where that would cancel, by its power series."""
    near = np.absolute(x) < 0.5
    small = math.pi * np.where(near, x, 0)
    square, series = small * small, 0.0
    for coefficient in SINC_SLOPE:
        series = series * square + coefficient
    cos = np.cos(math.pi * (x - 2 * np.rint(x / 2)))
    return np.where(near, math.pi * small * series, (cos - out) / np.where(near, 1, x))


# ---- the error function ----------------------------------------------------------------------

# W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of
# Computation 23 (1969), with the coefficients of his program CALERF: erf(x) is x P(x²) / Q(x²) for
# |x| up to 0.5, and 1 - exp(-x²) R(|x|) / S(|x|) beyond. All begin with the highest power.
# fmt: off
P = (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2,
     3.77485237685302021e2, 3.20937758913846947e3)
Q = (1.0, 2.36012909523441209e1, 2.44024637934444173e2,
     1.28261652607737228e3, 2.84423683343917062e3)
R = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0,
     6.61191906371416295e1, 2.98635138197400131e2, 8.81952221241769090e2,
     1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3)
S = (1.0, 1.57449261107098347e1, 1.17693950891312499e2,
     5.37181101862009858e2, 1.62138957456669019e3, 3.29079923573345963e3,
     4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3)
# For float32 a shorter x P(x²) / Q(x²), up to 4, was fitted to math.erf: within 2.5e-8 of it.
P32 = (1.9868005e-6, 2.8456547e-4, 3.8832917e-3, 5.3101581e-2, 1.9354375e-1, 1.1283791e0)
Q32 = (3.7420341e-5, 1.1855600e-3, 1.5207143e-2, 1.1534946e-1, 5.0485623e-1, 1.0)
# fmt: on


@op(
    x=lambda g, out, x: g * (2 / math.sqrt(math.pi)) * np.exp(-quiet_square(x)),
    formulas={"x": "g * 2 / np.sqrt(np.pi) * np.exp(-x**2)"},
)
def erf(x: Any) -> Any:
    """The error function, `2/√π · ∫ exp(-t²)` for t from 0 to `x`, right to rounding.

    Notes
    -----
    Rational approximations [1]_ in the arithmetic of the dtype: the error is below 1e-15 of the
    value in float64, 5e-7 in float32.

    References
    ----------
    .. [1] W. J. Cody, "Rational Chebyshev approximations for the error function", 1969.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.f.erf(tl.Tensor([0.0, 1.0]))
    Tensor([0.    , 0.8427], shape=(2,))
    """
    return entrywise(x, ERF, erf_of_many)


def erf_of_many(x: Any) -> Any:
    if x.dtype == np.float32:
        x = np.clip(x, -4, 4)  # erf(4) is 1
        square = x * x
        return np.clip(x * (polynomial(P32, square) / polynomial(Q32, square)), -1, 1)
    size = np.minimum(np.absolute(x), 6)  # erf(6) is 1
    near, square = size < 0.5, size * size
    size = polynomial(R, size) / polynomial(S, size)
    size *= np.exp(-square)
    far = np.copysign(1 - size, x)
    square = np.minimum(square, 0.25)
    return np.where(near, x * (polynomial(P, square) / polynomial(Q, square)), far)


def polynomial(coefficients: tuple[float, ...], x: Any) -> Any:
    """A polynomial by Horner's rule, in one array."""
    total = x * coefficients[0]
    for coefficient in coefficients[1:-1]:
        total += coefficient
        total *= x
    return total + coefficients[-1]


# ---- the normal distribution -----------------------------------------------------------------


@op(
    x=lambda g, out, x: -g * out * np.clip(x, -1000, 1000),  # where 0 meets infinity, 0
    formulas={"x": "-g * out * x"},
)
def normal_pdf(x: Any) -> Any:
    """The density of normal random numbers, `exp(-x² / 2) / √(2π)`.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.f.normal_pdf(tl.Tensor([0.0, 1.0]))
    Tensor([0.3989, 0.242 ], shape=(2,))
    """
    return math.sqrt(0.5 / math.pi) * np.exp(-0.5 * quiet_square(x))


# exp(x² / 2) * normal_cdf(-x) is p(x) / q(x), up to an x where the second factor is 0: fitted to
# values of more digits, within 6e-17 of them, relatively; for float32 within 7e-9.
# fmt: off
TAIL = (
    (1.38459959086740093e-6, 3.72299892530467989e-5, 4.90155912145063625e-4, 4.08753168151470793e-3,
     2.3614139410404915e-2, 9.76725235068168279e-2, 2.89273461086835979e-1, 5.93964228742504671e-1,
     7.7481791770829603e-1, 0.5),
    (3.47067648352109296e-6, 9.33217437237529303e-5, 1.23210934504382259e-3, 1.03392442188399437e-2,
     6.04135672691664364e-2, 2.54887976330803088e-1, 7.8187058020547309e-1, 1.71411363976156464,
     2.56097873779864732, 2.34752039621944761, 1.0), 39)
TAIL32 = ((4.1531916e-3, 4.0880879e-2, 1.8396841e-1, 4.3928247e-1, 0.5),
          (1.0410396e-2, 1.0247928e-1, 4.7140678e-1, 1.2055453, 1.6764499, 1.0), 15)
# fmt: on


@op(x=lambda g, out, x: g * normal_pdf(x))
def normal_cdf(x: Any) -> Any:
    """The probability that a normal random number is below `x`: `(1 + erf(x / √2)) / 2`.

    Right to rounding, also where it is near 0.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.f.normal_cdf(tl.Tensor([0.0, 1.96]))
    Tensor([0.5  , 0.975], shape=(2,))
    """
    return entrywise(x, lambda x: 0.5 * ERFC(-math.sqrt(0.5) * x), cdf_by_tail, above=-2)


def cdf_by_tail(x: Any) -> Any:
    """The left tail, `exp(-size² / 2) * p(size) / q(size)`, mirrored above 0."""
    p, q, end = TAIL32 if x.dtype == np.float32 else TAIL
    size = np.absolute(x).clip(0, end)
    near = np.rint(16 * size) * 0.0625  # with so few digits that its square is exact: that of size
    tail = np.exp(-0.5 * near * near)  # would round too much, where it is large
    tail *= np.exp(-0.5 * (size - near) * (size + near))
    tail *= polynomial(p, size)
    tail /= polynomial(q, size)
    return np.absolute((x > 0) - tail)  # 1 - tail above 0


# ---- few entries, and many -------------------------------------------------------------------

ERF, ERFC = (np.frompyfunc(function, 1, 1) for function in (math.erf, math.erfc))
FEW = 32  # entries that are sooner done one by one
BLOCK = 16384  # entries, of which a few arrays fit into a core's own cache


def entrywise(x: Any, one: Any, many: Any, above: float = -math.inf) -> Any:
    """A function of each entry in its dtype: by `many`, of arrays; or by `one`, if there are few.

    What is not `above` a number `one` would round too much in double precision.
    """
    x = x if hasattr(x, "dtype") else np.asarray(x)
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    wide = np.promote_types(dtype, np.float32)
    if x.size <= FEW and (wide == np.float32 or not x.size or np.min(x) >= above):
        return one(x[None].astype(np.float64)).astype(dtype)[0]
    return in_blocks(many, x.astype(wide, copy=False)).astype(dtype, copy=False)


def in_blocks(function: Callable[[Any], Any], x: Any) -> Any:
    """`function`, entry by entry, of parts of `x`, so that what it computes on the way stays in
    the cache."""
    if x.size <= BLOCK:
        return function(x)
    flat = x.reshape(-1)
    out = np.empty_like(flat)
    for start in range(0, flat.size, BLOCK):
        out[start : start + BLOCK] = function(flat[start : start + BLOCK])
    return out.reshape(x.shape)
