"""The checks are checked: an operation with one mistake must be found out by the check for it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import tinygrad_lite as tl

from . import check
from .check import CHECKS, Case, differences


def operation(function=lambda x, y: x * y, **rules):
    rules = {"x": lambda g, out, x, y: g * y, "y": lambda g, out, x, y: g * x} | rules
    return tl.op(function, name="product", **rules)


def case_of(call, also=()):
    rng = np.random.default_rng(0)
    inputs = [rng.uniform(0.5, 2, shape) for shape in [(2, 3), (3,)]]
    return Case("product", call, inputs, numpy=np.multiply, also=also)


@pytest.mark.parametrize("each", CHECKS, ids=lambda each: each.__name__)
def test_right_operation_passes(each):
    product = operation()
    each(case_of(product, also=[lambda x, y: product(x, y=y)]))


def wrong_value(x, y):
    return x * y * (1 + 1e-12)


def wrong_dtype(x, y):
    return (x * y).astype(np.float64)


def wrong_shape(x, y):
    return (x * y)[None]


def of_contiguous(x, y):
    return x * y if x.flags.c_contiguous else -x * y


def coarse(g):
    """`g` to three digits, if it is float32."""
    return g.astype(np.float16).astype(np.float32) if g.dtype == np.float32 else g


def of_tensors(x, y):
    both = isinstance(x, tl.Tensor) and isinstance(y, tl.Tensor)
    return np.multiply(x, y) if both else np.multiply(x, y) * 2


def constant(x):
    """`x` without its history."""
    return x.detach() if isinstance(x, tl.Tensor) else x


FOUND_OUT = [
    (check.value, operation(wrong_value)),
    (check.value, operation(wrong_shape)),
    (check.value, lambda x, y: np.multiply(x.data, y.data)),
    (check.first_order, operation(x=lambda g, out, x, y: g * x)),
    (check.first_order, operation(x=lambda g, out, x, y: -g * y)),
    (check.first_order, operation(x=lambda g, out, x, y: g * y * (1 + 1e-4))),
    (check.first_order, operation(y=lambda g, out, x, y: g * x[:1])),
    (check.first_order, operation(y=lambda g, out, x, y: g * x / 2)),
    (check.first_order, operation(y=lambda g, out, x, y: np.sign(g) * x)),
    (check.second_order, operation(x=lambda g, out, x, y: g * constant(y))),
    (check.second_order, operation(x=lambda g, out, x, y: constant(g) * y)),
    (check.second_order, operation(x=lambda g, out, x, y: g * constant(out) / constant(x))),
    (check.float32, operation(wrong_dtype)),
    (check.float32, operation(x=lambda g, out, x, y: coarse(g) * y)),
    (check.layouts, operation(of_contiguous)),
    (check.constants, of_tensors),
]


@pytest.mark.parametrize(("finds", "call"), FOUND_OUT)
def test_wrong_operation_is_found_out(finds, call):
    with pytest.raises(AssertionError):
        finds(case_of(call))


def test_wrong_spelling_is_found_out():
    with pytest.raises(AssertionError):
        check.spellings(case_of(np.multiply, also=[operation(wrong_value)]))
    with pytest.raises(AssertionError):  # the same numbers by another operation
        check.spellings(case_of(np.multiply, also=[operation()]))


def test_history_that_nobody_asked_for_is_found_out():
    with pytest.raises(AssertionError):
        check.value_without_gradients(case_of(lambda x, y: x * tl.Tensor(y.data, True)))


def test_gradient_that_is_shared_is_found_out():
    kept = np.ones((2, 3))
    call = tl.op(np.add, x=lambda g, out, x, y: kept, y=lambda g, out, x, y: g)
    check.ownership(Case("sum", call, [kept, np.ones(3)]))  # what users return is copied
    call.trusted = True
    with pytest.raises(AssertionError):
        check.ownership(Case("sum", call, [kept, np.ones(3)]))


def test_differences_are_those_of_calculus():
    x, y = np.array([1.0, 2.0]), np.array(3.0)
    by_x, by_y = differences(lambda x, y: np.sum(x**3 * y), [x, y])
    assert_allclose(by_x, 3 * x**2 * y, rtol=1e-8)
    assert_allclose(by_y, np.sum(x**3), rtol=1e-8)
    assert differences(lambda x: 0.0, [np.zeros((2, 0))])[0].shape == (2, 0)
