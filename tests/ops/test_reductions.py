"""Reductions and running sums, beyond the cases of cases_reductions.py."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_lite import Tensor
from tinygrad_lite.errors import ArgumentError, BoundsError, OperationError, ShapeError
from tinygrad_lite.ops import cumulative


def leaf(values, dtype=np.float64):
    return Tensor(np.array(values, dtype), requires_grad=True)


def slopes(call, values, dtype=np.float64):
    x = leaf(values, dtype)
    return call(x).sum().gradient(x)


def second_slopes(call, values):
    """How much the sum of the gradient changes with each entry."""
    x = leaf(values)
    first = call(x).sum().gradient(x, create_graph=True)
    return first.sum().gradient(x).tolist() if first.requires_grad else [0.0] * x.size


REDUCTIONS = [np.sum, np.prod, np.mean, np.var, np.std, np.max, np.min, np.ptp, np.median]

# ---- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [np.sum, np.prod, np.mean, np.nansum])
def test_options_may_be_given_by_position(function):
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    assert_array_equal(function(x, None, None, None).data, function(x.data))
    assert_array_equal(
        function(x, 1, np.float32, None, True).data, function(x.data, 1, np.float32, None, True)
    )


@pytest.mark.parametrize("function", [np.max, np.min, np.amax, np.amin, np.median, np.ptp])
def test_out_has_its_place_among_the_options(function):
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    assert_array_equal(function(x, 0, None).data, function(x.data, 0, None))


@pytest.mark.parametrize("function", [*REDUCTIONS, np.cumsum, np.cumprod, np.amax, np.nanmean])
def test_array_to_write_into_is_refused(function):
    with pytest.raises(OperationError, match="out="):
        function(leaf([1.0]), out=np.zeros(()))


@pytest.mark.parametrize("function", [np.sum, np.prod, np.max, np.amin, np.nansum, np.nanmax])
def test_initial_value_is_refused(function):
    with pytest.raises(OperationError, match="initial="):
        function(leaf([1.0]), initial=3.0)


@pytest.mark.parametrize("function", [np.sum, np.mean, np.std, np.max, np.nanmean])
def test_mask_is_refused(function):
    assert function(leaf([2.0]), where=True).shape == ()
    with pytest.raises(OperationError, match="where="):
        function(leaf([1.0, 2.0]), where=np.array([True, False]))


@pytest.mark.parametrize("options", [{"correction": 1}, {"mean": np.ones(1)}])
def test_options_of_var_that_rules_do_not_know_are_refused(options):
    with pytest.raises(OperationError, match=f"{next(iter(options))}="):
        np.var(leaf([1.0, 2.0]), **options)


def test_other_methods_of_quantiles_are_refused():
    with pytest.raises(OperationError, match="method="):
        np.quantile(leaf([1.0, 2.0]), 0.5, method="lower")
    with pytest.raises(OperationError, match="quantile: q is a Tensor"):
        np.quantile(leaf([1.0, 2.0]), Tensor(0.5))


@pytest.mark.parametrize("function", [*REDUCTIONS, np.linalg.norm, np.cumsum, np.diff])
def test_axis_that_is_not_there_is_refused(function):
    with pytest.raises(BoundsError, match=r"axis.2"):
        function(leaf([[1.0]]), axis=2)


@pytest.mark.parametrize("function", [np.cumsum, np.cumprod])
@pytest.mark.parametrize("x", [1.0, [[1.0]]])
def test_axis_to_run_along_that_is_not_there_is_refused(function, x):
    with pytest.raises(BoundsError, match="axis=-3 is out of range"):
        function(leaf(x), axis=-3)


def test_order_of_a_norm_that_is_not_there_is_refused():
    with pytest.raises(ArgumentError, match="norm order"):
        np.linalg.norm(leaf([[1.0]]), "spectral")


@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
def test_running_sums_of_several_axes_name_one(name):
    if hasattr(np, name):  # since NumPy 2.1
        with pytest.raises(ArgumentError, match="axis="):
            getattr(np, name)(leaf([[1.0]]))


# ---- integers, half precision --------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        *REDUCTIONS,
        *(np.cumsum, np.cumprod, np.diff, np.ediff1d, np.trapezoid),
        *(np.average, np.linalg.norm, np.nansum, np.nanmean, np.nanmax),
        lambda x: np.quantile(x, 0.3),
    ],
)
@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8, np.float16])
def test_values_and_dtypes_are_those_of_numpy(function, dtype):
    x = np.array([[3, 1, 4], [1, 5, 9]], dtype)
    assert_allclose(function(Tensor(x)).data, function(x), rtol=1e-3, strict=True)


def test_half_precision_does_not_round_deviations():
    x = [1000.0, 1001.0, 1003.0]
    exact = slopes(np.var, x)
    assert_allclose(slopes(np.var, x, np.float16).data, exact.data, rtol=1e-3)


def test_shares_of_many_ties_are_right_in_half_precision():
    shares = slopes(np.max, np.ones(70_000), np.float16)
    assert_allclose(shares.data, 1 / 70_000, rtol=0.01)


# ---- zeros in products ---------------------------------------------------------------------------


def product_of_others(x):
    return [np.prod(np.delete(x, i)) for i in range(len(x))]


@pytest.mark.parametrize(
    "x", [[2.0, 3.0, 4.0], [2.0, 0.0, 4.0], [0.0, 0.0, 4.0], [0.0, 0.0, 0.0], [0.0], [5.0]]
)
def test_slope_of_a_product_is_the_product_of_the_others(x):
    assert slopes(np.prod, x).tolist() == product_of_others(x)


def test_third_derivative_of_a_product_with_zeros():
    x = leaf([0.0, 0.0, 0.0, 5.0])
    g = np.prod(x)
    for i in (0, 1, 2):  # by one entry after another, until 5 is left
        g = g.gradient(x, create_graph=True)[i]
    assert g.item() == 5.0


@pytest.mark.parametrize("scale", [1e-200, 1e200])
@pytest.mark.parametrize("call", [np.prod, lambda x: np.cumprod(x)[-1]])
def test_slopes_of_products_do_not_overflow_before_they_must(call, scale):
    with np.errstate(over="ignore"):
        found = slopes(call, [scale, scale])
    assert_allclose(found.data, [scale, scale], rtol=1e-15)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 1000])
@pytest.mark.parametrize("zeros", [[], [0], [0, -1]])
def test_slopes_of_running_products_are_those_of_a_loop(n, zeros):
    rng = np.random.default_rng(n)
    x, g = rng.uniform(0.5, 1.5, n), rng.normal(size=n)
    x[zeros] = 0
    expected, s = np.empty(n), 0.0
    for k in reversed(range(n)):
        s = g[k] + (x[k + 1] * s if k + 1 < n else 0.0)
        expected[k] = s * np.prod(x[:k])
    t = leaf(x)
    assert_allclose(np.cumprod(t).gradient(t, gradient=g).data, expected, rtol=1e-11, atol=1e-14)


def test_recurrence_is_that_of_a_loop():
    rng = np.random.default_rng(0)
    for n in range(40):
        a, b = rng.normal(size=(2, n, 3))
        expected = b.copy()
        for k in range(1, n):
            expected[k] += a[k] * expected[k - 1]
        assert_allclose(cumulative.recurrence(a, b), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("function", [np.cumsum, np.cumprod])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_running_sums_of_long_rows_are_those_of_numpy_to_the_last_bit(function, dtype, axis):
    x = np.random.default_rng(0).normal(size=(5, 3, 400)).astype(dtype)
    x[1, 1, 1], x[2, 2, 2], x[3, 0] = np.nan, np.inf, -0.0
    t = Tensor(x, requires_grad=True)
    with np.errstate(all="ignore"):
        y = function(t, axis)
        assert_array_equal(y.data, function(x, axis), strict=True)
    if function is np.cumsum:
        g = np.random.default_rng(1).normal(size=y.shape).astype(dtype)
        flipped = np.flip(np.cumsum(np.flip(g, axis), axis), axis).reshape(x.shape)
        assert_array_equal(y.gradient(t, gradient=g).data, flipped)


# ---- kinks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standard_deviation_of_equal_entries_has_slope_0(dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert slopes(np.std, [2.0, 2.0, 2.0], dtype).tolist() == [0.0] * 3
        assert second_slopes(np.std, [2.0, 2.0, 2.0]) == [0.0] * 3


def test_standard_deviation_along_an_axis_has_slope_0_only_where_entries_are_equal():
    found = slopes(lambda x: np.std(x, axis=1), [[2.0, 2.0], [1.0, 3.0]])
    assert found.tolist() == [[0.0, 0.0], [-0.5, 0.5]]


@pytest.mark.parametrize("order", [None, 1, 2, 3, 4, 1.5, 0.5, 0, np.inf, -np.inf])
def test_norm_has_slope_0_at_the_origin(order):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert slopes(lambda x: np.linalg.norm(x, order), [0.0, 0.0]).tolist() == [0.0, 0.0]
        assert second_slopes(lambda x: np.linalg.norm(x, order), [0.0, 0.0]) == [0.0, 0.0]


@pytest.mark.parametrize("order", [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
def test_norm_of_a_matrix_has_slope_0_at_the_origin(order):
    found = slopes(lambda x: np.linalg.norm(x, order), np.zeros((2, 3)))
    assert_array_equal(found.data, np.zeros((2, 3)))


@pytest.mark.parametrize("order", [-1, -2, -3, -0.5, -np.inf])
def test_norm_of_negative_order_has_slope_0_where_an_entry_is_0(order):
    with np.errstate(divide="ignore"):  # in NumPy's own value
        for x in ([0.0, 1.0, -2.0], [0.0, 0.0, 3.0]):
            assert slopes(lambda x: np.linalg.norm(x, order), x).tolist() == [0.0, 0.0, 0.0]
            assert second_slopes(lambda x: np.linalg.norm(x, order), x) == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("order", [2, 3, 4, 1.5])
def test_norm_is_smooth_where_single_entries_are_0(order):
    assert slopes(lambda x: np.linalg.norm(x, order), [0.0, -2.0]).tolist() == [0.0, -1.0]


def test_even_powers_in_a_norm_are_right_at_0_to_fourth_order():
    x = leaf([0.0, 1.0])
    y = np.linalg.norm(x, 4)
    for _ in range(4):  # (1 + x**4)**(1 / 4) is 1 + x**4 / 4 - …
        y = y.gradient(x, create_graph=True)[0]
    assert_allclose(y.item(), 6.0, rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_slope_of_a_norm_is_right_as_far_as_its_value(scale):
    assert_allclose(slopes(np.linalg.norm, [3 * scale, 4 * scale]).data, [0.6, 0.8], rtol=1e-15)


@pytest.mark.parametrize(
    ("x", "shares"),
    [
        ([3.0, 1.0, 2.0], [0.0, 0.0, 1.0]),
        ([4.0, 1.0, 2.0, 3.0], [0.0, 0.0, 0.5, 0.5]),
        ([2.0, 2.0, 1.0, 3.0], [0.5, 0.5, 0.0, 0.0]),
        ([1.0, 1.0, 1.0, 2.0], [1 / 3, 1 / 3, 1 / 3, 0.0]),
        ([1.0, 1.0, 2.0, 2.0], [0.25] * 4),
    ],
)
def test_ties_of_the_median_are_shared_evenly(x, shares):
    assert_allclose(slopes(np.median, x).data, shares, rtol=1e-15)


def test_quantile_shares_between_its_neighbours_in_order():
    found = slopes(lambda x: np.quantile(x, 0.25), [4.0, 1.0, 3.0])
    assert found.tolist() == [0.0, 0.5, 0.5]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_quantiles_at_an_entry_have_slope_1_there(dtype):
    x = np.arange(101)
    for q in range(101):
        for call in (lambda x, q=q: np.quantile(x, q / 100), lambda x, q=q: np.percentile(x, q)):
            expected = np.zeros(101)
            expected[q] = 1
            assert_allclose(slopes(call, x, dtype).data, expected, atol=1e-5)


def test_ties_in_one_row_of_a_median_and_nan_in_another_do_not_mix():
    found = slopes(lambda x: np.median(x, axis=1), [[1.0, 1.0, 1.0, 2.0], [np.nan, 0, 0, -np.inf]])
    assert_allclose(found[0].data, [1 / 3, 1 / 3, 1 / 3, 0.0])


@pytest.mark.parametrize(
    "function", [np.max, np.min, np.median, np.nanmax, np.ptp, lambda x: np.quantile(x, 0.2)]
)
def test_nan_among_entries_gives_no_spurious_warning(function):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = slopes(function, [1.0, np.nan, 2.0])
    assert found[1].item() == 0.0


@pytest.mark.parametrize("n", [3, 300])
def test_ties_in_one_row_and_nan_in_another_do_not_mix(n):
    x = np.zeros((2, n))
    x[0, :2], x[1, 0] = 1.0, np.nan
    found = slopes(lambda x: np.max(x, axis=1), x)
    assert found[0, :2].tolist() == [0.5, 0.5]
    assert_array_equal(found[1].data, np.zeros(n))


# ---- averages, without NaN -----------------------------------------------------------------------


def test_average_may_return_the_sum_of_its_weights():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    for weights in (None, np.array([1.0, 3.0])):
        found = np.average(x, axis=1, weights=weights, returned=True)
        for one, expected in zip(
            found, np.average(x.data, axis=1, weights=weights, returned=True), strict=True
        ):
            assert_allclose(one.data, expected, rtol=1e-15, strict=True)


def test_listed_weights_take_on_the_dtype_of_the_tensor():
    assert np.average(Tensor([1.0, 2.0]), weights=[0.5, 0.5]).dtype == np.float32


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match="weights"):
        np.average(leaf([[1.0, 2.0]]), axis=1, weights=np.ones(3))
    with pytest.raises(ShapeError, match="weights"):
        np.average(leaf([[1.0, 2.0]]), weights=np.ones(2))


@pytest.mark.parametrize(
    "function", [np.nansum, np.nanprod, np.nanmean, np.nanmax, np.nanmin], ids=lambda f: f.__name__
)
def test_nan_is_left_out_and_has_slope_0(function):
    x = [[1.0, np.nan, 3.0], [2.0, 5.0, 4.0]]
    rest = slopes(function, [1.0, 3.0])
    t = leaf(x)
    y = function(t, axis=1)
    assert_allclose(y.data, function(np.array(x), axis=1), rtol=1e-15)
    g = y.sum().gradient(t)
    assert_allclose(g.data[0], [rest.data[0], 0.0, rest.data[1]], rtol=1e-15)


def test_mean_of_nan_alone_is_nan_with_slope_0():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x = leaf([[np.nan, np.nan], [1.0, 3.0]])
        y = np.nanmean(x, axis=1)
        assert_array_equal(y.data, [np.nan, 2.0])
        assert y.sum().gradient(x).tolist() == [[0.0, 0.0], [0.5, 0.5]]
