"""What is checked of every operation, against NumPy and against central differences.

An operation needs one line, in cases.py; test_operations.py then runs all of `CHECKS` on it, and
test_check.py sees to it that a wrong operation is found out.
"""

import zlib
from functools import partial
from itertools import product

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_lite import Tensor


class Case:
    """A function of arrays, given as users call it, and inputs to check it on.

    Inputs are float64, and those are differentiated; integers and bools are given as arrays.
    `numpy` is what must come out, on arrays; by default `call` itself. `also` are other ways to
    write `call`.
    """

    def __init__(self, name, call, inputs, numpy=None, also=()):
        self.name = name
        self.call = call
        self.inputs = [np.asarray(x) for x in inputs]
        self.numpy = numpy or call
        self.also = also

    def __repr__(self):
        return self.name

    def arrays(self, dtype=np.float64):
        """The inputs, the floating ones as `dtype`."""
        return [x.astype(dtype) if x.dtype.kind == "f" else x for x in self.inputs]

    def weights(self):
        """What to let flow into the sweep: a number for each entry of the output."""
        shape = np.shape(self.numpy(*self.inputs))
        seed = zlib.crc32(f"weights of {self.name}".encode())  # no numbers that inputs have, too
        return np.random.default_rng(seed).uniform(0.5, 1.5, shape)


def tensors(arrays, copy=True):
    """Tensors of the floating arrays; the others as they are."""
    return [Tensor(x, requires_grad=True, copy=copy) if x.dtype.kind == "f" else x for x in arrays]


def gradients(call, inputs, weights):
    """The gradients of `call` by those inputs that are Tensors, as arrays."""
    leaves = [x for x in inputs if isinstance(x, Tensor)]
    found = call(*inputs).gradient(*leaves, gradient=weights)
    return [g.data for g in (found if len(leaves) > 1 else [found])]


def differences(f, arrays, step=1e-6):
    """The gradients of a number by the floating ones of `arrays`, entry by entry."""
    arrays, found = [np.array(x) for x in arrays], []
    for x in arrays:
        if x.dtype.kind != "f":
            continue
        g = np.empty_like(x)
        for index in np.ndindex(x.shape):
            middle = x[index]
            x[index] = middle + step
            above = f(*arrays)
            x[index] = middle - step
            g[index] = (above - f(*arrays)) / (2 * step)
            x[index] = middle
        found.append(g)
    return found


def operations_of(out):
    """The names of all operations in the history of a Tensor."""
    tensors_of = [out]
    for t in tensors_of:  # grows on the way
        if t.op is not None:
            yield t.op.name
            tensors_of += [x for x in t.inputs if isinstance(x, Tensor)]


def assert_all_close(found, expected, rtol, atol):
    for g, e in zip(found, expected, strict=True):
        assert_allclose(g, e, rtol=rtol, atol=atol, strict=True)


# ---- the checks ----------------------------------------------------------------------------------


def value(case):
    """Numbers, shape and dtype are NumPy's."""
    out = case.call(*tensors(case.inputs))
    assert isinstance(out, Tensor), f"{case} gives a {type(out).__name__}"
    assert_allclose(out.data, case.numpy(*case.inputs), rtol=1e-14, atol=1e-15, strict=True)


def value_without_gradients(case):
    """A Tensor that requires no gradient gives the same, without history."""
    inputs = [Tensor(x) if x.dtype.kind == "f" else x for x in case.inputs]
    out = case.call(*inputs)
    assert_array_equal(out.data, case.call(*tensors(case.inputs)).data)
    assert out.op is None and not out.requires_grad and out.inputs == ()


def spellings(case):
    """Every other way to write it gives the same, bit for bit, by the same operation."""
    out = case.call(*tensors(case.inputs))
    for call in case.also:
        other = call(*tensors(case.inputs))
        assert_array_equal(other.data, out.data, strict=True)
        assert other.op is out.op


def first_order(case):
    """Gradients are those of central differences of NumPy's function."""
    w = case.weights()
    expected = differences(lambda *arrays: np.sum(case.numpy(*arrays) * w), case.inputs)
    found = gradients(case.call, tensors(case.inputs), w)
    assert_all_close(found, expected, rtol=1e-6, atol=1e-8)


def second_order(case):
    """Gradients of gradients, also by what flows in, are those of central differences."""
    w, arrays = case.weights(), case.arrays()
    rng = np.random.default_rng(0)
    directions = [rng.uniform(0.5, 1.5, x.shape) for x in arrays if x.dtype.kind == "f"]

    def first(*arrays_and_w):
        found = gradients(case.call, tensors(arrays_and_w[:-1]), arrays_and_w[-1])
        return sum(np.sum(g * d) for g, d in zip(found, directions, strict=True))

    *inputs, flowing = tensors([*arrays, w])
    leaves = [x for x in inputs if isinstance(x, Tensor)]
    found = case.call(*inputs).gradient(*leaves, gradient=flowing, create_graph=True)
    found = found if len(leaves) > 1 else [found]
    assert_all_close(
        [g.data for g in found], gradients(case.call, tensors(arrays), w), rtol=1e-13, atol=1e-14
    )
    sum((g * d).sum() for g, d in zip(found, directions, strict=True)).backward()
    second = [np.zeros(x.shape) if x.grad is None else x.grad.data for x in (*leaves, flowing)]
    assert_all_close(second, differences(first, [*arrays, w]), rtol=1e-6, atol=1e-7)


def float32(case):
    """float32 gives NumPy's dtype, float32 gradients, and numbers near those of float64."""
    arrays, w = case.arrays(np.float32), case.weights()
    out = case.call(*tensors(arrays))
    assert out.dtype == case.numpy(*arrays).dtype
    exact = [x.astype(np.float64) if x.dtype == np.float32 else x for x in arrays]
    assert_allclose(out.data, case.numpy(*exact), rtol=1e-5, atol=1e-6)
    for g, expected in zip(
        gradients(case.call, tensors(arrays), w),
        gradients(case.call, tensors(exact), w),
        strict=True,
    ):
        assert g.dtype == np.float32
        assert_allclose(g, expected, rtol=1e-4, atol=1e-5)


def layouts(case):
    """How an input lies in memory changes nothing."""
    w, arrays = case.weights(), case.arrays()
    out, expected = case.call(*tensors(arrays)), gradients(case.call, tensors(arrays), w)
    for layout in (partial(np.array, order="F"), with_steps, backwards):
        leaves = tensors([layout(x) for x in arrays], copy=False)
        again = case.call(*leaves)
        assert_allclose(again.data, out.data, rtol=1e-13, atol=1e-15, strict=True)
        assert_all_close(gradients(case.call, leaves, w), expected, rtol=1e-13, atol=1e-15)


def with_steps(x):
    """The same entries, every second one of a larger array."""
    larger = np.zeros([2 * n for n in x.shape], x.dtype)
    every_second = (..., *[slice(None, None, 2)] * x.ndim)
    larger[every_second] = x
    return larger[every_second]


def backwards(x):
    """The same entries, with negative strides."""
    turned = (..., *[slice(None, None, -1)] * x.ndim)
    return np.array(x[turned])[turned]


def constants(case):
    """Each input alone has the gradient that it has among others, whether those are arrays."""
    w, arrays = case.weights(), case.arrays()
    expected = gradients(case.call, tensors(arrays), w)
    floating = [i for i, x in enumerate(arrays) if x.dtype.kind == "f"]
    if len(floating) == 1:
        return
    for (i, g), kind in product(zip(floating, expected, strict=True), (np.array, Tensor)):
        inputs = [kind(x) if x.dtype.kind == "f" else x for x in arrays]
        inputs[i] = leaf = Tensor(arrays[i], requires_grad=True)
        found = case.call(*inputs).gradient(leaf, gradient=w)
        assert_array_equal(found.data, g, strict=True)


def ownership(case):
    """Gradients that `backward` leaves have the leaf's shape, and memory that nobody else has."""
    inputs = tensors(case.inputs)
    leaves = [x for x in inputs if isinstance(x, Tensor)]
    w = case.weights()
    case.call(*inputs).backward(w)
    held = [w, *case.inputs, *[x.data for x in leaves]]
    for leaf in leaves:
        g = leaf.grad.data
        assert g.shape == leaf.shape and g.dtype == leaf.dtype
        assert not any(np.shares_memory(g, other) for other in held)
        assert g.base.base is None, f"{case}: the gradient is a view"
        held.append(g)


CHECKS = [
    value,
    value_without_gradients,
    spellings,
    first_order,
    second_order,
    float32,
    layouts,
    constants,
    ownership,
]
