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
        "The way back begins. The gradient ∂ of a value is how fast y changes when that value "
        "does: a derivative. That of y itself is 1.",
        "y changes 1 - y² times as fast as b. By the chain rule that is multiplied with g: 0.42.",
        "b grows as much as a does, so a gets the gradient of b: 0.42.",
        "a changes x times as fast as w, and g is how fast y changes with a. By the chain rule the "
        "two are multiplied: 0.8399.",
        "a changes w times as fast as x, and g is how fast y changes with a. By the chain rule the "
        "two are multiplied: -1.26.",
    ]


def test_second_use_is_added_to_the_first():
    e = leaf(3.0, "e")
    found = said(e * e)
    assert found[-1] == (
        "e was used more than once; the effects add up, so this is added to the first. result "
        "changes e times as fast as its second e. By the chain rule that is multiplied with g: 3."
    )
    assert "times as fast as its first e." in found[-2]


def test_sign_is_turned():
    x, y = leaf(3.0, "x"), leaf(1.0, "y")
    assert said(x - y)[-1].endswith("y gets the gradient of result with its sign turned: -1.")


def test_bias_is_summed_over_rows():
    x, b = leaf(np.ones((64, 10)), "x"), leaf(np.ones(10), "b")
    assert said((x + b).sum())[-2:] == [
        "a grows as much as b does, so b gets the gradient of a. That is 64 × 10 numbers, but b "
        "has 10 numbers: the next step sums them.",
        "The same b was added to each of 64 rows. The effects add up: its gradient is the sum over "
        "the 64 rows.",
    ]


def test_mean_gives_every_entry_its_share():
    found = said(np.mean(leaf(np.ones((4, 5)), "x")))
    assert "the mean of x, which is 1." in found[0]
    assert found[-2] == (
        "result changes 1 / 20 times as fast as each entry of x. By the chain rule that is "
        "multiplied with g: 0.05. That is one number, but x has 4 × 5 numbers: the next step "
        "repeats it."
    )
    assert found[-1].endswith(
        "is the mean of 20 entries of x, so each of them gets 1/20 of the gradient of result."
    )


def test_factors_of_a_matrix_product_are_told_how_often_they_were_used():
    x, w = leaf(np.ones((8, 3)), "x"), leaf(np.ones((3, 2)), "w")
    to_x, to_w = said((x @ w).sum())[-2:]
    assert to_x.startswith(
        "Each entry of x went into 2 entries of a, each time multiplied with one of w."
    )
    assert to_x.endswith("add up, all at once by g @ w.mT.")
    assert to_w.startswith(
        "Each entry of w went into 8 entries of a, each time multiplied with one of x."
    )
    assert said(leaf(np.ones(3), "v") @ leaf(np.ones(3), "u"))[-1] == (
        "Each entry of u went into result once, multiplied with one of v, so it gets g times that "
        "one."
    )


def test_ties_are_told_of():
    assert "half where both were equal" in said(np.maximum(leaf([1.0], "x"), 1.0))[-1]


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
    assert plain == (
        "SGD moves w against its gradient, downhill: by 0.1, the learning rate, times it. "
        "From 2 to 1.6."
    )
    adam = step_with(nn.optim.Adam([w], lr=0.1), w)
    assert adam.startswith(
        "Adam works out from the gradient of w how to move it, at a learning rate of 0.1."
    )
    momentum = nn.optim.SGD([w], lr=0.1, momentum=0.9)
    step_with(momentum, w)
    assert "works out from the gradient of w" in step_with(momentum, w)


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
