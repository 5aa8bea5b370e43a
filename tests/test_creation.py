"""Tensors by shape, and the random ones."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_lite as tl
from tinygrad_lite import Tensor
from tinygrad_lite.errors import ArgumentError, DtypeError, GradientError

BY_SHAPE = {"zeros": tl.zeros, "ones": tl.ones, "rand": tl.rand, "randn": tl.randn}
each_by_shape = pytest.mark.parametrize("make", BY_SHAPE.values(), ids=BY_SHAPE.keys())


@each_by_shape
@pytest.mark.parametrize(
    ("given", "shape"),
    [
        ((2, 3), (2, 3)),
        (((2, 3),), (2, 3)),
        (([2, 3],), (2, 3)),
        ((4,), (4,)),
        ((np.int64(4),), (4,)),
        ((), ()),
        (((),), ()),
        ((0,), (0,)),
        ((2, 0, 3), (2, 0, 3)),
    ],
)
def test_shape_is_given_as_numbers_or_as_one_tuple(make, given, shape):
    t = make(*given)
    assert isinstance(t, Tensor) and t.shape == shape


@each_by_shape
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_is_float32_unless_given(make, dtype):
    assert make(2).dtype == np.float32
    assert make(2, dtype=dtype).dtype == dtype


@each_by_shape
def test_gradient_may_be_required(make):
    assert make(2, requires_grad=True).requires_grad and not make(2).requires_grad
    assert make(2, requires_grad=True).is_leaf


def test_values_are_what_the_name_says():
    assert_array_equal(tl.zeros(2, 3).data, np.zeros((2, 3), np.float32), strict=True)
    assert_array_equal(tl.ones(2, 3).data, np.ones((2, 3), np.float32), strict=True)
    assert_array_equal(tl.ones(2, dtype=int).data, np.ones(2, int), strict=True)
    assert_array_equal(tl.eye(2).data, np.eye(2, dtype=np.float32), strict=True)
    assert_array_equal(tl.eye(2, 3, dtype=bool).data, np.eye(2, 3, dtype=bool), strict=True)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(2.5, np.float32), (2, np.int64), (True, np.bool_), (np.float64(2.5), np.float64)],
)
def test_full_has_the_dtype_of_its_value(value, dtype):
    for shape in ((2, 3), (), 2):
        expected = np.full(shape, value, dtype)
        assert_array_equal(tl.full(shape, value).data, expected, strict=True)
    assert tl.full(2, value, dtype=np.float16).dtype == np.float16
    assert tl.full(2, 1.0, requires_grad=True).requires_grad


@pytest.mark.parametrize("given", [(3,), (1, 3), (0, 10, 3), (3, 0, -1), (0,)])
def test_arange_of_integers_is_that_of_numpy(given):
    assert_array_equal(tl.arange(*given).data, np.arange(*given), strict=True)


@pytest.mark.parametrize("given", [(3.0,), (1, 3.0), (0, 1, 0.25), (1.0, 0.0, -0.5)])
def test_arange_with_a_float_is_float32(given):
    assert_array_equal(tl.arange(*given).data, np.arange(*given, dtype=np.float32), strict=True)
    assert tl.arange(*given, dtype=np.float64, requires_grad=True).dtype == np.float64


@pytest.mark.parametrize(
    "make",
    [
        lambda: tl.zeros(2, dtype=int, requires_grad=True),
        lambda: tl.full(2, 3, requires_grad=True),
        lambda: tl.arange(3, requires_grad=True),
    ],
)
def test_integers_cannot_require_a_gradient(make):
    with pytest.raises(GradientError, match="holds int64, and only floating-point tensors have"):
        make()


@pytest.mark.parametrize("make", [tl.zeros, tl.ones])
def test_complex_numbers_are_refused(make):
    with pytest.raises(DtypeError):
        make(2, dtype=complex)
    with pytest.raises(DtypeError):
        tl.full(2, 2j)


# ---- after another -------------------------------------------------------------------------------

LIKE = [tl.zeros_like, tl.ones_like, lambda t: tl.full_like(t, 7), tl.rand_like, tl.randn_like]


@pytest.mark.parametrize("make", LIKE)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_shape_and_dtype_are_those_of_the_tensor(make, dtype):
    t = Tensor(np.full((2, 3), 0.5, dtype), requires_grad=True)
    like = make(t)
    assert isinstance(like, Tensor) and like.shape == t.shape and like.dtype == dtype
    assert not like.requires_grad and like.is_leaf


def test_dtype_may_be_another_than_that_of_the_tensor():
    t = tl.ones(2, 3)
    for make in (tl.zeros_like, tl.ones_like):
        assert make(t, dtype=int).dtype == np.int64
    assert tl.full_like(t, 7, dtype=np.int8).tolist() == [[7, 7, 7], [7, 7, 7]]


def test_values_after_a_tensor_are_what_the_name_says():
    t = Tensor([1, 2])
    assert tl.zeros_like(t).tolist() == [0, 0]
    assert tl.ones_like(t).tolist() == [1, 1]
    assert tl.full_like(t, 7).tolist() == [7, 7]


# ---- random --------------------------------------------------------------------------------------

DRAWS = {
    "rand": lambda **rng: tl.rand(100, **rng),
    "randn": lambda **rng: tl.randn(100, **rng),
    "rand_like": lambda **rng: tl.rand_like(tl.zeros(100), **rng),
    "randn_like": lambda **rng: tl.randn_like(tl.zeros(100), **rng),
}
each_draw = pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS.keys())


@each_draw
def test_same_seed_gives_the_same_numbers(draw):
    tl.seed(3)
    one = draw()
    other = draw()
    tl.seed(3)
    assert_array_equal(draw().data, one.data)
    assert (one.data != other.data).any()


@each_draw
def test_numbers_may_come_from_a_generator_or_a_seed_of_their_own(draw):
    tl.seed(3)
    first = draw()
    tl.seed(3)
    assert_array_equal(draw(rng=5).data, draw(rng=np.random.default_rng(5)).data)
    assert_array_equal(draw(rng=np.int64(5)).data, draw(rng=5).data)
    assert_array_equal(draw().data, first.data)  # the common one wasn't touched
    generator = np.random.default_rng(5)
    assert (draw(rng=generator).data != draw(rng=generator).data).any()


def test_numpys_own_seed_is_left_alone():
    before = np.random.get_state()[1].copy()
    tl.seed(3)
    tl.randn(10)
    assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("rng", [-1, "a", 1.5, [1]])
def test_what_is_no_generator_is_refused(rng):
    for draw in DRAWS.values():
        with pytest.raises(ArgumentError) as caught:
            draw(rng=rng)
        assert str(caught.value) == (
            f"rng must be a numpy.random.Generator, a seed of at least 0, or None, not {rng!r}."
        )


@pytest.mark.parametrize("value", [-1, None, "a", 1.5])
def test_what_is_no_seed_is_refused(value):
    with pytest.raises(ArgumentError) as caught:
        tl.seed(value)
    assert str(caught.value) == f"seed must be an integer of at least 0, not {value!r}."


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_uniform_numbers_are_at_least_0_and_below_1(dtype):
    t = tl.rand(20_000, dtype=dtype, rng=0).data
    assert t.min() >= 0 and t.max() < 1
    assert abs(t.astype(float).mean() - 0.5) < 0.01


def test_normal_numbers_have_mean_0_and_variance_1():
    t = tl.randn(20_000, rng=0).data
    assert abs(t.mean()) < 0.03 and abs(t.var() - 1) < 0.05


@pytest.mark.parametrize("draw", [tl.rand, tl.randn])
def test_float32_draws_are_those_of_float64_rounded(draw):
    one, other = draw(100, rng=0).data, draw(100, rng=0, dtype=np.float64).data
    np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize("draw", [tl.rand, tl.randn])
def test_draws_are_floating(draw):
    with pytest.raises(tl.errors.DtypeError, match="floating-point numbers, not int64"):
        draw(2, dtype=int)
