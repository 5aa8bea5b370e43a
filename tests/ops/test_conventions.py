"""Gradients where there is no derivative, as docs/conventions.md has them; and powers at 0."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_lite as tl
from tinygrad_lite import Tensor
from tinygrad_lite.ops import table


def leaf(values):
    return Tensor(np.array(values, dtype=np.float64), requires_grad=True)


def slopes(call, *values):
    """How much the sum of `call(…)` changes with each entry of each input."""
    inputs = [leaf(v) for v in values]
    found = call(*inputs).sum().gradient(*inputs)
    return [g.tolist() for g in found] if len(inputs) > 1 else found.tolist()


# ---- kinks ---------------------------------------------------------------------------------------


def test_absolute_value_has_slope_0_at_0():
    assert slopes(np.absolute, [-2.0, 0.0, -0.0, 2.0]) == [-1.0, 0.0, 0.0, 1.0]


def test_relu_has_slope_0_at_0():
    assert slopes(tl.f.relu, [-2.0, 0.0, -0.0, 2.0]) == [0.0, 0.0, 0.0, 1.0]


def test_ties_of_maximum_are_shared_evenly():
    x, y = [1.0, 2.0, 3.0], [2.0, 2.0, 2.0]
    assert slopes(np.maximum, x, y) == [[0.0, 0.5, 1.0], [1.0, 0.5, 0.0]]


def test_ties_of_minimum_are_shared_evenly():
    x, y = [1.0, 2.0, 3.0], [2.0, 2.0, 2.0]
    assert slopes(np.minimum, x, y) == [[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]]


def test_maximum_of_a_tensor_and_itself_passes_all():
    assert slopes(lambda x: np.maximum(x, x), [1.0, -2.0]) == [1.0, 1.0]


@pytest.mark.parametrize("zero", [0, 0.0, np.zeros(3)])
def test_maximum_with_0_shares_at_0_which_relu_does_not(zero):
    assert slopes(lambda x: np.maximum(x, zero), [-1.0, 0.0, 1.0]) == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("function", [np.max, np.min])
@pytest.mark.parametrize("keepdims", [False, True])
def test_ties_of_max_and_min_are_shared_evenly(function, keepdims):
    sign = 1 if function is np.max else -1
    x = sign * np.array([[5.0, 1.0, 5.0], [1.0, 1.0, 1.0]])
    third = 1 / 3

    def shares(axis):
        return slopes(lambda x: function(x, axis=axis, keepdims=keepdims), x)

    assert shares(None) == [[0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]
    assert shares(0) == [[1.0, 0.5, 1.0], [0.0, 0.5, 0.0]]
    assert_allclose(shares(1), [[0.5, 0.0, 0.5], [third, third, third]], rtol=1e-15)
    assert shares((0, 1)) == shares(None)
    assert shares((0, -1)) == shares(None)


@pytest.mark.parametrize("function", [np.max, np.min, np.nanmax, np.nanmin])
def test_ties_of_all_entries_are_shared_by_all(function):
    assert slopes(function, [[2.0, 2.0], [2.0, 2.0]]) == [[0.25, 0.25], [0.25, 0.25]]
    assert slopes(lambda x: function(x, axis=0), [[2.0], [2.0]]) == [[0.5], [0.5]]


@pytest.mark.parametrize("order", [np.inf, -np.inf])
def test_ties_of_the_largest_and_smallest_in_a_norm_are_shared_evenly(order):
    sizes = np.array([[3.0, 4.0], [4.0, 3.0]]) if order > 0 else np.array([[4.0, 3.0], [3.0, 4.0]])
    x = sizes * [[1, -1], [1, 1]]
    assert slopes(lambda x: np.linalg.vector_norm(x, ord=order), x) == [[0.0, -0.5], [0.5, 0.0]]


@pytest.mark.parametrize("options", [{"stable": True}, {"kind": "stable"}])
def test_equal_entries_sorted_stably_keep_their_gradients_order(options):
    weights = np.arange(40.0)  # so many that other ways of sorting would mix them up
    found = slopes(lambda x: np.sort(x, **options) * weights, np.zeros(40))
    assert found == weights.tolist()


def test_ties_of_all_entries_in_medians_and_norms_are_shared_by_all():
    third, norm = 1 / 3, np.linalg.norm
    assert_allclose(slopes(np.median, [2.0, 2.0, 2.0]), [third, third, third], rtol=1e-15)
    assert slopes(lambda x: norm(x, ord=np.inf), [2.0, -2.0]) == [0.5, -0.5]
    assert slopes(lambda x: norm(x, ord=1), [[1.0, 1.0], [1.0, 1.0]]) == [[0.5, 0.5], [0.5, 0.5]]


def test_shares_at_ties_are_shares_of_what_flows_in():
    """Where `g` is 1, as in a sum, that isn't seen."""
    assert slopes(lambda x, y: 6 * np.maximum(x, y), [2.0], [2.0]) == [[3.0], [3.0]]
    assert slopes(lambda x, y: 6 * np.fmin(x, y), [2.0], [2.0]) == [[3.0], [3.0]]
    assert slopes(lambda x, low, high: 6 * np.clip(x, low, high), [1.0], [1.0], [3.0]) == [
        [6.0],
        [0.0],
        [0.0],
    ]


def test_shares_add_up_to_one_in_float32():
    x = Tensor(np.zeros((3, 7), np.float32), requires_grad=True)
    shares = x.max(axis=1).sum().gradient(x)
    assert shares.dtype == np.float32
    assert_allclose(shares.data.sum(axis=1), 1, rtol=1e-6)


def test_clip_passes_on_the_closed_interval():
    x = [0.0, 1.0, 2.0, 3.0, 4.0]
    assert slopes(lambda x: np.clip(x, 1.0, 3.0), x) == [0.0, 1.0, 1.0, 1.0, 0.0]


def test_clip_gives_the_rest_to_the_bounds():
    x, low, high = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], 1.0, 3.0
    assert slopes(np.clip, x, low, high) == [[0.0, 1.0, 1.0, 1.0, 0.0, 0.0], 1.0, 2.0]


def test_clip_to_crossed_bounds_goes_to_the_upper_as_in_numpy():
    assert np.clip(leaf(0.0), 3.0, 1.0).item() == np.clip(0.0, 3.0, 1.0)
    assert slopes(np.clip, 0.0, 3.0, 1.0) == [0.0, 0.0, 1.0]
    assert slopes(np.clip, 1.0, 3.0, 1.0) == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("x", [0.0, 2.0])
def test_clip_to_equal_bounds_has_the_slope_of_the_bound(x):
    assert slopes(lambda bound: np.clip(x, bound, bound), 1.0) == 1.0


def test_where_gives_all_to_the_one_chosen():
    assert slopes(lambda x, y: np.where([True, False], x, y), [1.0, 2.0], [3.0, 4.0]) == [
        [1.0, 0.0],
        [0.0, 1.0],
    ]


def test_where_hides_infinities_of_the_side_not_chosen():
    x = leaf([0.0, 4.0])
    harmless = np.where(x > 0, x, 1.0)
    assert np.where(x > 0, np.sqrt(harmless), 0.0).sum().gradient(x).tolist() == [0.0, 0.25]


@pytest.mark.parametrize(
    "call",
    [np.sign, lambda x: x > 0, lambda x: x == x, np.isfinite, np.argmax, lambda x: x.argmin()],
)
def test_functions_of_jumps_alone_have_no_gradient(call):
    y = call(leaf([1.0, -2.0]))
    assert not y.requires_grad and y.op is None


@pytest.mark.parametrize(
    "call",
    [np.absolute, tl.f.relu, lambda x: x.max(), lambda x: np.maximum(x, 0), lambda x: x.clip(0, 1)],
)
def test_second_derivative_is_0_at_kinks(call):
    x = leaf([0.0, 0.0])
    first = call(x).sum().gradient(x, create_graph=True)
    assert not first.requires_grad or first.sum().gradient(x).tolist() == [0.0, 0.0]


# ---- infinities ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call", [np.sqrt, np.log, lambda x: x**0.5, lambda x: x**0.25], ids=["sqrt", "log", "½", "¼"]
)
def test_infinite_derivative_is_infinite(call):
    with np.errstate(divide="ignore"):
        assert slopes(call, [0.0, 1.0])[0] == np.inf


def test_infinite_derivative_warns_as_numpy_does():
    y = np.sqrt(leaf(0.0))
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        y.backward()


@pytest.mark.parametrize("function", [tl.f.relu, np.maximum, np.max, np.clip])
def test_nan_goes_through(function):
    rest = {np.maximum: (0.0,), np.clip: (0.0, 1.0)}.get(function, ())
    assert np.isnan(function(leaf([np.nan]), *rest).data).all()


def test_slopes_of_arctan2_do_not_underflow_among_ordinary_ones():
    by_y, by_x = slopes(np.arctan2, [1e-200, 3.0], [1e-200, 4.0])
    assert_allclose([by_y, by_x], [[5e199, 0.16], [-5e199, -0.12]], rtol=1e-14)


@pytest.mark.parametrize("x", [1.5, 20.3, 300.7])
def test_slope_of_sinc_is_odd_far_out(x):
    slope = (np.cos(np.pi * x) - np.sinc(x)) / x
    assert_allclose(slopes(np.sinc, [x, -x]), [slope, -slope], rtol=1e-10)


# ---- powers at 0 ---------------------------------------------------------------------------------


def derivatives(y, x, order):
    """The sum's derivatives by `x`, the first to the last, as arrays."""
    found = []
    for _ in range(order):
        y = y.sum().gradient(x, create_graph=True)
        found.append(y.data)
        if not y.requires_grad:  # constant from here on
            found += [np.zeros(x.shape)] * (order - len(found))
            break
    return found


KINDS = {
    "number": lambda p: p,
    "float": float,
    "0-d array": lambda p: np.array(float(p)),
    "array": lambda p: np.full(3, float(p)),
    "broadcast array": lambda p: np.full((1, 1), float(p)),
    "Tensor": lambda p: Tensor(np.full(3, float(p))),
    "trained Tensor": lambda p: leaf(np.full(3, float(p))),
    "trained 0-d Tensor": lambda p: leaf(float(p)),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("exponent", [0, 1, 2, 3])
def test_power_has_the_derivatives_of_a_polynomial_to_fourth_order_at_0(exponent, kind):
    x = leaf([0.0, 2.0, 1.5])
    found = derivatives(x ** kind(exponent), x, 4)
    polynomial = np.polynomial.Polynomial.basis(exponent)
    for order, g in enumerate(found, 1):
        expected = polynomial.deriv(order)(x.data)
        assert_allclose(g.reshape(3), expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3])
def test_power_of_a_0d_zero_has_derivatives_to_fourth_order(exponent):
    x = leaf(0.0)
    found = derivatives(x**exponent, x, 4)
    expected = [float(order == exponent) * [1, 1, 2, 6][exponent] for order in (1, 2, 3, 4)]
    assert [g.item() for g in found] == expected


@pytest.mark.parametrize(("exponent", "slope"), [(0, 0), (1, 1), (2, 0)])
def test_float_power_has_the_slope_of_a_polynomial_at_0(exponent, slope):
    assert slopes(np.float_power, [0.0], [float(exponent)]) == [[slope], [0.0]]


def test_power_of_zeros_to_different_exponents_at_once():
    x = leaf(np.zeros(5))
    found = derivatives(x ** np.array([0.0, 1.0, 2.0, 3.0, 4.0]), x, 4)
    assert_array_equal(found, np.diag([1.0, 2.0, 6.0, 24.0], 1)[:4])


def test_power_by_its_exponent_is_0_at_base_0():
    y = leaf([0.0, 1.0, 2.0, 0.5])
    assert (np.zeros(4) ** y).sum().gradient(y).tolist() == [0.0] * 4
    x, y = leaf(np.zeros(3)), leaf([0.0, 1.0, 2.0])
    assert (x**y).sum().gradient(y).tolist() == [0.0] * 3


def test_power_by_its_exponent_is_finite_at_base_0_to_second_order():
    x, y = leaf(np.zeros(3)), leaf([1.0, 2.0, 3.0])
    by_y = (x**y).sum().gradient(y, create_graph=True)
    assert by_y.sum().gradient(y).tolist() == [0.0] * 3
    assert np.isfinite(by_y.sum().gradient(x).data).all()


def test_power_to_a_negative_exponent_is_infinite_at_0():
    with np.errstate(divide="ignore"):
        assert slopes(lambda x: x**-1, [0.0, 2.0]) == [-np.inf, -0.25]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_power_keeps_the_dtype(dtype):
    x = Tensor([0.0, 2.0], dtype=dtype, requires_grad=True)
    for y in (x**2, x**0.5, x**2.0, 2**x, 2.0**x, x**x):
        assert y.dtype == dtype


def test_power_of_a_negative_base_has_a_gradient_by_the_base():
    assert slopes(lambda x: x**3, [-2.0]) == [12.0]
    assert slopes(lambda x: x**-2, [-2.0]) == [0.25]


def test_integer_exponents_may_be_integer_arrays():
    assert slopes(lambda x: x ** np.array([0, 1, 2, 3]), [0.0] * 4) == [0.0, 1.0, 0.0, 0.0]
    assert slopes(lambda x: x ** Tensor([2]), [3.0]) == [6.0]


def test_square_is_finite_at_0_to_every_order():
    x = leaf(0.0)
    for y in (np.square(x), x * x, x**2):
        assert [g.item() for g in derivatives(y, x, 4)] == [0.0, 2.0, 0.0, 0.0]


# ---- dtypes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("q", [np.array(0.3003), np.array([0.3003])], ids=["0d", "1d"])
def test_quantile_of_half_precision_shares_as_it_interpolates(q):
    x = Tensor(np.repeat(np.array([0, 1], np.float16), [301, 700]), requires_grad=True)
    out = np.quantile(x, q)  # between the last 0 and the first 1: as far as the 1s have a share
    share = out.sum().gradient(x).data[301:].astype(np.float64).sum()
    assert_allclose(share, float(out.data.reshape(())), rtol=1e-3)


def test_log_softmax_of_half_precision_adds_up_more_than_that_holds():
    n = 70_000  # the largest number is 65,504
    x = Tensor(np.zeros(n, np.float16), requires_grad=True)
    found = tl.f.log_softmax(x).gradient(x, gradient=np.ones(n, np.float16))
    assert found.dtype == np.float16
    assert_allclose(found.data, np.zeros(n), atol=0.01)


@pytest.mark.parametrize("function", [np.prod, np.cumprod])
def test_products_in_a_larger_dtype_have_their_slopes_in_it(function):
    x = np.array([0.1, 0.0, 0.3, 0.7], np.float32)
    leaf32, leaf64 = (Tensor(x.astype(dtype), requires_grad=True) for dtype in "fd")
    found = function(leaf32, dtype=np.float64).sum().gradient(leaf32)
    exact = function(leaf64).sum().gradient(leaf64)
    assert_allclose(found.data, exact.data.astype(np.float32), rtol=1e-6)


def test_cholesky_of_single_precision_has_its_gradient_computed_in_it():
    x = np.eye(3, dtype=np.float32)
    rule = table[np.linalg.cholesky].rule(0)
    assert rule(x, np.linalg.cholesky(x), x).dtype == np.float32


# ---- matrices ------------------------------------------------------------------------------------


def test_vectors_of_equal_eigenvalues_turn_into_each_other_without_gradient():
    weights = np.array([[1.0, 2.0], [4.0, 8.0]])
    assert slopes(lambda x: np.linalg.eigh(x)[1] * weights, np.eye(2)) == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("spectrum", [[0.0, 1.0, 1.0], [0.0, 0.0, 1.0], [-1.0, -1.0, 0.0]])
def test_eigenvalues_are_equal_up_to_rounding_of_the_largest(spectrum):
    rng = np.random.default_rng(0)
    q = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    weights = rng.normal(size=(3, 3))
    found = slopes(lambda x: np.linalg.eigh(x)[1] * weights, q * spectrum @ q.T)
    assert np.max(np.abs(found)) < 10  # a gap of 1e-16 would make 1e16 of it


def test_singular_vectors_of_a_small_matrix_turn_as_those_of_a_large_one():
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=(2, 3, 2))
    found, small = (
        slopes(lambda x: np.linalg.svd(x, full_matrices=False)[0] * weights, x * scale)
        for scale in (1, 1e-3)
    )
    assert_allclose(small, 1e3 * np.array(found), rtol=1e-10)
