"""Operators, methods and NumPy's functions: all ways lead to the same operations."""

import operator as o

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_lite as tl
from tinygrad_lite import Tensor
from tinygrad_lite.errors import DtypeError

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def leaf(data=X):
    return Tensor(data, requires_grad=True)


# ---- operators with everything on the other side -------------------------------------------------

ARITHMETIC = [o.add, o.sub, o.mul, o.truediv, o.pow]
OTHERS = [
    2,
    2.5,
    True,
    np.float64(2.5),
    np.float32(2.5),
    np.int64(2),
    np.array(2.5),
    np.array([1.0, 2.0, 3.0]),
    np.array([[1], [2]]),
    [1.0, 2.0, 3.0],
    (1.0, 2.0, 3.0),
    Tensor([1.0, 2.0, 3.0]),
]


def plain(x):
    """What NumPy has in place of `x`: a list's floats are float32 in a Tensor."""
    if isinstance(x, list | tuple):
        return np.array(x, np.float32)
    return x.data if isinstance(x, Tensor) else x


@pytest.mark.parametrize("operate", ARITHMETIC, ids=lambda operate: operate.__name__)
@pytest.mark.parametrize("other", OTHERS, ids=lambda x: f"{type(x).__name__} {plain(x)}")
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_operator_takes_numbers_arrays_lists_and_tensors_on_either_side(operate, other, dtype):
    x = X.astype(dtype)
    for swapped in (False, True):
        pair, expected = (Tensor(x), other), (x, plain(other))
        if swapped:
            pair, expected = pair[::-1], expected[::-1]
        out = operate(*pair)
        assert isinstance(out, Tensor)
        assert_array_equal(out.data, operate(*expected), strict=True)


@pytest.mark.parametrize("operate", ARITHMETIC, ids=lambda operate: operate.__name__)
def test_reflected_operator_is_differentiated(operate):
    x, array = leaf(), np.full((2, 3), 1.5)
    for number in (1.5, array, [1.5, 1.5, 1.5]):
        found = operate(number, x).sum().gradient(x).data
        y = leaf(array)
        expected = operate(y, x).sum().gradient(x).data
        np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_matmul_takes_arrays_and_lists_on_either_side():
    x, weights = leaf(), np.ones((3, 2))
    for out in (x @ weights, x @ weights.tolist(), np.matmul(x, weights)):
        assert_array_equal(out.data, X @ weights)
        assert out.requires_grad
    for out in (weights @ x, weights.tolist() @ x):
        assert_array_equal(out.data, weights @ X)
        assert out.requires_grad


def test_unary_operators_are_those_of_numpy():
    x = Tensor([-1.0, 2.0])
    assert_array_equal((-x).data, [1.0, -2.0])
    assert_array_equal(abs(x).data, [1.0, 2.0])


def test_sum_of_a_list_of_tensors_starts_at_0():
    x = leaf()
    assert sum([x, x, x]).sum().gradient(x).tolist() == [[3.0] * 3] * 2


@pytest.mark.parametrize("other", [1j, None, "a", object(), {1.0}], ids=repr)
@pytest.mark.parametrize("operate", [o.add, o.mul, o.truediv])
def test_operator_refuses_what_is_no_number(operate, other):
    for pair in ((leaf(), other), (other, leaf())):
        with pytest.raises(TypeError):
            operate(*pair)


@pytest.mark.parametrize(
    "bad", [np.array([1j]), np.array(["a"]), np.array([None]), np.complex128(1j)], ids=repr
)
def test_array_of_what_is_no_real_number_is_refused(bad):
    for call in (lambda: leaf() * bad, lambda: bad * leaf(), lambda: np.add(leaf(), bad)):
        with pytest.raises(DtypeError) as caught:
            call()
        assert (
            ": an operand must be a Tensor, an array of real numbers or bools, or a number, "
            in (str(caught.value))
        )


REMAINDERS = [o.floordiv, o.mod, divmod]


@pytest.mark.parametrize("operate", REMAINDERS, ids=lambda operate: operate.__name__)
@pytest.mark.parametrize("other", OTHERS, ids=lambda x: f"{type(x).__name__} {plain(x)}")
def test_remainders_take_numbers_arrays_lists_and_tensors_on_either_side(operate, other):
    if operate is divmod and isinstance(other, np.ndarray | np.generic):
        pytest.skip("np.divmod is a function of its own")
    x = X.astype(np.float32)
    for pair, expected in (((Tensor(x), other), (x, plain(other))),):
        for swapped in (False, True):
            found = operate(*pair[:: -1 if swapped else 1])
            wanted = operate(*expected[:: -1 if swapped else 1])
            if operate is not divmod:
                found, wanted = [found], [wanted]
            for one, other_one in zip(found, wanted, strict=True):
                assert isinstance(one, Tensor)
                assert_array_equal(one.data, other_one, strict=True)


def test_remainder_has_a_gradient():
    x = leaf(np.array([5.5, -5.5]))
    assert (x % 2.0).sum().gradient(x).tolist() == [1.0, 1.0]
    quotient, remainder = divmod(x, 2.0)
    assert (quotient.tolist(), remainder.tolist()) == ([2.0, -3.0], [1.5, 0.5])
    assert remainder.requires_grad


def test_round_gives_a_tensor():
    x = leaf(np.array([1.26, -2.5]))
    assert round(x).tolist() == [1.0, -2.0] and round(x, 1).tolist() == [1.3, -2.5]
    assert x.round(1).tolist() == [1.3, -2.5] and round(leaf(np.array(1.7))).item() == 2.0


@pytest.mark.parametrize("number", [np.float32(2), np.float64(2), np.int64(2), np.bool_(True)])
@pytest.mark.parametrize("operate", [*ARITHMETIC, o.mod, o.eq, o.lt], ids=lambda f: f.__name__)
def test_numpys_scalars_on_the_left_give_tensors(number, operate):
    found = operate(number, leaf())
    assert isinstance(found, Tensor)
    assert_array_equal(found.data, operate(number, X))


# ---- dtypes --------------------------------------------------------------------------------------

DTYPES = [bool, np.uint8, np.int32, np.int64, np.float16, np.float32, np.float64]


@pytest.mark.parametrize("x", DTYPES)
@pytest.mark.parametrize("y", DTYPES)
def test_dtypes_are_promoted_as_in_numpy(x, y):
    a, b = np.ones(2, x), np.ones(3, y)[:, None]
    for function in (np.add, np.multiply, np.divide, np.maximum, np.power):
        if function is np.power and {x, y} == {bool}:
            continue
        expected = function(a, b)
        for out in (function(Tensor(a), Tensor(b)), function(Tensor(a), b), function(a, Tensor(b))):
            assert_array_equal(out.data, expected, strict=True)


@pytest.mark.parametrize("number", [2, 2.0, True])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_python_numbers_are_weak(number, dtype):
    t = Tensor([1.0, 2.0], dtype=dtype, requires_grad=True)
    results = [t + number, number - t, t * number, number / t, t**number, number**t]
    results += [np.maximum(t, number), np.where(t > 0, t, number), np.clip(t, 0, number)]
    results += [t.mean(), t.var(), t.sum(), t.mean(axis=0, keepdims=True), t.max()]
    assert {y.dtype for y in results} == {np.dtype(dtype)}
    for y in results:
        assert y.sum().gradient(t).dtype == dtype


def test_numpy_scalars_are_not_weak():
    assert (tl.ones(2) * np.float64(2.0)).dtype == np.float64


@pytest.mark.parametrize("low", [np.float16, np.float32])
def test_gradient_has_the_dtype_of_its_tensor_whatever_is_on_the_way(low):
    w = Tensor([1.0, 2.0], dtype=low, requires_grad=True)
    x = Tensor(np.array([3.0, 4.0]), requires_grad=True)
    loss = (w * x).sum() + w.astype(np.float64).sum()
    assert loss.dtype == np.float64
    loss.backward()
    assert (w.grad.dtype, x.grad.dtype) == (low, np.float64)
    assert w.grad.tolist() == [4.0, 5.0] and x.grad.tolist() == [1.0, 2.0]
    assert [g.dtype for g in loss.gradient(w, x, create_graph=True)] == [low, np.float64]


@pytest.mark.parametrize("function", [np.sum, np.mean, np.max, np.min, np.var, np.exp, np.sqrt])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16])
def test_integers_and_half_precision_are_computed_as_in_numpy(function, dtype):
    x = np.array([1, 4, 9], dtype)
    assert_array_equal(function(Tensor(x)).data, function(x), strict=True)


@pytest.mark.parametrize("function", [np.sum, np.all, np.any])
def test_bools_are_reduced_as_in_numpy(function):
    x = np.array([[True, False], [True, True]])
    assert_array_equal(function(Tensor(x), axis=0).data, function(x, axis=0), strict=True)


def test_sum_takes_a_dtype_and_its_gradient_goes_back():
    x = Tensor([1.0, 2.0], requires_grad=True)
    total = np.sum(x, dtype=np.float64)
    assert total.dtype == np.float64
    assert total.gradient(x).dtype == np.float32


def test_astype_passes_gradients_between_floating_dtypes_only():
    w = Tensor([1.5, 2.5], requires_grad=True)
    for dtype in (np.float16, np.float32, np.float64):
        y = w.astype(dtype)
        assert y.dtype == dtype and y.requires_grad
        assert (y * y).sum().gradient(w).tolist() == [3.0, 5.0]
    for dtype in (int, bool, np.uint8):
        y = w.astype(dtype)
        assert_array_equal(y.data, w.data.astype(dtype), strict=True)
        assert not y.requires_grad


# ---- NumPy's functions ---------------------------------------------------------------------------


def test_functions_take_their_tensors_by_keyword():
    x = leaf()
    assert_array_equal(np.sum(a=x, axis=0).data, X.sum(0))
    assert_array_equal(np.clip(x, a_min=2.0, a_max=4.0).data, X.clip(2, 4))
    assert_array_equal(np.transpose(a=x).data, X.T)
    assert_array_equal(np.expand_dims(x, axis=0).data, X[None])
    assert_array_equal(np.concatenate((x, x), axis=1).data, np.hstack([X, X]))
    assert_array_equal(np.stack(arrays=[x, x], axis=-1).data, np.stack([X, X], -1))


def test_functions_of_several_find_the_tensor_wherever_it_is():
    x, array = leaf(), X + 1
    assert np.multiply(array, x).requires_grad
    assert np.where(X > 2, array, x).requires_grad
    assert np.where(X > 2, 0.0, x).requires_grad
    assert np.concatenate([array, x]).requires_grad
    assert np.stack([array, array, x]).requires_grad
    assert np.clip(array, x, 10.0).requires_grad
    assert np.maximum(0.0, x).requires_grad


def test_concatenate_takes_a_tensor_as_the_sequence_of_its_rows():
    x = leaf()
    assert_array_equal(np.concatenate(x).data, np.concatenate(X))
    assert_array_equal(np.stack(x, axis=1).data, np.stack(X, axis=1))
    assert np.stack(x, axis=1).sum().gradient(x).tolist() == [[1.0] * 3] * 2


def test_reduction_of_a_0d_tensor_over_axis_0_is_as_in_numpy():
    x = leaf(np.array(2.0))
    for function in (np.sum, np.max, np.min):
        y = function(x, axis=0)
        assert y.item() == function(np.array(2.0), axis=0)
        assert y.gradient(x).item() == 1.0


def test_shape_may_be_given_as_numbers_or_as_a_tuple():
    x = Tensor(X)
    assert x.reshape(3, 2).shape == x.reshape((3, 2)).shape == x.reshape([3, 2]).shape == (3, 2)
    assert x.reshape(-1).shape == x.flatten().shape == x.reshape(np.int64(6)).shape == (6,)


def test_axes_may_be_given_as_numbers_or_as_a_tuple():
    x = Tensor(X[None])
    for y in (x.transpose(2, 0, 1), x.transpose((2, 0, 1)), x.transpose([2, 0, 1])):
        assert_array_equal(y.data, X[None].transpose(2, 0, 1))
    assert x.transpose().shape == x.T.shape == (3, 2, 1)
    assert x.mT.shape == (1, 3, 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_list_of_pythons_floats_takes_on_the_dtype_of_the_other(dtype):
    x = tl.Tensor(np.ones(1, dtype), requires_grad=True)
    y = x * [0.1]
    assert y.dtype == dtype and y.data[0] == dtype(0.1)
