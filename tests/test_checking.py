"""Gradient checking is checked: wrong rules are found out, and the report names the entry."""

import re

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.errors import ArgumentError, GradientError

X, Y = np.array([[0.5, -1.5], [2.0, 3.0]]), np.array([1.5, -0.7])


def product(**rules):
    right = {"x": lambda g, out, x, y: g * y, "y": lambda g, out, x, y: g * x}
    return tl.op(lambda x, y: x * y, name="product", **(right | rules))


def test_right_gradients_pass_and_the_worst_entry_is_told():
    worst = tl.check_gradients(product(), X, Y, order=3)
    assert worst.order in (1, 2, 3) and worst.ratio < 0.1
    assert abs(worst.analytic - worst.numeric) <= 1e-6
    assert worst.path.startswith(("args[0]", "args[1]", "gradient of result"))


def constant(x):
    return x.detach() if isinstance(x, Tensor) else x


WRONG = [
    (1, {"x": lambda g, out, x, y: g * x}),
    (1, {"x": lambda g, out, x, y: -g * y}),
    (1, {"x": lambda g, out, x, y: g * y * (1 + 1e-4)}),
    (1, {"y": lambda g, out, x, y: g * x[:1]}),
    (1, {"y": lambda g, out, x, y: np.sign(g) * x}),
    (1, {"y": lambda g, out, x, y: g * np.nan}),
    (1, {"y": None}),
    (2, {"x": lambda g, out, x, y: g * constant(y)}),
    (2, {"x": lambda g, out, x, y: constant(g) * y}),
    (2, {"x": lambda g, out, x, y: g * constant(out) / constant(x)}),
]


@pytest.mark.parametrize(("order", "rules"), WRONG)
def test_wrong_rule_is_found_out(order, rules):
    wrong = product(**rules)
    with pytest.raises(GradientError, match=f"the derivative of order {order} is wrong"):
        tl.check_gradients(wrong, X, Y)
    if order == 2:
        tl.check_gradients(wrong, X, Y, order=1)


def test_report_names_the_worst_entry():
    mask = np.array([[1.0, 1.0], [1.0, 2.0]])  # twice the gradient at [1, 1]
    wrong = tl.op(np.sin, name="wrong", x=lambda g, out, x: g * np.cos(x) * mask)
    with pytest.raises(GradientError) as caught:
        tl.check_gradients(lambda nest: wrong(nest["x"]).sum(), {"x": X})
    lines = str(caught.value).splitlines()
    assert lines[0] == "check_gradients: the derivative of order 1 is wrong:"
    assert lines[1].split() == ["at", "args[0]['x'][1,", "1]"]
    assert lines[2].split() == ["analytic", f"{2 * np.cos(3.0):.9g}"]
    label, number = lines[3].split()
    assert label == "numeric" and float(number) == pytest.approx(np.cos(3.0), rel=1e-8)
    assert lines[4].split() == ["relative", "error", "0.5"]
    assert re.fullmatch(
        r"  A gradient rule is wrong, or there is a kink within \de-\d\d of this point\.", lines[5]
    )


def test_any_nesting_of_results_and_arguments_is_checked():
    def f(nest, model, count):
        assert count == 3
        return {
            "a": [np.exp(nest["x"]), model(nest["x"])],
            "b": (nest["y"] * 2, nest["x"].argmax()),
        }

    tl.check_gradients(f, {"x": X, "y": 2.0}, nn.Linear(2, 3, rng=0), 3)


def test_single_precision_is_checked_in_double():
    tl.check_gradients(lambda x, w: np.tanh(x @ w), X.astype(np.float32), Tensor([1.0, 2.0]))


def test_float32_inside_the_function_is_found_out():
    with pytest.raises(
        GradientError, match="result is float32, but the arguments are given in float64"
    ):
        tl.check_gradients(lambda x: x.astype(np.float32) * 1.1, X)


def test_of_large_arrays_some_entries_are_drawn():
    calls = []

    def f(x):
        calls.append(1)
        return (x * x).sum()

    tl.check_gradients(f, np.ones(10_000), order=1, entries=5)
    assert len(calls) < 20


def test_kink_is_found_out_as_a_wrong_derivative():
    with pytest.raises(GradientError, match="or there is a kink within"):
        tl.check_gradients(lambda x: np.maximum(x, 1.0), np.array([1 + 1e-9]))
    with pytest.raises(GradientError, match="or there is a kink within"):
        tl.check_gradients(tl.f.relu, 0.0)


def test_kink_is_stepped_around():
    for x in (1e-7, 1e-3, 1.0):
        tl.check_gradients(lambda x: np.maximum(x, 0.0), np.array([x, -x]))


def sine(rule):
    return tl.op(np.sin, name="sine", x=lambda g, out, x: g * rule(x))


RIGHT_FAR_AND_NEAR = [
    *((np.log, x) for x in (1e-10, 1e-6, 1e-3, 1.0, 1e10)),
    *((np.sqrt, x) for x in (1e-7, 1e7)),
    *((np.sin, x) for x in (0.0, 1e-6, 1.0, 1e6, 1e9)),
    *((np.cos, x) for x in (1e-6, 1e4)),
    *((np.exp, x) for x in (-40.0, 20.0, 300.0)),
    *((np.reciprocal, x) for x in (1e-6, 1e-4, 1e4)),
    *((np.tanh, x) for x in (15.0, 40.0)),
    (lambda x: x**3, 0.0),
    (lambda x: tl.f.softmax(x).sum(), X),  # all gradients are 0, but for rounding
]


@pytest.mark.parametrize(("f", "x"), RIGHT_FAR_AND_NEAR)
def test_right_gradients_pass_far_from_zero_and_near_it(f, x):
    tl.check_gradients(f, x)


@pytest.mark.parametrize("scale", [1e-20, 1e-9, 1.0, 1e9])
@pytest.mark.parametrize("factor", [-1, 0, 1 - 1e-4, 1 + 2e-5, 5])
def test_wrong_factor_is_found_out_whatever_the_scale(scale, factor):
    wrong = sine(lambda x: factor * np.cos(x))
    with pytest.raises(GradientError, match="order 1 is wrong"):
        tl.check_gradients(lambda x: scale * wrong(x), 0.3)
    right = sine(np.cos)
    tl.check_gradients(lambda x: scale * right(x), X)
    tl.check_gradients(lambda x: (x / scale) ** 2, X * scale)


@pytest.mark.parametrize("x", [1e-6, 20.0, 1e4, 1e6])
def test_wrong_factor_is_found_out_far_from_zero_and_near_it(x):
    with pytest.raises(GradientError, match="order 1 is wrong"):
        tl.check_gradients(sine(lambda x: np.cos(x) * (1 + 1e-4)), x)


def test_wrong_quadratic_of_large_and_small_arguments_is_found_out():
    wrong = tl.op(np.square, name="wrong", x=lambda g, out, x: g * x * (2 + 2e-4))
    for scale in (1e-6, 1.0, 1e6):
        with pytest.raises(GradientError, match="order 1 is wrong"):
            tl.check_gradients(lambda x, scale=scale: wrong(x / scale), X * scale)


def test_wrong_gradient_is_not_hidden_by_a_large_one():
    wrong = sine(lambda x: -np.cos(x))
    for small in (1.0, 1e-3):
        with pytest.raises(GradientError, match=r"args\[1\]\n"):
            tl.check_gradients(lambda x, y, small=small: 1e9 * x + small * wrong(y), 1.0, 0.3)
    with pytest.raises(GradientError, match=r"args\[1\]\n"):
        tl.check_gradients(lambda x, y: (1e9 * x, 1e-5 * wrong(y)), 1.0, 0.3)


def test_step_that_is_told_is_the_one_that_was_used():
    seen = []

    def f(x):
        seen.append(float(x.data if isinstance(x, Tensor) else x))
        return x**3

    found = tl.check_gradients(f, 1000.0, order=1)
    above, below = 1000 + found.step, 1000 - found.step
    assert found.path != "args[0]" or {above, below} <= set(seen)
    wrong = tl.op(f, name="wrong", x=lambda g, out, x: g * x)
    with pytest.raises(GradientError) as caught:
        tl.check_gradients(wrong, 1000.0, order=1)
    step = float(re.search(r"within (\S+) of", str(caught.value))[1])
    assert np.min(np.abs(np.array(seen) - (1000 + step))) < 1e-9


def test_few_steps_are_tried_where_the_first_agrees():
    calls = []
    tl.check_gradients(lambda x: calls.append(1) or np.sin(x), X, order=1)
    assert len(calls) <= 3 + 2 * 2 * X.size


REASONS = [
    (lambda x: x * np.random.default_rng().normal(), X, "called twice: is it random?"),
    (np.log, X, "result has NaN or infinity at this point"),
    (np.sqrt, 0.0, "The analytic derivative isn't finite"),
    (lambda x: x**1.5, 0.0, "isn't finite on both sides: is this the edge of its domain?"),
    (lambda x: x.detach() ** 2 + 0 * x, X, "Or the value left the graph: float"),
    (np.linalg.cholesky, np.array([[2.0, 0.5], [0.5, 3.0]]), "only half of a symmetric matrix"),
    (
        tl.op(np.square, name="wrong", x=lambda g, out, x: constant(g) * 2 * x),
        2.0,
        "is the rule linear in g",
    ),
]


@pytest.mark.parametrize(("f", "x", "text"), REASONS)
def test_likely_reason_is_told(f, x, text):
    with pytest.raises(GradientError, match=re.escape(text)):
        tl.check_gradients(f, x)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: tl.check_gradients(np.sin, 3), GradientError, "nothing to differentiate by"),
        (lambda: tl.check_gradients(np.sin, X, order=0), ArgumentError, "order must be 1 or more"),
        (lambda: tl.check_gradients(np.argmax, X), GradientError, "returned no floating arrays"),
    ],
)
def test_misuse_is_told(call, error, text):
    with pytest.raises(error, match=text):
        call()
