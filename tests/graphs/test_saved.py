"""What the backward pass needs of the forward pass: nothing else is read, and nothing too long."""

import warnings

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.graphs import Contribution, Value
from tinygrad_lite.graphs.saved import kept_during, read_by, saved

from .generated import case_graphs
from .test_replay import held


def names_saved(graph):
    return {x.value.name: (x.bytes, x.start, x.end) for x in saved(graph)}


def leaf(x, name):
    return Tensor(np.asarray(x, np.float32), requires_grad=True, name=name)


def spoiled(x):
    """An array of the same outline, with other entries."""
    return np.full_like(x, 7) if isinstance(x, np.ndarray) else x


def run(step, out, inputs):
    operation = step.of.operation
    attributes = {key: held(x) for key, x in step.of.attributes.items()}
    g = step.g.array
    if operation.lift is not None:
        g, out, inputs = operation.lift(g, out, inputs, **attributes)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return np.asarray(operation.rule(step.position)(g, out, *inputs, **attributes))


@pytest.mark.parametrize("name", list(case_graphs()))
def test_rules_read_nothing_but_what_is_said(name):
    for step in case_graphs()[name]:
        if isinstance(step, Contribution) and isinstance(step.of.output.array, np.ndarray):
            read = {id(x) for x in read_by(step)}
            inputs = [held(x) for x in step.of.inputs]
            others = [
                x if isinstance(value, Value) and id(value) in read else spoiled(x)
                for x, value in zip(inputs, step.of.inputs, strict=True)
            ]
            out = step.of.output.array
            other = out if id(step.of.output) in read else spoiled(out)
            np.testing.assert_array_equal(run(step, out, inputs), run(step, other, others))


def test_product_keeps_both_factors_and_tanh_its_own_result():
    x, w = leaf(2.0, "x"), leaf(-3.0, "w")
    a = w * x
    y = np.tanh(a + 7.0)
    graph = tl.graph(y)
    # 1 a, 2 a + 7, 3 y; 4 seed, 5 → a + 7, 6 → a, 7 → w reads x, 8 → x reads w
    assert names_saved(graph) == {"w": (4, 0, 7), "x": (4, 0, 6), "y": (4, 2, 4)}
    assert kept_during(saved(graph), len(graph)) == [8, 8, 12, 12, 12, 8, 8, 4]


def test_layer_keeps_its_input_and_an_activation_its_output():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    x = tl.Tensor(np.ones((5, 3), np.float32), name="x")
    graph = tl.graph(model(x).sum())
    sizes = {name: found[0] for name, found in names_saved(graph).items()}
    assert sizes == {"x": 60, "sequential.1": 80, "2.weight": 32}
    kept = kept_during(saved(graph), len(graph))
    assert max(kept) == 60 + 80 + 32
    assert kept[-1] == 0  # the last is for a bias, and reads none


def test_shapes_alone_keep_nothing():
    x = leaf(np.ones((2, 3)), "x")
    assert saved(tl.graph(np.reshape(x, (3, 2)).sum())) == []
    y = leaf(np.ones((2, 3)), "y")
    assert saved(tl.graph(np.concatenate([x, y]).sum())) == []


def test_views_of_one_memory_count_once():
    x = leaf(np.ones((2, 3)), "x")
    flat = x.reshape(6)
    graph = tl.graph((flat * flat).sum() + (x * x).sum())
    assert [one.bytes for one in saved(graph)] == [24]


def test_entry_that_was_broadcast_counts_once():
    x = leaf(2.0, "x")
    many = np.broadcast_to(x, (100, 100))
    graph = tl.graph((many * many).sum())
    assert sum(one.bytes for one in saved(graph)) == 4


def test_rule_that_cannot_be_read_keeps_all():
    def slope(g, out, x):
        return g * 2 if x.sum() > 0 else g

    double = tl.op(lambda x: x * 2, name="double", x=slope)
    graph = tl.graph(double(leaf([1.0, 2.0], "x")).sum())
    assert {one.value.kind for one in saved(graph)} == {"parameter", "result"}
