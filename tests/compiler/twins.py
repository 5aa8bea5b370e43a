"""The same scenario twice, eagerly and compiled: what both tell of it must be the same.

A scenario is a function that takes `compile`, makes its own models, calls what it compiled, and
yields whatever is to be compared: Tensors, arrays, modules, optimizers, numbers, in any nesting.
"""

import functools

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.nesting import mapped


def eagerly(fn):
    """`fn` as the compiler calls it: given Tensors in the place of arrays."""

    @functools.wraps(fn)
    def run(*args, **kwargs):
        args, kwargs = mapped((args, kwargs), _tensor, "")
        return fn(*args, **kwargs)

    return run


def _tensor(x, path):
    return Tensor(x) if isinstance(x, np.ndarray) and x.dtype.kind in "fiub" else x


def told(scenario, compile):
    """What a scenario yields, as it was then."""
    tl.seed(0)
    return [frozen(x) for x in scenario(compile)]


def both(scenario, *, programs=None, passes=None):
    """Bit for bit with `exact=True`, to a tolerance without; `programs` is how many were made."""
    expected = told(scenario, eagerly)
    for exact in (True, False):
        steps = []

        def compile(fn, exact=exact, steps=steps):
            steps.append(tl.compile(fn, exact=exact, passes=passes))
            return steps[-1]

        found = told(scenario, compile)
        assert len(found) == len(expected)
        for i, (x, wanted) in enumerate(zip(found, expected, strict=True)):
            assert_same(x, wanted, exact, f"yielded as number {i}")
        if programs is not None:
            made = [
                version for step in steps for some in step.versions.values() for version in some
            ]
            assert len(made) == programs


def frozen(x):
    """A copy of values, however they are nested."""
    if isinstance(x, Tensor | np.ndarray | np.generic):
        return np.array(getattr(x, "data", x) if isinstance(x, Tensor) else x)
    if isinstance(x, nn.Module | nn.optim.Optimizer | nn.optim.Schedule):
        return frozen(x.state_dict())
    if isinstance(x, dict):
        return {key: frozen(part) for key, part in x.items()}
    if isinstance(x, list | tuple):
        return type(x)([frozen(part) for part in x])
    assert x is None or isinstance(x, int | float | str), f"can't compare {type(x).__name__}"
    return x


def assert_same(found, expected, exact, where=""):
    assert type(found) is type(expected), f"{where}: {found!r} in the place of {expected!r}"
    if isinstance(expected, dict):
        assert list(found) == list(expected), where
        for key in expected:
            assert_same(found[key], expected[key], exact, f"{where}, {key!r}")
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected), where
        for i, (x, wanted) in enumerate(zip(found, expected, strict=True)):
            assert_same(x, wanted, exact, f"{where}, [{i}]")
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype and found.shape == expected.shape, where
        if exact:
            np.testing.assert_array_equal(found, expected, err_msg=where)
            if expected.dtype.kind == "f":  # zeros have signs
                known = ~np.isnan(expected)
                assert np.array_equal(np.signbit(found[known]), np.signbit(expected[known])), where
        else:
            rtol, atol = (1e-9, 1e-10) if expected.dtype == np.float64 else (2e-4, 2e-5)
            if expected.dtype == np.float16:
                rtol, atol = 2e-2, 2e-2
            np.testing.assert_allclose(found, expected, rtol, atol, err_msg=where)
    else:
        nan = found != found and expected != expected
        assert found == expected or nan, f"{where}: {found!r}, not {expected!r}"


def data(*shape, seed=0, dtype=np.float32):
    """Numbers to compute with, the same each time."""
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def classes(count, of, seed=0):
    return np.random.default_rng(seed).integers(0, of, count)


def trained_by(model, optimizer, loss=nn.mse_loss):
    """The usual training step, as users write it."""

    def step(x, y):
        optimizer.zero_grad()
        error = loss(model(x), y)
        error.backward()
        optimizer.step()
        return error

    return step


def small(*sizes, seed=None):
    return tl.models.MLP(sizes or (4, 6, 3), nn.Tanh, rng=seed)


def begun(make=lambda p: nn.optim.SGD(p, 0.1, 0.9)):
    """A model and its optimizer."""
    model = small()
    return model, make(model.parameters())


def x_and_y(i=0):
    return data(5, 4, seed=i), data(5, 3, seed=i + 100)
