"""Variables, attributes and containers that a compiled function reads, changed between calls."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.errors import OperationError

from .twins import begun, both, data, small, trained_by, x_and_y

model = None  # bound anew by tests, as the next two
SHIFT = 1.0
params = None


def test_global_that_is_bound_anew():
    def scenario(compile):
        global model
        step = compile(lambda x: model(x))
        x, _ = x_and_y()
        for seed in (1, 2, 1):
            model = small(seed=seed)
            yield step(x)
        model = np.tanh
        yield step(x)

    both(scenario)


def test_variable_of_an_enclosing_function_that_is_bound_anew():
    def scenario(compile):
        scale, shift = 2.0, nn.Linear(4, 4, rng=1)
        step = compile(lambda x: shift(x) * scale)
        x, _ = x_and_y()
        yield step(x)
        scale = 3.0
        yield step(x)
        shift = nn.Linear(4, 4, rng=2)
        yield step(x)
        shift = np.tanh
        yield step(x)

    both(scenario)


def test_attributes_of_the_object_whose_method_is_compiled():
    class Trainer:
        def __init__(self):
            self.model, self.scale = small(seed=1), 1.0

        def step(self, x):
            return self.model(x) * self.scale

    def scenario(compile):
        trainer = Trainer()
        step = compile(trainer.step)
        x, _ = x_and_y()
        yield step(x)
        trainer.scale = 2.0
        yield step(x)
        trainer.model = small(seed=2)
        yield step(x)

    both(scenario, programs=3)


def test_numbers_in_containers_of_the_user():
    def scenario(compile):
        settings = {"scale": 1.0, "axes": [0]}
        step = compile(lambda x: x.sum(axis=settings["axes"][0]) * settings["scale"])
        x, _ = x_and_y()
        yield step(x)
        settings["scale"] = 2.0
        yield step(x)
        settings["axes"][0] = 1
        yield step(x)

    both(scenario)


def test_arrays_of_the_user_that_are_changed_in_place():
    def scenario(compile):
        weights, shared = np.ones(4, np.float32), np.zeros(4, np.float32)
        view = Tensor(shared, copy=False)
        step = compile(lambda x: x * weights + view)
        x, _ = x_and_y()
        yield step(x)
        weights[1] = 5
        yield step(x)
        shared[...] = 7
        yield step(x)

    both(scenario)


def test_tensors_of_the_user_that_are_assigned():
    def scenario(compile):
        shift = Tensor(np.ones(4, np.float32))
        step = compile(lambda x: x + shift)
        x, _ = x_and_y()
        yield step(x)
        shift.assign(2 * np.ones(4))
        yield step(x)
        shift = Tensor(np.zeros(4, np.float32))
        yield step(x)

    both(scenario)


def shifted(x):
    return x + SHIFT


class Shifting(nn.Module):
    def forward(self, x):
        return shifted(x) * SHIFT


def within(x):
    return tl.grad(lambda x: (x * SHIFT).sum())(x)


@pytest.mark.parametrize(
    "fn", [shifted, lambda x: shifted(x), Shifting(), partial(shifted), within], ids=str
)
def test_global_that_is_read_further_down(fn):
    def scenario(compile):
        global SHIFT
        step = compile(fn)
        for shift in (1.0, 2.0, 2.0, 3.0):
            SHIFT = shift
            yield step(data(4, dtype=float))

    both(scenario, programs=3)


def test_attribute_of_an_object_of_the_users():
    def scenario(compile):
        settings = SimpleNamespace(scale=1.0, calls=0, layers=[small(seed=1)])

        @compile
        def step(x):
            for layer in settings.layers:
                x = layer(x)
            return x * settings.scale

        x, _ = x_and_y()
        yield step(x)
        settings.scale = 2.0
        yield step(x)
        settings.calls += 1  # not read, so no matter
        yield step(x)
        settings.layers.append(small(3, 2, seed=2))
        yield step(x)

    both(scenario, programs=3)


def test_counter_of_the_function_itself_counts_at_tracing():
    counter = {"calls": 0}
    history = []

    @tl.compile
    def step(x):
        counter["calls"] += 1
        history.append(x)
        return x * 2

    for _ in range(3):
        step(np.ones(2))
    assert counter["calls"] == len(history) == 1


def test_tensor_that_the_function_binds_anew_is_refused():
    global params
    params = Tensor([1.0, 2.0])

    def step(x):
        global params
        params = params * x
        return params.sum()

    with pytest.raises(OperationError, match="binds params to another Tensor"):
        tl.compile(step)(np.ones(2, np.float32))


def test_learning_rate_that_the_function_sets_itself_is_refused():
    model, optimizer = begun()

    def step(x, y):
        loss = trained_by(model, optimizer)(x, y)
        optimizer.lr *= 0.5
        return loss

    with pytest.raises(OperationError, match=r"sets the lr of SGD.*\n.*schedule"):
        tl.compile(step)(*x_and_y())


def test_variable_that_is_deleted_is_missed_as_by_eager():
    factor = 2.0

    @tl.compile
    def step(x):
        return x * factor  # noqa: F821

    step(data(3))
    del factor
    with pytest.raises(NameError):
        step(data(3))
