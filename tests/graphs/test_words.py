"""Sentences for those who don't know what a gradient is: true, short, and of the right step."""

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.graphs.stages import stages
from tinygrad_lite.graphs.words import LONGEST, sentences

from .generated import case_graphs, random_graph


def leaf(x, name):
    return Tensor(np.asarray(x, np.float64), requires_grad=True, name=name)


def said(result):
    return list(sentences(tl.graph(result)))


@pytest.mark.parametrize("name", list(case_graphs())[::3])
def test_every_operation_has_short_sentences(name):
    graph = case_graphs()[name]
    found = list(sentences(graph))
    assert len(found) == len(list(stages(graph)))
    assert all(0 < len(sentence) <= LONGEST and sentence[-1] in ".…" for sentence in found)


@pytest.mark.parametrize("seed", range(30))
def test_hostile_names_leave_sentences_of_one_line(seed):
    for sentence in sentences(random_graph(seed)):
        assert len(sentence) <= LONGEST
        assert sentence.isprintable()


def test_three_scalars():
    x, w = leaf(2.0, "x"), leaf(-3.0, "w")
    y = np.tanh(w * x + 7.0)
    assert list(sentences(tl.graph(y))) == [
        "a is computed: w times x, which is -6.",
        "b is computed: a plus 7, which is 1.",
        "y is computed: tanh of b, which is 0.7616.",
        "The way back begins: how much does y change with each value before it? With itself, by 1.",
        "How much does y change with b? By 1 - y², says tanh's rule, times how much it changes "
        "with y: 0.42.",
        "b grows as a does, so what flows to b flows on to a: 0.42.",
        "How much does y change with w? By x, says multiply's rule, times how much it changes "
        "with a: 0.8399.",
        "How much does y change with x? By w, says multiply's rule, times how much it changes "
        "with a: -1.26.",
    ]


def test_second_use_is_added_to_the_first():
    e = leaf(3.0, "e")
    found = said(e * e)
    assert found[-1].startswith("e was used a second time: this contribution is added to the first")
    assert "second" not in found[-2]


def test_sign_is_turned():
    x, y = leaf(3.0, "x"), leaf(1.0, "y")
    assert "flows on to y with its sign turned: -1." in said(x - y)[-1]


def test_bias_is_summed_over_rows():
    x, b = leaf(np.ones((64, 10)), "x"), leaf(np.ones(10), "b")
    assert said((x + b).sum())[-2:] == [
        "a grows as b does, so what flows to a flows on to b. So far that is 64 × 10 numbers; b is "
        "10 numbers.",
        "b was added to each of 64 rows, so its gradient is the sum over the 64 rows.",
    ]


def test_mean_gives_every_entry_its_share():
    found = said(np.mean(leaf(np.ones((4, 5)), "x")))
    assert "the mean of x, which is 1." in found[0]
    assert found[-2].endswith("0.05. So far that is one number; x is 4 × 5 numbers.")
    assert found[-1].endswith(
        "is the mean of 20 entries of x, so each of them gets 1/20 of the gradient."
    )


def test_sums_are_of_axes():
    found = said((leaf(np.ones((4, 5)), "x").sum(axis=1) ** 2).sum())
    assert "the sum of x along axis 1, 4 numbers." in found[0]


def test_detached_and_copied_values_are_said_to_be():
    def step():
        x = leaf([1.0, 2.0], "x")
        d = (x * 2.0).detach()
        c = Tensor(d, requires_grad=True, name="c")
        loss = (x * d * c).sum()
        loss.backward()
        return loss

    found = list(sentences(tl.trace(step)))
    assert any("cut off from how it was computed" in sentence for sentence in found)
    assert any("c is a copy of d, and begins anew" in sentence for sentence in found)


def test_plain_descent_is_told_from_descent_with_momentum():
    def step_with(optimizer, w):
        def step():
            loss = (w * w).sum()
            w.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return list(sentences(tl.trace(step)))[-1]

    w = nn.Parameter(np.float32(2.0), name="w")
    plain = step_with(nn.optim.SGD([w], lr=0.1), w)
    assert plain == "SGD moves w against its gradient: by 0.1 times it. From 2 to 1.6."
    adam = step_with(nn.optim.Adam([w], lr=0.1), w)
    assert adam.startswith(
        "Adam moves w by what it makes of its gradient, at a learning rate of 0.1."
    )
    momentum = nn.optim.SGD([w], lr=0.1, momentum=0.9)
    step_with(momentum, w)
    assert "by what it makes of its gradient" in step_with(momentum, w)


def test_writing_in_place_is_said():
    def step():
        w = leaf([1.0, 2.0], "w")
        with tl.no_grad():
            w -= 0.5
            w.assign(np.zeros(2))
        return w * 1.0

    found = list(sentences(tl.trace(step)))
    assert any("subtracted from w" in sentence for sentence in found)
    assert any("is given new values" in sentence for sentence in found)


def test_operation_of_the_users_is_not_taken_for_one_of_ours():
    add = tl.op(lambda x, y: x - y, name="add", x=lambda g, out, x, y: g, y=lambda g, out, x, y: -g)
    assert "add of x and y" in said(add(leaf(3.0, "x"), leaf(1.0, "y")))[0]
