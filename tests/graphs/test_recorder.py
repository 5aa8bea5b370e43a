"""What is written, shared and copied while a recorder listens."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.errors import ArgumentError, OperationError


def leaf(data, **options):
    return Tensor(np.array(data, dtype=float), requires_grad=True, **options)


def names(graph, phase="forward"):
    return [step.name for step in graph.phase(phase)]


def replayed(step):
    """What a step gives, computed from what the graph holds of its inputs."""
    inputs = [getattr(x, "array", x) for x in step.inputs]
    options = {key: getattr(x, "array", x) for key, x in step.attributes.items()}
    if step.operation is None:  # a copy, or a view of the same
        return inputs[0]
    given = [inputs] if step.operation.each is not None else inputs
    return step.operation.function(*given, **options)


def test_views_and_twins_of_what_is_written_are_written_too():
    b, w = Tensor([[1.0, 2.0], [3.0, 4.0]]), leaf([1.0, 2.0])
    row, twin = b[0], w.detach()

    def f():
        nonlocal b
        first = (row * 1, twin * 1)
        with tl.no_grad():
            b *= 10.0
        w.assign(w * 10.0)
        return *first, row * 1, twin * 1

    graph = tl.trace(f)
    arrays = [value.array.tolist() for value in graph.outputs]
    assert arrays == [[1.0, 2.0], [1.0, 2.0], [10.0, 20.0], [10.0, 20.0]]
    for step in graph.phase("forward"):
        if step.name != "view":  # of a part
            np.testing.assert_array_equal(replayed(step), step.output.array)


def test_arrays_of_the_users_are_as_they_were_at_each_use():
    x, array, index = Tensor([1.0, 2.0]), np.array([1.0, 1.0]), np.array([0, 0])

    def f():
        a, c = x * array, x[index]
        array[:] = [10.0, 20.0]
        index[:] = 1
        return a, x * array, c, x[index]

    graph = tl.trace(f)
    index[:] = 0
    for step in graph.phase("forward"):
        np.testing.assert_array_equal(replayed(step), step.output.array)


def test_same_array_used_twice_is_one_constant():
    x, array = Tensor([1.0, 2.0]), np.array([1.0, np.nan])
    graph = tl.trace(lambda: (x * array, x + array))
    assert graph[0].inputs[1] is graph[1].inputs[1]


def test_copy_that_is_written_leaves_its_source():
    x = Tensor([1.0, 2.0], name="x")

    def f(x):
        average = Tensor(x)
        with tl.no_grad():
            average *= 10.0
        return x * 1, average * 1

    graph = tl.trace(f, x)
    assert [value.array.tolist() for value in graph.outputs] == [[1.0, 2.0], [10.0, 20.0]]
    assert [step.name for step in graph] == ["copy", "multiply", "multiply", "multiply"]
    for step in graph.phase("forward"):
        np.testing.assert_array_equal(replayed(step), step.output.array)


def test_copy_to_another_dtype_is_a_step():
    graph = tl.trace(lambda x: Tensor(x, dtype=np.int64) * 1, np.array([2.5, 7.5]))
    assert names(graph) == ["copy", "multiply"]
    assert graph[0].output.dtype == np.int64


def test_copy_of_a_parameter_is_known_as_one():
    w = leaf([1.0, 2.0])
    graph = tl.trace(lambda: Tensor(w) * 2 + w)
    assert names(graph) == ["copy", "multiply", "add"]


@pytest.mark.parametrize("first", [True, False])
def test_leaf_is_the_source_of_what_was_detached_from_it(first):
    w = leaf([1.0, 2.0])
    d = w.detach()
    graph = tl.graph(((w * d) if first else (d * w)).sum())
    step = next(step for step in graph if step.name == "detach")
    assert step.inputs == (graph["w"],) and graph["w"].kind == "parameter"
    assert graph["w"].gradient is not None


def test_detach_is_seen_where_it_happens():
    graph = tl.trace(lambda x: (x * 2).detach() * 3, Tensor([1.0]))
    assert names(graph) == ["multiply", "detach", "multiply"]


def test_rule_that_computes_with_tensors_is_one_contribution():
    @tl.op(x=lambda g, out, x: g * float(np.tanh(Tensor(0.5))))
    def odd(x):
        return x * 2.0

    x = leaf(1.0)
    graph = tl.graph(odd(x))
    assert [step.name for step in graph] == ["odd", "seed", "odd → x"]


def test_clipping_of_gradients_is_seen():
    w = leaf([3.0, 4.0])
    optimizer = nn.optim.SGD([w], lr=1.0)

    def step(x):
        (w * x).sum().backward()
        norm = nn.optim.clip_gradient_norm([w], 1.0)
        optimizer.step()
        return norm

    graph = tl.trace(step, Tensor([3.0, 4.0]))
    assert float(graph.outputs[0].array) == 5.0
    (update,) = graph.phase("update")
    np.testing.assert_allclose(update.inputs[0].array, [0.6, 0.8])
    np.testing.assert_allclose(w.numpy(), [2.4, 3.2])


@pytest.mark.parametrize("take", [copy.deepcopy, pickle.dumps, copy.copy])
def test_copy_by_python_is_refused(take):
    with pytest.raises(OperationError, match=r"copy\.deepcopy"):
        tl.trace(take, Tensor([1.0]))


def test_function_that_runs_in_pieces_is_refused():
    def pieces(x):
        yield x * 2

    with pytest.raises(ArgumentError, match="is a generator or a coroutine"):
        tl.trace(pieces, np.ones(2))


def test_module_names_its_own_arguments():
    graph = tl.trace(nn.Linear(2, 2, rng=0), np.ones((1, 2), np.float32))
    assert graph.values[0].name == "x"
    assert "returned" not in [value.name for value in graph.values]
    assert graph[0].call.place.text.startswith("graph = tl.trace(")
