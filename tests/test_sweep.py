"""Which rules the backward sweep runs, and what becomes of their gradients."""

import numpy as np
import pytest

import tinygrad_lite as tl


def test_gradient_runs_only_the_rules_that_lead_to_what_is_wanted():
    x = tl.Tensor(np.zeros(1), requires_grad=True)
    y = tl.Tensor(np.ones(1), requires_grad=True)
    with np.errstate(all="raise"):
        assert (np.sqrt(x) * y).sum().gradient(y).tolist() == [0.0]


def test_recorded_sweep_records_under_no_grad_too():
    x = tl.Tensor(2.0, requires_grad=True)
    y = x**3
    with tl.no_grad():
        g = y.gradient(x, create_graph=True)
    assert g.gradient(x).item() == 12.0


def test_leaf_frozen_since_the_forward_pass_gets_no_gradient():
    x = tl.Tensor(2.0, requires_grad=True)
    w = tl.Tensor(3.0, requires_grad=True)
    y = x * w
    x.requires_grad = False
    y.backward()
    assert x.grad is None and w.grad.item() == 2.0


def test_input_with_a_gradient_of_zero_alone_is_not_recorded():
    c = tl.Tensor([1.0, 0.0], requires_grad=True)
    y = np.where(c, 1.0, 2.0)
    assert not y.requires_grad
    assert y.op is None and y.inputs == ()


def test_mean_of_many_half_precision_numbers_has_a_gradient():
    x = tl.Tensor(np.ones(70000, np.float16), requires_grad=True)
    assert float(x.mean().gradient(x).data[0]) == pytest.approx(1 / 70000, rel=0.02)
