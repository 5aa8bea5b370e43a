"""Fitting a gradient to its input: recorded as it was, said in NumPy, a stage of its own."""

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.graphs import Contribution
from tinygrad_lite.graphs.stages import fitting, stages

from .generated import case_graphs


def contributions(graph):
    return [step for step in graph if isinstance(step, Contribution)]


@pytest.mark.parametrize("name", list(case_graphs()))
def test_fitting_as_it_is_said_gives_the_contribution(name):
    scope = {"sum": np.sum, "broadcast_to": np.broadcast_to}
    for step in contributions(case_graphs()[name]):
        if step.given is None:
            continue
        said = fitting(step)
        rule = next(x for x in (step.named_rule(), "…") if x in said)
        made = eval(said.replace(rule, "given", 1), {**scope, "given": step.given.array})
        assert step.given.shape == step.rule_shape
        assert made.shape == step.to.shape
        np.testing.assert_allclose(made, step.output.array, rtol=1e-12)


def test_what_a_rule_gave_is_recorded_wherever_it_was_summed_or_spread():
    steps = [step for graph in case_graphs().values() for step in contributions(graph)]
    for step in steps:
        is_other = np.prod(step.rule_shape) != np.prod(step.to.shape) or step.summed_over
        assert (step.given is not None) == bool(is_other)
    assert sum(step.given is not None for step in steps) > 50


def test_what_a_rule_gave_cannot_be_changed():
    b = tl.Tensor(np.zeros(3), requires_grad=True)
    graph = tl.graph(((np.ones((4, 3)) + b) * np.arange(3.0)).sum())
    fitted = [step for step in contributions(graph) if step.given is not None]
    assert len(fitted) == 2
    assert not any(step.given.array.flags.writeable for step in fitted)


def test_stages_are_the_steps_but_for_those_that_were_fitted():
    x = tl.Tensor(np.ones((4, 3)), requires_grad=True, name="x")
    b = tl.Tensor(np.zeros(3), requires_grad=True, name="b")
    graph = tl.graph((x + b).sum())
    found = list(stages(graph))
    assert [(step.name, part) for step, part in found] == [
        ("add", ""),
        ("sum", ""),
        ("seed", ""),
        ("sum → a", "rule"),
        ("sum → a", "spread"),
        ("add → x", ""),
        ("add → b", "rule"),
        ("add → b", "summed"),
    ]
    assert [step for step, part in found if part != "rule"] == list(graph)
    assert all(step.number == graph[step.number - 1].number for step, _ in found)
    rule, fit = found[-2].step, found[-1].step
    assert rule.output is fit.given
    assert not rule.summed_over
    assert fit.summed_over == (0,)
