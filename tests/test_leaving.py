"""Values that leave the graph: asked for, silently; unseen, with a warning or an error."""

import copy
import decimal
import math
import pickle
import random
import statistics
import subprocess
import sys
import warnings

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.errors import GradientError, OperationError


def loss():
    return Tensor(2.5, requires_grad=True) * 2


number = float  # by another name
exponential = math.exp

# ---- asked for -----------------------------------------------------------------------------------

ASKED_FOR = {
    "float": lambda t: float(t),
    "float of a sum": lambda t: float(t + 0.0) + 1.0 - 1.0,
    "float by another name": lambda t: number(t),
    "int": lambda t: int(t),
    "complex": lambda t: complex(t).real,
    "item": lambda t: t.item(),
    "tolist": lambda t: t.tolist(),
    "format": lambda t: float(f"{t:.3f}"),
    "str.format": lambda t: float("{:.3f}".format(t)),  # noqa: UP032
    "percent": lambda t: float("%.3f" % t),  # noqa: UP031
    "percent d": lambda t: int("%d" % t),  # noqa: UP031
    "map": lambda t: next(map(float, [t])),
    "sum of a map": lambda t: sum(map(float, [t])),
    "fsum of a map": lambda t: math.fsum(map(float, [t])),
    "list of a map": lambda t: max(list(map(float, [t]))),
    "key": lambda t: float(max([t, t], key=float)),
    "exp of a float": lambda t: math.log(math.exp(float(t))),
    "exp of an item": lambda t: math.log(math.exp(t.item())),
    "append": lambda t: [*[], float(t)][0],
    "Decimal": lambda t: float(decimal.Decimal(float(t))),
    "mean": lambda t: statistics.mean([float(t)]),
    "array entry": lambda t: np.array([float(t)])[0],
    "is": lambda t: 5.0 if math.isfinite(t) and not math.isnan(t) else 0.0,
    "exec": lambda t: eval("float(t)", {"t": t}),
}


@pytest.mark.parametrize("name", ASKED_FOR)
def test_number_that_is_asked_for_is_given_silently(name):
    for t in (loss(), loss().detach()):
        assert ASKED_FOR[name](t) == pytest.approx(5.0)


def test_number_is_stored_silently_if_it_is_asked_for():
    array, t = np.zeros(3), loss()
    array[0] = float(t)
    array[1] = t.item()
    array[2] += float(t) * 2
    assert array.tolist() == [5.0, 5.0, 10.0]


# ---- unseen --------------------------------------------------------------------------------------

UNSEEN = {
    "math.exp": lambda t: math.exp(t),
    "math.sqrt": lambda t: math.sqrt(t) + 1.0,
    "_.exp": lambda t: exponential(t),
    "math.log": lambda t: math.log(t, 2.0),
    "math.hypot": lambda t: math.hypot(3.0, t),
    "math.fsum": lambda t: math.fsum([t, 1.0]),
    "math.floor": lambda t: math.floor(t),
}


@pytest.mark.parametrize("name", UNSEEN)
def test_function_of_numbers_warns_that_the_value_leaves_the_graph(name):
    function, t = UNSEEN[name], loss()
    with pytest.warns(UserWarning, match="out of the graph") as caught:
        function(t)
    name = name.rpartition(".")[2]
    numpy = "" if name == "fsum" else f"np.{name}, or "
    assert str(caught[0].message) == (
        f"math.{name} takes the value of this Tensor, which requires a gradient, out of the graph. "
        f"Use {numpy}{name}(t.item()) if the value alone is meant."
    )
    assert caught[0].filename == __file__
    assert caught[0].lineno == function.__code__.co_firstlineno
    assert function(t.detach()) == function(5.0)


def test_warning_names_the_tensor():
    w = Tensor(1.0, requires_grad=True, name="scale")
    with pytest.warns(UserWarning, match="math.exp takes the value of `scale`"):
        math.exp(w)


def test_nothing_is_said_under_no_grad_where_nothing_is_recorded():
    w = Tensor(0.0, requires_grad=True)
    with tl.no_grad():
        y = math.exp(w)
    assert y == 1.0


def test_function_that_computes_with_what_it_is_given_gives_a_tensor():
    t = loss()
    y = random.Random(0).uniform(0.0, t)
    assert isinstance(y, Tensor) and y.requires_grad
    assert isinstance(statistics.fmean([1.0]) * t, Tensor)


def test_code_without_columns_is_silent_about_functions_and_strict_about_arrays():
    program = """
import math, warnings
import numpy as np
import tinygrad_lite as tl
warnings.simplefilter("error")
t = tl.Tensor(2.0, requires_grad=True)
print(float(t), math.sqrt(t * 2) == math.sqrt(4.0))
array = np.zeros(3, int)
try:
    array[0] = t
except tl.errors.GradientError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-B", "-X", "no_debug_ranges", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": tl.__path__[0].rsplit("tinygrad_lite", 1)[0]},
    )
    first, second = done.stdout.splitlines()
    assert first == "2.0 True" and second.startswith("array[…] = …: this Tensor requires")


# ---- into an array -------------------------------------------------------------------------------


def store(index, value):
    def write(array):
        array[index] = value

    return write


def store_slice(array):
    array[0:2] = loss()


def add_to_entry(array):
    array[0] += loss()


def fill(array):
    array.fill(loss())


STORES = {
    "number": store(0, loss()),
    "one entry": store(0, loss().reshape(1)),
    "everywhere": store(..., loss()),
    "slice": store_slice,
    "vector": store(slice(None), loss() * np.ones(3)),
    "list": store(slice(0, 2), [loss(), 1.0]),
    "indices": store(np.array([0, 1]), loss()),
    "mask": store(np.array([True, False, True]), loss()),
    "leaf": store(0, Tensor(1.0, requires_grad=True)),
    "in place": add_to_entry,
    "fill": fill,
    "setitem": lambda array: array.__setitem__(0, loss()),
}


@pytest.mark.parametrize("name", STORES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, int])
def test_what_requires_a_gradient_is_not_written_into_an_array(name, dtype):
    array = np.zeros(3, dtype)
    with pytest.raises((GradientError, ValueError)) as caught:
        STORES[name](array)
    error = caught.value
    if type(error) is ValueError:  # what NumPy makes of it, where it wants a number
        error = error.__cause__
    assert type(error) is GradientError
    assert str(error) == (
        "array[…] = …: this Tensor requires a gradient, and an array would lose its graph. Collect "
        "Tensors in a list, and np.stack them; or write the value alone, t.numpy()."
    )
    assert not array.any()


def test_what_requires_no_gradient_may_be_written_into_an_array():
    array = np.zeros(4)
    array[0] = loss().detach()
    array[1] = loss().numpy()
    array[2:] = Tensor([1.0, 2.0])
    assert array.tolist() == [5.0, 5.0, 1.0, 2.0]


def test_lists_and_dicts_hold_tensors():
    t, kept, by_name = loss(), [None], {}
    kept[0] = t
    by_name["t"] = t
    assert kept[0] is t and by_name["t"] is t


# ---- out of an array -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "index",
    [Tensor([1, 2]), Tensor([True, False, True]), (Tensor([0]), None), [Tensor([0, 1])]],
    ids=["integers", "mask", "tuple", "list"],
)
def test_array_is_not_read_by_a_tensor_which_would_give_an_array(index):
    array = np.arange(3.0)
    with pytest.raises(OperationError) as caught:
        array[index]
    assert str(caught.value) == (
        "array[t]: the index is a Tensor, and what it reads would be an array. Use "
        "Tensor(array)[t] for a Tensor, or array[t.numpy()] for an array."
    )
    assert isinstance(Tensor(array)[index], Tensor)


def test_tensor_is_read_by_a_tensor():
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x[Tensor([2, 0])]
    assert y.tolist() == [3.0, 1.0] and y.requires_grad
    assert np.arange(3.0)[Tensor([2, 0]).numpy()].tolist() == [2.0, 0.0]


# ---- copies and pickles --------------------------------------------------------------------------

COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
}


@pytest.mark.parametrize("name", COPIES)
def test_modules_are_copied_with_their_parameters(name):
    model = tl.models.MLP([3, 4, 2], rng=0)
    other = COPIES[name](model)
    x = tl.ones(2, 3)
    assert other(x).tolist() == model(x).tolist()
    assert [type(p) for p in other.parameters()] == [nn.Parameter] * 4
    if name != "copy":
        assert not {*map(id, other.parameters())} & {*map(id, model.parameters())}


@pytest.mark.parametrize("name", ["deepcopy", "pickle"])
def test_module_that_holds_a_result_is_refused_with_the_mend(name):
    model = nn.Linear(2, 2, rng=0)
    model.last = model(tl.ones(2))
    with pytest.raises(GradientError) as caught:
        COPIES[name](model)
    assert str(caught.value) == (
        "this Tensor is a result of linear: its history can't be copied or pickled. Use t.detach()."
    )
    model.last = model.last.detach()
    assert COPIES[name](model).last.tolist() == model.last.tolist()


# ---- other packages ------------------------------------------------------------------------------


def test_matplotlib_draws_detached_tensors_and_refuses_others():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    x, y = Tensor([0.0, 1.0, 2.0], requires_grad=True), Tensor([1.0, 3.0, 2.0])
    figure, axes = plt.subplots()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # matplotlib's own
            (line,) = axes.plot(x.detach(), y)
            axes.bar(x.detach(), y)
            axes.scatter(y, y)
            axes.imshow(Tensor(np.eye(3)))
            axes.hist(y)
            figure.canvas.draw()
            assert line.get_ydata().tolist() == [1.0, 3.0, 2.0]
            with pytest.raises(GradientError, match=r"t\.detach\(\)"):
                axes.plot(x, y)
    finally:
        plt.close(figure)


def test_pandas_takes_detached_tensors_and_refuses_others():
    pandas = pytest.importorskip("pandas")
    x = Tensor([1.0, 2.0], requires_grad=True)
    frame = pandas.DataFrame({"x": x.detach(), "y": Tensor([3, 4])})
    assert frame["x"].tolist() == [1.0, 2.0] and frame["y"].sum() == 7
    with pytest.raises(GradientError, match=r"t\.detach\(\)"):
        pandas.Series(np.asarray(x))
