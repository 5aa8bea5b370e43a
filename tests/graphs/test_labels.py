"""What is written on drawings: titles, values, rules with their numbers."""

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor
from tinygrad_lite.graphs.diagram import diagram
from tinygrad_lite.graphs.labels import cut

from .generated import HOSTILE
from .pictures import arrows, leaf, mlp_graph, said, titles


def test_boxes_say_what_was_asked():
    options = {"shapes": False, "values": False, "gradients": False}
    for role in ("shape", "dtype", "value", "gradient", "memory"):
        name = {"memory": "memory"}.get(role, role + "s")
        picture = diagram(mlp_graph(), **(options | {name: True}))
        roles = {what for box in picture.boxes for what, _ in box.lines} - {"place", "note"}
        assert roles == {role}
    picture = diagram(mlp_graph(), memory=True, dtypes=True)
    assert ("memory", "32 kB") in [line for box in picture.boxes for line in box.lines]


def test_files_are_said_without_folders():
    lines = [text for box in diagram(mlp_graph()).boxes for what, text in box.lines]
    places = [text for text in lines if ".py:" in text]
    assert places and all("/" not in text.split(":")[0] for text in places)


def test_values_that_changed_since_are_marked():
    w = leaf([1.0, 2.0], "w")
    loss = (w * 2.0).sum()
    w.data = [3.0, 4.0]
    assert said(diagram(tl.graph(loss)), "w", "note") == ["changed since"]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_texts_are_short_and_printable(name):
    x = leaf([1.0, 2.0], name)
    picture = diagram(tl.graph((x * x + x).sum()))
    texts = [picture.title, picture.note, *titles(picture)]
    texts += [text for box in picture.boxes for _, text in box.lines]
    texts += [line for arrow in picture.arrows for line in arrow.label.split("\n")]
    for text in texts:
        assert len(text) <= 200
        assert all(x.isprintable() or x == "\u200d" for x in text)
    assert all(titles(picture))


def test_long_text_is_cut():
    assert cut("x" * 10_000) == "x" * 59 + "…"
    assert cut("a\nb\0c") == "a b\ufffdc"


def test_rule_names_values_even_where_names_are_no_python():
    a, b = leaf(2.0, "h#1"), leaf(-3.0, "it's (a")
    labels = [label for *_, label in arrows(diagram(tl.graph(a * b)), "backward")]
    assert labels == ["g * (it's (a)\n1 × -3 = -3", "g * h#1\n1 × 2 = 2"]


def test_rule_says_how_many_entries_were_averaged():
    n = leaf(np.ones((3, 4)), "n")
    for mean, rule in ((np.mean(n), "g / 12"), (np.mean(n, axis=0).sum(), "g / 3")):
        labels = [label for *_, label in arrows(diagram(tl.graph(mean)), "backward")]
        assert rule in {label.split("\n")[0] for label in labels}
    (label,) = [label for *_, label in arrows(diagram(tl.graph(np.var(n))), "backward")]
    assert "(n - mean(n, None, keepdims=True))" in label and "12" in label
    one = leaf(2.0, "one")
    assert [x[2] for x in arrows(diagram(tl.graph(np.mean(one))), "backward")] == [
        "g / 1\n1 / 1 = 1"
    ]


def test_letter_n_of_the_user_is_no_count():
    @tl.op(x=lambda g, out, x, n: g * n, n=None)
    def scaled(x, n):
        return x * n

    x, m = leaf([1.0, 1.0], "x"), Tensor([3.0, 3.0], name="m")
    labels = [label for *_, label in arrows(diagram(tl.graph(scaled(x, m).sum())), "backward")]
    assert "g * m" in labels

    @tl.op(x=lambda g, out, x: g * 1.0, formulas={"x": "g / n"})
    def same(x):
        return x * 1.0

    labels = [label for *_, label in arrows(diagram(tl.graph(same(x).sum())), "backward")]
    assert "g / n" in labels
    labels = [x[2] for x in arrows(diagram(tl.graph(np.einsum("n,n->", x, m))), "backward")]
    assert "'n" in labels[0]


def test_rule_names_the_output_if_that_is_short():
    x = leaf([1.0, 2.0], "x")
    for name, rule in {
        "h": "g * (1 - h**2)",
        "a_name_that_is_long": "g * (1 - out**2)",
        "no name": "g * (1 - (no name)**2)",
    }.items():
        h = np.tanh(x)
        h.name = name
        labels = [label for *_, label in arrows(diagram(tl.graph(h.sum())), "backward")]
        assert rule in labels


def test_rules_of_the_user_that_need_values_are_named():
    @tl.op(each=lambda g, out, *xs, position: g * 2.0 if xs[0] > 0 else g)
    def total(xs):
        return 2.0 * sum(xs)

    @tl.op(x=lambda g, out, x: g * 2.0 if x > 0 else g)
    def kinked(x):
        return x * 2.0

    x, y = leaf(3.0, "x"), leaf(1.0, "y")
    for result in (kinked(x), total([x, y])):
        labels = {label for *_, label in arrows(diagram(tl.graph(result)), "backward")}
        assert labels == {f"the rule of {result.op.name} = 2"}


def test_rules_of_many_inputs_say_which():
    x, y = leaf([1.0], "x"), leaf([2.0], "y")
    labels = [b for *_, b in arrows(diagram(tl.graph(np.concatenate([x, y]).sum())), "backward")]
    assert labels[:2] == ["part(g, xs, 0, 0)", "part(g, xs, 1, 0)"]
