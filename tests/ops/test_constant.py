"""Functions that no gradient flows through: comparisons, logic, positions, creation."""

import operator as o

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tinygrad_lite import Tensor
from tinygrad_lite.errors import OperationError
from tinygrad_lite.ops import table

X = np.array([[1.0, -2.0, np.nan], [0.0, np.inf, 3.0]])
Y = np.array([1.0, 0.0, 3.0])
HALVES, SORTED = np.array([[-1.5, -0.5, 0.5], [2.5, 6.25, -7.0]]), np.array([0.0, 0.5, 1.0])
MASK, BITS = np.array([[True, False, True], [False, False, True]]), np.array([5, 3, 0])

# A function, its inputs, and other ways to write it.
CASES = [
    (np.equal, (X, Y), [o.eq]),
    (np.not_equal, (X, Y), [o.ne]),
    (np.less, (X, Y), [o.lt]),
    (np.less_equal, (X, Y), [o.le]),
    (np.greater, (X, Y), [o.gt]),
    (np.greater_equal, (X, Y), [o.ge]),
    (np.bitwise_and, (MASK, MASK[0]), [o.and_]),
    (np.bitwise_or, (MASK, MASK[0]), [o.or_]),
    (np.bitwise_xor, (MASK, MASK[0]), [o.xor]),
    (np.bitwise_and, (BITS, BITS[:1]), [o.and_]),
    (np.invert, (MASK,), [o.invert]),
    (np.invert, (BITS,), [o.invert]),
    (np.logical_and, (X, Y), []),
    (np.logical_or, (X, Y), []),
    (np.logical_not, (X,), []),
    (np.isfinite, (X,), []),
    (np.isinf, (X,), []),
    (np.isnan, (X,), []),
    (np.all, (MASK,), [Tensor.all]),
    (np.any, (MASK,), [Tensor.any]),
    (np.argmax, (Y,), [Tensor.argmax]),
    (np.argmin, (Y,), [Tensor.argmin]),
    (np.isneginf, (X,), []),
    (np.isposinf, (X,), []),
    (np.isclose, (X, X + 1e-9), []),
    (lambda x, y: np.isclose(x, y, rtol=1, equal_nan=True), (X, X + 1), []),
    (np.argsort, (Y,), []),
    (lambda x: np.argpartition(x, 1), (Y,), []),
    (np.argwhere, (X,), []),
    (np.flatnonzero, (X,), []),
    (np.count_nonzero, (X,), []),
    (lambda x: np.count_nonzero(x, axis=-1, keepdims=True), (X,), []),
    (np.searchsorted, (SORTED, Y), []),
    (lambda a, v: np.searchsorted(a, v, side="right"), (SORTED, Y), []),
    (np.digitize, (Y, SORTED), []),
    (np.sign, (X,), []),
    (np.signbit, (X,), []),
    (np.floor, (HALVES,), []),
    (np.ceil, (HALVES,), []),
    (np.trunc, (HALVES,), []),
    (np.rint, (HALVES,), []),
    (np.fix, (HALVES,), []),
    (np.round, (HALVES,), []),
    (np.around, (HALVES,), []),
    (lambda x: np.round(x, 1), (HALVES / 8,), []),
    (lambda x: np.around(x, decimals=-1), (HALVES * 10,), []),
    (np.floor_divide, (HALVES, Y + 1), []),
    (lambda x: np.floor_divide(x, 0.75), (HALVES,), []),
    (np.zeros_like, (X,), []),
    (np.ones_like, (X,), []),
    (lambda x: np.full_like(x, 7), (X,), []),
]


def tensors(inputs):
    return [Tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]


@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")
@pytest.mark.parametrize(("function", "inputs", "also"), CASES)
def test_value_is_that_of_numpy_and_requires_no_gradient(function, inputs, also):
    expected = function(*inputs)
    for call in (function, *also):
        out = call(*tensors(inputs))
        assert isinstance(out, Tensor)
        assert_array_equal(out.data, expected, strict=True)
        assert out.op is None and not out.requires_grad and out.inputs == ()


def test_every_operation_without_gradient_has_a_case():
    covered = {function for function, *_ in CASES} | {np.full_like, np.empty_like, np.argpartition}
    without = {row.function for row in table.values() if not row.differentiable}
    assert without - covered == set(), "each needs a line in CASES"


@pytest.mark.parametrize("compare", [o.eq, o.ne, o.lt, o.le, o.gt, o.ge])
@pytest.mark.parametrize(
    "other", [1, 1.0, True, np.float32(1), np.array([1.0, 0.0, 3.0]), [1.0, 0.0, 3.0], Tensor(1.0)]
)
def test_comparison_takes_numbers_arrays_lists_and_tensors(compare, other):
    expected = compare(Y, other.data if isinstance(other, Tensor) else np.asarray(other))
    assert_array_equal(compare(Tensor(Y), other).data, expected, strict=True)
    if not isinstance(other, list):
        swapped = {o.lt: o.gt, o.gt: o.lt, o.le: o.ge, o.ge: o.le}.get(compare, compare)
        assert_array_equal(swapped(other, Tensor(Y)).data, expected, strict=True)


@pytest.mark.parametrize("function", [np.argmax, np.argmin, np.all, np.any])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_axis_and_keepdims_are_those_of_numpy(function, axis, keepdims):
    x = np.array([[1.0, 0.0, 5.0], [0.0, 4.0, 0.0]])
    expected = function(x, axis=axis, keepdims=keepdims)
    for call in (function, getattr(Tensor, function.__name__)):
        out = call(Tensor(x, requires_grad=True), axis=axis, keepdims=keepdims)
        assert_array_equal(out.data, expected, strict=True)


def test_first_of_ties_is_found():
    assert np.argmax(Tensor([1.0, 3.0, 3.0])).item() == 1
    assert Tensor([1.0, 1.0]).argmin().item() == 0


@pytest.mark.parametrize("function", [np.zeros_like, np.ones_like, np.empty_like])
def test_creation_after_a_tensor_takes_dtype_and_shape(function):
    x = Tensor([1.0, 2.0], requires_grad=True)
    assert function(x).dtype == np.float32
    assert function(x, dtype=int).dtype == np.int64
    assert function(x, shape=(3, 1)).shape == (3, 1)


def test_masks_combine_and_index():
    x = Tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = x[(x > 1) & ~(x == 3)]
    assert y.tolist() == [2.0, 4.0]
    assert y.sum().gradient(x).tolist() == [0.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize("combine", [o.and_, o.or_, o.xor])
def test_bits_combine_with_numbers_on_either_side(combine):
    assert_array_equal(combine(Tensor(BITS), 6).data, combine(BITS, 6))
    assert_array_equal(combine(6, Tensor(BITS)).data, combine(6, BITS))


# ---- comparisons of whole arrays -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "x", "y", "options"),
    [
        (np.allclose, Y, Y + 1e-9, {}),
        (np.allclose, Y, Y + 1e-3, {}),
        (np.allclose, Y, Y + 1e-3, {"atol": 1e-2}),
        (np.allclose, Y, Y + 1e-3, {"rtol": 1e-2}),
        (np.allclose, X, X, {}),
        (np.allclose, X, X, {"equal_nan": True}),
        (np.allclose, Y, 1.0, {}),
        (np.allclose, Y[:0], 1.0, {}),
        (np.array_equal, Y, Y, {}),
        (np.array_equal, Y, Y[:1], {}),
        (np.array_equal, Y, [1.0, 0.0, 3.0], {}),
        (np.array_equal, Y, Y[None], {}),
        (np.array_equal, X, X, {}),
        (np.array_equal, X, X, {"equal_nan": True}),
        (np.array_equal, X[0], Y, {"equal_nan": True}),
        (np.array_equal, Y[:0], Y[:0], {}),
        (np.array_equiv, Y, Y[None], {}),
        (np.array_equiv, Y, Y[:2], {}),
        (np.array_equiv, Y[:1], [[1.0], [1.0]], {}),
        (np.array_equiv, Y, 1.0, {}),
    ],
)
def test_whole_arrays_compare_to_a_bool_as_in_numpy(function, x, y, options):
    with np.errstate(invalid="ignore"):
        expected = function(x, y, **options)
        assert type(expected) is bool
        for inputs in ((Tensor(x, requires_grad=True), y), (x, Tensor(y)), (Tensor(x), Tensor(y))):
            assert function(*inputs, **options) is expected


@pytest.mark.parametrize("function", [np.divmod, np.modf])
def test_functions_with_two_outputs_are_refused(function):
    inputs = [Tensor(Y)] * function.nin
    with pytest.raises(OperationError, match=f"{function.__name__} has no gradient here"):
        function(*inputs)
