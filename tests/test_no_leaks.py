"""No function of NumPy's takes values out of the graph unseen: all of them are tried."""

import contextlib
import io
import warnings

import numpy as np
import pytest

from tinygrad_lite import Tensor
from tinygrad_lite.errors import TinygradError

# ---- every function, whatever it is --------------------------------------------------------------

NAMESPACES = {
    "np": np,
    "np.linalg": np.linalg,
    "np.lib.stride_tricks": np.lib.stride_tricks,
    "np.fft": np.fft,
    "np.emath": np.emath,
}
# They read or write files, or set how NumPy behaves.
ASIDE = {
    *("DataSource", "fromfile", "fromregex", "fromstring", "genfromtxt", "get_include", "info"),
    *("empty", "empty_like"),  # whatever was in memory
    *("load", "loadtxt", "memmap", "save", "savetxt", "savez", "savez_compressed", "test"),
    *("errstate", "printoptions", "set_printoptions", "setbufsize", "seterr", "seterrcall"),
    *("show_config", "show_runtime"),
}
# A value that only counts or chooses: turns, digits, the order of a norm.
CHOICES = {
    ("base_repr", "numbers"),
    ("binary_repr", "numbers"),
    ("cond", "array and number"),
    ("norm", "array and number"),
    ("norm", "shape and number"),
    ("rot90", "array and number"),
}


def attempts(f, t, s, v, array):
    """Ways to call a function of unknown arguments: with a matrix, a number, a vector, and others.

    Gives a name and a call each.
    """
    whole = np.arange(3)
    yield "matrix", lambda: f(t)
    yield "number", lambda: f(s)
    yield "vector", lambda: f(v)
    yield "matrices", lambda: f(t, t)
    yield "vectors", lambda: f(v, v)
    yield "array and matrix", lambda: f(array, t)
    yield "array and number", lambda: f(array, s)
    yield "list of matrices", lambda: f([t, t])
    yield "list of numbers", lambda: f([s, s])
    yield "mixed list", lambda: f([s, 1.0])
    yield "nested list", lambda: f([[s, 1.0], [2.0, s]])
    yield "axis", lambda: f(t, 0)
    yield "axes", lambda: f(t, 0, 1)
    yield "indices", lambda: f(t, whole)
    yield "points", lambda: f(whole, v)
    yield "points and vectors", lambda: f(whole, v, v)
    yield "numbers", lambda: f(3, s)
    yield "shape and number", lambda: f((3,), s)
    yield "from a number", lambda: f(s, 3.0, 4)
    yield "up to a number", lambda: f(0.0, s, 4)
    yield "three matrices", lambda: f(t, t, t)
    yield "three vectors", lambda: f(v, v, v)
    yield "arrays and matrix", lambda: f(array, array, t)
    yield "mask and matrix", lambda: f(array, array > 0, t)
    yield "places and vector", lambda: f(array, whole, v)
    yield "place and number", lambda: f(array, 0, s)
    yield "equation", lambda: f("ij->ji", t)
    yield "equation of two", lambda: f("ij,ij->", t, t)
    yield "function", lambda: f(lambda x: x * 1.0, t)
    yield "function and axis", lambda: f(lambda x: x * 1.0, 0, t)
    yield "result into array", lambda: f(t, out=array)
    yield "dtype", lambda: f(t, dtype=np.float64)
    yield "filled", lambda: f(3, fill_value=s)


def values(thing):
    """The numbers in a result that are no Tensor's, as bytes; facts such as shapes don't count."""
    if isinstance(thing, tuple | list):
        return [values(part) for part in thing]
    if isinstance(thing, np.ndarray | np.generic):
        return thing.tobytes() if thing.dtype != object else values(thing.tolist())
    if isinstance(thing, float | int | complex) and not isinstance(thing, bool):
        return repr(thing)
    return None


def outcome(f, attempt, scale):
    """What a way to call `f` gives for other values, in its result and in the array it is given."""
    array = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]])
    tensors = (
        Tensor(array * scale, requires_grad=True),
        Tensor(np.float64(2.0 * scale), requires_grad=True),
        Tensor(np.array([1.0, 2.0, 3.0]) * scale, requires_grad=True),
    )
    call = dict(attempts(f, *tensors, array))[attempt]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return values(call()), array.tobytes()
    except Exception:  # refused, or called the wrong way
        return None, None


ATTEMPTS = [name for name, _ in attempts(None, *[Tensor(0.0)] * 3, np.zeros(()))]


def functions(namespace):
    for name in sorted(set(dir(namespace)) - ASIDE):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function = getattr(namespace, name, None)
        is_kind = isinstance(function, type) and issubclass(function, BaseException | np.generic)
        if callable(function) and not name.startswith("_") and not is_kind:
            yield name, function


def leaks(functions):
    found = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", UserWarning)
        for name, function in functions:
            for attempt in ATTEMPTS:
                if outcome(function, attempt, 1.0) != outcome(function, attempt, 1.5):
                    found.append((name, attempt))
    return found


@pytest.mark.parametrize("name", NAMESPACES)
def test_no_value_of_a_tensor_that_requires_a_gradient_comes_back_as_an_array(name):
    assert set(leaks(functions(NAMESPACES[name]))) - CHOICES == set()


def test_leaks_would_be_found():
    def number(t):
        return float(t)

    def array(t):
        return [1, (t.numpy(), "text")]

    def into(array, s):
        array[0] = s.item()

    def fact(t):
        return t.shape, t.ndim, bool(t.sum() > 5), np.zeros(3)

    found = leaks([("number", number), ("array", array), ("into", into), ("fact", fact)])
    assert {name for name, _ in found} == {"number", "array", "into"}


# ---- how they are refused ------------------------------------------------------------------------

REFUSED = {
    "array of a list": lambda t: np.array([t, t]),
    "array of a mixed list": lambda t: np.array([[t[0, 0], 1.0]]),
    "asarray": np.asarray,
    "asanyarray": np.asanyarray,
    "array of objects": lambda t: np.array([t, None], dtype=object),
    "full": lambda t: np.full(3, t[0, 0]),
    "arange": lambda t: np.arange(t[0, 0]),
    "linspace": lambda t: np.linspace(0.0, t[0, 0], 3),
    "fromiter": lambda t: np.fromiter([t[0, 0]], float),
    "float64": lambda t: np.float64(t[0, 0]),
    "float32": lambda t: np.float32(t[0, 0]),
    "complex128": lambda t: np.complex128(t[0, 0]),
    "histogram": np.histogram,
    "interp": lambda t: np.interp(t, [0.0, 1.0], [0.0, 1.0]),
    "apply_along_axis": lambda t: np.apply_along_axis(np.sum, 0, t),
    "vectorize": lambda t: np.vectorize(lambda x: x * 2)(t),
    "frompyfunc": lambda t: np.frompyfunc(lambda x: x * 2, 1, 1)(t),
    "ndenumerate": lambda t: list(np.ndenumerate(t)),
    "nditer": lambda t: list(np.nditer(t)),
    "copyto": lambda t: np.copyto(np.zeros((3, 3)), t),
    "put": lambda t: np.put(np.zeros(3), [0], t[0]),
    "putmask": lambda t: np.putmask(np.zeros((3, 3)), np.ones((3, 3), bool), t),
    "place": lambda t: np.place(np.zeros((3, 3)), np.ones((3, 3), bool), t),
    "fill_diagonal": lambda t: np.fill_diagonal(np.zeros((3, 3)), t[0, 0]),
    "add.at": lambda t: np.add.at(np.zeros(3), [0], t[0]),
    "assert_allclose": lambda t: np.testing.assert_allclose(t, t.numpy() + 1.0),
    "assert_array_equal": lambda t: np.testing.assert_array_equal(t.numpy(), t),
    "shuffle": lambda t: np.random.default_rng(0).shuffle(t),
    "permutation": lambda t: np.random.default_rng(0).permutation(t),
    "choice": lambda t: np.random.default_rng(0).choice(t),
    "normal": lambda t: np.random.default_rng(0).normal(t),
    "normal of a number": lambda t: np.random.default_rng(0).normal(t[0, 0], 1.0),
    "polynomial": lambda t: np.polynomial.Polynomial(t[0]),
    "masked array": np.ma.array,
    "asarray like": lambda t: np.asarray([1.0], like=t),
}


@pytest.mark.parametrize("name", REFUSED)
def test_function_that_would_take_the_values_is_refused(name):
    t = Tensor(np.arange(1.0, 10.0).reshape(3, 3), requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shuffle() warns first
        with pytest.raises(Exception) as caught:
            REFUSED[name](t)
    error = caught.value
    if not isinstance(error, TinygradError):
        error = error.__cause__  # NumPy sometimes wraps it
    assert isinstance(error, TinygradError), caught.value
    mends = ("t.detach()", "t.numpy()", "tl.op", "np.stack", "t.data = values")
    assert any(mend in str(error) for mend in mends), error
