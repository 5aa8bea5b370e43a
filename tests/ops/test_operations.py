"""Every operation of the table, by the lines of cases.py and the checks of check.py."""

import pytest

from tinygrad_lite.ops import table

from .cases import CASES
from .check import CHECKS, tensors


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_operation(case, check):
    check(case)


def test_every_operation_with_a_gradient_has_a_case():
    applied = {case.call(*tensors(case.inputs)).op.name for case in CASES}
    with_gradient = {row.name for row in table.values() if row.differentiable}
    assert with_gradient - applied == set(), "each needs a line in tests/ops/cases.py"
