"""Pictures of graphs: what is drawn, what it says, and how large ones become small."""

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.errors import ArgumentError
from tinygrad_lite.graphs.diagram import diagram

from .generated import case_graphs, random_graph
from .pictures import arrows, leaf, mlp_graph, said, tanh_graph, titles, training_step

# ---- phases --------------------------------------------------------------------------------------


def test_forward_picture_is_the_flow_of_data():
    picture = diagram(tanh_graph(), phase="forward")
    assert titles(picture, "parameter") == ["w", "x"]
    assert titles(picture, "operation") == ["a = w * x", "b = a + 7", "y = tanh(b)"]
    assert [ends[:2] for ends in arrows(picture, "forward")] == [
        ("w", "a = w * x"),
        ("x", "a = w * x"),
        ("a = w * x", "b = a + 7"),
        ("b = a + 7", "y = tanh(b)"),
    ]
    assert not arrows(picture, "backward")
    assert said(picture, "a = w * x", "value") == ["-6"]
    assert said(picture, "a = w * x", "gradient") == []


def test_backward_picture_leads_from_the_seed_to_the_leaves():
    picture = diagram(tanh_graph(), phase="backward")
    assert titles(picture) == ["∂y/∂y", "∂y/∂b", "∂y/∂a", "∂y/∂w", "∂y/∂x"]
    assert arrows(picture, "backward") == [
        ("∂y/∂y", "∂y/∂b", "g * (1 - y**2)\n1 × (1 - 0.7616²) = 0.42"),
        ("∂y/∂b", "∂y/∂a", "g = 0.42"),
        ("∂y/∂a", "∂y/∂w", "g * x\n0.42 × 2 ≈ 0.8399"),
        ("∂y/∂a", "∂y/∂x", "g * w\n0.42 × -3 = -1.26"),
    ]
    assert said(picture, "∂y/∂x", "gradient") == ["-1.26"]


def test_both_phases_are_on_one_picture():
    picture = diagram(tanh_graph())
    back = [(a, b) for b, a, _ in arrows(picture, "backward")]
    assert {(a, b) for a, b, _ in arrows(picture, "forward")} == set(back)
    assert said(picture, "w", "value") == ["-3"]
    assert said(picture, "w", "gradient") == ["∂ 0.8399"]


def test_gradient_of_shared_input_is_a_sum():
    x = leaf(3.0)
    y = x * x + x
    graph = tl.graph(y)
    assert said(diagram(graph), "x", "gradient") == ["∂ 7 = 1 + 3 + 3"]
    backward = diagram(graph, phase="backward")
    assert said(backward, "∂y/∂x", "gradient") == ["7 = 1 + 3 + 3"]
    assert len([b for a, b, _ in arrows(backward, "backward") if b == "∂y/∂x"]) == 3
    e = leaf(np.ones((3, 3)))
    assert said(diagram(tl.graph((e * e).sum())), "e", "gradient")[0].endswith("sum of 2")


@pytest.mark.parametrize("name", sorted(case_graphs())[::40])
def test_arrows_of_gradients_are_the_contributions(name):
    graph = case_graphs()[name]
    flows = [step for step in graph.phase("backward") if step.name != "seed"]
    picture = diagram(graph, phase="backward", fold=False)
    drawn = [a for a in picture.arrows if a.kind == "backward"]
    assert len(drawn) == len(flows) or any("×" in a.label for a in drawn)


def test_broadcasting_is_said():
    x, b = leaf(np.ones((4, 2)), "x"), leaf([0.0, 1.0], "b")
    loss = (x + b).sum()
    labels = {b: label for _, b, label in arrows(diagram(tl.graph(loss)), "backward")}
    assert labels["b"] == "g\nsummed over axis 0"
    assert labels["a = x + b"] == "g\nspread over (4, 2)"
    assert labels["x"] == "g"


def test_gradient_that_feeds_a_computation_leads_from_its_value():
    w = leaf([1.0, 2.0], "w")

    def step(x):
        loss = (w * x).sum()
        loss.backward()
        with tl.no_grad():
            w.assign(w - 0.1 * w.grad)
        return loss

    picture = diagram(tl.trace(step, np.ones(2, np.float32)))
    (scaled,) = [title for title in titles(picture) if "0.1 *" in title]
    assert ("w", scaled, "") in arrows(picture, "backward")
    assert titles(picture, "update") == ["w after assign"]
    assert titles(picture, "gradient") == []


def test_updates_are_boxes_of_their_own_beside_the_parameter():
    picture = diagram(training_step())
    assert len(titles(picture, "update")) == 4
    groups = {group.id: group.title for group in picture.groups}
    updates = [box for box in picture.boxes if box.kind == "update"]
    assert {groups[box.group] for box in updates} == {
        "layers.0 · Linear(4 → 3)",
        "layers.2 · Linear(3 → 2)",
    }
    assert {(a, b) for a, b, _ in arrows(picture, "update")} == {
        ("weight", "weight after SGD"),
        ("bias", "bias after SGD"),
    }
    assert titles(diagram(training_step(), phase="forward"), "update") == []
    assert len(titles(diagram(training_step(), phase="backward"), "update")) == 4


def test_update_that_is_used_later_is_in_the_forward_picture():
    w = leaf(1.0, "w")

    def steps():
        for _ in range(2):
            (w * w).backward()
            with tl.no_grad():
                w.assign(w - w.grad)
            w.grad = None
        return w * 2.0

    picture = diagram(tl.trace(steps), phase="forward", fold=False)
    assert len(titles(picture, "update")) == 2


def test_gradients_are_those_of_the_last_backward_pass():
    x = leaf(3.0, "x")

    def passes():
        for factor in (1.0, 2.0):
            y = x * x * factor
            x.grad = None
            y.backward()
        return y

    assert said(diagram(tl.trace(passes)), "x", "gradient") == ["∂ 12 = 6 + 6"]


def test_parts_of_a_packed_result_lead_from_it():
    x = leaf(np.eye(2) * 2.0, "x")
    picture = diagram(tl.graph(np.linalg.svd(x)[1].sum()))
    packed = {a for a, b, _ in arrows(picture, "forward") if "[" in b}
    assert len(packed) == 1 and packed.pop().endswith("svd(x)")


def test_second_derivative_is_drawn():
    x = leaf(2.0)
    gx = (x * x * x).gradient(x, create_graph=True)
    picture = diagram(tl.graph(gx))
    assert said(picture, "x", "gradient")[0].startswith("∂ 12")


# ---- modules -------------------------------------------------------------------------------------


def test_modules_are_nested_groups_that_hold_their_parameters():
    picture = diagram(mlp_graph())
    groups = {group.id: group for group in picture.groups}
    assert [group.title for group in picture.groups] == [
        "MLP(784 → 128 → 10)",
        "layers.0 · Linear(784 → 128)",
        "layers.2 · Linear(128 → 10)",
    ]
    assert [group.parent for group in picture.groups] == [None, "g1", "g1"]
    for held in picture.boxes:
        if held.kind == "parameter":
            assert "Linear" in groups[held.group].title
            assert held.title in ("weight", "bias")


def test_module_of_one_operation_is_a_line_in_its_box():
    assert said(diagram(mlp_graph()), "relu(layers.0)", "note") == ["layers.1 · ReLU()"]


def test_module_called_twice_is_two_groups_and_shares_its_parameters():
    layer, x = nn.Sequential(nn.Linear(2, 2), nn.Tanh()), Tensor([[1.0, 2.0]])
    picture = diagram(tl.graph(layer(layer(x)).sum()))
    assert [group.title for group in picture.groups] == [
        "Sequential(2 modules)",
        "Sequential(2 modules) · 2nd call",
    ]
    assert [box.group for box in picture.boxes if box.kind == "parameter"] == [None, None]


def test_depth_says_how_far_modules_are_opened():
    graph = mlp_graph()
    closed = diagram(graph, depth=0)
    assert titles(closed, "module") == ["MLP(784 → 128 → 10)"]
    assert said(closed, "MLP(784 → 128 → 10)", "note") == ["3 operations, 101,770 parameters"]
    assert said(closed, "MLP(784 → 128 → 10)", "shape") == ["(64, 10)"]
    assert titles(diagram(graph, depth=1), "module")[0] == "layers.0 · Linear(784 → 128)"
    assert titles(diagram(graph, depth=9)) == titles(diagram(graph))
    assert closed.note == ""


def test_arrows_between_closed_modules_keep_a_single_label():
    back = arrows(diagram(mlp_graph(), depth=1), "backward")
    assert "g @ weight.mT" in [label for *_, label in back]


def test_two_models_are_two_groups():
    encoder, decoder = nn.Linear(3, 2), nn.Linear(2, 3)
    loss = decoder(np.tanh(encoder(Tensor(np.ones((1, 3), np.float32))))).sum()
    assert titles(diagram(tl.graph(loss), depth=0), "module") == [
        "encoder · Linear(3 → 2)",
        "decoder · Linear(2 → 3)",
    ]


# ---- large graphs --------------------------------------------------------------------------------


class Varied(nn.Module):
    """A layer that looks like no other."""

    def __init__(self, number):
        self.number, self.weight = number, nn.Parameter(np.ones(2, np.float32))

    def forward(self, x):
        return np.tanh(x * self.weight) + float(self.number)


def varied(count):
    model = nn.Sequential(*(Varied(i) for i in range(count)))
    return tl.graph(model(Tensor([1.0, 2.0])).sum())


def chain(count):
    """Operations outside of modules, on one line, that don't repeat themselves."""
    x = leaf([1.0, 2.0])
    for i in range(count):
        x = np.tanh(x + float(i))
    return tl.graph(x.sum())


def test_large_graph_is_closed_until_it_fits_and_says_so():
    picture = diagram(varied(60), limit=100)
    assert len(titles(picture, "module")) == 60
    assert picture.note == "181 operations, drawn as 60 modules at depth 1"
    assert diagram(varied(20), limit=100).note == ""


def test_large_graph_without_modules_keeps_its_ends():
    picture = diagram(chain(200), limit=100)
    assert picture.note == "401 operations, drawn without the middle"
    (middle,) = titles(picture, "elided")
    assert middle.startswith("… 36") and middle.endswith(" operations …")
    assert len(picture.boxes) == 40
    assert titles(picture)[-1].endswith("= sum(" + titles(picture)[-2].split(" =")[0] + ")")


def test_what_is_left_of_a_large_graph_stands_for_itself():
    w, x = leaf(np.eye(2), "w"), leaf([1.0, 2.0])
    for _ in range(10):
        x = np.tanh(x @ w)
    for i in range(200):
        x = np.tanh(x + float(i))
    picture = diagram(tl.graph(x.sum()), limit=100)
    (middle,) = titles(picture, "elided")
    assert len(titles(picture, "operation")) + int(middle.split()[1]) == 421


def test_lines_of_a_large_graph_are_boxes():
    x = leaf([1.0, 2.0])
    for i in range(40):
        a = x * float(i)
        b = np.tanh(a)
        c = b + a
        d = np.sin(c)
        e = d * d
        f = e - 1.0
        x = f / 2.0
    picture = diagram(tl.graph(x.sum()), limit=100)
    assert picture.note == "281 operations, drawn as 7 source lines"
    assert "d = np.sin(c)" in titles(picture, "module")


@pytest.mark.parametrize("phase", ["forward", "backward", "both"])
@pytest.mark.parametrize("fold", [True, False])
def test_every_large_graph_becomes_small(phase, fold):
    wide = [leaf(np.ones(2)) for _ in range(700)]
    for graph in (varied(700), chain(700), tl.graph(np.concatenate(wide).sum())):
        picture = diagram(graph, phase=phase, fold=fold, limit=50)
        assert len(picture.boxes) <= 50
        ids = {box.id for box in picture.boxes}
        assert all(arrow.source in ids and arrow.target in ids for arrow in picture.arrows)


def test_many_arrows_between_two_boxes_are_one():
    x = leaf([1.0, 2.0], "x")
    picture = diagram(tl.graph(np.concatenate([x] * 100).sum()))
    assert [label for a, _, label in arrows(picture, "forward") if a == "x"] == ["×100"]


# ---- whatever the graph --------------------------------------------------------------------------


def test_same_program_gives_the_same_picture():
    assert repr(diagram(mlp_graph())) == repr(diagram(mlp_graph()))
    assert repr(diagram(random_graph(3))) == repr(diagram(random_graph(3)))


@pytest.mark.parametrize("seed", range(40))
def test_ids_are_unique_and_groups_stand_after_their_parents(seed):
    for options in ({}, {"phase": "backward"}, {"depth": 1}, {"limit": 10}):
        picture = diagram(random_graph(seed), **options)
        boxes = [box.id for box in picture.boxes]
        assert len(set(boxes)) == len(boxes) > 0
        seen = {None}
        for group in picture.groups:
            assert group.parent in seen
            seen.add(group.id)
        assert {box.group for box in picture.boxes} <= seen
        assert {end for a in picture.arrows for end in (a.source, a.target)} <= set(boxes)


def test_wrong_options_are_refused():
    graph = tanh_graph()
    for wrong in ({"phase": "sideways"}, {"depth": -1}, {"depth": 1.5}, {"depth": True}):
        with pytest.raises(ArgumentError, match="draw: "):
            diagram(graph, **wrong)


def test_graph_without_backward_pass_says_why():
    x = leaf([1.0, 2.0])
    graph = tl.graph(x * x)
    picture = diagram(graph)
    assert picture.phase == "forward" and picture.note.startswith("no backward pass: a Tensor of")
    with pytest.raises(ArgumentError, match="no backward pass"):
        diagram(graph, phase="backward")


def test_backward_pass_that_stops_says_why():
    x, y = leaf([1.0, 2.0], "x"), leaf([1.0, 2.0], "y")
    loss = (np.tanh(x * y) * y).sum()
    with tl.no_grad():
        x -= 1.0
    graph = tl.graph(loss)
    if not graph.phase("backward"):  # the error is found before anything flows
        graph.steps += tl.graph((y * 1.0).sum()).phase("backward")
    for phase in ("both", "backward"):
        assert diagram(graph, phase=phase).note.startswith("the backward pass stops: ")
    assert diagram(graph, phase="forward").note == ""
    notes = diagram(graph, limit=3).note.split(" · ")
    assert len(notes) == 2 and "drawn" in notes[0] and "stops" in notes[1]


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        ("forward", "forward"),
        ("backward", "backward and update"),
        ("both", "forward, backward and update"),
    ],
)
def test_title_says_what_is_drawn(phase, said):
    assert diagram(training_step(), phase=phase).title == f"step: {said}"
    without = {"backward": "backward", "both": "forward and backward"}.get(phase, "forward")
    assert diagram(tanh_graph(), phase=phase).title == f"y: {without}"


def test_nothing_to_draw_is_refused():
    with pytest.raises(ArgumentError, match="nothing was computed"):
        diagram(tl.trace(lambda x: x, Tensor(1.0)))


@pytest.mark.parametrize("x", [np.nan, np.inf, [], np.zeros((0, 3)), np.zeros((2, 1, 3))])
def test_any_values_can_be_drawn(x):
    x = leaf(np.asarray(x))
    picture = diagram(tl.graph((x * x).sum()))
    assert titles(picture, "parameter") == ["x"]
