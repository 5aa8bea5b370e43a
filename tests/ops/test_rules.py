"""Rules of one's own that fail, and what is said of them."""

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor
from tinygrad_lite.errors import MutationError, OperationError

rng = np.random.default_rng(0)


def leaf(*shape):
    return Tensor(rng.uniform(0.5, 2, shape), requires_grad=True)


@tl.op(x=lambda g, out, x: g * 3 * x**2)
def cube(x):
    return x**3


def test_rule_that_fails_says_what_a_rule_is():
    broken = tl.op(np.cbrt, x=lambda g, out, x: g.no_such_method())
    with pytest.raises(OperationError) as caught:
        broken(leaf(3)).sum().backward()
    text = str(caught.value)
    assert text.startswith("cbrt: its gradient rule for x failed: ")
    assert "A rule is a function of (g, out, x) and the operation's attributes" in text
    assert "(3,)" in text


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"x": lambda g, out: g}, "the rule of x must take (g, out, x)"),
        (
            {"y": lambda g, out, x, y: g * y / out, "x": lambda g, out, x, y: g * x / out},
            "the rule of y must take (g, out, y, x)",
        ),
    ],
)
def test_rules_of_other_inputs_are_refused(rules, said):
    with pytest.raises(OperationError) as caught:
        tl.op(np.hypot, **rules)
    assert said in str(caught.value)


@pytest.mark.parametrize("several", [tuple, list])
@pytest.mark.parametrize("create_graph", [False, True])
def test_rule_that_returns_the_gradients_of_all_inputs_is_refused(several, create_graph):
    both = tl.op(np.hypot, x=lambda g, out, x, y: several([g * x / out, g * y / out]), y=None)
    x = leaf(3)
    with pytest.raises(OperationError) as caught:
        both(x, leaf(3)).sum().gradient(x, create_graph=create_graph)
    assert (
        f"it returned a {several.__name__} of 2. A rule returns the gradient of one input; each "
        "input has a rule of its own" in str(caught.value)
    )


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)], ids=str)
def test_gradient_with_axes_that_nothing_explains_is_refused(shape):
    both = tl.op(np.hypot, x=lambda g, out, x, y: np.stack([g * x / out, g * y / out] * 2), y=None)
    x = leaf(*shape)
    with pytest.raises(OperationError, match="with more axes than the gradient of the output"):
        both(x, leaf(*shape)).sum().backward()


def test_gradient_of_an_input_for_each_output_is_summed():
    data = rng.uniform(size=(5, 3))
    predict = tl.op(lambda w: data @ w, name="predict", w=lambda g, out, w: g[:, None] * data)
    w = leaf(3)
    np.testing.assert_allclose(predict(w).sum().gradient(w).data, data.sum(0))


def test_rule_that_fails_on_tensors_alone_says_why_it_ran_on_them():
    def rule(g, out, x):
        flow = np.zeros_like(x)
        flow[x > 0] = g[x > 0]
        return flow

    positive = tl.op(lambda x: np.maximum(x, 0), name="positive", x=rule)
    x = leaf(2)
    assert positive(x).sum().gradient(x).tolist() == [1.0, 1.0]
    with pytest.raises(OperationError) as caught:
        positive(x).sum().gradient(x, create_graph=True)
    text = str(caught.value)
    assert text.startswith("positive: its gradient rule for x failed on Tensors: t[…] = … isn't")
    assert "since gradients of gradients were asked for" in text
    assert "np.where(x > 0, …)" in text and "order=1" in text


def test_value_that_changed_is_told_as_such_for_ones_own_operation_too():
    x = leaf(2)
    y = cube(x)
    with tl.no_grad():
        x -= 1.0
    for create_graph in (False, True):
        with pytest.raises(MutationError, match=r"^cube needs the value that .* has changed since"):
            y.sum().gradient(x, create_graph=create_graph)


def test_lift_that_fails_is_told_as_a_rule_is():
    broken = tl.op(np.cbrt, lift=lambda g, out, inputs: g.none, x=lambda g, out, x: g)
    with pytest.raises(OperationError, match=r"^cbrt: its gradient rule for x failed: .*none"):
        broken(leaf(3)).sum().backward()


def test_rule_that_returns_nothing_says_so():
    broken = tl.op(np.cbrt, x=lambda g, out, x: None)
    with pytest.raises(OperationError, match=r"it returned None\. Did it forget"):
        broken(leaf(3)).sum().backward()


def test_number_that_a_rule_returns_is_spread():
    total = tl.op(np.sum, a=lambda g, out, a: 1.0)
    x = leaf(3)
    assert total(x).gradient(x).tolist() == [1.0, 1.0, 1.0]


def test_array_that_a_rule_returns_stays_the_users():
    kept = np.array([1.0, 2.0, 3.0])
    dot = tl.op(lambda x: kept @ x, name="dot", x=lambda g, out, x: kept)
    x = leaf(3)
    dot(x).backward()
    with tl.no_grad():
        x.grad[...].numpy()
    kept[0] = 7.0
    assert x.grad.tolist() == [1.0, 2.0, 3.0]


def test_gradient_of_another_shape_is_refused():
    broken = tl.op(np.cbrt, x=lambda g, out, x: np.ones((2, 2)))
    with pytest.raises(OperationError, match="its gradient rule for x failed"):
        broken(leaf(3)).sum().backward()


def test_rule_that_writes_into_what_flows_in_is_refused():
    def scaled(g, out, x, y):
        g *= 2.0
        return g

    broken = tl.op(np.add, name="broken", x=scaled, y=lambda g, out, x, y: g)
    with pytest.raises(
        OperationError, match=r"^broken: its gradient rule for x failed: .*read-only"
    ):
        (broken(leaf(3), leaf(3)) * 2.0).sum().backward()
