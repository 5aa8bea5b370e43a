"""What why() says: why there is no gradient."""

import re

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.errors import ArgumentError, BoundsError


def leaf(x, **options):
    return Tensor(x, requires_grad=True, **options)


def one_line(text):
    return " ".join(text.split())


# ---- in a history --------------------------------------------------------------------------------


def test_leaf_that_requires_none_is_told_how_to():
    x, n = leaf(3.0), Tensor(2.0)
    y = x * n
    said = one_line(tl.graph(y).why(n))
    assert said.startswith("n has no gradient: requires_grad is off.")
    assert "n.requires_grad = True" in said


def test_leaf_that_is_turned_on_too_late_is_told_so():
    x, n = leaf(3.0), Tensor(2.0)
    y = x * n
    n.requires_grad = True
    assert "turned on after it was used. Compute the result again." in one_line(tl.graph(y).why(n))


@pytest.mark.parametrize("used", [True, False])
def test_integers_have_no_gradient(used):
    x, n = leaf([3.0, 1.0]), Tensor([2, 1])
    y = (x * n if used else x).sum()
    assert one_line(tl.graph(y).why(n)) == (
        "n has no gradient: it holds int64, and only floating-point Tensors have gradients. Use "
        "n.astype(np.float32)."
    )


def test_frozen_parameter_is_told_from_a_leaf():
    model = nn.Linear(2, 1)
    model.weight.requires_grad = False
    y = model(Tensor([[1.0, 2.0]])).sum()
    said = one_line(tl.graph(y).why(model.weight))
    assert said.startswith("weight has no gradient: it is a Parameter that is frozen")


def test_buffer_is_not_trained():
    class Scale(nn.Module):
        def __init__(self):
            self.factor = nn.Buffer([2.0])
            self.weight = nn.Parameter([3.0])

        def forward(self, x):
            return x * self.weight * self.factor

    model = Scale()
    y = model(Tensor([1.0])).sum()
    assert "factor has no gradient: it is a buffer" in tl.graph(y).why(model.factor)


def test_constant_is_no_tensor():
    x = leaf([1.0, 2.0])
    y = (x * np.array([3.0, 4.0])).sum()
    graph = tl.graph(y)
    (name,) = [v.name for v in graph.values if v.kind in ("constant", "input")]
    assert "has no gradient" in graph.why(name)


def test_original_of_what_was_detached_is_told_which():
    w, x = leaf(2.0), leaf(3.0)
    h = w * x
    d = h.detach()
    y = d * x
    said = one_line(tl.graph(y).why(h))
    assert said.startswith("h has no gradient: it isn't in the graph of y. d, which is, shares its")


def test_detached_leaf_that_shares_memory_with_another_names_it():
    x = leaf([3.0, 1.0])
    d = x[0:1].detach()
    y = (x * d).sum()
    said = one_line(tl.graph(y).why(d))
    assert "it was detached: it shares its memory with x, but no gradient flows between" in said


def test_leaf_that_was_not_reached_is_shown_where_the_graph_ends():
    w, x = leaf(2.0), leaf(3.0)
    s = np.sign(w)
    y = s * x
    said = one_line(tl.graph(y).why(w))
    assert said.startswith("w has no gradient: y wasn't computed from it, as far as is known.")
    assert "ends where requires_grad is off: s." in said and "tl.trace" in said


def test_result_of_something_else_is_told_so():
    x = leaf(3.0)
    y, other = x * x, x + x
    assert "other has no gradient: it is a result that isn't in the graph of y" in one_line(
        tl.graph(y).why(other)
    )


def test_what_was_sliced_before_any_gradient_is_told_about_traces():
    image, w = Tensor(np.ones((4, 4))), leaf(2.0)
    for part in (image[1:], image[[0, 2]]):
        y = (part * w).sum()
        said = one_line(tl.graph(y).why(image))
        assert "it isn't in the graph of y, and requires_grad is off." in said
        assert "A Tensor doesn't remember the steps before the first" in said
        assert "tl.trace" in said
    graph = tl.trace(lambda t: (t * w).sum().backward(), part)
    assert "tl.trace" not in graph.why(image)


def test_result_outside_may_have_left_by_what_ends_a_history():
    x = leaf(3.0)
    h = x * 2.0
    y = Tensor(h.numpy(), requires_grad=True) * x
    said = one_line(tl.graph(y).why(h))
    assert "numpy(), item(), Tensor(…) or no_grad come between the two?" in said


def test_graph_without_a_backward_pass_says_why():
    x = leaf([1.0, 2.0])
    y = x * x
    assert "y has no gradient" not in tl.graph(y, [1.0, 1.0]).why(x)
    said = one_line(tl.graph(y).why(x))
    assert said.startswith("x has no gradient: the backward pass didn't come to its end: a Tensor")
    assert "(2,)" in said


def test_gradient_of_an_unfinished_pass_is_not_shown():
    w = leaf(2.0)
    y = w * w + w
    with tl.no_grad():
        w -= 1.0
    graph = tl.graph(y)
    assert graph["w"].gradient is not None  # a part of it
    assert "w has no gradient: the backward pass didn't come to its end:" in one_line(graph.why(w))


def test_only_tensors_and_names_can_be_asked_for():
    x = leaf(2.0)
    graph = tl.graph(x * x)
    with pytest.raises(ArgumentError, match="give a Tensor or its name"):
        graph.why(3.0)
    with pytest.raises(BoundsError, match="no value of this name"):
        graph.why("nothing")


# ---- in a trace ----------------------------------------------------------------------------------


def test_step_with_gradient_zero_is_named_with_its_line():
    u, x = leaf(2.0), leaf(3.0)

    def step():
        s = np.sign(u) + 0.0
        (s * x).backward()

    said = one_line(tl.trace(step).why(u))
    assert re.fullmatch(
        r"u has no gradient: every way from it ends before it comes to a result: step 1, "
        r"\w = sign\(u\), at test_why\.py:\d+: sign is constant but for its jumps, so that its "
        r"gradient is zero\.",
        said,
    )


def test_input_whose_rule_is_zero_is_named():
    c, x = leaf(2.0), leaf(3.0)
    graph = tl.trace(lambda: np.copysign(x, c).backward())
    assert "the gradient of copysign by its input y is zero." in one_line(graph.why(c))
    assert "has a gradient: 1" in graph.why(x)


def test_comparisons_and_conversions_hold_what_has_no_gradient():
    u, x, kept = leaf(2.0), leaf(3.0), {}

    def step():
        kept["i"] = u > 1.0
        np.where(kept["i"], x, 0.0).backward()

    graph = tl.trace(step)
    assert "greater" not in graph.why(x)
    assert "it holds bool" in one_line(graph.why(u)) and "u > 1" in graph.why(u)
    assert "it holds bool" in one_line(graph.why(kept["i"]))


def test_what_is_computed_under_no_grad_is_named():
    u, x, kept = leaf(2.0), leaf(3.0), {}

    def step():
        with tl.no_grad():
            kept["e"] = u * 2.0
        (kept["e"] * x).backward()

    graph = tl.trace(step)
    for t in (u, kept["e"]):
        assert "it was computed under no_grad" in one_line(graph.why(t))


def test_detaching_is_named_with_the_original():
    u, x, kept = leaf(2.0), leaf(3.0), {}

    def step():
        h = u * 2.0
        kept["h"], kept["d"] = h, h.detach()
        (kept["d"] * x).backward()

    graph = tl.trace(step)
    said = one_line(graph.why(kept["d"]))
    assert "no gradient comes back through detach; compute with h itself" in said
    assert "= detach(h)" in one_line(graph.why(u))
    assert "= detach(h)" in one_line(graph.why(kept["h"]))


def test_result_of_what_requires_none_leads_back_to_the_cut():
    u, n, kept = leaf(2.0), Tensor(5.0), {}

    def step():
        kept["s"] = np.sign(u) + 1.0
        kept["m"] = n * 2.0
        (kept["s"] * kept["m"] * u).backward()

    graph = tl.trace(step)
    said = one_line(graph.why(kept["s"]))
    assert "from what has none:" in said and "= sign(u), at test_why.py:" in said
    assert "requires_grad is off for all that it was computed from" in one_line(
        graph.why(kept["m"])
    )


def test_result_that_leads_nowhere_is_told_so():
    u, x = leaf(2.0), leaf(3.0)

    def step():
        dead = u * 2.0
        loss = x * x
        loss.backward()
        return dead, loss

    graph = tl.trace(step)
    said = "nothing that was computed from it leads to loss, where the backward pass began."
    assert said in one_line(graph.why(u))
    assert "no step of the graph uses it" in graph.why("dead")


def test_trace_without_a_backward_pass_says_so():
    x = leaf(2.0, name="x")
    graph = tl.trace(lambda t: t * t, x)
    assert "x has no gradient: no backward pass was run." in graph.why(x)


def test_gradient_that_was_not_asked_for_is_told_so():
    x, w = leaf(2.0), leaf(3.0)
    graph = tl.trace(lambda: (x * w).gradient(x))
    assert "has a gradient: 3" in graph.why(x)
    assert "the backward pass went only to what was asked for" in one_line(graph.why(w))


def test_leaf_after_an_update_is_told_from_before():
    w = leaf(2.0, name="w")
    optimizer = nn.optim.SGD([w], lr=0.5)

    def step():
        (w * w).backward()
        optimizer.step()

    graph = tl.trace(step)
    said = one_line(graph.why("w after SGD"))
    assert "it is what SGD left (step 5, at test_why.py:" in said
    assert said.endswith("Ask for w, as it was before.")


def test_grad_that_was_forgotten_in_a_trace_is_told_so():
    w = leaf(2.0, name="w")

    def step(x):
        (w * x).backward()
        w.grad = None

    said = one_line(tl.trace(step, Tensor(3.0)).why(w))
    assert "w.grad is None: it was forgotten since, as by zero_grad()." in said


def test_tensor_that_a_traced_function_did_not_use():
    x, unused = leaf(1.0), leaf(2.0)
    graph = tl.trace(lambda: (x * 2).backward())
    assert graph.why(unused) == "unused has no gradient: nothing that was traced uses it."
