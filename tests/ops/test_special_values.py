"""Operations entry by entry at the ends of the number line: ±0, ±∞, NaN, tiny and huge numbers.

Values are NumPy's, bit for bit, but for `logaddexp` of many, which is right to rounding. Gradients
are those that the same rule gives with more digits and a wider range, so that no overflow or
underflow on the way makes them wrong; and they are NaN only where a derivative doesn't exist.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_lite as tl
from tinygrad_lite import Tensor
from tinygrad_lite.errors import GradientError
from tinygrad_lite.ops import Operation, elementwise, functions, special

inf, nan = np.inf, np.nan


def rows_of(room):
    rows = [row for row in vars(room).values() if isinstance(row, Operation)]
    return list(dict.fromkeys(row for row in rows if not hasattr(special, row.name)))


NUMPYS = [row for row in rows_of(elementwise) if hasattr(np, row.name)]
OURS = [functions.relu, functions.sigmoid, functions.softplus, special.erf]
OURS += [special.normal_pdf, special.normal_cdf]
each_dtype = pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64], ids=np.dtype)


def each_row(rows):
    return pytest.mark.parametrize("row", rows, ids=lambda row: row.name)


def special_values(dtype):
    """Zeros, infinities, NaN, ordinary numbers, and those of which a square over- or underflows."""
    limits = np.finfo(dtype)
    huge = 2 * math.sqrt(limits.max)
    some = [0, limits.tiny / 16, limits.tiny, 1 / huge, limits.eps, 0.5, 1, 2, 2.5, 3, huge]
    some += [limits.max, inf]
    return np.array([*some, *[-x for x in some], nan], dtype)


def inputs_of(row, values):
    """Every combination of `values`."""
    if row is elementwise.where:
        return np.meshgrid([True, False], values, values)
    return np.meshgrid(*[values] * len(row.rules)) if len(row.rules) > 1 else [values]


def assert_same_bits(found, expected):
    assert_array_equal(found, expected, strict=True)
    numbers = ~np.isnan(expected)
    assert_array_equal(np.signbit(found)[numbers], np.signbit(expected)[numbers])


# ---- values --------------------------------------------------------------------------------------


def test_rows_are_found():
    assert len(NUMPYS) > 45 and np.sinc in [row.function for row in NUMPYS]


@each_row(NUMPYS)
@each_dtype
def test_value_is_that_of_numpy_bit_for_bit_or_to_rounding(row, dtype):
    smallest = np.array([np.finfo(dtype).smallest_subnormal], dtype)
    values = np.concatenate([special_values(dtype), smallest, -smallest])
    arrays = inputs_of(row, values)
    with np.errstate(all="ignore"):
        found, expected = row.function(*map(Tensor, arrays)).data, row.function(*arrays)
        if row is elementwise.logaddexp:  # many at a time, by other functions
            assert_allclose(found, expected, rtol=4 * float(np.finfo(dtype).eps), strict=True)
        else:
            assert_same_bits(found, expected)
        for entries in zip(*[array.reshape(-1)[::37] for array in arrays], strict=True):
            numbers = [np.asarray(x) for x in entries]
            found = row.function(*map(Tensor, numbers)).data
            assert_same_bits(found, np.asarray(row.function(*numbers)))


@each_row([row for row in NUMPYS if len(row.rules) == 2])
@each_dtype
@pytest.mark.parametrize("number", [0.0, -0.0, 1.0, -1.5, 2.0, 0.5, 3, -1, 0, True, inf, nan])
def test_value_with_a_number_is_that_of_numpy_bit_for_bit(row, dtype, number):
    x = special_values(dtype)
    run = row.run if row is elementwise.power else row.function  # as the operator does it: faster
    with np.errstate(all="ignore"):
        assert_same_bits(row.function(Tensor(x), number).data, run(x, number))
        assert_same_bits(row.function(number, Tensor(x)).data, run(number, x))


# ---- gradients -----------------------------------------------------------------------------------


def overflowing(x):
    return np.isinf(x.dtype.type(1) / x)


def not_differentiated(x, y):
    """Where `x ** y` has no derivative by y, or its rule overflows: x ** (y - 1) next to 0."""
    return (x < 0) | np.isinf(y) | (x == 0) & (y < 0) | overflowing(x) & (abs(y) < 1)


EXEMPT = dict.fromkeys(["power", "float_power"], not_differentiated)
EXEMPT["remainder"] = lambda x, y: np.isinf(y)  # -1 mod ∞ is ∞, in NumPy
EXEMPT["sinc"] = lambda x: np.isinf(4 * x)  # NumPy's is NaN where πx overflows
ROUNDING = {"tanh": 1}  # in units of eps: 1 - out**2 has the rounding of 1


def gradients(row, arrays):
    """The output, and the gradients by those inputs that have one, as arrays."""
    leaves = [Tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
    out, found = row(*leaves), []
    for x, rule in zip(leaves, row.rules.values(), strict=True):
        if rule is not None:
            found.append(out.gradient(x, gradient=np.ones(out.shape)).data)
    return out.data, found


@each_row(NUMPYS + OURS)
@each_dtype
def test_gradient_is_that_of_a_wider_dtype(row, dtype):
    wider = np.longdouble if dtype is np.float64 else np.float64
    arrays = inputs_of(row, special_values(dtype))
    with np.errstate(all="ignore"):
        out, found = gradients(row, arrays)
        in_wider = [x.astype(wider) if x.dtype.kind == "f" else x for x in arrays]
        out_in_wider, expected = gradients(row, in_wider)
        checked = ~(np.isnan(out_in_wider) | np.isinf(out) & np.isfinite(out_in_wider))
        for x in arrays:
            checked &= ~np.isnan(x)
        if row.name in EXEMPT:
            checked &= ~EXEMPT[row.name](*arrays)
        for g, e in zip(found, expected, strict=True):
            g, e = g[checked], e[checked].astype(dtype)
            assert not np.isnan(e).any()
            eps, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)
            assert_allclose(g, e, rtol=20 * eps, atol=4 * tiny + ROUNDING.get(row.name, 0) * eps)


def slopes(call, *numbers):
    leaves = [Tensor(np.float64(x), requires_grad=True) for x in numbers]
    found = call(*leaves).gradient(*leaves)
    return [g.item() for g in found] if len(leaves) > 1 else found.item()


@pytest.mark.parametrize(
    ("call", "numbers", "expected"),
    [
        (np.exp, [-inf], 0),
        (np.expm1, [-inf], 0),
        (np.expm1, [-40.0], math.exp(-40)),
        (np.log, [inf], 0),
        (np.log2, [inf], 0),
        (np.log10, [inf], 0),
        (np.log10, [1e308], 1e-308 / math.log(10)),
        (np.log1p, [inf], 0),
        (np.sqrt, [inf], 0),
        (np.cbrt, [-inf], 0),
        (np.reciprocal, [-inf], 0),
        (np.tanh, [inf], 0),
        (np.arctan, [-inf], 0),
        (np.arcsinh, [inf], 0),
        (np.arcsinh, [1e200], 1e-200),
        (np.arccosh, [1e200], 1e-200),
        (np.arcsin, [1 - 2**-53], 2**26 / math.sqrt(1 - 2**-54)),
        (np.divide, [1.0, inf], [0, 0]),
        (np.remainder, [-7.0, 2.0], [1, 4]),
        (np.remainder, [7.0, -2.0], [1, 4]),
        (np.fmod, [-7.0, 2.0], [1, 3]),
        (np.fmod, [7.0, inf], [1, 0]),
        (np.fmod, [0.3, 0.1], [1, -2]),  # 0.3 / 0.1 is rounded to 3
        (np.remainder, [0.3, 0.1], [1, -2]),
        (np.arctan2, [0.0, 0.0], [0, 0]),
        (np.arctan2, [inf, 1.0], [0, 0]),
        (np.arctan2, [1.0, -inf], [0, 0]),
        (np.arctan2, [inf, inf], [0, 0]),
        (np.arctan2, [1e-200, 1e-200], [5e199, -5e199]),
        (np.arctan2, [3e200, 4e200], [0.16e-200, -0.12e-200]),
        (np.hypot, [0.0, 0.0], [0, 0]),
        (np.hypot, [-inf, 1.0], [-1, 0]),
        (np.hypot, [3e200, -4e200], [0.6, -0.8]),
        (np.logaddexp, [-inf, 1.0], [0, 1]),
        (np.logaddexp, [inf, 1.0], [1, 0]),
        (np.logaddexp, [-inf, inf], [0, 1]),
        (np.logaddexp, [-inf, -inf], [0.5, 0.5]),
        (np.logaddexp, [inf, inf], [0.5, 0.5]),
        (np.logaddexp2, [-inf, 1.0], [0, 1]),
        (np.logaddexp2, [-inf, -inf], [0.5, 0.5]),
        (np.copysign, [0.0, -1.0], [0]),
        (np.copysign, [-2.0, -0.0], [1]),
        (np.copysign, [-2.0, 0.0], [-1]),
        (np.heaviside, [0.0, 3.0], [1]),
        (np.fmax, [2.0, nan], [1, 0]),
        (np.fmin, [nan, 2.0], [0, 1]),
        (np.fmax, [2.0, 2.0], [0.5, 0.5]),
        (np.fmin, [inf, inf], [0.5, 0.5]),
        (np.maximum, [inf, inf], [0.5, 0.5]),
        (np.minimum, [-inf, 0.0], [1, 0]),
        (np.fabs, [0.0], 0),
        (np.sinc, [0.0], 0),
        (np.nan_to_num, [nan], 0),
        (np.nan_to_num, [-inf], 0),
        (np.power, [inf, -1.0], [0, 0]),
        (np.power, [inf, 1.0], [1, inf]),
        (np.power, [0.0, 2.0], [0, 0]),
        (np.float_power, [0.0, 0.0], [0, 0]),
        (tl.f.erf, [-inf], 0),
        (tl.f.normal_cdf, [inf], 0),
        (tl.f.sigmoid, [-inf], 0),
        (tl.f.softplus, [inf], 1),
        (tl.f.softplus, [-inf], 0),
    ],
    ids=str,
)
def test_gradient_at_special_points(call, numbers, expected):
    if isinstance(expected, list) and len(expected) < len(numbers):  # the other has none
        position = 0 if call is np.copysign else 1
        leaf = Tensor(np.float64(numbers[position]), requires_grad=True)
        inputs = [leaf if i == position else x for i, x in enumerate(numbers)]
        found = [call(*inputs).gradient(leaf).item()]
    else:
        with np.errstate(invalid="ignore"):  # sin(∞), and ∞ - ∞ in logaddexp itself
            found = slopes(call, *numbers)
    assert_allclose(found, expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    ("call", "numbers"),
    [
        (np.arctan2, [0.0, 0.0]),
        (np.hypot, [0.0, 0.0]),
        (np.hypot, [0.0, inf]),
        (np.arctan2, [inf, -inf]),
        (np.logaddexp, [-inf, 0.0]),
        (np.power, [0.0, 2.0]),
    ],
)
def test_gradient_at_the_origin_and_infinity_warns_of_nothing(call, numbers):
    slopes(call, *numbers)


def test_jumps_have_no_gradient_to_give():
    for call in (lambda x: np.copysign(2.0, x), lambda x: np.heaviside(x, 0.5)):
        with pytest.raises(GradientError):
            slopes(call, 1.0)


# ---- higher orders -------------------------------------------------------------------------------


def derivatives(call, x, order):
    """The derivatives of `call` at a number, the first to the last."""
    leaf = Tensor(np.float64(x), requires_grad=True)
    y, found = call(leaf), []
    for _ in range(order):
        y = y.gradient(leaf, create_graph=True) if y.requires_grad else Tensor(0.0)
        found.append(y.item())
    return found


def of_power(x, p, order):
    """The derivative of `x ** p` of that order: p (p - 1) … x ** (p - order)."""
    return math.prod(p - i for i in range(order)) * (x ** (p - order) if p != order or x else 1.0)


def of_polynomial(slope, value, order):
    """Of a function whose slope is a polynomial in its own value, from that value."""
    polynomial = np.polynomial.Polynomial([0, 1])
    for _ in range(order):
        polynomial = polynomial.deriv() * np.polynomial.Polynomial(slope)
    return polynomial(value)


@pytest.mark.parametrize(
    ("call", "x", "expected"),
    [
        (lambda x: x**12, 1.5, lambda n: math.perm(12, n) * 1.5 ** (12 - n)),
        (lambda x: x**12, 0.0, lambda n: math.factorial(12) * (n == 12)),
        (lambda x: x**0.5, 1.7, lambda n: of_power(1.7, 0.5, n)),
        (lambda x: np.float_power(x, -1.5), 1.7, lambda n: of_power(1.7, -1.5, n)),
        (np.sqrt, 1.7, lambda n: of_power(1.7, 0.5, n)),
        (np.cbrt, 1.7, lambda n: of_power(1.7, 1 / 3, n)),
        (np.reciprocal, 1.7, lambda n: of_power(1.7, -1, n)),
        (np.tanh, 0.3, lambda n: of_polynomial([1, 0, -1], math.tanh(0.3), n)),
        (np.tan, 0.7, lambda n: of_polynomial([1, 0, 1], math.tan(0.7), n)),
        (tl.f.sigmoid, 0.7, lambda n: of_polynomial([0, 1, -1], 1 / (1 + math.exp(-0.7)), n)),
        (np.expm1, -30.0, lambda n: math.exp(-30)),
        (np.exp2, 0.7, lambda n: math.log(2) ** n * 2**0.7),
        (np.log1p, 0.3, lambda n: of_power(1.3, -1, n - 1)),
        (np.log2, 1.3, lambda n: of_power(1.3, -1, n - 1) / math.log(2)),
    ],
)
def test_derivatives_are_right_to_eighth_order(call, x, expected):
    exact = [expected(order) for order in range(1, 9)]
    assert_allclose(derivatives(call, x, 8), exact, rtol=1e-11, atol=0)


@pytest.mark.parametrize("x", [0.0, 1e-300, 1e-8, 0.05, 0.2, 0.4, 0.7, 1.3, 3.0, -6.5])
def test_derivatives_of_sinc_do_not_cancel_near_0(x):
    nodes, weights = np.polynomial.legendre.leggauss(60)
    t, weights = (nodes + 1) / 2, weights / 2
    found = derivatives(np.sinc, x, 4)
    turns = [np.cos, lambda z: -np.sin(z), lambda z: -np.cos(z), np.sin]
    for n, g in enumerate(found, 1):  # the n-th derivative of sinc(x) = ∫ cos(πxt)
        exact = math.pi**n * np.sum(weights * t**n * turns[n % 4](math.pi * x * t))
        assert_allclose(g, exact, rtol=1e-12, atol=1e-14 * math.pi**n)
        if abs(x) < 0.1:
            assert_allclose(g, exact, rtol=1e-13, atol=0)


def test_second_derivatives_of_hypot_are_those_of_the_radius():
    x, y = (Tensor(np.float64(v), requires_grad=True) for v in (3.0, -4.0))
    by_x = np.hypot(x, y).gradient(x, create_graph=True)
    assert_allclose([g.item() for g in by_x.gradient(x, y)], [16 / 125, 12 / 125], rtol=1e-14)


# ---- mixed dtypes --------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [elementwise.power, elementwise.float_power])
def test_power_of_mixed_dtypes_has_gradients_in_the_larger_one(row):
    x, y = np.array([0.3, 1.7], np.float32), np.array([2.1, 0.1])
    for a, b in ((x, y), (y, x), (x, x.astype(np.float64)), (y.astype(np.float16), y)):
        wide = [v.astype(np.float64) for v in (a, b)]
        for position in (0, 1):
            leaves = [v if i == position else Tensor(v) for i, v in enumerate((a, b))]
            leaves[position] = leaf = Tensor((a, b)[position], requires_grad=True)
            exact = [wide[1] * wide[0] ** (wide[1] - 1), wide[0] ** wide[1] * np.log(wide[0])]
            found = row.function(*leaves).sum().gradient(leaf)
            assert_allclose(found.data, exact[position].astype(leaf.dtype), rtol=1e-15)


@each_dtype
@each_row([row for row in NUMPYS if row is not elementwise.float_power])
def test_numbers_leave_the_dtype_of_a_gradient_alone(row, dtype):
    """A rule that works in a larger dtype would take twice the memory, unseen."""
    x = np.full(3, 0.5, dtype)
    for position, name in enumerate(row.rules):
        if row.rules[name] is None:
            continue
        inputs = [0.25] * len(row.rules)
        inputs[position] = x
        with np.errstate(invalid="ignore"):  # of arccosh, which isn't defined here
            out = row.function(*inputs)
            assert np.asarray(row.rules[name](x, out, *inputs)).dtype == dtype
