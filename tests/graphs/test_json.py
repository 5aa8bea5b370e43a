"""Graphs as JSON: complete, exact, valid, and the same in every run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.graphs import Value, as_json
from tinygrad_lite.graphs.as_json import data, text


def leaf(x, name=None):
    return tl.Tensor(x, requires_grad=True, name=name)


def tanh_graph():
    x, w = leaf(2.0), leaf(-3.0)
    y = np.tanh(w * x + 7.0)
    return tl.graph(y)


def read(graph):
    """What another program reads, which knows of no NaN."""

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text(graph), parse_constant=refuse)


def test_document_is_the_data():
    graph = tanh_graph()
    assert read(graph) == data(graph)
    assert list(data(graph)) == [
        "version",
        "title",
        "backward_error",
        "outputs",
        "steps",
        "values",
        "modules",
        "places",
    ]


def test_steps_are_those_of_the_graph():
    graph = tanh_graph()
    found = read(graph)
    steps, values = found["steps"], found["values"]
    assert [(s["number"], s["phase"], s["name"]) for s in steps] == [
        (s.number, s.phase, s.name) for s in graph
    ]
    assert steps[0]["expression"] == "w * x"
    assert [values[x["value"]]["name"] for x in steps[0]["inputs"]] == ["w", "x"]
    assert steps[1]["inputs"][1] == 7.0
    assert [values[s["output"]]["name"] for s in steps] == [s.output.name for s in graph]
    assert values[steps[3]["of"]]["name"] == "y"
    assert [s["kind"] for s in steps] == ["applied"] * 3 + ["seed"] + ["contribution"] * 4


def test_contribution_says_which_input_of_which_step_it_flows_to():
    found = read(tanh_graph())
    last = found["steps"][-1]
    assert (last["of"], last["position"], last["rule"]) == (1, 1, "g * x")
    assert last["rule_named"] == "g * w"
    assert found["values"][last["to"]]["name"] == "x"
    assert found["values"][last["g"]]["name"] == "∂y/∂a"
    assert found["values"][last["total"]]["entries"] == -1.259923
    assert found["values"][last["to"]]["gradient"] == last["total"]


def test_gradient_of_broadcast_input_names_the_summed_axes():
    x, b = leaf(np.ones((5, 3)), "x"), leaf(np.zeros(3), "b")
    found = read(tl.graph(((x + b) * 2).sum()))
    to_b = [s for s in found["steps"] if s["name"] == "add → b"]
    assert (to_b[0]["rule_shape"], to_b[0]["summed_over"]) == ([5, 3], [0])


def test_place_is_file_line_and_text_without_folder():
    graph = tanh_graph()
    found = read(graph)
    place = found["places"][found["steps"][0]["place"]]
    assert place == {
        "file": os.path.basename(__file__),
        "line": graph[0].place.line,
        "text": "y = np.tanh(w * x + 7.0)",
    }
    assert len(found["places"]) == 1
    assert str(Path(__file__).parent) not in text(graph)


def test_modules_stand_once_each_after_the_one_around():
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Tanh(), nn.Linear(4, 2)))
    x = tl.ones(5, 3)
    found = read(tl.graph(model(x).sum()))
    modules = found["modules"]
    assert [m["path"] for m in modules] == ["", "0", "1", "1.0", "1.1"]
    assert [m["parent"] for m in modules] == [None, 0, 0, 2, 2]
    assert modules[1]["summary"] == "Linear(3 → 4)"
    by_name = {s["name"]: s["module"] for s in found["steps"] if s["phase"] == "forward"}
    assert by_name == {"linear": 4, "tanh": 3, "sum": None}


def test_training_step_has_updates():
    model = nn.Linear(3, 1)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)

    def step(x):
        loss = model(x).mean()
        model.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    found = read(tl.trace(step, np.ones((4, 3), dtype=np.float32)))
    update = found["steps"][-1]
    values = found["values"]
    assert (update["kind"], update["phase"], update["name"]) == ("update", "update", "SGD")
    assert values[update["target"]]["name"] == "bias"
    assert values[update["output"]]["name"] == "bias after SGD"
    assert [values[x["value"]]["name"] for x in update["inputs"]] == ["∂loss/∂bias"]
    assert [values[i]["name"] for i in found["outputs"]] == ["loss"]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_entries_are_exact(dtype):
    x = (np.random.default_rng(0).standard_normal((4, 5)) * 1e3).astype(dtype)
    entries = as_json.entries_of(x)
    assert json.loads(json.dumps(entries)) == entries
    if dtype != np.longdouble:
        np.testing.assert_array_equal(np.array(entries, dtype), x)


def test_float32_is_written_with_its_own_digits():
    assert as_json.entries_of(np.float32([0.1, -3.0])) == [0.1, -3.0]


def test_numbers_that_json_lacks_are_strings():
    x = leaf([np.nan, np.inf, -np.inf, 1.0], "x")
    found = read(tl.graph((x * float("nan")).sum()))
    by_name = {v["name"]: v for v in found["values"]}
    assert by_name["x"]["entries"] == ["NaN", "Infinity", "-Infinity", 1.0]
    assert found["steps"][0]["inputs"][1] == "NaN"


@pytest.mark.parametrize(
    ("array", "entries"),
    [
        (np.zeros((0, 3)), []),
        (np.zeros((2, 0)), [[], []]),
        (np.array(True), True),
        (np.array([1, -2]), [1, -2]),
        (np.array(["a"]), ["a"]),
        (np.array([1 + 2j]), ["(1+2j)"]),
    ],
)
def test_entries_of_any_array_can_be_written(array, entries):
    assert as_json.entries_of(array) == entries


def test_larger_arrays_are_summed_up_from_finite_entries():
    x = np.arange(100.0)
    x[:3] = np.nan, np.inf, -np.inf
    x = leaf(x, "x")
    found = read(tl.graph(x.sum()))
    row = next(v for v in found["values"] if v["name"] == "x")
    assert "entries" not in row
    finite = np.arange(3.0, 100.0)
    assert row["summary"] == {
        "mean": finite.mean(),
        "deviation": float(f"{finite.std():.9g}"),
        "minimum": 3.0,
        "maximum": 99.0,
        "nan": 1,
        "infinite": 2,
    }


def test_array_of_nothing_finite_has_no_mean():
    found = as_json._summary(np.full(100, np.nan))
    assert found["mean"] is None and found["nan"] == 100


def test_sums_beyond_the_largest_number_are_written():
    found = as_json._summary(np.full(100, 1e308))
    assert found["deviation"] == "Infinity" and found["maximum"] == 1e308


def test_attributes_are_arguments():
    x = leaf(np.ones((3, 4)), "x")
    y = x[1:, ::2].sum(axis=0, keepdims=True).astype(np.float64)
    steps = read(tl.graph(y))["steps"]
    found = {s["name"]: s["attributes"] for s in steps if s["phase"] == "forward"}
    assert found["getitem"]["index"] == [
        {"slice": [1, None, None]},
        {"slice": [None, None, 2]},
    ]
    assert found["sum"] == {"axis": 0, "keepdims": True}


def test_attribute_that_is_a_value_refers_to_it():
    x = leaf(np.ones((3, 4)), "x")

    def fn(i):
        return x[i]

    found = read(tl.trace(fn, np.array([0, 2])))
    index = found["steps"][0]["attributes"]["index"]
    assert found["values"][index["value"]]["name"] == "i"


class Unreadable:
    def __repr__(self):
        raise ValueError("no text")


@pytest.mark.parametrize("x", [object(), lambda: 0, Unreadable(), ...])
def test_unknown_argument_is_text_without_an_address(x):
    writer = as_json._Writer(tanh_graph())
    said = writer.argument(x)["text"]
    assert "0x" not in said
    assert "object" in said or said in ("<lambda>", "Unreadable", "...")


def test_long_text_is_cut():
    x = leaf(1.0, "n" * 10_000)
    found = read(tl.graph(x * 2))
    names = [v["name"] for v in found["values"]]
    assert max(map(len, names)) == as_json.LONGEST
    assert names[0].endswith("n…")


def test_half_a_character_can_be_written():
    x = leaf(1.0, 'a\ud800"\n\x00<b>')
    graph = tl.graph(x * 2)
    text(graph).encode()
    assert read(graph)["values"][0]["name"] == 'a?"\n\x00<b>'


def test_graph_without_backward_pass_says_why():
    x = leaf([1.0, 2.0])
    graph = tl.graph(x * 2)
    assert read(graph)["backward_error"] == graph.backward_error != ""


def test_every_value_of_a_step_is_listed():
    graph = tanh_graph()
    graph.values = ()
    graph[2].output = Value("result", np.array(1.0), "unlisted")
    found = read(graph)
    assert "unlisted" in [v["name"] for v in found["values"]]
    assert max(s["output"] for s in found["steps"]) < len(found["values"])


PROGRAM = """
import numpy as np, tinygrad_lite as tl
from tinygrad_lite.graphs.as_json import text
tl.seed(0)
model = tl.models.MLP([7, 5, 3])
loss = tl.nn.cross_entropy_loss(model(tl.randn(4, 7)), np.array([0, 1, 2, 0]))
print(ascii(text(tl.graph(loss))))
"""


def test_same_program_same_bytes():
    def run(hashes):
        environment = os.environ | {
            "PYTHONPATH": str(Path(tl.__file__).parents[1]),
            "PYTHONHASHSEED": hashes,
        }
        return subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, check=True, env=environment
        ).stdout

    assert run("1") == run("2") != b""


def test_long_computation_is_written_in_one_pass():
    h = leaf(np.ones(3), "h")
    for _ in range(3000):
        h = h * 1.0
    found = read(tl.graph(h.sum()))
    assert len(found["steps"]) == 2 * 3001 + 1 and len(found["places"]) == 2
