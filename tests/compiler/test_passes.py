"""What passes must not do: each of these was, or might be, taken for what it isn't."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn

from .twins import begun, both, trained_by, x_and_y

# ---- numbers that are multiplied together --------------------------------------------------------


def square_of_twice(x):
    y = 2 * x
    return 3 * (y * y)


@pytest.mark.parametrize(
    "f",
    [
        square_of_twice,
        lambda x: 3 * (2 * x + 5),
        lambda x: 3 * (5 - 2 * x),
        lambda x: (2 * x + x) / 4,
        lambda x: 3 * (2 * x + 2 * x),
        lambda x: 3 * (2 * x @ (2 * x)),
        lambda x: np.tanh(x).sum() * ((2 * x) @ np.ones((6, 3), x.dtype)),
        lambda x: (2 * x).reshape(2, 3) * (3 * (2 * x)).reshape(2, 3),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_are_merged_only_where_a_function_is_linear(f, dtype):
    x = np.linspace(-1, 1, 6).astype(dtype)
    step = tl.compile(f)
    for _ in range(2):
        np.testing.assert_allclose(step(x).numpy(), f(Tensor(x)).numpy(), rtol=1e-5, atol=1e-6)


NUMBERS = st.sampled_from([-3, -1, 2, 5, -0.5, 0.25, 1.5])
WITH_A_NUMBER = {
    "c*x": lambda c, x: c * x,
    "x/c": lambda c, x: x / c,
    "x+c": lambda c, x: x + c,
    "c-x": lambda c, x: c - x,
}
WITH_ANOTHER = {
    "x+y": lambda x, y: x + y,
    "x-y": lambda x, y: x - y,
    "x*y": lambda x, y: x * y / 8,
    "x@y": lambda x, y: x @ y.T @ np.ones((3, 4)) / 8,
    "sum": lambda x, y: x.sum(axis=0) + y,
}


@st.composite
def expressions(draw):
    """A function of a (3, 4) array: sums, products, and numbers by which they are multiplied."""
    functions = st.sampled_from([*WITH_A_NUMBER.values(), *WITH_ANOTHER.values()])
    steps = []
    for made in range(1, draw(st.integers(2, 8)) + 1):
        places = st.integers(max(0, made - 3), made - 1)
        steps.append((draw(functions), draw(NUMBERS), draw(places), draw(places)))

    def run(x):
        found = [x]
        for function, number, first, second in steps:
            takes_number = function in WITH_A_NUMBER.values()
            found.append(function(number if takes_number else found[first], found[second]))
        return found[-1]

    return run


@settings(max_examples=300, deadline=None)
@given(expressions())
def test_sums_and_products_of_numbers_are_those_of_eager(run):
    def value_and_slope(x):
        return tl.value_and_grad(lambda x: (run(x) / 8).sum())(x)

    x = np.linspace(-1, 1, 12).reshape(3, 4)
    step = tl.compile(value_and_slope)
    with np.errstate(all="ignore"):
        step(x)
        for got, wanted in zip(step(x), value_and_slope(Tensor(x)), strict=True):
            np.testing.assert_allclose(got.numpy(), wanted.numpy(), rtol=1e-7, atol=1e-7)


class Decaying(nn.optim.Optimizer):
    """A rate that is computed from a count, and used twice."""

    def update(self, parameter, gradient, state):
        state["t"] = state.get("t", 0) + 1
        rate = self.lr * 0.5 ** state["t"]
        parameter *= 1 - rate * 0.1
        parameter -= rate * gradient


def test_rate_that_is_computed_is_there_where_it_is_used():
    def scenario(compile):
        model, optimizer = begun(make=lambda p: Decaying(p, 0.5))
        step = compile(trained_by(model, optimizer, nn.mse_loss))
        return [step(*x_and_y()) for _ in range(4)], model.state_dict()

    both(scenario)


# ---- all parameters at once ----------------------------------------------------------------------


@pytest.mark.parametrize("make", [nn.optim.SGD, nn.optim.Adam, nn.optim.AdamW, nn.optim.RMSprop])
def test_update_of_every_optimizer_is_one_of_flat_arrays(make):
    model, optimizer = begun(make=lambda p: make(p, 0.01))
    step = tl.compile(trained_by(model, optimizer, nn.mse_loss))
    step(*x_and_y())
    update = step.source.partition("# ---- update")[2]
    assert "parameters" in update and "weight" not in update


# ---- warnings, and arrays of a function's own ----------------------------------------------------


@pytest.mark.parametrize("exact", [True, False])
def test_what_a_function_does_not_warn_of_the_program_does_not(exact):
    step = tl.compile(lambda x: tl.f.sigmoid(x) + np.exp(x), exact=exact)
    step(np.full(3, -1000.0)), step(np.full(3, -1000.0))
    assert 'with np.errstate(over="ignore"):' in step.source
    with pytest.warns(RuntimeWarning, match="overflow encountered in exp"):
        step(np.full(3, 1000.0))  # of what the user wrote


def test_program_shows_the_statement_that_it_warns_of():
    step = tl.compile(lambda x: np.log(x))
    step(np.ones(3))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        step(np.zeros(3))
    assert caught[0].filename.startswith("<compiled ")
    assert "np.log" in step.source.splitlines()[caught[0].lineno - 1]


BOUNDS = np.linspace(-1, 1, 6)


@tl.op(x=lambda g, out, x: g * np.greater(x, BOUNDS))
def above(x):
    return np.maximum(x, BOUNDS)


def test_arrays_of_an_operation_are_constants():
    def slope(x):
        return tl.grad(lambda x: above(x).sum())(x)

    x = np.array([0.5, -2.0, 0.5, -2.0, 0.5, 2.0])
    step = tl.compile(slope)
    for _ in range(2):
        np.testing.assert_array_equal(step(x).numpy(), slope(Tensor(x)).numpy())


@tl.op(x=lambda g, out, x: g * (x > 0))
def sum_of_positive(x):
    return np.sum(x, where=x > 0) + 0 * np.max(x, initial=2, where=x > 0, keepdims=False)


def test_options_of_reductions_are_kept():
    step = tl.compile(lambda x: sum_of_positive(x))
    for x in (np.array([1.0, -2.0, 3.0]), np.array([-1.0, 5.0, 4.0])):
        assert step(x).item() == step(x).item() == x[x > 0].sum()


@tl.op(x=lambda g, out, x: np.divide(g, x, out=np.zeros_like(g), where=x != 0))
def log_size(x):
    return np.log(np.abs(x), out=np.full_like(x, 7.0), where=x != 0)


def test_entries_that_a_ufunc_is_told_to_leave_stay():
    def value_and_slope(x):
        return tl.value_and_grad(lambda x: log_size(x).sum())(x)

    step = tl.compile(value_and_slope, exact=True)
    for x in (np.array([1.0, 0.0, 3.0]), np.array([0.0, 5.0, 0.0])):
        for _ in range(2):
            for got, wanted in zip(step(x), value_and_slope(Tensor(x)), strict=True):
                np.testing.assert_array_equal(got.numpy(), wanted.numpy())
