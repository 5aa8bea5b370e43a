"""What why() says of a gradient that there is: which paths carried it."""

import re

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor


def leaf(x, **options):
    return Tensor(x, requires_grad=True, **options)


def one_line(text):
    return " ".join(text.split())


def test_paths_go_from_the_result_down_with_rules():
    x, w = leaf(2.0), leaf(-3.0)
    y = np.tanh(w * x + 7.0)
    said = tl.graph(y).why(x).splitlines()
    assert said[0] == "x has a gradient: -1.26"
    assert said[said.index("One path carried it:") + 1 :] == [
        "",
        "    y                                    = 1",
        "    → b   y = tanh(b)   g * (1 - y**2)   = 0.42",
        "    → a   b = a + 7     g                = 0.42",
        "    → x   a = w * x     g * w            = -1.26",
    ]


def test_largest_contribution_comes_first():
    x = leaf(3.0)
    y = x + 10.0 * x + 100.0 * x
    said = tl.graph(y).why(x)
    last = [line.split()[-1] for line in said.splitlines() if "→ x" in line]
    assert last == ["100", "10", "1"]


def test_grad_of_an_intermediate_is_explained():
    x = leaf(3.0)
    h = x * x
    y = h * 2.0
    graph = tl.graph(y)
    said = one_line(graph.why(h))
    assert "h has a gradient: 2" in said and "only leaves keep theirs: call h.retain_grad()" in said
    assert 'graph["h"].gradient.array' in said
    h.retain_grad()
    y.backward()
    assert "grad is None" not in graph.why(h) and "grad is None" not in graph.why(x)


def test_leaf_whose_grad_was_not_written_is_told_so():
    x = leaf(3.0)
    y = x * x
    said = tl.graph(y).why(x)
    assert "x.grad is None: making a graph doesn't write it; backward() does.\n" in said
    assert "forgotten" not in said


def test_gradient_that_is_a_sum_of_numbers_shows_it():
    x = leaf(2.0)
    y = x * x + x - 3.0 * x
    assert tl.graph(y).why(x).startswith("x has a gradient: 2 = -3 + 1 + 2 + 2\n")
    x = leaf([2.0, 1.0])
    y = (x * x).sum()
    assert tl.graph(y).why(x).startswith("x has a gradient: (2,), [4, 2]\n")


def test_gradient_of_several_passes_tells_both():
    w = leaf(2.0, name="w")

    def twice():
        (w * 3.0).backward()
        (w * w).backward()

    said = one_line(tl.trace(twice).why(w))
    assert "w has a gradient: 4 = 2 + 2 in the last backward pass; with those before 7." in said
    assert "2 paths carried it" in said


@pytest.mark.parametrize("n", [1, 3, 5])
def test_paths_are_counted(n):
    x = leaf(1.0)
    y = x
    for _ in range(n):
        y = y * 0.5 + y * 0.25
    said = tl.graph(y).why(x)
    count = 2**n
    assert f"{count} paths carried it" in said
    assert ("Here are 4, which at each sum follow the largest term first:" in said) == (count > 4)
    assert said.count("→ x") == min(count, 4)
    shown = re.split(r"\n\n", said)[1:]
    assert len({*shown}) == min(count, 4)


def test_astronomically_many_paths_are_counted_all_the_same():
    x = leaf(1.0)
    y = x
    for _ in range(100):
        y = y * 0.5 + y * 0.5
    said = tl.graph(y).why(x)
    assert f"{2**100:,} paths carried it. Here are 4," in said
    for _ in range(15_000):
        y = y * 0.5 + y * 0.5
    said = tl.graph(y).why(x)
    assert "about 10^4,545 paths" in said
    assert "more" in said and len(said.splitlines()) < 150


def test_value_that_is_the_result_itself_has_the_seed():
    x = leaf(3.0)
    y = x * x
    said = tl.graph(y).why("y").splitlines()
    assert said[0] == "y has a gradient: 1" and said[-1].split() == ["y", "=", "1"]
