"""Derivatives as functions: values against closed forms, nesting, structure, errors."""

from collections import OrderedDict, namedtuple
from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.errors import ArgumentError, GradientError

X, V = np.array([0.3, -1.2, 2.0]), np.array([1.0, 0.5, -2.0])
A = np.array([[2.0, 1.0, 0.0], [-1.0, 3.0, 0.5], [0.5, 0.0, 1.0]])


def quartic(x):
    """A number; its derivatives are below."""
    return (x @ A @ x) ** 2


S = A + A.T
GRADIENT = 2 * (X @ A @ X) * (S @ X)
HESSIAN = 2 * np.outer(S @ X, S @ X) + 2 * (X @ A @ X) * S


def nth(f, n):
    for _ in range(n):
        f = tl.grad(f)
    return f


def close(found, expected):
    found = found.data if isinstance(found, Tensor) else found
    assert_allclose(found, expected, rtol=1e-12, atol=1e-12, strict=True)


# ---- any order -----------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [-1.0, 0.0, 0.7, 2.0])
def test_tenth_derivatives_are_right(x):
    assert nth(np.exp, 10)(x).item() == pytest.approx(np.exp(x), rel=1e-12)
    product = np.prod(np.arange(3.0, 13.0))
    assert nth(lambda x: x**12, 10)(x).item() == pytest.approx(product * x**2, rel=1e-12)
    expected = 32 * np.exp(x) * np.cos(x)  # the tenth derivative of sin(x) exp(x)
    found = nth(lambda x: np.sin(x) * np.exp(x), 10)(x).item()
    assert found == pytest.approx(expected, rel=1e-12)


def test_derivative_beyond_the_last_is_zero():
    assert nth(lambda x: x**3, 4)(2.0).item() == 0.0
    assert tl.grad(lambda x: 5.0)(2.0).item() == 0.0


def test_derivative_of_the_argument_itself_is_one():
    assert tl.grad(lambda x: x)(2.0).item() == 1.0
    out, pull = tl.vjp(lambda x: (x, x), X)
    assert len(out) == 2
    close(pull((V, V))[0], 2 * V)


# ---- no confusion of one derivative with another -------------------------------------------------


def test_inner_derivative_is_by_its_own_argument_alone():
    outer = tl.grad(lambda x: x * tl.grad(lambda y: x + y)(x))
    assert outer(2.0).item() == 1.0
    outer = tl.grad(lambda x: x * tl.grad(lambda y: x * y)(x))  # x · x
    assert outer(2.0).item() == 4.0
    outer = tl.grad(lambda x: x * tl.jvp(lambda y: x + y, (x,), (1.0,))[1])
    assert outer(2.0).item() == 1.0


def test_inner_derivative_of_a_constant_depends_on_what_it_closes_over():
    outer = tl.grad(lambda x: x * tl.grad(lambda y: x * y)(3.0))  # x · x
    assert outer(2.0).item() == 4.0


def test_same_array_given_twice_is_two_arguments():
    by_both = tl.grad(lambda x, y: (x * x * y).sum(), argnums=(0, 1))(X, X)
    close(by_both[0], 2 * X * X)
    close(by_both[1], X * X)


def test_result_can_be_differentiated_by_what_requires_a_gradient():
    w = Tensor(X, requires_grad=True)
    penalty = (tl.grad(lambda x: (w * x**2).sum())(V) ** 2).sum()  # Σ (2 w v)²
    penalty.backward()
    close(w.grad, 8 * X * V**2)
    slope = tl.grad(lambda w: (w**3).sum())(w)
    slope.sum().backward()
    close(w.grad, 8 * X * V**2 + 6 * X)


def test_result_has_no_history_where_nothing_asks_for_it():
    w = Tensor(X, requires_grad=True)
    assert tl.grad(quartic)(X).op is None
    assert tl.value_and_grad(quartic)(X)[0].op is None
    assert tl.vjp(np.sin, X)[0].op is None
    with tl.no_grad():
        found = tl.grad(lambda x: (w * x).sum())(w)
    assert found.op is None and not found.requires_grad
    close(found, X)


def test_no_grad_inside_the_function_is_kept():
    def f(x):
        with tl.no_grad():
            y = x * 3.0
        return x * y

    assert tl.grad(f)(2.0).item() == 6.0


# ---- each derivative -----------------------------------------------------------------------------


def test_grad_and_value():
    close(tl.grad(quartic)(X), GRADIENT)
    value, gradient = tl.value_and_grad(quartic)(X)
    close(value, (X @ A @ X) ** 2)
    close(gradient, GRADIENT)


def test_auxiliary_results_come_along():
    def f(x):
        return (x**2).sum(), {"doubled": 2 * x, "name": "f"}

    gradient, aux = tl.grad(f, has_aux=True)(X)
    close(gradient, 2 * X)
    close(aux["doubled"], 2 * X)
    assert aux["name"] == "f" and aux["doubled"].op is None
    (value, aux), gradient = tl.value_and_grad(f, has_aux=True)(X)
    close(value, np.sum(X**2))
    assert tl.vjp(f, X, has_aux=True)[2]["name"] == "f"
    assert tl.jvp(f, (X,), (V,), has_aux=True)[2]["name"] == "f"
    assert tl.jacobian(f, has_aux=True)(X)[1]["name"] == "f"


def test_argnums_choose_the_arguments():
    def f(x, y, *, scale):
        return (x * y**2).sum() * scale

    close(tl.grad(f, 1)(X, V, scale=3.0), 6 * X * V)
    close(tl.grad(f, -1)(X, V, scale=3.0), 6 * X * V)
    by_y, by_x = tl.grad(f, (1, 0))(X, V, scale=3.0)
    close(by_y, 6 * X * V)
    close(by_x, 3 * V**2)
    assert isinstance(tl.grad(f, [0])(X, V, scale=1.0), tuple)


def test_vjp_is_the_vector_times_the_jacobian():
    out, pull = tl.vjp(lambda x: np.sin(A @ x), X)
    jacobian = np.cos(A @ X)[:, None] * A
    close(out, np.sin(A @ X))
    for cotangent in (V, Tensor(V), V.tolist()):
        found = pull(cotangent)
        assert isinstance(found, tuple)
        close(found[0], V @ jacobian)


def test_jvp_is_the_jacobian_times_the_vector():
    out, pushed = tl.jvp(lambda x: np.sin(A @ x), (X,), (V,))
    close(out, np.sin(A @ X))
    close(pushed, np.cos(A @ X) * (A @ V))
    out, pushed = tl.jvp(lambda x, y: (x * y, 3.0), (X, 2.0), (V, 1.0))
    close(pushed[0], 2 * V + X)
    assert pushed[1].item() == 0.0


def test_jacobian_and_hessian():
    close(tl.jacobian(lambda x: np.sin(A @ x))(X), np.cos(A @ X)[:, None] * A)
    close(tl.hessian(quartic)(X), HESSIAN)
    close(tl.jacobian(tl.grad(quartic))(X), HESSIAN)
    close(tl.hvp(quartic, (X,), (V,)), HESSIAN @ V)
    close(tl.jvp(tl.grad(quartic), (X,), (V,))[1], HESSIAN @ V)
    close(tl.vjp(tl.grad(quartic), X)[1](V)[0], V @ HESSIAN)
    close(tl.jacobian(lambda x: tl.vjp(quartic, x)[1](1.0)[0])(X), HESSIAN)


def test_jacobian_has_the_shape_of_result_and_argument():
    x = np.arange(6.0).reshape(2, 3)
    found = tl.jacobian(lambda x: x.T @ x)(x)
    assert found.shape == (3, 3, 2, 3)
    expected = np.zeros((3, 3, 2, 3))
    for i, j, k in product(range(3), range(3), range(2)):
        expected[i, j, k, i] += x[k, j]
        expected[i, j, k, j] += x[k, i]
    close(found, expected)
    assert tl.jacobian(lambda x: x[:0])(x[0]).shape == (0, 3)


def test_elementwise_grad_gives_each_entrys_own():
    close(tl.elementwise_grad(np.sin)(X), np.cos(X))
    close(tl.elementwise_grad(tl.elementwise_grad(np.sin))(X), -np.sin(X))
    close(tl.elementwise_grad(np.multiply, (0, 1))(X, V)[1], X)


def test_hvp_of_several_arguments_is_a_tuple():
    by_x, by_y = tl.hvp(lambda x, y: (x**2 * y).sum(), (X, V), (V, X))
    close(by_x, 2 * V * V + 2 * X * X)
    close(by_y, 2 * X * V)
    assert_array_equal(tl.hvp(lambda x: x.sum(), (X,), (V,)).data, np.zeros(3))


DERIVATIVES = {
    "grad": lambda f: tl.grad(f),
    "value_and_grad": lambda f: lambda x: tl.value_and_grad(f)(x)[1],
    "elementwise_grad": lambda f: tl.elementwise_grad(f),
    "vjp": lambda f: lambda x: tl.vjp(f, x)[1](1.0)[0],
    "jvp": lambda f: lambda x: tl.jvp(f, (x,), (1.0,))[1],
    "jacobian": lambda f: tl.jacobian(f),
}


@pytest.mark.parametrize(("outer", "inner"), [*product(DERIVATIVES, DERIVATIVES)])
def test_each_derivative_nests_in_each(outer, inner):
    def f(x):
        return np.exp(2 * x) * x

    second = DERIVATIVES[outer](DERIVATIVES[inner](f))(0.3)
    assert second.item() == pytest.approx((4 + 4 * 0.3) * np.exp(0.6), rel=1e-12)
    third = DERIVATIVES[outer](tl.hessian(f))(0.3)
    assert third.item() == pytest.approx((12 + 8 * 0.3) * np.exp(0.6), rel=1e-12)
    hvp = tl.hvp(DERIVATIVES[inner](f), (0.3,), (1.0,))
    assert hvp.item() == pytest.approx((12 + 8 * 0.3) * np.exp(0.6), rel=1e-12)


def test_cotangents_and_tangents_can_be_differentiated_by():
    close(tl.grad(lambda v: tl.vjp(np.sin, X)[1](v)[0].sum())(V), np.cos(X))
    close(tl.grad(lambda v: tl.jvp(np.sin, (X,), (v,))[1].sum())(V), np.cos(X))
    close(tl.grad(lambda v: tl.hvp(quartic, (X,), (v,)).sum())(V), HESSIAN.sum(0))


# ---- any nesting of arrays -----------------------------------------------------------------------

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


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: tl.grad(np.sin)(X), GradientError, "must return one number, not Tensor"),
        (lambda: tl.grad(lambda x: None)(X), GradientError, "must return floating arrays"),
        (lambda: tl.grad(np.sin)(3), GradientError, "argument 0 has nothing to differentiate"),
        (lambda: tl.grad(np.sin)("a"), GradientError, "argument 0 has nothing to differentiate"),
        (lambda: tl.grad(np.sin, 1)(X), ArgumentError, "there is no argument 1: 1 were given"),
        (lambda: tl.grad(np.sin, "x")(X), ArgumentError, "there is no argument 'x'"),
        (lambda: tl.grad(np.sin, has_aux=True)(X), ArgumentError, "must return a pair"),
        (lambda: tl.vjp(np.sin, X)[1](V[:2]), ArgumentError, r"must have the shape \(3,\)"),
        (lambda: tl.vjp(lambda x: (x, x), X)[1](V), ArgumentError, "must be nested as"),
        (lambda: tl.jvp(np.sin, X, V), ArgumentError, r"jvp\(f, \(x,\), \(v,\)\)"),
        (lambda: tl.jvp(np.sin, (X,), ()), ArgumentError, "tangents must be nested as"),
        (lambda: tl.hvp(quartic, (X,), (V[:1],)), ArgumentError, r"tangents\[0\] must have the"),
        (
            lambda: tl.jvp(lambda p: p["a"], ({"a": X},), ({"b": V},)),
            ArgumentError,
            r"tangents\[0\] must be nested as",
        ),
    ],
)
def test_misuse_is_told(call, error, text):
    with pytest.raises(error, match=text):
        call()
