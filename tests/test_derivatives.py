"""Derivatives as functions: values against closed forms, nesting, structure, errors."""

import math
from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_lite as tl
from tinygrad_lite import Tensor, autodiff
from tinygrad_lite import errors as e
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


def test_numpys_integer_is_a_position():
    assert tl.grad(lambda x, y: x * y**2, np.int64(1))(2.0, 3.0).item() == 12.0


def test_result_that_is_no_computation_has_derivative_zero():
    w = Tensor(X, requires_grad=True)
    assert tl.grad(lambda x: w.sum())(1.0).item() == 0.0
    assert tl.grad(lambda x: Tensor(2.0, requires_grad=True))(1.0).item() == 0.0
    (by_x,) = tl.vjp(lambda x: (2 * x, w), 1.0)[1]((1.0, X))
    assert by_x.item() == 2.0


def test_leaves_of_inner_derivatives_ask_for_no_history():
    cube = tl.grad(lambda v: tl.jvp(lambda x: x**3, (2.0,), (v,))[1])
    assert cube(1.0).item() == 12.0 and cube(1.0).op is None
    pulled = tl.jacobian(lambda c: tl.vjp(np.sin, X)[1](c)[0])(V)
    close(pulled, np.diag(np.cos(X)))
    assert pulled.op is None


def test_inner_gradients_of_an_unrolled_loop_look_at_their_own_history_alone(monkeypatch):
    visits = []
    whole = autodiff.leading_to

    def counted(wanted, roots):
        useful = whole(wanted, roots)
        visits.append(len(useful))
        return useful

    monkeypatch.setattr(autodiff, "leading_to", counted)

    def descend(x):
        for _ in range(20):
            x = x - 0.1 * tl.grad(lambda x: x**4)(x)
        return x

    tl.grad(descend)(0.5)
    assert max(visits[:-1]) <= 10


@pytest.mark.parametrize("take", [float, int, math.sin, lambda x: next(map(math.exp, [x]))])
def test_plain_numbers_are_refused_inside_a_derivative(take):
    with pytest.raises(GradientError, match="would count as constant in the deri"):
        tl.grad(lambda x: x * take(x))(2.0)
    with pytest.raises(GradientError):
        tl.jvp(lambda x: x * take(x), (2.0,), (1.0,))


def test_plain_numbers_may_be_asked_for():
    assert tl.grad(lambda x: x * x.item())(2.0).item() == 2.0
    assert tl.grad(lambda x: x * float(x.detach()))(2.0).item() == 2.0
    assert tl.grad(lambda x: x * 2 if x > 1 else x)(2.0).item() == 2.0
    assert tl.grad(lambda x: x * len(f"{x:.3f}"))(2.0).item() == 5.0
    x = Tensor(2.0, requires_grad=True)
    tl.grad(np.sin)(1.0)
    assert float(x) == 2.0


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: tl.grad(np.sin)(X), GradientError, r"one number, not a Tensor of shape \(3,\)"),
        (lambda: tl.grad(lambda x: None)(X), GradientError, "must return floating arrays"),
        (lambda: tl.grad(np.sin)(3), GradientError, "argument 0 has nothing to differentiate"),
        (lambda: tl.grad(np.sin)("a"), GradientError, "argument 0 has nothing to differentiate"),
        (lambda: tl.grad(np.sin, 1)(X), ArgumentError, "there is no argument 1: 1 were given"),
        (lambda: tl.grad(np.sin, "x")(X), ArgumentError, "argnums are positions, not str 'x'"),
        (lambda: tl.grad(np.sin, (0, -1))(1.0), ArgumentError, "name the same argument twice"),
        (lambda: tl.grad(np.sin, 1.5)(X), ArgumentError, "argnums are positions, not float 1.5"),
        (lambda: tl.grad(3.0), ArgumentError, r"grad: give a function, not float 3.0"),
        (lambda: tl.grad(np.sin)(x=1.0), ArgumentError, "0 were given by position"),
        (lambda: tl.hessian(np.sin, 1)(X), ArgumentError, "^hessian: there is no argument 1"),
        (lambda: tl.hvp(np.sin, (X,), (V,)), GradientError, "^hvp: the function must return one"),
        (lambda: tl.elementwise_grad(np.sum)(X), e.ShapeError, "not an entry for each"),
        (lambda: tl.elementwise_grad(lambda x: x[:2])(X), e.ShapeError, "not an entry for each"),
        (lambda: tl.vjp(lambda x: (x, x), 2.0)[1]((1.0, None)), ArgumentError, "not NoneType None"),
        (lambda: tl.jvp(np.sin, (2.0,), (None,)), ArgumentError, r"tangents\[0\] must be an array"),
        (lambda: tl.vjp(lambda x, n: x * n, X, 3), GradientError, "Convert it, or close over it"),
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
