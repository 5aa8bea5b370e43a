"""Operations on shapes, axes and indices that nobody thought of."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tinygrad_lite as tl
from tinygrad_lite.ops import table

from . import check, generated_arguments, generated_cases, strategies
from .check import operations_of, tensors

STRATEGIES = generated_cases.STRATEGIES | generated_arguments.STRATEGIES

generated = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


@pytest.mark.parametrize("cases", STRATEGIES.values(), ids=STRATEGIES.keys())
def test_generated_case_has_its_value_and_gradients_to_second_order(cases):
    @generated
    @given(cases)
    def run(case):
        for each in (check.value, check.first_order, check.second_order):
            each(case)

    run()


def test_every_operation_with_a_gradient_is_generated():
    reached = set()
    for cases in STRATEGIES.values():

        @settings(generated, max_examples=8)
        @given(cases)
        def note(case):
            reached.update(operations_of(case.call(*tensors(case.inputs))))

        note()
    with_gradient = {row.name for row in table.values() if row.differentiable}
    assert with_gradient - reached == set(), "each needs a strategy in generated_*.py"


@settings(generated, max_examples=60)
@given(st.data(), strategies.with_axes)
def test_scatter_add_is_the_transpose_of_reading(data, shape):
    index = data.draw(strategies.indices(shape))
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    values = rng.normal(size=x[index].shape)
    scattered = tl.f.scatter_add(tl.Tensor(values), index, shape)
    assert np.vdot(scattered.data, x) == pytest.approx(np.vdot(values, x[index]), abs=1e-12)
