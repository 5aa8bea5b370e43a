"""Methods: those of a Tensor, and those of NumPy's ufuncs."""

import ast
import inspect

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tinygrad_lite import Tensor, methods
from tinygrad_lite.dispatch import reached
from tinygrad_lite.methods import Methods
from tinygrad_lite.ops import signs

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def leaf(data=X):
    return Tensor(data, requires_grad=True)


UFUNC_METHODS = [
    (np.add.reduce, np.sum),
    (np.multiply.reduce, np.prod),
    (np.maximum.reduce, np.max),
    (np.minimum.reduce, np.min),
    (np.logical_and.reduce, np.all),
    (np.logical_or.reduce, np.any),
    (np.add.accumulate, np.cumsum),
    (np.multiply.accumulate, np.cumprod),
]


@pytest.mark.parametrize(
    ("method", "function"), UFUNC_METHODS, ids=[function.__name__ for _, function in UFUNC_METHODS]
)
def test_methods_of_ufuncs_are_functions_along_the_first_axis(method, function):
    x = leaf()
    reduces = method.__name__ == "reduce"
    for args, options in [
        ((), {}),
        ((1,), {}),
        ((), {"axis": -1, "dtype": None, "out": None}),
        *[((), {"axis": 0, "keepdims": True, "where": True})] * reduces,
        *[((), {"axis": None, "keepdims": False})] * reduces,
    ]:
        found, wanted = method(x, *args, **options), method(X, *args, **options)
        assert isinstance(found, Tensor)
        assert found.requires_grad == (found.dtype.kind == "f")
        assert_array_equal(found.data, wanted, strict=True)
    assert_array_equal(method(x).data, function(X, axis=0))


METHODS = {
    "sum": {"axis": 0},
    "prod": {"axis": 0},
    "mean": {"axis": 0, "keepdims": True},
    "std": {"axis": 1, "ddof": 1},
    "var": {"ddof": 1},
    "max": {"axis": 0},
    "min": {},
    "cumsum": {"axis": 1},
    "cumprod": {"axis": 0},
    "argmax": {"axis": 1},
    "argmin": {},
    "argsort": {"axis": 0},
    "all": {"axis": 0},
    "any": {},
    "round": {"decimals": 1},
    "trace": {"offset": 1},
    "diagonal": {"offset": 1},
    "ravel": {},
    "squeeze": {},
    "repeat": {"repeats": 2, "axis": 1},
    "take": {"indices": [0, 2], "axis": 1},
    "flatten": {},
    "transpose": {},
    "clip": {"min": 2.0, "max": 4.0},
}


@pytest.mark.parametrize("name", METHODS)
def test_methods_are_those_of_arrays(name):
    array, options = np.round(X / 3, 2), METHODS[name]
    calls = [lambda x: getattr(x, name)(*options.values())]
    if name in ("mean", "std", "var"):
        calls = []  # their options go by name alone here
    calls.append(lambda x: getattr(x, name)(**options))
    for call in calls:
        found, wanted = call(leaf(array)), call(array)
        assert_array_equal(found.data, wanted)
        assert found.requires_grad == (wanted.dtype.kind == "f" and name != "round")


def test_methods_of_two_operands_are_those_of_arrays():
    x, y = leaf(), leaf(X.T)
    assert_array_equal(x.dot(y).data, X.dot(X.T))
    assert_array_equal(Tensor([1.0, 3.0]).searchsorted(Tensor([2.0])).data, [1])
    assert_array_equal(Tensor([0, 1]).choose([Tensor([1.0, 2.0]), 5.0]).data, [1.0, 5.0])
    assert [i.tolist() for i in Tensor([[0.0, 2.0]]).nonzero()] == [[0], [1]]


@pytest.mark.parametrize("copy", [np.copy, Tensor.copy], ids=["np.copy", "t.copy"])
def test_copy_is_recorded_as_any_result(copy):
    x = leaf()
    y = copy(x)
    assert_array_equal(y.data, X, strict=True)
    assert (y * y).sum().gradient(x).tolist() == (2 * X).tolist()
    assert not np.may_share_memory(y.data, x.data)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16, np.float64])
def test_copy_without_history_is_a_leaf_of_its_own(dtype):
    x = Tensor(X, dtype=dtype)
    y = x.detach().copy()
    y.assign(np.zeros((2, 3), dtype))
    assert y.is_leaf and not y.requires_grad
    assert_array_equal(x.data, X.astype(dtype), strict=True)
    assert_array_equal(np.copy(x, order="K").data, x.data, strict=True)


def test_entries_are_replaced_in_a_new_tensor():
    x = leaf(np.array([1.0, 2.0, 3.0]))
    y = x.at[1].set(5.0)
    assert y.tolist() == [1.0, 5.0, 3.0] and x.tolist() == [1.0, 2.0, 3.0]
    assert y.sum().gradient(x).tolist() == [1.0, 0.0, 1.0]


def test_every_method_reaches_something():
    listed = [name for name, value in vars(Methods).items() if callable(value)]
    assert len(listed) > 60
    for name in listed:
        assert vars(Methods)[name].__doc__ or name.startswith("__"), name
    for function in signs.UFUNC_METHODS.values():
        assert reached(function) is not None


def test_list_of_methods_is_nothing_but_a_list():
    tree = ast.parse(inspect.getsource(methods))
    *_, listed = tree.body
    assert {type(node) for node in tree.body} == {
        ast.Expr,
        ast.ImportFrom,
        ast.Import,
        ast.ClassDef,
    }
    assert {type(node) for node in listed.body} == {ast.Expr, ast.Assign}
