"""Derivatives by arrays however they are nested: in tuples, lists, dicts, modules."""

from collections import OrderedDict, namedtuple

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn

X, V = np.array([0.3, -1.2, 2.0]), np.array([1.0, 0.5, -2.0])


def close(found, expected):
    assert_allclose(found.data, expected, rtol=1e-12, atol=1e-12, strict=True)


Pair = namedtuple("Pair", "x y")


def test_gradient_is_nested_as_the_argument():
    nest = {"a": [X, (2.0, V)], "b": OrderedDict(c=Pair(X, None)), "text": "tanh", "n": 3}

    def f(p):
        x, (s, v) = p["a"]
        assert p["text"] == "tanh" and p["n"] == 3 and p["b"]["c"].y is None
        return (x * v).sum() * s + (p["b"]["c"].x ** 2).sum()

    found = tl.grad(f)(nest)
    close(found["a"][0], 2 * V)
    close(found["a"][1][0], np.asarray(X @ V))
    close(found["a"][1][1], 2 * X)
    assert isinstance(found["b"], OrderedDict) and isinstance(found["b"]["c"], Pair)
    close(found["b"]["c"].x, 2 * X)
    assert found["text"] is None and found["n"] is None


def test_jacobian_is_nested_as_result_and_argument():
    found = tl.jacobian(lambda p: {"s": p["x"] * p["y"], "t": [p["y"]]})({"x": X, "y": 2.0})
    close(found["s"]["x"], 2 * np.eye(3))
    close(found["s"]["y"], X)
    close(found["t"][0]["x"], np.zeros(3))
    close(found["t"][0]["y"], np.array(1.0))


def test_dtype_of_a_gradient_is_the_arguments():
    x = X.astype(np.float32)
    assert tl.grad(lambda x: (x * V).sum())(x).dtype == np.float32
    assert tl.grad(np.sin)(1.0).dtype == np.float64
    assert tl.grad(np.sin)(Tensor(1.0)).dtype == np.float32
    assert tl.jvp(np.sin, (x,), (V,))[1].dtype == np.float32


class Scaled(nn.Module):
    def __init__(self):
        self.layers = [nn.Linear(3, 2, rng=0), nn.Linear(2, 2, rng=1)]
        self.layers[1].bias.requires_grad = False
        self.tied = self.layers[0].weight
        self.calls = []

    def forward(self, x):
        self.calls.append(x.shape)
        for layer in self.layers:
            x = np.tanh(layer(x))
        return (x * self.tied.sum()).sum()


def test_gradient_by_a_module_is_a_module():
    model, x = Scaled(), np.ones((4, 3), np.float32)
    found = tl.grad(lambda model, x: model(x) + sum((p**2).sum() for p in model.parameters()))(
        model, x
    )
    assert isinstance(found, Scaled) and found is not model
    loss = model(x) + sum((p**2).sum() for p in model.parameters())
    loss.backward()
    gradients = dict(found.named_parameters())
    for path, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert_array_equal(gradients[path].data, parameter.grad.data)
    assert found.layers[1].bias is None and found.tied is found.layers[0].weight
    assert model.tied is model.layers[0].weight
    assert len(model.calls) == 2  # what is no container of parameters is shared


def test_module_is_left_as_it_was():
    model, x = Scaled(), np.ones((4, 3), np.float32)
    before = model.state_dict()
    parameters = model.parameters()
    tl.grad(lambda model: model(x))(model)
    assert [a is b for a, b in zip(parameters, model.parameters(), strict=True)] == [True] * 4
    assert all(p.grad is None for p in parameters)
    assert all((before[key] == value).all() for key, value in model.state_dict().items())


class Counting(nn.Module):
    def __init__(self):
        self.weight, self.seen, self.last = nn.Parameter([1.0, 2.0]), nn.Buffer([0.0]), 0

    def forward(self, x):
        self.last = x
        self.seen.data = self.seen.data + 1
        return (self.weight**2 * x).sum()


def test_function_may_write_into_buffers_of_a_module():
    model = Counting()
    found = tl.grad(lambda model: model(3.0))(model)
    assert found.weight.tolist() == [6.0, 12.0] and found.seen is None
    assert model.seen.tolist() == [1.0] and model.last == 0


def test_hessian_by_a_module_is_a_module_of_modules():
    found = tl.hessian(lambda model: model(3.0))(Counting())
    close(found.weight.weight, np.diag([6.0, 6.0]).astype(np.float32))
    found = tl.hessian(lambda p: (p["m"].weight ** 2).sum() * p["s"])({"m": Counting(), "s": 2.0})
    close(found["m"].weight["s"], np.array([2.0, 4.0]))
    close(found["s"]["m"].weight, np.array([2.0, 4.0], np.float32))
    assert found["s"]["s"].item() == 0.0


def test_modules_take_directions_as_modules():
    model, x = nn.Linear(3, 1, rng=0), np.ones((4, 3), np.float32)

    def f(model):
        return (model(x) ** 2).sum()

    with tl.no_grad():
        gradient = tl.grad(f)(model)
        _, along = tl.jvp(f, (model,), (gradient,))
        product = tl.hvp(f, (model,), (gradient,))
    expected = sum((p**2).sum() for p in gradient.parameters())
    assert_allclose(along.item(), expected.item(), rtol=1e-5)
    assert product.weight.shape == (3, 1)
