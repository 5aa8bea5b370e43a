"""Where graphs come from: the history of a Tensor, and functions while they run."""

import gc
import math

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.errors import ArgumentError, GradientError, OperationError
from tinygrad_lite.graphs import Applied, Contribution, Seed, Update


def leaf(data, **options):
    return Tensor(np.array(data, dtype=float), requires_grad=True, **options)


def names(graph, phase="forward"):
    return [step.name for step in graph.phase(phase)]


# ---- from history --------------------------------------------------------------------------------


def test_steps_stand_in_the_order_of_the_engine():
    x, w = leaf(2.0), leaf(-3.0)
    y = np.tanh(w * x + 7.0)
    graph = tl.graph(y)
    assert [type(step) for step in graph] == [Applied] * 3 + [Seed] + [Contribution] * 4
    assert [step.number for step in graph] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert names(graph) == ["multiply", "add", "tanh"]
    flows = ["tanh → b", "add → a", "multiply → w", "multiply → x"]
    assert names(graph, "backward") == ["seed", *flows]


def test_gradients_are_those_of_the_engine_and_none_is_written():
    x, w = leaf([1.0, 2.0]), leaf([[3.0], [4.0]])
    loss = (np.sin(x * w) * x).sum()
    graph = tl.graph(loss)
    assert x.grad is None and w.grad is None
    loss.backward()
    for t in (x, w):
        np.testing.assert_array_equal(graph.value(t).gradient.array, t.grad.numpy())


def test_contributions_to_a_shared_input_are_counted_and_added_up():
    x = leaf(3.0)
    graph = tl.graph(x * x + x)
    to_x = [step for step in graph.phase("backward") if step.name.endswith("→ x")]
    assert [step.earlier for step in to_x] == [0, 1, 2]
    assert [float(step.total.array) for step in to_x] == [1.0, 4.0, 7.0]
    assert to_x[-1].total is graph["x"].gradient


def test_broadcast_input_says_over_which_axes_its_gradient_was_summed():
    x, b, c = leaf(np.ones((4, 3))), leaf(np.ones(3)), leaf(np.ones((4, 1)))
    graph = tl.graph((x + b + c).sum())
    summed = {step.to.name: step.summed_over for step in graph if isinstance(step, Contribution)}
    assert summed["b"] == (0,)
    assert summed["c"] == (1,)
    assert summed["x"] == ()


def test_product_of_vectors_is_no_broadcast():
    x, w = leaf([1.0, 2.0]), leaf(np.eye(2))
    graph = tl.graph((x @ w).sum())
    assert [s.summed_over for s in graph if isinstance(s, Contribution)] == [(), (), ()]


def test_result_of_several_entries_has_a_graph_without_backward_pass():
    x = leaf([1.0, 2.0])
    graph = tl.graph(x * 2)
    assert names(graph) == ["multiply"] and not graph.phase("backward")
    assert "backward(gradient)" in graph.backward_error or "gradient" in graph.backward_error
    whole = tl.graph(x * 2, gradient=[1.0, 10.0])
    np.testing.assert_array_equal(whole["x"].gradient.array, [2.0, 20.0])


def test_values_stay_as_they_were_when_the_graph_was_made():
    w = leaf([1.0, 2.0])
    graph = tl.graph((w[:1] * w).sum())
    with tl.no_grad():
        w -= 100.0
    np.testing.assert_array_equal(graph["w"].array, [1.0, 2.0])
    assert all(np.abs(value.array).max() < 10 for value in graph.values)


def test_value_that_was_written_before_the_graph_was_made_is_known_as_changed():
    w = leaf([1.0, 2.0])
    loss = (w * w).sum()
    with tl.no_grad():
        w -= 1.0
    graph = tl.graph(loss)
    assert graph["w"].changed
    assert "has changed since" in graph.backward_error
    assert names(graph) == ["multiply", "sum"]


def test_written_value_that_no_rule_needs_leaves_the_backward_pass():
    w = leaf([1.0, 2.0])
    loss = (w + 1).sum()
    with tl.no_grad():
        w -= 1.0
    graph = tl.graph(loss)
    assert graph["w"].changed and not graph.backward_error
    np.testing.assert_array_equal(graph["w"].gradient.array, [1.0, 1.0])


def test_detached_value_is_a_step_without_gradient():
    x = leaf(3.0)
    y = x * 2
    graph = tl.graph(y * y.detach())
    step = next(step for step in graph if step.name == "detach")
    assert step.inputs == (graph["y"],) and step.operation is None
    assert float(graph["x"].gradient.array) == 12.0


@pytest.mark.parametrize("thing", [Tensor(1.0), leaf(1.0), leaf(1.0).detach()])
def test_leaf_has_no_graph(thing):
    with pytest.raises(GradientError, match=r"has no history.*tl\.trace"):
        tl.graph(thing)


def test_graph_of_anything_else_is_refused():
    with pytest.raises(ArgumentError, match="give the Tensor that was computed, not list"):
        tl.graph([1.0])


def test_history_of_a_second_derivative_is_a_computation_as_any():
    x = leaf(2.0)
    first = (x**3).gradient(x, create_graph=True)
    graph = tl.graph(first)
    assert float(graph["x"].gradient.array) == 12.0


def test_long_chain_has_a_graph():
    x = leaf(1.0)
    y = x
    for _ in range(20_000):
        y = y + 1e-5
    graph = tl.graph(y)
    assert len(graph) == 40_001


def test_graph_is_freed_with_its_last_reference():
    def tensors():
        return sum(isinstance(thing, Tensor) for thing in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = tensors()
        x = leaf([1.0, 2.0])
        graph = tl.graph((x * x).sum())
        del x, graph
        assert tensors() == before
    finally:
        gc.enable()


# ---- of a function -------------------------------------------------------------------------------


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
    assert names(graph) == ["copy", "positive", "power", "sum"]
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
        (lambda t: t.data, r"t\.data"),
        (lambda t: float(t), r"float\(t\)"),
        (lambda t: int(t), r"float\(t\)"),
        (lambda t: bool(t > 0), r"bool\(t\)"),
        (lambda t: 1 if t > 0 else 2, r"bool\(t\)"),
        (lambda t: math.exp(t), r"float\(t\)"),
        (lambda t: np.asarray(t), r"np\.asarray\(t\)"),
        (lambda t: np.array([t]), r"np\.asarray\(t\)|array"),
        (lambda t: [1, 2][t.argmax()], r"index\(t\)"),
        (lambda t: nn.optim.clip_gradient_norm([with_grad(t)], 1.0), "clip_gradient_norm"),
    ],
)
def test_value_that_leaves_is_refused(take, said):
    with pytest.raises(OperationError, match=said) as caught:
        tl.trace(take, Tensor(3.0))
    if "takes the value" in str(caught.value):
        assert "at test_tracing.py:" in str(caught.value)
        assert "return it\n  from the traced function" in str(caught.value)


def with_grad(t):
    w = nn.Parameter(1.0)
    (w * t).backward()
    return w


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
    ],
)
def test_shape_that_depends_on_values_is_refused_by_name(select):
    with pytest.raises(OperationError, match="the shape of its result depends on values") as caught:
        tl.trace(select, np.array([1.0, 2.0, 3.0]))
    assert "at test_tracing.py:" in str(caught.value)


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
