"""Gradient checking is checked: wrong rules are found out, and the report names the entry."""

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
    assert worst.path.startswith(("args[0]", "args[1]", "what flows into result 0"))


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
    with pytest.raises(GradientError):
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
        tl.check_gradients(lambda x: np.maximum(x, 0.0), np.array([1e-7]))
    tl.check_gradients(lambda x: np.maximum(x, 0.0), np.array([1e-3]))


def test_large_and_small_numbers_are_checked_alike():
    for scale in (1e-6, 1.0, 1e6):
        tl.check_gradients(lambda x, scale=scale: scale * np.sin(x), X)
        tl.check_gradients(lambda x, scale=scale: (x / scale) ** 2, X * scale, order=1)


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
