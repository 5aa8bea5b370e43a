"""Functions and options that Tensors don't take: what is said instead."""

import operator as o

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tinygrad_lite import Tensor
from tinygrad_lite.errors import DtypeError, OperationError
from tinygrad_lite.refusals import unknown_function

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def leaf(data=X):
    return Tensor(data, requires_grad=True)


UNKNOWN = {
    "numpy.histogram": np.histogram,
    "numpy.fft.fft": np.fft.fft,
    "numpy.copyto": lambda t: np.copyto(np.zeros((2, 3)), t),
    "numpy.apply_along_axis": lambda t: np.apply_along_axis(np.sum, 0, t),
    "numpy.interp": lambda t: np.interp(t, [0.0, 1.0], [0.0, 1.0]),
    "nextafter": lambda t: np.nextafter(t, t),
    "modf": np.modf,
    "add.outer": lambda t: np.add.outer(t, t),
    "add.at": lambda t: np.add.at(np.zeros(3), 0, t),
    "add.reduceat": lambda t: np.add.reduceat(t, [0]),
    "subtract.reduce": np.subtract.reduce,
    "maximum.accumulate": np.maximum.accumulate,
}


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("requires_grad", [False, True])
def test_function_without_a_row_is_refused_by_name(name, requires_grad):
    t = Tensor(X, requires_grad=requires_grad)
    with pytest.raises(OperationError) as caught:
        UNKNOWN[name](t)
    assert str(caught.value).startswith(
        f"{name} has no gradient here, so it isn't applied to Tensors. Compose it of functions "
        "that have one, declare your own with tl.op, or apply it to t.numpy()."
    )


def test_function_of_a_similar_name_is_suggested():
    known = ["diag", "eigh", "sum"]
    assert str(unknown_function("numpy.linalg.eig", known)).endswith(
        " or apply it to t.numpy(). The nearest that has one: eigh."
    )
    assert "nearest" not in str(unknown_function("numpy.imag", known))


@pytest.mark.parametrize(
    "options",
    [
        {"out": None},
        {"where": True},
        {"casting": "same_kind"},
        {"order": "K"},
        {"subok": True},
        {"dtype": None},
        {"out": None, "where": True, "casting": "same_kind", "order": "K", "subok": True},
    ],
    ids=str,
)
def test_options_of_ufuncs_at_their_defaults_are_as_good_as_none(options):
    x = leaf()
    assert_array_equal(np.add(x, 1.0, **options).data, X + 1)
    assert_array_equal(np.exp(x, **options).data, np.exp(X))
    assert np.exp(x, **options).requires_grad


OPTIONS = {
    "out": (
        np.zeros((2, 3)),
        "an array would lose the graph, also in array += t. Compute a new Tensor, array + t; or "
        "without gradient write t.numpy() into the array.",
    ),
    "where": (np.ones((2, 3), bool), "some entries would have no value. Use np.where("),
    "dtype": (np.float32, "use t.astype(…)."),
    "casting": ("unsafe", "leave it out."),
    "order": ("F", "leave it out."),
    "subok": (False, "leave it out."),
    "signature": ("dd->d", "leave it out."),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_other_options_of_ufuncs_are_refused_with_the_mend(option):
    value, mend = OPTIONS[option]
    with pytest.raises(OperationError) as caught:
        np.add(leaf(), 1.0, **{option: value})
    assert str(caught.value).startswith(f"add: {option}= isn't supported on Tensors: {mend}")


@pytest.mark.parametrize("reduce", [np.add.reduce, np.maximum.reduce, np.add.accumulate])
def test_reductions_write_into_no_array_either(reduce):
    with pytest.raises(OperationError, match="out= isn't supported on Tensors: an array would"):
        reduce(leaf(), out=np.zeros(3))


def test_out_may_not_be_a_tensor():
    with pytest.raises(OperationError, match=r"^add: out= isn't supported"):
        np.add(X, X, out=Tensor(X))


@pytest.mark.parametrize("function", [np.sum, np.std, np.ptp, np.mean, np.cumsum])
def test_options_of_functions_that_are_none_are_as_good_as_none(function):
    assert_array_equal(function(leaf(), axis=None, out=None).data, function(X))
    if function in (np.sum, np.std, np.mean):
        assert_array_equal(function(leaf(), axis=0, where=True).data, function(X, axis=0))


def test_composition_that_is_called_wrongly_says_what_it_takes():
    with pytest.raises(OperationError, match=r"^numpy\.dot: .*'out', in numpy\.dot\(a, b\)\.$"):
        np.dot(leaf(), leaf().T, out=np.zeros((2, 2)))
    with pytest.raises(TypeError):
        np.rot90(leaf(), 1, (0, 1), 2)


def test_error_inside_a_composition_stays_what_it_is():
    with pytest.raises(DtypeError):
        np.hstack([leaf(), np.array([["a"]] * 2)])


@pytest.mark.parametrize("operate", [o.iadd, o.isub, o.imul, o.itruediv, o.ifloordiv, o.imod])
@pytest.mark.parametrize("requires_grad", [False, True])
def test_array_is_not_changed_by_a_tensor(operate, requires_grad):
    array = X.copy()
    with pytest.raises(OperationError, match=r"out= isn't supported on Tensors: .*array \+ t"):
        operate(array, Tensor(X, requires_grad=requires_grad))
    assert_array_equal(array, X)
