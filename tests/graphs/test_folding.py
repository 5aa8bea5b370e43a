"""Folding: what repeats itself is drawn once; what differs in anything isn't."""

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.graphs.diagram import diagram


def leaf(x, name=None):
    return Tensor(x, requires_grad=True, name=name)


def folded(picture):
    """Title and times of the groups that stand for several."""
    return [(group.title, group.times) for group in picture.groups if group.times > 1]


def draw(result, phase="forward", **options):
    return diagram(tl.graph(result), phase=phase, **options)


def titles(picture):
    return [box.title for box in picture.boxes]


def ends(picture, kind="forward"):
    names = {box.id: box.title for box in picture.boxes}
    return [(names[a.source], names[a.target]) for a in picture.arrows if a.kind == kind]


class Block(nn.Module):
    def __init__(self, width=4, scale=1.0):
        self.inner, self.scale = nn.Linear(width, width, rng=0), scale

    def forward(self, x):
        return x + np.tanh(self.inner(x)) * self.scale


X = Tensor(np.ones((5, 4), np.float32), name="x")


def recurrence(count, between=lambda i, h: h):
    w, h = leaf(np.eye(3), "w"), Tensor(np.zeros(3), name="h0")
    for i in range(count):
        h = between(i, np.tanh(h @ w + 1.0))
    return h.sum()


# ---- what is folded ------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["forward", "both"])
def test_blocks_of_a_sequence_are_drawn_once(phase):
    model = nn.Sequential(nn.Linear(4, 4, rng=0), *(Block() for _ in range(12)), nn.Tanh())
    picture = draw(model(X).sum(), phase)
    assert folded(picture) == [("1 … 12 · Block()", 12)]
    assert len(diagram(tl.graph(model(X).sum()), phase=phase, fold=False).boxes) > 70
    assert len(picture.boxes) < 15


def test_what_enters_the_first_and_leaves_the_last_is_wired_to_the_drawn_one():
    picture = draw(recurrence(8))
    assert [times for _, times in folded(picture)] == [8]
    assert [(a, b.split("= ")[1]) for a, b in ends(picture) if a == "h0"] == [("h0", "h0 @ w")]
    (group,) = picture.groups
    inside = {box.id for box in picture.boxes if box.group == group.id}
    leaving = [a for a in picture.arrows if a.source in inside and a.target not in inside]
    entering = [a for a in picture.arrows if a.target in inside and a.source not in inside]
    assert (len(inside), len(leaving), len(entering)) == (3, 1, 2)


def test_periods_of_several_layers_are_found():
    model = tl.models.MLP([7, 4, 4, 4, 4, 4, 4, 2], rng=0)
    picture = draw(model(Tensor(np.ones((3, 7), np.float32))).sum())
    assert folded(picture) == [("layers.2 … layers.10", 5)]
    inside = next(group for group in picture.groups if group.times == 5)
    assert [g.title for g in picture.groups if g.parent == inside.id] == [
        "layers.2 · Linear(4 → 4)"
    ]


def test_backward_pass_is_folded_too():
    picture = draw(recurrence(8), "backward")
    assert [times for _, times in folded(picture)] == [8]
    model = nn.Sequential(*(Block() for _ in range(12)))
    assert [times for _, times in folded(draw(model(X).sum(), "backward"))] == [12]


def test_arrows_of_several_repetitions_keep_their_rule():
    labels = [arrow.label for arrow in draw(recurrence(8), "backward").arrows]
    assert "h#7.mT @ g\n×8" in labels


def test_closed_modules_are_folded():
    model = nn.Sequential(*(Block() for _ in range(12)))
    picture = draw(model(X).sum(), depth=1)
    assert folded(picture) == [("0 … 11", 12)]
    assert [box.kind for box in picture.boxes].count("module") == 1


def test_repetitions_within_repetitions_are_folded():
    inner = [nn.Sequential(*(Block() for _ in range(4))) for _ in range(5)]
    picture = draw(nn.Sequential(*inner)(X).sum())
    assert sorted(times for _, times in folded(picture)) == [4, 5]


@pytest.mark.parametrize("count", [4, 8])
def test_every_repetition_may_give_to_the_same_operation(count):
    kept = []
    recurrence(count, lambda i, h: kept.append(h) or h)
    picture = draw(np.concatenate(kept).sum(), "both")
    assert [times for _, times in folded(picture)] == [count]
    assert f"×{count}" in [arrow.label for arrow in picture.arrows]
    picture = draw(np.concatenate(kept).sum(), "backward")
    assert [times for _, times in folded(picture)] == [count]


def test_two_arrows_from_the_last_repetition_stay_two():
    kept = []
    recurrence(8, lambda i, h: kept.append(h) or h)
    picture = draw(kept[-1] * kept[-1], "both")
    assert [times for _, times in folded(picture)] == [8]
    into = {box.id for box in picture.boxes if "*" in box.title}
    assert len([a for a in picture.arrows if a.kind == "forward" and a.target in into]) == 2


@pytest.mark.parametrize(("phase", "times"), [("forward", 8), ("both", 8), ("backward", 8)])
def test_leaves_that_all_repetitions_share_do_not_interrupt_them(phase, times):
    w, u, v, h = (leaf(np.eye(3), name) for name in "wuvh")
    for _ in range(8):
        h = np.tanh(np.sin(h @ w + u) * v)
    picture = draw(np.exp(h).sum(), phase, values=False)
    assert [count for _, count in folded(picture)] == [times]


def test_updates_are_folded_with_their_layers():
    model = nn.Sequential(*(Block() for _ in range(6)))
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)

    def step(x):
        loss = model(x).sum()
        loss.backward()
        optimizer.step()
        return loss

    picture = diagram(tl.trace(step, X), phase="forward")
    assert folded(picture) == [("0 … 5 · Block()", 6)]
    picture = diagram(tl.trace(step, X))
    assert [box.kind for box in picture.boxes].count("update") == 2 * (7 - folded(picture)[0][1])


# ---- how repetitions hang together ---------------------------------------------------------------


def repeats(picture):
    names = {box.id: box.title for box in picture.boxes}
    return [
        (names[a.source], names[a.target], a.label) for a in picture.arrows if a.kind == "repeat"
    ]


def test_arrow_leads_from_one_repetition_to_the_next():
    w, u, h = leaf(np.eye(3), "w"), leaf(np.ones(3), "u"), Tensor(np.zeros(3), name="h0")
    for _ in range(20):
        h = np.tanh(h @ w + u)
    loss = h.sum()
    assert repeats(draw(loss)) == [("h#1 = tanh(b)", "a = h0 @ w", "next")]
    assert repeats(draw(loss, "both")) == [("h#1 = tanh(b)", "a = h0 @ w", "next\ng @ w.mT")]
    (arrow,) = repeats(draw(loss, "backward"))
    assert arrow[0].startswith("∂result/∂") and arrow[1:] == ("∂result/∂h#20", "next\ng @ w.mT")
    assert not repeats(draw(loss, fold=False))


def test_every_box_that_takes_from_the_one_before_has_an_arrow():
    model = nn.Sequential(*(Block() for _ in range(12)))
    found = repeats(draw(model(X).sum(), "both"))
    assert [(a.split(" =")[0], b.split("= ")[1], label) for a, b, label in found] == [
        ("sequential.0", "linear(x, weight, bias)", "next\ng @ weight.mT"),
        ("sequential.0", "x + b", "next\ng"),
    ]


def test_closed_repetitions_lead_to_the_next():
    model = nn.Sequential(*(Block() for _ in range(12)))
    assert repeats(draw(model(X).sum(), depth=1)) == [("0 · Block()", "0 · Block()", "next")]


def test_repetitions_within_repetitions_lead_to_the_next():
    inner = [nn.Sequential(*(Block() for _ in range(4))) for _ in range(5)]
    found = repeats(draw(nn.Sequential(*inner)(X).sum(), "both"))
    first, second = (label for *_, label in found)
    assert first.startswith("next\ng @ ") and second == "next\ng"


@pytest.mark.parametrize("first", [[], [nn.Linear(4, 4, rng=0)]])
def test_number_of_repetitions_is_the_same_in_all_phases(first):
    model = nn.Sequential(*first, *(Block() for _ in range(12)), nn.Linear(4, 2, rng=0))
    for phase in ("forward", "backward", "both"):
        assert [n for _, n in folded(draw(model(X).square().mean(), phase))] == [12]
    for phase in ("forward", "backward", "both"):
        assert [n for _, n in folded(draw(recurrence(20) ** 2.0, phase))] == [20]


def test_arrow_that_leaves_the_last_repetition_says_so():
    loss = recurrence(8)
    assert [a.label for a in draw(loss).arrows if a.kind == "forward"].count("last") == 1
    labels = [a.label for a in draw(loss, "backward").arrows if a.kind == "backward"]
    assert not any("last" in label for label in labels)  # to the first, a constant, flows nothing
    model = nn.Sequential(nn.Linear(4, 4, rng=0), *(Block() for _ in range(12)))
    arrows = draw(model(X).sum(), "backward").arrows
    assert {a.label for a in arrows if "last" in a.label} == {"last: g @ weight.mT", "last: g"}


def test_frame_says_whose_numbers_it_shows():
    (group,) = draw(recurrence(8)).groups
    assert group.note == "numbers of the first"
    (group,) = draw(recurrence(8), values=False, gradients=False).groups
    assert group.note == ""
    assert all(group.note == "" for group in draw(recurrence(8), fold=False).groups)


# ---- what isn't ----------------------------------------------------------------------------------


def test_few_repetitions_are_drawn_one_by_one():
    assert not folded(draw(recurrence(2)))
    x = leaf(2.0)
    assert not folded(draw(x * x * x * x * x))


def test_nothing_is_folded_if_not_asked():
    assert not folded(draw(recurrence(8), fold=False))


def test_other_shapes_are_not_folded():
    model = tl.models.MLP(list(range(3, 12)), rng=0)
    assert not folded(draw(model(Tensor(np.ones((2, 3), np.float32))).sum()))


def test_other_numbers_are_not_folded():
    model = nn.Sequential(*(Block(scale=1.0 + i) for i in range(8)))
    assert not folded(draw(model(X).sum()))
    assert not folded(draw(model(X).sum(), "backward"))


def test_gradients_by_other_rules_are_not_folded_with_the_rest():
    model = nn.Sequential(*(Block() for _ in range(8)), Block(scale=2.0))
    assert [times for _, times in folded(draw(model(X).sum(), "backward"))] == [8]
    w, h = leaf(np.eye(3), "w"), leaf(np.zeros(3), "h")
    for i in range(9):
        h = np.tanh(np.sin(h @ w) if i < 8 else np.cos(h @ w))
    (group,) = folded(draw(h.sum(), "backward"))
    assert group[1] == 8
    h = leaf(np.ones(3), "h")
    for i in range(9):
        h = (np.sin(h) if i < 8 else np.cos(h)) * h
    (group,) = folded(draw(h.sum(), "backward"))
    assert group[1] == 8


def test_gradients_with_another_wiring_are_not_folded_with_the_rest():
    w, h, kept = leaf(np.eye(3), "w"), leaf(np.zeros(3), "h"), []
    for _ in range(9):
        a = h @ w
        kept.append(a)
        h = np.tanh(a)
    picture = draw(np.concatenate([h, kept[-1]]).sum(), "backward")
    assert [times for _, times in folded(picture)] == [8]


def test_other_operations_end_a_fold():
    picture = draw(recurrence(12, lambda i, h: np.sin(h) if i == 5 else h))
    assert [times for _, times in folded(picture)] == [6, 6]


def test_other_wiring_within_is_not_folded():
    h = leaf(np.ones(3), "h")
    for i in range(8):
        a = np.tanh(h)
        b = np.tanh(a)
        h = a + b if i % 2 else h + b
    for _, times in folded(draw(h.sum())):
        assert times == 4  # pairs of them


def test_wiring_that_skips_repetitions_is_not_folded():
    known = [leaf(np.ones(3), "h")]
    for i in range(12):
        known.append(np.tanh(known[-1] + known[i // 2]) * 2.0)
    assert not folded(draw(known[-1].sum()))


def test_repetition_that_gives_to_others_ends_a_fold():
    kept = []
    loss = recurrence(12, lambda i, h: kept.append(h) or h if i == 5 else h)
    picture = draw(loss + kept[0].sum())
    assert [times for _, times in folded(picture)] == [6, 6]


def test_repetitions_that_all_give_to_others_from_one_on_are_apart():
    kept = []
    loss = recurrence(12, lambda i, h: kept.append(h) or h if i >= 5 else h)
    picture = draw(loss + np.concatenate(kept).sum())
    assert [times for _, times in folded(picture)] == [6, 6]


def test_last_repetition_that_gives_less_is_apart():
    kept = []
    recurrence(9, lambda i, h: kept.append(h) or h)
    picture = draw(np.concatenate(kept[:-1]).sum() + (kept[-1] ** 2.0).sum())
    assert [times for _, times in folded(picture)] == [8]


def test_other_wiring_to_the_one_before_is_not_folded():
    h, kept = leaf(np.ones(3), "h"), []
    for i in range(12):
        a = np.tanh(h)
        b = a + np.sin(a)
        kept.append(b)
        h = a if i in (1, 2, 4, 7, 11) else b
    assert [times for _, times in folded(draw(np.concatenate(kept).sum()))] == [3, 3, 4]


def test_other_outer_inputs_are_not_folded():
    w, v, h = leaf(np.eye(3), "w"), leaf(np.eye(3), "v"), Tensor(np.zeros(3))
    for i in range(12):
        h = np.tanh(h @ (w if i in (1, 2, 4, 7, 11) else v) + 1.0)
    assert all(times <= 3 for _, times in folded(draw(h.sum())))


def test_folded_graph_has_no_arrow_that_the_whole_has_not():
    model = nn.Sequential(*(Block() for _ in range(8)))
    graph = tl.graph(model(X).sum())
    few, all_of_them = (diagram(graph, phase="forward", fold=fold) for fold in (True, False))
    assert {b for _, b in ends(few)} <= set(titles(all_of_them))
    last = next(b for a, b in ends(few) if "sum" in b)
    assert last == titles(all_of_them)[-1]
