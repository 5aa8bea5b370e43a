"""What a function reads of objects, classes and defaults: with it the program becomes another."""

import copy
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn

from .twins import both, data


class Config:
    scale = 1.0

    def __init__(self):
        self.own = 1.0
        self.inner = SimpleNamespace(scale=1.0)

    @property
    def twice(self):
        return 2 * self.own

    def asked(self):
        return self.own


class Slotted:
    __slots__ = ("scale",)


class Callable:
    def __init__(self, config):
        self.config = config

    def __call__(self, x):
        return x * self.config.own


def by_default(config):
    def step(x, given=config):
        return x * given.own

    return step


READS = {
    "attribute": lambda c: lambda x: x * c.own,
    "attribute of an attribute": lambda c: lambda x: x * c.inner.scale,
    "property": lambda c: lambda x: x * c.twice,
    "method": lambda c: lambda x: x * c.asked(),
    "class": lambda c: lambda x: x * Config.scale,
    "class by its object": lambda c: lambda x: x * c.scale,
    "object that is called": Callable,
    "default": by_default,
    "part of another": lambda c: partial(lambda given, x: x * given.own, c),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_number_that_an_object_holds(read):
    def scenario(compile):
        config = Config()
        step = compile(read(config))
        for number in (1.0, 1.0, 2.0, 3.0):
            config.own = config.inner.scale = Config.scale = number
            yield step(data(3))

    both(scenario, programs=3)


def test_number_in_a_slot():
    def scenario(compile):
        slotted = Slotted()
        step = compile(lambda x: x * slotted.scale)
        for slotted.scale in (1.0, 1.0, 2.0):
            yield step(data(3))

    both(scenario, programs=2)


def test_containers_that_are_given_early():
    def scenario(compile):
        sizes, kinds = {"scale": 1.0}, {1}
        step = compile(
            partial(lambda sizes, kinds, x: x * sizes["scale"] * len(kinds), sizes, kinds)
        )
        yield step(data(3))
        sizes["scale"] = 2.0
        yield step(data(3))
        kinds.add(2)
        yield step(data(3))

    both(scenario, programs=3)


@dataclass
class Scale:
    scale: float


@pytest.mark.parametrize("make", [Scale, lambda k: SimpleNamespace(scale=k)])
def test_objects_as_arguments(make):
    """Those that are gone may have left their identity to others."""

    def scenario(compile):
        step = compile(lambda x, given: x * given.scale)
        for k in range(5):
            given = make(float(k))
            yield step(data(3), given)
            given.scale += 10
            yield step(data(3), given)
            del given

    both(scenario)


def test_sets_as_arguments():
    def scenario(compile):
        step = compile(lambda x, kinds: x * len(kinds))
        for count in (1, 2, 1, 3):
            yield step(data(3), set(range(count)))

    both(scenario, programs=3)


def test_generator_that_is_bound_anew():
    def scenario(compile):
        rng = np.random.default_rng(0)
        step = compile(lambda x: x * tl.rand(3, rng=rng))
        yield [step(data(3)) for _ in range(3)]
        rng = np.random.default_rng(1)
        yield [step(data(3)) for _ in range(3)]

    both(scenario, programs=2)


def test_what_methods_of_modules_and_optimizers_read():
    def scenario(compile):
        factors = {"rate": 1.0, "input": 1.0}

        class Scaled(nn.Linear):
            def prepared(self, x):
                return x * factors["input"]

            def forward(self, x):
                return super().forward(self.prepared(x))

        class Descent(nn.optim.Optimizer):
            def update(self, parameter, gradient, state):
                parameter -= self.lr * factors["rate"] * gradient

        model = Scaled(3, 2)
        optimizer = Descent(model.parameters(), 0.1)

        @compile
        def step(x):
            loss = (model(x) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        for name in ("rate", "input", "rate"):
            yield step(data(4, 3)), model
            factors[name] += 1.0
        yield step(data(4, 3)), model

    both(scenario, programs=4)


def test_copied_object_has_methods_of_its_own():

    def scenario(compile):
        class Scaled:
            scale = 1.0

            @compile
            def step(self, x):
                return x * self.scale

        first = Scaled()
        yield first.step(data(3))
        second = copy.copy(first)
        second.scale = 2.0
        yield first.step(data(3)), second.step(data(3))

    both(scenario)


def test_attribute_that_hides_one_of_the_class():
    def scenario(compile):
        holders = [Config(), Config()]
        step = compile(lambda x: x * sum(each.scale for each in holders))
        yield step(data(3))
        holders[1].scale = 5.0
        yield step(data(3))

    both(scenario, programs=2)


def test_attribute_that_is_asked_for_by_a_string():
    def scenario(compile):
        config = Config()
        step = compile(lambda x: x * getattr(config, "own"))  # noqa: B009
        yield step(data(3))
        config.own = 5.0
        yield step(data(3))

    both(scenario, programs=2)


# ---- written, and then something else ------------------------------------------------------------


def test_parameter_that_is_detached_after_the_step_is_its_new_value():
    model = tl.nn.Linear(2, 3, rng=0)
    optimizer = tl.nn.optim.SGD(model.parameters(), lr=0.1)

    @tl.compile
    def step(x):
        optimizer.zero_grad()
        model(x).sum().backward()
        optimizer.step()
        return model.weight.detach()

    for _ in range(3):
        np.testing.assert_array_equal(step(np.ones((4, 2), np.float32)).numpy(), model.weight.data)


@pytest.mark.parametrize(
    ("fails", "good", "bad"),
    [
        (lambda x, i: x[i], 1, 9),
        (lambda x, i: np.linalg.inv(x * i), 1, 0),
    ],
)
def test_leaf_is_written_once_where_what_follows_is_refused(fails, good, bad):
    w = tl.Tensor(np.zeros(2))

    @tl.compile
    def step(x, i):
        w.assign(w + 1)
        return fails(x, i)

    x = np.eye(2)
    for _ in range(2):
        step(x, np.array(good))
    with pytest.raises(tl.errors.TinygradError):
        step(x, np.array(bad))
    np.testing.assert_array_equal(w.numpy(), [3, 3])


def test_compiled_function_within_another_is_seen_to_change():
    factor = 2.0
    inner = tl.compile(lambda x: x * factor)
    outer = tl.compile(lambda x: inner(x) + 1)
    x = np.ones(2)
    for factor in (2.0, 5.0):
        for _ in range(2):
            np.testing.assert_array_equal(outer(x).numpy(), x * factor + 1)
