"""Memory that Tensors share: writes that go wrong, views that NumPy hides, copies."""

import numpy as np
import pytest

import tinygrad_lite as tl


def test_write_that_raises_half_way_is_remembered():
    w = tl.Tensor(np.float32([2.0, 3.0]), requires_grad=True)
    y = (w * w).sum()
    with np.errstate(all="raise"), tl.no_grad(), pytest.raises(FloatingPointError):
        w *= np.float32([3e38, 2.0])
    with pytest.raises(tl.errors.MutationError):
        y.backward()


def test_view_that_numpy_bases_on_something_else_is_remembered():
    windows = np.lib.stride_tricks.sliding_window_view
    pairs = tl.op(
        lambda x: windows(x, 2), name="pairs", x=lambda g, out, x: np.array([1.0, 2.0, 1.0])
    )
    pairs.trusted = True  # as a row of the table, whose views aren't copied
    x = tl.Tensor(np.ones(3), requires_grad=True)
    z = (pairs(x) ** 2).sum()
    x.data = np.zeros(3)
    with pytest.raises(tl.errors.MutationError):
        z.gradient(x)


def test_history_that_a_copy_would_lose_is_refused():
    w = tl.Tensor([1.0], requires_grad=True)
    with pytest.raises(tl.errors.GradientError, match=r"result of multiply.*t.detach\(\)"):
        tl.Tensor(w * 2)
    with tl.no_grad():
        assert tl.Tensor(w * 2).tolist() == [2.0]
