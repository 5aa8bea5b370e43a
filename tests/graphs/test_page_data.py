"""The data of the player: complete, true to the engine, referring only to what is there."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.graphs import badges
from tinygrad_lite.graphs.explain import explanation
from tinygrad_lite.graphs.page_data import data
from tinygrad_lite.graphs.sources import FILE, LINE
from tinygrad_lite.graphs.why import reason

from .generated import case_graphs, random_graph


def leaf(x, name):
    return Tensor(np.asarray(x, np.float64), requires_grad=True, name=name)


def training_step():
    model = tl.models.MLP([6, 5, 3], rng=0)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)

    def step(x, y):
        loss = nn.cross_entropy_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return tl.trace(step, np.ones((8, 6), np.float32), np.arange(8) % 3)


def named(found, name):
    return next(value for value in found["values"] if value["name"] == name)


def check_references(found):
    """Whatever is referred to is there."""
    steps, values = range(len(found["steps"])), range(len(found["values"]))
    picture = found["diagram"]
    boxes = {box["id"] for box in picture["boxes"]}
    arrows = {arrow["id"]: arrow for arrow in picture["arrows"]}
    groups = {group["id"] for group in picture["groups"]}
    for i, step in enumerate(found["steps"]):
        assert step["number"] == i + 1
        assert step["box"] in boxes
        assert step["from"] in boxes | {None}
        assert step["arrow"] in {*arrows, None}
        assert {*step["takes"], step["makes"]} <= {*values}
        assert i in next(b for b in picture["boxes"] if b["id"] == step["box"])["steps"]
        if step["place"] is not None:
            source, line = step["place"]
            there = found["sources"][source]
            assert there["first"] <= line < there["first"] + len(there["lines"])
        if step["part"] in ("summed", "spread"):  # where it came to
            before = found["steps"][i - 1]
            assert (before["part"], before["line"]) == ("rule", step["line"])
            assert step["takes"] == [before["makes"]]
            assert (step["box"], step["arrow"]) == (before["box"], None)
        elif step["kind"] in ("rule", "contribution"):
            arrow = arrows[step["arrow"]]
            assert (arrow["source"], arrow["target"]) == (step["from"], step["box"])
            assert arrow["kind"] == "backward"
            assert i in arrow["steps"]
    for value in found["values"]:
        assert value["made"] in {-1, *steps}
        assert value["gradient"] in {None, *values}
        assert (value["gradient_by"] is None) == (value["gradient"] is None)
    for box in picture["boxes"]:
        assert box["group"] in groups | {None}
        assert box["value"] in {None, *values}
        assert {*box["steps"]} <= {*steps}
    for arrow in picture["arrows"]:
        assert {arrow["source"], arrow["target"]} <= boxes
        assert len({*arrow["steps"]}) == len(arrow["steps"])
    for tensor in found["memory"]["tensors"]:
        assert 0 <= tensor["from"] <= tensor["to"] < len(steps)
    for i, step in enumerate(found["steps"]):
        held = [t["bytes"] for t in found["memory"]["tensors"] if t["from"] <= i <= t["to"]]
        assert step["saved"] == sum(held)


@pytest.mark.parametrize("name", list(case_graphs())[::7])
def test_data_of_every_operation_refers_to_what_is_there(name):
    found = data(case_graphs()[name])
    check_references(found)
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("seed", range(40))
def test_data_with_hostile_names_refers_to_what_is_there(seed):
    found = data(random_graph(seed))
    check_references(found)
    json.dumps(found, allow_nan=False, ensure_ascii=False).encode()


def test_training_step_refers_to_what_is_there():
    found = data(training_step())
    check_references(found)
    assert found["summary"] == "5 forward, 12 backward, 4 update steps"
    kinds = [step["kind"] for step in found["steps"] if step["kind"] != "rule"]
    assert kinds == ["applied"] * 5 + ["seed"] + ["contribution"] * 8 + ["update"] * 4
    fitted = [(step["to"], step["part"]) for step in found["steps"] if step["part"]]
    assert fitted == [
        (name, part)
        for name, how in [("a", "spread"), ("layers.2.bias", "summed"), ("layers.0.bias", "summed")]
        for part in ("rule", how)
    ]
    assert all(step["arrow"] for step in found["steps"] if step["kind"] == "update")


def test_gradients_are_the_engines():
    x, w = leaf([[1.0, 2.0], [3.0, 4.0]], "x"), leaf([0.5, -1.0], "w")
    y = np.tanh(x * w).sum()
    y.backward()
    found = data(tl.graph(y))
    for t in (x, w):
        gradient = found["values"][named(found, t.name)["gradient"]]
        np.testing.assert_array_equal(gradient["entries"], t.grad.numpy())


def test_gradient_is_complete_with_its_last_contribution():
    e = leaf(3.0, "e")
    found = data(tl.graph(e * e + e))
    assert named(found, "e")["gradient_by"] == len(found["steps"]) - 1
    sums = [step["sum"] for step in found["steps"] if step["to"] == "e"]
    assert [(s["earlier"], s["of"]) for s in sums] == [(0, 3), (1, 3), (2, 3)]
    values = [
        [key and found["values"][key]["entries"] for key in (s["contribution"], s["total"])]
        for s in sums
    ]
    assert values == [[1.0, 1.0], [3.0, 4.0], [3.0, 7.0]]
    (first,) = {s["first"] for s in sums}
    assert found["steps"][first]["sum"] == sums[0]


def test_uses_of_one_input_by_one_step_flow_along_arrows_of_their_own():
    e = leaf(3.0, "e")
    found = data(tl.graph(e * e))
    first, second = [step["arrow"] for step in found["steps"] if step["to"] == "e"]
    assert first != second


def test_single_contribution_is_no_sum():
    found = data(tl.graph(np.tanh(leaf(1.0, "x"))))
    assert [step["sum"] for step in found["steps"]] == [None] * 3


def test_numbers_are_those_that_explain_says():
    x, w = leaf(2.0, "x"), leaf(-3.0, "w")
    graph = tl.graph(np.tanh(w * x + 7.0))
    said = explanation(graph, False, False)
    for step in data(graph)["steps"]:
        for part in re.split(" [=≈] ", step["numbers"]):
            assert part in said
        assert step["symbols"].removesuffix(" = 1") in said
    assert data(graph)["steps"][0]["numbers"] == "-3 × 2 = -6"


def test_gradient_is_summed_in_a_step_of_its_own():
    x, b = leaf(np.arange(15.0).reshape(5, 3), "x"), leaf(np.zeros(3), "b")
    graph = tl.graph(((x + b) * x).sum())
    found = data(graph)
    rule, fit = [step for step in found["steps"] if step["to"] == "b"]
    before, after = [found["values"][step["makes"]] for step in (rule, fit)]
    assert before["entries"] == x.numpy().tolist()
    assert after["entries"] == x.numpy().sum(axis=0).tolist()
    assert (rule["symbols"], fit["symbols"]) == ("g", "sum(g, axis=0)")
    assert rule["numbers"] == "(5, 3) · mean 7 · largest size 14"
    assert fit["numbers"] == "(5, 3) → (3,) · [30, 35, 40]"
    assert rule["notes"] == fit["notes"] == []  # the words say it
    assert before["name"] == "∂b before it is summed"
    assert found["values"][named(found, "b")["gradient"]] == after
    assert named(found, "b")["gradient_by"] == after["made"] == fit["number"] - 1
    assert (rule["line"], fit["line"]) == (len(graph), len(graph))


def test_sum_of_few_is_shown_with_its_numbers():
    v, s = leaf([1.0, 2.0, 3.0], "v"), leaf(2.0, "s")
    said = [step["numbers"] for step in data(tl.graph((v * s).sum()))["steps"] if step["to"] == "s"]
    assert said == ["[1, 1, 1] × [1, 2, 3] = [1, 2, 3]", "1 + 2 + 3 = 6"]


def test_number_that_is_spread_is_shown_once():
    def spread(n):
        steps = data(tl.graph(np.mean(leaf(np.ones(n), "v"))))["steps"]
        return [(step["symbols"], step["numbers"]) for step in steps if step["to"] == "v"]

    assert spread(4) == [
        ("g / 4", "1 / 4 = 0.25"),
        ("broadcast_to(g / 4, (4,))", "0.25 → [0.25, 0.25, 0.25, 0.25]"),
    ]
    assert spread(50)[1][1] == "0.02 → (50,)"


def test_gradient_that_was_summed_is_then_added_to_others():
    x, b = leaf(np.ones((4, 3)), "x"), leaf([1.0, 2.0, 3.0], "b")
    found = data(tl.graph(((x + b) * b).sum()))
    steps = [(step["part"], step["sum"]) for step in found["steps"] if step["to"] == "b"]
    assert [part for part, _ in steps] == ["rule", "summed", "rule", "summed"]
    assert [said and (said["earlier"], said["of"]) for _, said in steps] == [
        None,
        (0, 2),
        None,
        (1, 2),
    ]


def test_what_a_rule_gave_is_shown_even_if_it_would_give_another():
    calls = []

    def slope(g, out, x, y):
        calls.append(g)
        return g * len(calls)

    scale = tl.op(lambda x, y: x * y, name="scale", x=lambda g, out, x, y: g * y, y=slope)
    graph = tl.graph(scale(leaf(np.ones((4, 2)), "x"), leaf([1.0, 2.0], "y")).sum())
    found = data(graph)
    rule, fit = [step for step in found["steps"] if step["to"] == "y"]
    before, after = [found["values"][step["makes"]]["entries"] for step in (rule, fit)]
    assert before == [[1.0, 1.0]] * 4
    assert after == graph["y"].gradient.array.tolist() == [4.0, 4.0]
    assert len(calls) > 1


def test_steps_take_what_their_rules_read():
    x, w = leaf(2.0, "x"), leaf(-3.0, "w")
    found = data(tl.graph(w * x))
    names = [[found["values"][i]["name"] for i in step["takes"]] for step in found["steps"]]
    assert names == [["w", "x"], [], ["∂a/∂a", "x"], ["∂a/∂a", "w"]]


def test_memory_falls_to_nothing_when_backward_is_done():
    found = data(training_step())
    left = [step["saved"] for step in found["steps"]]
    assert max(left) == found["memory"]["peak"] > 0
    assert left[-4:] == [0] * 4  # the updates
    for i, step in enumerate(found["steps"]):  # what a rule reads is held
        for tensor in found["memory"]["tensors"]:
            if step["phase"] == "backward" and tensor["value"] in step["takes"]:
                assert tensor["from"] < i <= tensor["to"]
                assert step["saved"] >= tensor["bytes"]


def test_why_there_is_no_gradient_is_what_why_says():
    def step():
        x, n = leaf([1.0, 2.0], "x"), Tensor([3.0, 4.0], name="n")
        mask = x > 1.5
        d = (x * 2.0).detach()
        m = n * 2.0
        out = np.where(mask, x, 0.0) * m + d
        unused = x - 1.0
        loss = out.sum()
        loss.backward()
        return loss, unused

    graph = tl.trace(step)
    found = {value["name"]: value["why_none"] for value in data(graph)["values"]}
    for name in ("n", "mask", "d", "m"):
        why = " ".join(reason(graph, name).split())
        assert found[name]
        assert found[name].rstrip(".") in why
    assert found["m"] == "requires_grad is off for all that it was computed from."
    assert found["d"] == "no gradient comes back through detach; compute with a itself."
    assert found["unused"] == "no step of the graph uses it."
    assert found["loss"] == ""


def test_backward_that_was_not_run_is_said():
    def forward():
        return (leaf([1.0, 2.0], "x") * 2.0).sum()

    found = data(tl.trace(forward))
    assert named(found, "x")["why_none"] == "no backward pass was run."


def test_long_file_is_there_in_parts(tmp_path):
    text = "\n" * FILE + "y = x * x\n" + "\n" * FILE + "z = y + x\n"
    path = tmp_path / "long.py"
    path.write_text(text)
    variables = {"x": leaf(2.0, "x")}
    exec(compile(text, str(path), "exec"), variables)
    found = data(tl.graph(variables["z"]))
    check_references(found)
    assert [source["file"] for source in found["sources"]] == ["long.py", "long.py"]
    assert sum(len(source["lines"]) for source in found["sources"]) < 200
    source, line = found["steps"][0]["place"]
    there = found["sources"][source]
    assert there["lines"][line - there["first"]] == "y = x * x"
    assert str(tmp_path) not in json.dumps(found)


def test_long_line_is_cut(tmp_path):
    text = f"y = x * x  # {'long ' * 200}\n"
    path = tmp_path / "wide.py"
    path.write_text(text)
    variables = {"x": leaf(2.0, "x")}
    exec(compile(text, str(path), "exec"), variables)
    (line,) = data(tl.graph(variables["y"]))["sources"][0]["lines"]
    assert line == text[: LINE - 1] + "…"


def test_large_array_is_a_picture_and_a_small_one_is_whole():
    x, w = leaf(np.ones((20, 20)), "x"), leaf(np.ones(20), "w")
    found = data(tl.graph((x * w).sum()))
    assert named(found, "x")["entries"] is None
    assert named(found, "x")["map"]["rows"] == 20
    assert named(found, "w")["entries"] == [1.0] * 20
    assert named(found, "w")["map"] is None


def test_odd_numbers_are_text():
    x = leaf([np.nan, np.inf, 1.0], "x")
    found = data(tl.graph((x * 1.0).sum()))
    assert named(found, "x")["entries"] == ["NaN", "Infinity", 1.0]
    assert named(found, "x")["stats"]["nan"] == 1


def test_same_program_has_the_same_data():
    program = (
        "import json, numpy as np, tinygrad_lite as tl\n"
        "from tinygrad_lite.graphs.page_data import data\n"
        "x = tl.Tensor([2.0, 3.0], requires_grad=True); y = (np.tanh(x * x) + x).sum()\n"
        "print(json.dumps(data(tl.graph(y), True)))\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]


# ---- gradient checks -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(case_graphs())[::5])
def test_right_rules_pass_the_check(name):
    for said in data(case_graphs()[name], check=True)["check"]:
        assert said["ok"] is True or said["note"], said


def test_wrong_rule_is_found_in_its_box():
    wrong = tl.op(lambda x: x**2, name="wrong", x=lambda g, out, x: g * x)
    found = data(tl.graph((wrong(leaf([1.0, 3.0], "x")) * 2.0).sum()), check=True)
    bad = [said for said in found["check"] if not said["ok"]]
    assert len(bad) == 1
    assert bad[0]["error"] == pytest.approx(0.5)
    (box,) = [box for box in found["diagram"]["boxes"] if box["id"] == bad[0]["box"]]
    assert "wrong" in box["title"]


def test_kink_is_neither_right_nor_wrong():
    found = data(tl.graph(tl.f.relu(leaf([0.0, 1.0], "x")).sum()), check=True)
    assert {said["ok"]: said["note"] for said in found["check"]} == {None: badges.KINK, True: ""}


def test_operation_that_fails_is_not_checked_and_nothing_raises():
    calls = []

    def once(x):
        calls.append(x)
        if len(calls) > 1:
            raise RuntimeError("only once")
        return x * 2

    double = tl.op(once, name="once", x=lambda g, out, x: g * 2)
    found = data(tl.graph(double(leaf([1.0], "x")).sum()), check=True)
    notes = [said["note"] for said in found["check"] if said["ok"] is None]
    assert notes == ["it can't be checked: RuntimeError"]


def test_nothing_is_checked_unless_asked():
    assert data(training_step())["check"] is None
    assert all(said["ok"] for said in data(training_step(), check=True)["check"])


def test_step_by_a_wrong_rule_says_so_and_no_other_does():
    wrong = tl.op(
        lambda x, y: x * y,
        name="wrong",
        x=lambda g, out, x, y: g * y,
        y=lambda g, out, x, y: g * y,
    )
    x, y = leaf([[1.0, 3.0]] * 2, "x"), leaf([5.0, 2.0], "y")
    found = data(tl.graph((wrong(x, y) * 2.0).sum()), check=True)
    warned = [s for s in found["steps"] if any("DISAGREES" in note for note in s["notes"])]
    assert [(s["to"], s["part"]) for s in warned] == [("y", "rule")]
