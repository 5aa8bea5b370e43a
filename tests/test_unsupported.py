"""Functions and options that Tensors don't take: what is said instead."""

import inspect
import operator as o
import warnings
from contextlib import suppress

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tinygrad_lite import Tensor
from tinygrad_lite.errors import (
    ArgumentError,
    DtypeError,
    GradientError,
    OperationError,
    TinygradError,
)
from tinygrad_lite.ops import compositions, table
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


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("numpy.linalg.eig", "np.linalg.eigh"),
        ("numpy.ma.clip", "np.clip"),
        ("numpy.imag", None),
        ("numpy.isin", None),  # isinf is something else
        ("numpy.resize", None),  # as is size
    ],
)
def test_function_of_a_similar_name_is_suggested(name, near):
    text = str(unknown_function(name, [*compositions, *table]))
    end = f" The nearest that has one: {near}." if near else ""
    assert text.endswith(f" or apply it to t.numpy().{end}")


def test_function_that_numpys_function_calls_is_named_with_the_one_that_the_user_called():
    with pytest.raises(
        OperationError, match=r"^np\.full_like calls numpy\.copyto, which has no grad"
    ):
        np.full_like(X, leaf()[0, 0])


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


def with_defaults(function):
    """Ways to give NumPy's options at NumPy's defaults, also where the axis isn't at its own."""
    defaults = {
        p.name: p.default
        for p in inspect.signature(function).parameters.values()
        if p.default is not p.empty and p.kind is not p.POSITIONAL_ONLY
    }
    yield defaults
    if "axis" in defaults:
        yield {**defaults, "axis": None}
        for option in defaults.keys() - {"axis"}:
            yield {"axis": None, option: defaults[option]}


def calls_that_numpy_takes(function):
    """Arguments that a function takes, as far as can be guessed, with options at defaults."""
    square = X.T @ X + np.eye(3)
    guesses = [(square,), (square, square), (square, 1), ([X, X],), (X[0], X[0]), (X > 2, X, X)]
    for options in with_defaults(function):
        for args in guesses:
            with suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield args, options, function(*args, **options)
                break


def tensors(x):
    return [Tensor(array) for array in x] if isinstance(x, list) else Tensor(x)


def readable(function):
    """Whether NumPy tells what the function takes; not all do before NumPy 2.4."""
    try:
        return bool(inspect.signature(function).parameters)
    except ValueError:
        return False


FUNCTIONS = [
    function
    for function in (*compositions, *table)
    if getattr(function, "__module__", "numpy").startswith("numpy")
    and readable(function)
    and function not in (np.full_like, np.empty_like)
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_options_at_numpys_defaults_change_nothing(function):
    for args, options, wanted in calls_that_numpy_takes(function):
        found = function(*[tensors(x) if np.ndim(x) else x for x in args], **options)
        if not isinstance(wanted, tuple | list):
            found, wanted = [found], [wanted]
        for one, other in zip(found, wanted, strict=True):
            assert np.shape(one) == np.shape(other), options
            np.testing.assert_allclose(one, other, rtol=1e-6, err_msg=str(options))


def test_options_at_numpys_defaults_are_tried_on_many_functions():
    assert len(FUNCTIONS) > 80
    assert sum(bool(list(calls_that_numpy_takes(function))) for function in FUNCTIONS) > 60


def test_axis_of_none_is_kept_beside_an_option_that_is_not_known():
    x = np.array([[3.0, 1.0, 2.0], [9.0, 0.0, 5.0]])
    for options in ({"order": None}, {"kind": None}, {"stable": None}):
        found = np.sort(Tensor(x), axis=None, **options)
        assert_array_equal(found.data, np.sort(x, axis=None))
    with pytest.raises(OperationError):
        np.sort(leaf(), order="x")


def test_composition_that_is_called_wrongly_says_what_it_takes():
    with pytest.raises(OperationError, match=r"^numpy\.dot: .*'out', in numpy\.dot\(a, b\)\.$"):
        np.dot(leaf(), leaf().T, out=np.zeros((2, 2)))
    with pytest.raises(TypeError):
        np.rot90(leaf(), 1, (0, 1), 2)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda t: t.sum(dim=0),
            "sum: got an unexpected keyword argument 'dim', in sum(a, axis=None, dtype=None, "
            "keepdims=False). Did you mean axis=?",
        ),
        (
            lambda t: t.softmax(dim=0),
            "softmax: got an unexpected keyword argument 'dim', in softmax(x, axis=-1). Did you "
            "mean axis=?",
        ),
        (
            lambda t: t.mean(axis=0, keepdim=True),
            "mean: got an unexpected keyword argument 'keepdim', in mean(a, axis=None, dtype=None, "
            "keepdims=False). Did you mean keepdims=?",
        ),
    ],
)
def test_keywords_of_pytorch_are_told_in_numpys_words(call, text):
    with pytest.raises(OperationError) as caught:
        call(leaf())
    assert str(caught.value) == text


def test_advice_on_operations_of_ones_own_is_for_these_alone():
    for call, text in (
        (
            lambda t: np.sum(t, initial=1.0),
            "sum: initial= isn't supported on Tensors, since no gradient rule knows it. Leave it "
            "out.",
        ),
        (
            lambda t: np.concatenate(t, t),
            "concatenate: axis is a Tensor, but concatenate has no gradient rule for it. If it is "
            "one of the arrays, give them as one list: concatenate([x, y]).",
        ),
        (
            lambda t: np.take(t, t),
            "take: indices is a Tensor, but take has no gradient rule for it. Give "
            "indices.numpy().",
        ),
    ):
        with pytest.raises(OperationError) as caught:
            call(leaf())
        assert str(caught.value) == text


def test_where_with_one_of_two_is_refused():
    with pytest.raises(ArgumentError, match=r"^where: give both x and y, or neither"):
        np.where(leaf() > 0, leaf())


@pytest.mark.parametrize("function", [np.mean, np.sum, np.max, np.std, np.median])
def test_list_of_tensors_is_to_be_stacked_first(function):
    losses = [leaf()[0, 0], leaf()[0, 1]]
    with pytest.raises(GradientError) as caught:
        function(losses)
    name = function.__name__
    assert str(caught.value) == (
        f"np.{name}: this Tensor requires a gradient, and an array would lose its graph. Join a "
        f"list of Tensors first, np.{name}(np.stack(tensors)); or use t.numpy()."
    )
    assert function(np.stack(losses)).requires_grad


def test_error_of_numpy_stays_the_cause_of_what_dispatch_raises():
    for call in (lambda: np.sort(leaf(), axis=0.5), lambda: np.hstack([leaf(), leaf()], dtype="x")):
        with pytest.raises(TinygradError) as caught:
            call()
        assert isinstance(caught.value.__cause__, TypeError)


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
