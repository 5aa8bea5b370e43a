"""Graphs of what a Tensor remembers."""

import gc

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor
from tinygrad_lite.errors import ArgumentError, GradientError
from tinygrad_lite.graphs import Applied, Contribution, Seed


def leaf(data, **options):
    return Tensor(np.array(data, dtype=float), requires_grad=True, **options)


def names(graph, phase="forward"):
    return [step.name for step in graph.phase(phase)]


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


@pytest.mark.parametrize("thing", [Tensor(1.0), leaf(1.0).detach()])
def test_what_has_no_history_has_no_graph(thing):
    with pytest.raises(GradientError, match=r"has no history.*tl\.trace"):
        tl.graph(thing)


def test_leaf_is_told_from_its_results():
    with pytest.raises(GradientError, match="`w` is a leaf: you made it"):
        tl.graph(leaf(1.0, name="w"))


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


@pytest.mark.parametrize(
    "look", [len, tl.graphs.Graph.draw, tl.graphs.Graph.explain, lambda graph: graph.why("x")]
)
def test_graph_is_freed_with_its_last_reference(look):
    def tensors():
        return sum(isinstance(thing, Tensor) for thing in gc.get_objects())

    x = leaf([1.0, 2.0])
    look(tl.graph((x * x).sum()))  # what is loaded now, and stays
    del x
    gc.collect()
    gc.disable()
    try:
        before = tensors()
        x = leaf([1.0, 2.0])
        graph = tl.graph((x * x).sum())
        look(graph)
        del x, graph
        assert tensors() == before
    finally:
        gc.enable()
