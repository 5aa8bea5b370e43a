"""Graphs of functions, written down while they run."""

import math

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.errors import ArgumentError, OperationError
from tinygrad_lite.graphs import Update


def leaf(data, **options):
    return Tensor(np.array(data, dtype=float), requires_grad=True, **options)


def names(graph, phase="forward"):
    return [step.name for step in graph.phase(phase)]


@pytest.fixture
def model():
    return tl.models.MLP([4, 3, 2], rng=0)


def test_training_step_is_seen_whole(model):
    optimizer = nn.optim.Adam(model.parameters())

    def step(x, y):
        loss = nn.cross_entropy_loss(model(Tensor(x)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    before = model.state_dict()
    graph = tl.trace(step, np.ones((5, 4), np.float32), np.zeros(5, int))
    assert graph.title == "step"
    assert names(graph) == ["linear", "relu", "linear", "cross_entropy", "mean"]
    assert names(graph, "update") == ["Adam"] * 4
    assert [value.name for value in graph.outputs] == ["loss"]
    assert {"x", "y"} <= {value.name for value in graph.values}
    for update in graph.phase("update"):
        path = update.target.name
        assert isinstance(update, Update) and update.by is optimizer
        np.testing.assert_array_equal(update.target.array, before[path])
        np.testing.assert_array_equal(update.output.array, model.state_dict()[path])
        assert update.inputs == (update.target.gradient,)
        assert update.attributes == {"lr": 0.001}
        assert update.output.name == f"{path} after Adam"


def test_parameters_in_the_graph_stay_as_they_were(model):
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)

    def step(x):
        model(x).sum().backward()
        optimizer.step()

    x = Tensor(np.ones((5, 4)))
    graph = tl.trace(step, x)
    arrays = {value.name: value.array.copy() for value in graph.values}
    for _ in range(3):
        step(x)
    with tl.no_grad():
        for p in model.parameters():
            p.grad *= 0.0
    for value in graph.values:
        np.testing.assert_array_equal(value.array, arrays[value.name])


def test_update_in_place_is_a_step():
    w = leaf([1.0, 2.0])

    def step(x):
        nonlocal w
        (w * x).sum().backward()
        with tl.no_grad():
            w -= 0.5 * w.grad

    graph = tl.trace(step, Tensor([1.0, 4.0]))
    (written,) = graph.phase("update")
    assert written.name == "subtract" and written.target.name == "w"
    assert written.inputs[0] is graph.phase("forward")[-1].output
    np.testing.assert_array_equal(written.target.array, [1.0, 2.0])
    np.testing.assert_array_equal(written.output.array, [0.5, 0.0])


def test_assignment_is_a_step():
    w = leaf([1.0, 2.0])

    def step():
        w.data = [5.0, 6.0]
        return w * 2

    graph = tl.trace(step)
    (written,) = graph.phase("update")
    assert written.name == "assign"
    assert graph.phase("forward")[0].inputs[0] is written.output


def test_second_backward_adds_to_the_gradient_there_is():
    w = leaf(3.0)

    def twice():
        (w * 2).backward()
        (w * w).backward()

    graph = tl.trace(twice)
    add = graph.phase("backward")[-1]
    assert add.name == "add" and float(add.output.array) == 8.0
    assert float(w.grad) == 8.0


def test_functions_without_gradient_are_seen():
    x = Tensor([1.0, -2.0])
    graph = tl.trace(lambda x: (np.exp(x), x > 0, x.argmax()), x)
    assert names(graph) == ["exp", "greater", "argmax"]
    assert len(graph.outputs) == 3


def test_what_runs_under_no_grad_is_seen():
    x = leaf([1.0, -2.0])

    def f(x):
        with tl.no_grad():
            return np.exp(x) * 2

    assert names(tl.trace(f, x)) == ["exp", "multiply"]


def test_gradient_function_is_seen():
    graph = tl.trace(tl.grad(lambda x: (x**3).sum()), np.array([1.0, 2.0]))
    np.testing.assert_array_equal(graph.outputs[0].array, [3.0, 12.0])
    assert names(graph) == ["copy", "positive", "power", "sum", "detach"]
    assert names(graph, "backward") == ["seed", "sum → b", "power → x"]


def test_module_may_be_traced(model):
    graph = tl.trace(model, np.ones((5, 4)))
    assert graph.title == "MLP"
    assert [step.call.path for step in graph] == ["layers.0", "layers.1", "layers.2"]


def test_arrays_reach_the_function_as_tensors_however_nested():
    seen = {}

    def f(batch, *, scale):
        seen.update(batch)
        return batch["x"] * scale[0] + batch["n"]

    graph = tl.trace(f, {"x": np.ones(2), "n": 3, "s": "text"}, scale=[np.full(2, 4.0)])
    assert isinstance(seen["x"], Tensor) and seen["n"] == 3 and seen["s"] == "text"
    assert [value.name for value in graph.values] == ["batch['x']", "scale[0]", "a", "b"]


def test_arguments_are_named_as_the_function_names_them():
    def f(x, *others, y=1):
        return x * others[0] + others[1]

    graph = tl.trace(f, np.ones(2), np.ones(2), np.ones(2))
    assert {"x", "others[0]", "others[1]"} <= {value.name for value in graph.values}


def test_index_that_was_given_is_known():
    graph = tl.trace(lambda x, i: x[i], Tensor([1.0, 2.0]), np.array([1, 1]))
    assert graph[0].attributes == {"index": graph["i"]}
    assert graph[0].expression == "x[i]"


def test_classes_that_were_given_are_known():
    graph = tl.trace(nn.cross_entropy_loss, Tensor([[1.0, 2.0]]), np.array([1]))
    assert graph[0].inputs[1] is graph["target"] or graph["target"] in graph[0].attributes.values()


def test_error_of_the_function_is_its_own_and_leaves_no_trace():
    def f(x):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        tl.trace(f, np.ones(2))
    assert Tensor([1.0, 2.0]).numpy().tolist() == [1.0, 2.0]


def test_wrong_arguments_are_told():
    with pytest.raises(ArgumentError, match="trace: missing a required argument: 'y'"):
        tl.trace(lambda x, y: x, 1.0)
    with pytest.raises(ArgumentError, match="give a function and its arguments, not Tensor"):
        tl.trace(Tensor(1.0))


def test_function_of_python_numbers_is_refused():
    with pytest.raises(ArgumentError, match="did nothing with a Tensor"):
        tl.trace(lambda x: x * x, 2.0)


def test_update_by_assignment_of_data_is_seen():
    w = leaf([1.0, 2.0])

    def step(x):
        (w * x).sum().backward()
        w.data = w - 0.5 * w.grad

    (written,) = tl.trace(step, Tensor([1.0, 4.0])).phase("update")
    assert written.name == "assign" and written.inputs[0].kind == "result"
    np.testing.assert_array_equal(written.output.array, [0.5, 0.0])


def test_reading_of_data_is_told_how_to_update():
    w = leaf([1.0, 2.0])
    with pytest.raises(OperationError, match=r"Update a Tensor by `with tl.no_grad\(\): t -= lr"):
        tl.trace(lambda: w.data - 1)


def test_trace_within_a_trace_is_refused():
    with pytest.raises(OperationError, match="being traced already"):
        tl.trace(lambda x: tl.trace(lambda y: y, x), np.ones(2))


# ---- what a trace refuses ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "take, said",
    [
        (lambda t: t.item(), r"t\.item\(\)"),
        (lambda t: t.numpy(), r"t\.numpy\(\)"),
        (lambda t: t.tolist(), r"t\.tolist\(\)"),
        (lambda t: float(t), r"float\(t\)"),
        (lambda t: int(t), r"float\(t\)"),
        (lambda t: bool(t > 0), r"bool\(t\)"),
        (lambda t: 1 if t > 0 else 2, r"bool\(t\)"),
        (lambda t: math.exp(t), r"float\(t\)"),
        (lambda t: np.asarray(t), r"np\.asarray\(t\)"),
        (lambda t: np.array([t]), r"np\.asarray\(t\)|array"),
        (lambda t: [1, 2][t.argmax()], r"index\(t\)"),
    ],
)
def test_value_that_leaves_is_refused(take, said):
    with pytest.raises(OperationError, match=said) as caught:
        tl.trace(take, Tensor(3.0))
    if "takes the value" in str(caught.value):
        assert "at test_tracing.py:" in str(caught.value)
        assert "return it\n  from the traced function" in str(caught.value)


def test_array_indexed_by_a_tensor_is_refused():
    with pytest.raises(OperationError, match=r"array\[t\]"):
        tl.trace(lambda t: np.arange(3)[t], np.array(1))


@pytest.mark.parametrize("f", [print, repr, str, "{:.2f}".format])
def test_text_of_a_value_may_leave(f):
    assert names(tl.trace(lambda x: (f(x * 2), x * 3)[1], Tensor(1.0))) == ["multiply"] * 2


@pytest.mark.parametrize(
    "select",
    [
        lambda x: x[x > 0],
        lambda x: x[1:][(x > 0)[1:]],
        lambda x: np.where(x > 0),
        lambda x: np.nonzero(x),
        lambda x: np.argwhere(x),
        lambda x: np.compress(x > 0, x),
        lambda x: np.repeat(x, x.astype(int)),
        lambda x: np.tile(x, x.astype(int)),
        lambda x: np.pad(x, x[:2].astype(int)),
    ],
)
def test_shape_that_depends_on_values_is_refused_by_name(select):
    with pytest.raises(OperationError, match="the shape of its result depends on values") as caught:
        tl.trace(select, np.array([1.0, 2.0, 3.0]))
    assert "at test_tracing.py:" in str(caught.value)


@pytest.mark.parametrize(
    "f", [lambda x: np.delete(x, x > 1.5), lambda x: np.insert(x, x.astype(int)[:1], 0.0)]
)
def test_entries_that_come_or_go_by_values_are_refused(f):
    with pytest.raises(OperationError, match=r"np\.asarray\(t\) takes the value"):
        tl.trace(f, np.array([1.0, 2.0, 3.0]))


def test_shapes_that_do_not_are_welcome():
    def f(x):
        return x[[0, 2]], x[np.array([True, False, True])], x[x.argmax()], np.where(x > 0, x, 0)

    assert len(tl.trace(f, np.ones(3)).outputs) == 4


def test_selection_by_values_has_a_history():
    x = leaf([1.0, -2.0])
    assert names(tl.graph(x[x > 0].sum())) == ["getitem", "sum"]


def test_history_from_before_the_trace_is_part_of_it():
    x = leaf(2.0)
    h = np.exp(x)

    def f():
        y = h * x
        z = y + 1
        z.backward()
        return z

    graph = tl.trace(f)
    assert names(graph) == ["exp", "multiply", "add"]
    np.testing.assert_allclose(float(graph["x"].gradient.array), 3 * np.exp(2.0))


@pytest.mark.parametrize("make", [np.array, Tensor], ids=["array", "Tensor"])
def test_gradient_that_is_changed_later_stays_as_it_was(make):
    def backward(g):
        out = leaf([1.0, 2.0]) + 1.0
        out.backward(g)
        return out

    for record in (lambda g: tl.graph(leaf([1.0, 2.0]) + 1.0, g), lambda g: trace_of(backward, g)):
        g = make([3.0, 4.0], dtype=np.float64)
        graph = record(g)
        memory = getattr(g, "_data", g)
        memory.setflags(write=True)
        memory[:] = 7
        assert [step.output.array.tolist() for step in graph.phase("backward")] == [[3.0, 4.0]] * 2


def trace_of(fn, g):
    """Not as an argument, which is copied."""
    return tl.trace(lambda: fn(g))
