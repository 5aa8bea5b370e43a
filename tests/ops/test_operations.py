"""Every operation of the table, by the lines of cases.py and the checks of check.py."""

import pytest

from tinygrad_lite.ops import compositions, table

from .cases import CASES
from .check import CHECKS, operations_of, tensors


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_operation(case, check):
    check(case)


def test_every_operation_with_a_gradient_has_a_case():
    applied = set()
    for case in CASES:
        applied |= set(operations_of(case.call(*tensors(case.inputs))))
    with_gradient = {row.name for row in table.values() if row.differentiable}
    assert with_gradient - applied == set(), "each needs a line in tests/ops/cases_*.py"


def test_every_composition_has_a_case(monkeypatch):
    called = set()

    def noting(function, composition):
        return lambda *args, **kwargs: called.add(function) or composition(*args, **kwargs)

    for function, composition in compositions.items():
        monkeypatch.setitem(compositions, function, noting(function, composition))
    for case in CASES:
        case.call(*tensors(case.inputs))
    missing = {function.__name__ for function in set(compositions) - called}
    assert missing - {"shape", "ndim", "size"} == set(), "each needs a line in cases_*.py"
