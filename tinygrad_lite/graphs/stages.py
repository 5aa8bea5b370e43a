"""The steps of a page: those of its graph, but fitting a gradient to its input is one of its own.

What a rule gives has the shape of the step's output. An input that was broadcast has another, so
that the copies are summed; one that was summed gets the same in each entry. In a `Graph` this is
one `Contribution`; here it is two stages, so that somebody can see the one array and the other.
"""

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from typing import NamedTuple

from .columns import clean, width
from .record import Graph
from .steps import Contribution, Step

LONGEST = 60  # columns of a rule that is said once more


class Stage(NamedTuple):
    """A step, or a part of one.

    Attributes
    ----------
    step : Step
        Of the part "rule", a Contribution that ends with what the rule gave.
    part : str
        "" for a whole step, "rule", or how what the rule gave was fitted: "summed" or "spread".
    """

    step: Step
    part: str = ""


def stages(graph: Graph) -> Iterator[Stage]:
    """The stages of all steps, in order."""
    for step in graph:
        if isinstance(step, Contribution) and step.given is not None:
            yield Stage(_by_rule(step), "rule")
            yield Stage(step, "summed" if step.summed_over else "spread")
        else:
            yield Stage(step)


def _by_rule(step: Contribution) -> Contribution:
    """A contribution as it was before it was fitted."""
    assert step.given is not None
    return replace(
        step, output=step.given, total=step.given, lifted_shape=step.rule_shape, earlier=0
    )


def fitting(step: Contribution) -> str:
    """How what a rule gave was fitted, as a line of NumPy: `sum(g, axis=0)`."""
    said = clean(step.named_rule(), 160)
    if said.startswith("the rule of ") or width(said) > LONGEST:
        said = "…"
    axes, shape = step.summed_over, step.rule_shape
    left = tuple([n for i, n in enumerate(shape) if i not in axes])
    if axes:
        is_all = len(axes) == len(shape)
        over = "" if is_all else f", axis={axes[0] if len(axes) == 1 else axes}"
        ones = tuple([1 if i in axes else n for i, n in enumerate(shape)])
        keepdims = ", keepdims=True" if ones == step.lifted_shape != left else ""
        said = f"sum({said}{over}{keepdims})"
        left = ones if keepdims else left
    if prod(left) != prod(step.lifted_shape):
        said = f"broadcast_to({said}, {step.lifted_shape})"
        left = step.lifted_shape
    return said if left == step.to.shape else f"{said}.reshape({step.to.shape})"
