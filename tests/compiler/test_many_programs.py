"""What is said when a function gets program after program; methods; copies."""

import copy
import inspect
import pickle
import warnings

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn

X = np.ones(3)


@pytest.mark.parametrize("call", [lambda f, i: f(X, i / 10), lambda f, i: f(X, t=i)])
def test_warning_names_the_argument_that_is_another_number_at_each_call(call):
    f = tl.compile(lambda x, t: (x * t).sum())
    for i in range(8):
        call(f, i)
    with pytest.warns(
        UserWarning, match=r"9 programs, one for each value of t\.[^$]*np\.array\(t\)"
    ):
        call(f, 8)
    call(f, 9)  # it is said once


def test_warning_names_the_variable_that_is_another_number_at_each_call():
    rate = 0.0
    f = tl.compile(lambda x: x * rate)
    with pytest.warns(UserWarning, match="one for each value of rate"):
        for i in range(9):
            rate = i / 10
            f(X)


def test_warning_tells_of_other_things_that_change():
    factors = [1.0]
    f = tl.compile(lambda x: x * factors[0])
    with pytest.warns(UserWarning, match="a list, perhaps"):
        for i in range(9):
            factors[0] = float(i)
            f(X)


def test_many_shapes_and_arrays_are_no_reason_to_warn():
    f = tl.compile(lambda x, t: x * t)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i in range(12):
            f(np.ones(i + 1), np.array(i / 10))


class Trainer:
    def __init__(self):
        self.model = tl.models.Adaline(2)
        self.optimizer = nn.optim.SGD(self.model.parameters(), lr=0.1)
        self.factor = 1.0

    @tl.compile
    def step(self, x, y):
        loss = nn.mse_loss(self.model(x), y) * self.factor
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss


BATCH = np.ones((4, 2), np.float32), np.ones(4, np.float32)


def test_decorated_method_has_programs_for_each_object():
    one, other = Trainer(), Trainer()
    losses = [one.step(*BATCH).item() for _ in range(3)]
    np.testing.assert_allclose(losses, [1.0, 0.16, 0.0256], rtol=1e-5)
    assert other.step(*BATCH).item() == 1.0
    assert repr(one.step) == "<compiled step: 1 program>"
    one.factor = 2.0
    np.testing.assert_allclose(one.step(*BATCH).item(), 2 * 0.004096, rtol=1e-5)


def test_copies_make_programs_of_their_own():
    one = Trainer()
    one.step(*BATCH)
    other = copy.deepcopy(one)
    np.testing.assert_allclose(other.step(*BATCH).item(), 0.16, rtol=1e-5)
    np.testing.assert_allclose(one.step(*BATCH).item(), 0.16, rtol=1e-5)
    again = pickle.loads(pickle.dumps(tl.compile(np.tanh)))
    np.testing.assert_allclose(again(X).numpy(), np.tanh(X))


def test_signature_is_that_of_the_function():
    assert str(inspect.signature(tl.compile(lambda x, t=1: x))) == "(x, t=1)"


def test_one_pass_may_be_given_by_its_name():
    assert tl.compile(lambda x: x + 1, passes="dead")(X).tolist() == [2, 2, 2]
