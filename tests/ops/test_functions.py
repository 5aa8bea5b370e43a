"""What `tl.f` adds to NumPy, at the ends of the number line and on odd arguments."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_lite as tl
from tinygrad_lite import Tensor
from tinygrad_lite.errors import BoundsError, ShapeError, TinygradError

f = tl.f
FUNCTIONS = [f.relu, f.sigmoid, f.softplus, f.logsumexp, f.softmax, f.log_softmax]
FUNCTIONS += [f.erf, f.normal_pdf, f.normal_cdf]
each_function = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
each_dtype = pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])


@each_function
def test_function_of_an_array_is_an_array(function):
    array = np.array([-1.0, 0.0, 2.0])
    out = function(array)
    assert not isinstance(out, Tensor)
    assert_array_equal(out, function(Tensor(array)).data)


@each_function
@each_dtype
def test_dtype_is_kept(function, dtype):
    x = Tensor([-1.0, 0.0, 2.0], dtype=dtype, requires_grad=True)
    out = function(x)
    assert out.dtype == out.sum().gradient(x).dtype == dtype


@each_function
@each_dtype
def test_large_numbers_do_not_overflow(function, dtype):
    large = float(np.finfo(dtype).max / 4)
    x = Tensor([-large, -1.0, 1.0, large], dtype=dtype, requires_grad=True)
    with np.errstate(under="ignore", over="warn"):
        out = function(x)
        assert np.isfinite(out.data).all()
        assert np.isfinite(out.sum().gradient(x).data).all()


@each_function
def test_function_has_its_name_and_documentation(function):
    assert getattr(f, function.name) is function
    assert repr(function) == f"<operation {function.name}>"
    assert ">>>" in function.__doc__


# ---- one after the other -------------------------------------------------------------------------


def test_sigmoid_is_right_to_rounding_far_out():
    x = Tensor(np.array([-700.0, -40.0, 40.0]), requires_grad=True)
    with np.errstate(under="ignore"):
        assert_allclose(f.sigmoid(x).data, [np.exp(-700.0), np.exp(-40.0), 1], rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_sigmoid_and_softplus_take_integers(dtype):
    x = np.array([0, 1, 2], dtype)
    assert_allclose(f.sigmoid(x), 1 / (1 + np.exp([0.0, -1.0, -2.0])), rtol=1e-14)
    assert_allclose(f.softplus(x), np.log1p(np.exp([0.0, 1.0, 2.0])), rtol=1e-14)


def test_relu_of_many_is_that_of_few():
    x = np.array([-np.inf, -1.0, 0.0, 2.0, np.inf, np.nan])
    assert_array_equal(f.relu(np.tile(x, 4000))[:6], f.relu(x))


@pytest.mark.parametrize("shape", [(3, 100), (100, 3), (100,), (2, 3, 70)])
@pytest.mark.parametrize("axis", [0, -1])
def test_gradients_along_long_and_short_axes_are_those_of_the_formulas(shape, axis):
    rng = np.random.default_rng(0)
    x, g = Tensor(rng.normal(size=shape), requires_grad=True), rng.normal(size=shape)
    p = np.exp(x.data) / np.exp(x.data).sum(axis, keepdims=True)
    by_softmax = p * (g - (g * p).sum(axis, keepdims=True))
    by_log_softmax = g - p * g.sum(axis, keepdims=True)
    found = f.softmax(x, axis).gradient(x, gradient=g)
    assert_allclose(found.data, by_softmax, rtol=1e-10, atol=1e-14)
    found = f.log_softmax(x, axis).gradient(x, gradient=g)
    assert_allclose(found.data, by_log_softmax, rtol=1e-10, atol=1e-14)


def test_softplus_goes_over_into_0_and_x():
    assert_allclose(f.softplus(Tensor([-50.0, 800.0], dtype=float)).data, [np.exp(-50.0), 800.0])


def test_logsumexp_of_equal_numbers_adds_log_n():
    assert f.logsumexp(Tensor([1e4] * 4, dtype=float)).item() == pytest.approx(1e4 + np.log(4))


def test_logsumexp_of_nothing_is_minus_infinity():
    assert f.logsumexp(tl.zeros(0)).item() == -np.inf
    assert f.logsumexp(tl.zeros(2, 0), axis=1).tolist() == [-np.inf] * 2
    x = tl.zeros(2, 0, requires_grad=True)
    assert f.logsumexp(x, axis=1).sum().gradient(x).shape == (2, 0)


def test_logsumexp_of_infinities_is_that_of_numpy():
    inf = np.inf
    for values in ([-inf, -inf], [-inf, 0.0], [inf, 0.0]):
        assert f.logsumexp(Tensor(values)).item() == np.logaddexp.reduce(values)


def test_logsumexp_ignores_what_is_minus_infinity_in_its_gradient():
    x = Tensor([-np.inf, 0.0, 0.0], requires_grad=True)
    assert f.logsumexp(x).gradient(x).tolist() == [0.0, 0.5, 0.5]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_adds_up_to_one(axis):
    x = Tensor(np.random.default_rng(0).normal(size=(3, 4)) * 50)
    assert_allclose(f.softmax(x, axis).data.sum(axis), 1, rtol=1e-14)
    assert_allclose(np.exp(f.log_softmax(x, axis).data), f.softmax(x, axis).data, rtol=1e-12)


def test_softmax_of_a_constant_shift_is_the_same():
    x = np.array([0.0, 1.0, 3.0])
    assert_allclose(f.softmax(Tensor(x + 1024)).data, f.softmax(Tensor(x)).data, rtol=1e-14)


def test_softmax_of_many_classes_is_that_of_few():
    x = np.random.default_rng(0).normal(size=(5, 200))
    assert_allclose(f.softmax(Tensor(x)).data, np.exp(x) / np.exp(x).sum(-1, keepdims=True))
    assert_allclose(f.log_softmax(Tensor(x)).data, np.log(f.softmax(x)), rtol=1e-12)


@pytest.mark.parametrize("function", [f.softmax, f.log_softmax, f.logsumexp])
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64, bool])
def test_functions_of_softmax_take_integers(function, dtype):
    x = np.array([[3, 1, 0], [0, 1, 2]], dtype)
    found = function(Tensor(x), axis=-1)
    assert found.dtype == np.float64
    assert_array_equal(found.data, function(x.astype(float), axis=-1))


def test_sums_over_many_classes_of_half_precision_do_not_overflow():
    n = 70_000  # the largest number of half precision is 65,504
    logits = np.zeros((1, n), np.float16)
    log_n = np.float16(np.log(n))
    assert_array_equal(f.softmax(logits), np.full((1, n), 1 / n, np.float16))
    assert_array_equal(f.log_softmax(logits), np.full((1, n), -log_n))
    assert_array_equal(f.logsumexp(logits, axis=1), [log_n])
    assert_array_equal(f.logsumexp(logits, axis=1, keepdims=True), [[log_n]])
    loss = f.cross_entropy(t := Tensor(logits, requires_grad=True), np.array([3]))
    assert loss.dtype == np.float16
    assert_array_equal(loss.data, [log_n])
    assert_allclose(loss.gradient(t).data[0, 2:5], [1 / n, 1 / n - 1, 1 / n], rtol=1e-2)


def test_input_is_left_as_it_was():
    x = np.random.default_rng(0).normal(size=(3, 4))
    for function in FUNCTIONS:
        given = x.copy()
        function(given)
        function(Tensor(given, copy=False))
        assert_array_equal(given, x)


@pytest.mark.parametrize("axis", [None, (0, 1)])
def test_softmax_over_several_axes_is_refused(axis):
    with pytest.raises((TypeError, ValueError)):
        f.softmax(tl.zeros(2, 2), axis=axis)


def test_linear_is_the_product_and_the_sum():
    rng = np.random.default_rng(0)
    x, weight, bias = (rng.normal(size=shape) for shape in [(5, 3), (3, 2), (2,)])
    assert_allclose(f.linear(Tensor(x), weight, bias).data, x @ weight + bias, rtol=1e-14)


@pytest.mark.parametrize(
    ("x", "weight", "bias"),
    [
        ((4, 3), (3,), ()),
        ((4, 3), (3,), (1,)),
        ((4, 3), (3, 2), ()),
        ((4, 3), (3, 2), (1,)),
        ((4, 3), (3, 2), (4, 2)),
        ((5, 4, 3), (3, 2), (4, 2)),
        ((4, 3), (5, 3, 2), (2,)),
        ((5, 4, 3), (5, 3, 2), (2,)),
    ],
)
def test_linear_differentiates_whatever_shapes_it_takes(x, weight, bias):
    inputs = [np.random.default_rng(0).normal(size=shape) for shape in (x, weight, bias)]
    leaves = [Tensor(array, requires_grad=True) for array in inputs]
    try:
        out = f.linear(*leaves)
    except TinygradError:
        return  # as documented, weight has two axes and bias one
    product = leaves[0] @ leaves[1] + leaves[2]
    assert_allclose(out.data, product.data, rtol=1e-14)
    for g, expected in zip(
        out.sum().gradient(*leaves), product.sum().gradient(*leaves), strict=True
    ):
        assert_allclose(g.data, expected.data, rtol=1e-14)


def test_linear_of_mixed_dtypes_is_as_numpy_promotes():
    x, weight, bias = tl.ones(4, 3), tl.ones(3, 2), np.ones(2)
    assert f.linear(x, weight, bias).dtype == np.float64


# ---- the error function, gelu --------------------------------------------------------------------


def points(dtype):
    """100,000 between -7 and 7, and some next to 0."""
    near_0 = np.geomspace(np.finfo(dtype).tiny, 1e-2, 2000)
    return np.concatenate([np.linspace(-7, 7, 100_000), near_0, -near_0]).astype(dtype)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(np.float64, 1e-15), (np.float32, 5e-7), (np.float16, 1e-3)]
)
def test_erf_is_right_to_rounding(dtype, tolerance):
    x = points(dtype)
    exact = [math.erf(entry) for entry in x.tolist()]
    found = f.erf(Tensor(x))
    assert found.dtype == dtype
    smallest = float(np.finfo(dtype).smallest_subnormal)
    assert_allclose(found.data.astype(float), exact, rtol=tolerance, atol=smallest)


def test_erf_of_few_is_that_of_many():
    x = np.linspace(-3, 3, 40).reshape(2, 20)
    assert_allclose(f.erf(x[:1]), f.erf(x)[:1], rtol=1e-15)
    assert_allclose(f.erf(x[0, 0]), f.erf(x)[0, 0], rtol=1e-15)


@pytest.mark.parametrize("count", [1, 100])
def test_erf_of_infinities_and_nan(count):
    x = np.array([np.inf, -np.inf, np.nan, -0.0] * count)
    found = f.erf(x)
    assert_array_equal(found, [1.0, -1.0, np.nan, -0.0] * count)
    assert np.signbit(found[3])


@pytest.mark.parametrize("size", [16384, 16385, 40000])
def test_erf_takes_any_size_and_layout(size):
    x = np.linspace(-3, 3, 2 * size).reshape(2, size).T
    assert_allclose(f.erf(x)[-1], [math.erf(0 - 3 / (2 * size - 1)), math.erf(3)], rtol=1e-10)
    assert_array_equal(f.erf(x[::-1]), f.erf(x)[::-1])


LEFT_TAIL = {  # of normal_cdf, computed to 40 digits
    -0.5: 0.3085375387259868964,
    -1: 0.1586552539314570514,
    -2.25: 0.01222447265504470315,
    -3: 0.001349898031630094527,
    -5: 2.866515718791939117e-7,
    -9: 1.128588405953840648e-19,
    -13: 6.117164399549879682e-39,
    -20: 2.753624118606233695e-89,
    -30: 4.90671392714818706e-198,
    -37: 5.725571222524576823e-300,
}


@pytest.mark.parametrize("count", [1, 100])
@pytest.mark.parametrize(
    ("dtype", "tolerance", "lowest"), [(np.float64, 1.5e-15, -37), (np.float32, 5e-7, -13)]
)
def test_normal_cdf_is_right_to_rounding_in_its_left_tail(count, dtype, tolerance, lowest):
    for x, exact in LEFT_TAIL.items():
        found = f.normal_cdf(np.full(count, x, dtype))
        assert found.dtype == dtype
        if x >= lowest:
            assert_allclose(found.astype(float), exact, rtol=tolerance, atol=0)
            assert_allclose(
                f.gelu(np.full(count, x, dtype)).astype(float), x * exact, 2 * tolerance
            )


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(np.float64, 1.5e-15), (np.float32, 5e-7), (np.float16, 1e-3)]
)
def test_normal_cdf_is_near_math_erfc(dtype, tolerance):
    x = points(dtype)
    exact = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x.tolist()])
    rounded = 2e-16 * x.astype(float) ** 2  # what rounding the argument of erfc does to it
    found = f.normal_cdf(Tensor(x)).data.astype(float)
    smallest = float(np.finfo(dtype).smallest_subnormal)
    assert (np.absolute(found / exact - 1) <= tolerance + rounded + smallest / exact).all()


@pytest.mark.parametrize("count", [1, 100])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normal_cdf_of_infinities_and_nan(count, dtype):
    x = np.array([np.inf, -np.inf, np.nan, -0.0, -1e3, 1e3] * count, dtype)
    with np.errstate(all="raise", under="ignore"):
        assert_array_equal(f.normal_cdf(x), [1.0, 0.0, np.nan, 0.5, 0.0, 1.0] * count)


def test_gelu_is_between_0_and_x():
    x = Tensor(np.linspace(-5, 5, 101), requires_grad=True)
    exact = f.gelu(x)
    expected = [v * (1 + math.erf(v / math.sqrt(2))) / 2 for v in x.tolist()]
    assert_allclose(exact.data, expected, rtol=1e-13, atol=1e-15)
    assert_allclose(f.gelu(x, approximate=True).data, exact.data, atol=5e-4)
    assert f.gelu(Tensor(0.0, requires_grad=True)).item() == 0


@pytest.mark.parametrize("approximate", [False, True])
@each_dtype
def test_gelu_keeps_the_dtype(approximate, dtype):
    x = Tensor(np.linspace(-2, 2, 50), dtype=dtype, requires_grad=True)
    out = f.gelu(x, approximate)
    assert out.dtype == out.sum().gradient(x).dtype == dtype
    assert type(f.gelu(x.detach().numpy(), approximate)) is np.ndarray


# ---- classes -------------------------------------------------------------------------------------


def test_one_hot_has_a_one_at_each_class():
    assert_array_equal(f.one_hot(np.array([[2, 0], [1, 1]]), 3), np.eye(3)[[[2, 0], [1, 1]]])
    assert f.one_hot(np.array(1), 2).tolist() == [0.0, 1.0]
    assert f.one_hot(np.zeros((0,), int), 4).shape == (0, 4)
    assert f.one_hot(np.array([0]), 1, np.float64).dtype == np.float64
    assert f.one_hot(np.array([0]), 1).dtype == np.float32


@pytest.mark.parametrize("bad", [-1, 3])
def test_one_hot_refuses_classes_that_are_not_there(bad):
    with pytest.raises(IndexError):
        f.one_hot(np.array([0, bad]), 3)


@pytest.mark.parametrize("bad", [-1, 3])
def test_cross_entropy_refuses_classes_that_are_not_there(bad):
    with pytest.raises(BoundsError, match=r"cross_entropy: .*out of"):
        f.cross_entropy(tl.zeros(2, 3), np.array([0, bad]))


def test_cross_entropy_is_minus_the_log_of_the_softmax():
    x = np.random.default_rng(0).normal(size=(2, 3, 5)) * 30
    classes = np.array([[4, 0, 1], [2, 3, 3]])
    expected = -np.take_along_axis(f.log_softmax(x), classes[..., None], -1)[..., 0]
    assert_allclose(f.cross_entropy(Tensor(x), classes).data, expected, rtol=1e-12, atol=1e-13)


def test_cross_entropy_takes_classes_as_a_tensor():
    x = tl.randn(4, 3, rng=0)
    classes = np.array([0, 2, 1, 1])
    from_tensor = f.cross_entropy(x, Tensor(classes))
    assert_array_equal(from_tensor.data, f.cross_entropy(x, classes).data)


@pytest.mark.parametrize("shape", [(), (1,), (2,), (3, 1), (1, 3), (3, 4)])
def test_cross_entropy_refuses_classes_that_are_not_one_for_each_row(shape):
    with pytest.raises(ShapeError, match="cross_entropy: "):
        f.cross_entropy(tl.zeros(3, 4), np.zeros(shape, int))


def test_cross_entropy_of_a_sure_right_answer_is_0_and_so_is_its_gradient():
    x = Tensor([[1e4, 0.0], [0.0, 1e4]], requires_grad=True)
    loss = f.cross_entropy(x, np.array([0, 1]))
    assert loss.tolist() == [0.0, 0.0]
    assert_array_equal(loss.sum().gradient(x).data, np.zeros((2, 2)))


# ---- scatter_add ---------------------------------------------------------------------------------


def test_scatter_add_adds_repeated_indices_up():
    values = Tensor([1.0, 2.0, 4.0], requires_grad=True)
    out = f.scatter_add(values, np.array([0, 2, 2]), (4,))
    assert out.tolist() == [1.0, 0.0, 6.0, 0.0]
    assert out.gradient(values, gradient=[1.0, 2.0, 3.0, 4.0]).tolist() == [1.0, 3.0, 3.0]


@pytest.mark.parametrize("index", [np.array([0, 4]), (np.array([0, 1]), np.array([0, 0])), 7])
def test_scatter_add_outside_the_shape_is_refused(index):
    with pytest.raises(BoundsError, match="scatter_add: "):
        f.scatter_add(tl.ones(2), index, (4,))


def test_scatter_add_remembers_the_index_as_it_was():
    values, index = Tensor([1.0, 2.0], requires_grad=True), np.array([0, 1])
    out = f.scatter_add(values, index, (3,))
    index[:] = 2
    assert out.gradient(values, gradient=[1.0, 2.0, 3.0]).tolist() == [1.0, 2.0]


def test_scatter_add_takes_a_tensor_as_the_index():
    values, index = Tensor([1.0, 2.0], requires_grad=True), Tensor([0, 0])
    assert f.scatter_add(values, index, (2,)).tolist() == [3.0, 0.0]


def test_classes_are_no_mask():
    with pytest.raises(tl.errors.DtypeError, match="classes must be integers, not bool"):
        f.cross_entropy(tl.zeros(2, 2), np.array([True, False]))
