"""What values are called: as the user calls them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.errors import ArgumentError, BoundsError
from tinygrad_lite.graphs import Graph


def leaf(data, **options):
    return Tensor(np.array(data, dtype=float), requires_grad=True, **options)


def names(graph):
    return [value.name for value in graph.values if value.kind != "gradient"]


def made_elsewhere(_result):
    """A graph from a frame whose variables name nothing."""
    return tl.graph(_result)


def test_variables_of_the_calling_frame_give_their_names():
    x, w = leaf(2.0), leaf(3.0)
    y = x * w
    assert names(tl.graph(y)) == ["x", "w", "y"]


def test_name_of_the_tensor_comes_first():
    x = leaf(2.0, name="weight of the cat")
    y = x * 2
    y.name = "result"
    assert names(tl.graph(y)) == ["weight of the cat", "result"]


def test_source_line_names_what_it_assigns_and_uses():
    def f():
        a, b = leaf(2.0), leaf(3.0)
        product = a * b
        total: Tensor = product + a
        if (last := total * total) is not None:
            last += 1.0
        return last

    assert names(made_elsewhere(f())) == ["a", "b", "product", "total", "last#1", "last#2"]


def test_attribute_is_a_name():
    class Neuron:
        weight = leaf(3.0)

    neuron = Neuron()
    neuron.output = neuron.weight * 2.0
    assert names(tl.graph(neuron.output)) == ["neuron.weight", "neuron.output"]


def test_statement_over_several_lines_is_read():
    x = leaf(2.0)
    y = (
        np.exp(x)
        * x
    )  # fmt: skip
    assert names(made_elsewhere(y)) == ["x", "a", "y"]


def test_loop_numbers_what_it_assigns():
    h, w = leaf([1.0, 2.0]), leaf(np.eye(2))
    for _ in range(3):
        h = np.tanh(h @ w)
    assert names(tl.graph(h.sum())) == ["h#1", "w", "a", "h#2", "b", "h#3", "c", "h#4", "d"]


def test_name_without_number_is_the_last_as_in_python():
    h = leaf(1.0)
    for _ in range(3):
        h = h * 2
    graph = tl.graph(h)
    assert graph["h"] is graph["h#4"] is graph.outputs[0]


def test_parts_of_one_call_leave_its_name_to_the_result():
    x = leaf([1.0, 2.0, 3.0])
    middle = np.average(x, weights=[1.0, 2.0, 3.0])
    graph = made_elsewhere(middle)
    assert graph.outputs[0].name == "middle"
    assert [value.name for value in graph.values].count("middle") == 1


def test_without_a_name_there_are_letters_but_none_that_is_taken():
    a = leaf(2.0)
    b = np.exp(np.sin(np.cos(a)))
    assert names(tl.graph(b)) == ["a", "c", "d", "b"]


def test_letters_go_on_after_z_and_leave_out_what_rules_call_the_gradient():
    y = eval("*".join(["x"] * 40), {"x": leaf(1.0)})
    found = names(tl.graph(y))
    assert len(set(found)) == 40
    assert "g" not in found and "a1" in found


def test_no_name_is_the_number_of_an_object():
    x = leaf(np.ones((2, 3)))
    graph = made_elsewhere(np.linalg.svd(x, full_matrices=False)[1].sum() * np.ones(2))
    assert not any(str(id(x)) in value.name or "0x" in value.name for value in graph.values)


# ---- in modules ----------------------------------------------------------------------------------


class Block(nn.Module):
    def __init__(self, n):
        self.inner = nn.Sequential(nn.Linear(n, n, rng=0), nn.Tanh())

    def forward(self, x):
        h = self.inner(x)
        return h + x


class Net(nn.Module):
    def __init__(self, n=3):
        self.blocks = [Block(n), Block(n)]

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def test_parameters_go_by_their_paths():
    net = Net()
    loss = net(Tensor(np.ones((2, 3)))).sum()
    found = names(tl.graph(loss))
    assert {"blocks.0.inner.0.weight", "blocks.1.inner.0.bias"} <= set(found)


def test_steps_know_the_modules_that_they_ran_in():
    net = Net()
    loss = net(Tensor(np.ones((2, 3)))).sum()
    graph = tl.graph(loss)
    chains = [[call.path for call in step.call.chain] for step in graph.phase("forward")[:-1]]
    first = ["", "blocks.0", "blocks.0.inner"]
    assert chains[:3] == [[*first, "blocks.0.inner.0"], [*first, "blocks.0.inner.1"], first[:2]]
    assert graph[0].call.summary == "Linear(3 → 3)" and graph[0].call.chain[0].kind == "Net"
    assert graph.phase("forward")[-1].call is None


def test_result_of_a_module_has_its_path():
    model = tl.models.MLP([2, 3, 1])
    scores = model(Tensor([[1.0, 2.0]]))
    found = names(tl.graph(scores))
    assert found[:2] != ["scores", "scores"]
    assert [n for n in found if "weight" not in n and "bias" not in n][1:] == [
        "layers.0",
        "layers.1",
        "scores",
    ]


def test_two_models_are_told_apart_by_their_variables():
    first, second = tl.models.Adaline(2), tl.models.Adaline(2)
    loss = (first(Tensor([1.0, 2.0])) * second(Tensor([1.0, 2.0]))).sum()
    found = set(names(tl.graph(loss)))
    assert {"first.weight", "first.bias", "second.weight", "second.bias"} <= found


def test_module_that_is_called_twice_is_two_calls():
    layer = nn.Linear(2, 2, rng=0)
    h = layer(Tensor([[1.0, 2.0]]))
    y = layer(h).sum()
    graph = tl.graph(y)
    assert graph[0].call is not graph[1].call
    assert graph[0].call.path == graph[1].call.path
    assert names(graph).count("weight") == 1


def test_input_of_a_module_is_called_as_where_it_was_called():
    model = tl.models.Adaline(2)
    flowers = np.ones((4, 2), np.float32)
    loss = model(Tensor(flowers)).sum()
    assert names(made_elsewhere(loss)) == ["flowers", "weight", "bias", "a", "loss"]


# ---- looking up ----------------------------------------------------------------------------------


@pytest.fixture
def graph():
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    h = x * w
    y = (h * h).sum()
    return tl.graph(y)


def test_graph_is_a_sequence_of_steps(graph):
    assert isinstance(graph, Graph)
    assert len(graph) == len(list(graph)) == 9
    assert graph[0].number == 1 and graph[-1] is graph.steps[-1]
    assert graph[1:3] == graph.steps[1:3]
    assert repr(graph) == "<Graph of y: 3 forward, 6 backward steps>"


def test_values_are_found_by_name(graph):
    assert graph["h"].shape == (2,)
    np.testing.assert_array_equal(graph["∂y/∂w"].array, graph["w"].gradient.array)


def test_values_are_found_by_tensor():
    x = leaf(1.0)
    graph = tl.graph(x * 2)
    assert graph.value(x) is graph["x"] is graph.value("x")
    assert graph.value(Tensor(1.0)) is None


def test_unknown_name_is_an_error_that_lists_those_there_are(graph):
    with pytest.raises(BoundsError, match=r"no value of this name. There are x, w, h, a, y"):
        graph["z"]
    with pytest.raises(BoundsError, match=r"graph\[99\]: there are 9 steps"):
        graph[99]
    with pytest.raises(ArgumentError, match="give a Tensor or its name, not int"):
        graph.value(3)


def test_phases_are_found_by_name(graph):
    assert len(graph.phase("forward")) == 3 and graph.phase("update") == ()
    with pytest.raises(
        ArgumentError, match="there are forward, backward, update, but no 'updates'"
    ):
        graph.phase("updates")


# ---- the same again ------------------------------------------------------------------------------

PROGRAM = """
import numpy as np, tinygrad_lite as tl
from tinygrad_lite import nn
tl.seed(0)
model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
def step(x, y):
    loss = nn.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
    return loss
graph = tl.trace(step, np.ones((5, 3), np.float32), np.zeros((5, 2), np.float32))
for s in graph:
    print(s.number, s.phase, s.name, s.output.name, s.output.array.sum(), s.place, s.call)
"""


def test_same_program_gives_the_same_graph(tmp_path):
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    root = str(Path(tl.__file__).parents[1])
    printed = {
        subprocess.run(
            [sys.executable, file],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": root, "PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(printed) == 1 and "program.py:8" in printed.pop()


def test_sum_of_contributions_has_the_name_of_the_gradient_and_its_parts_have_others():
    x = leaf(3.0)
    a = x * x
    y = a + x
    graph = tl.graph(y)
    to_x = [step for step in graph.phase("backward") if step.name.endswith("→ x")]
    assert [step.total.name for step in to_x] == ["∂y/∂x through y", "∂y/∂x, first 2", "∂y/∂x"]
    assert [step.output.name for step in to_x][1:] == ["∂y/∂x through a#1", "∂y/∂x through a#2"]
    assert float(graph["∂y/∂x"].array) == 7.0


def test_results_in_a_bare_sequence_are_called_after_it():
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Tanh())
    loss = model(Tensor([[1.0, 2.0]])).sum()
    assert "sequential.0" in names(tl.graph(loss))


def test_names_are_unique_whatever_tensors_are_called():
    tensors = [leaf(1.0, name=name) for name in ("h", "h", "h#1", "w after assign", "∂y/∂h")]
    w = leaf(1.0, name="w")

    def f():
        w.assign(2.0)
        y = w * 1
        for t in tensors:
            y = y * t
        y.backward()

    found = [value.name for value in tl.trace(f).values]
    assert len(set(found)) == len(found)
