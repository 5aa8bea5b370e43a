"""The mutation test of the rules, tested: `python tests/ops/mutate_rules.py` runs all of it."""

from collections import Counter
from functools import partial

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.ops import linalg, reductions, table

from . import cases_shapes
from .cases import CASES
from .check import Case, first_order
from .mutants import in_place_of, mutants
from .mutate_rules import ROWS, helpers_of, judged, rules_of, rules_run_by, users


def checks_of(call):
    """The first-order checks of the cases of a function."""
    functions = [getattr(case.call, "func", case.call) for case in CASES]
    return [
        partial(first_order, case)
        for case, function in zip(CASES, functions, strict=True)
        if function is call
    ]


def fates(row, to_fail):
    return dict(judged(rules_of(row), to_fail))


def test_mutants_differ_by_one_mistake():
    rule = lambda g, out, x, axis=-1, unread=0: -g * np.cos(x) ** 2 if axis else out.mT  # noqa: E731
    found = {text.partition(": ")[2] for text, _ in mutants(rule)}
    assert {
        "g * np.cos(x) ** 2 if axis else out.mT",
        "-g / np.cos(x) ** 2 if axis else out.mT",
        "-g if axis else out.mT",
        "np.cos(x) ** 2 if axis else out.mT",
        "-g * np.sin(x) ** 2 if axis else out.mT",
        "-g * x ** 2 if axis else out.mT",
        "-g * np.cos(x) ** 3 if axis else out.mT",
        "-g * np.cos(out) ** 2 if axis else out.mT",
        "-g * np.cos(x) ** 2 if axis else out",
        "out.mT if axis else -g * np.cos(x) ** 2",
        "-(-g * np.cos(x) ** 2 if axis else out.mT)",
        "1.0001 * (-g * np.cos(x) ** 2 if axis else out.mT)",
    } <= found
    texts = [text for text, _ in mutants(rule)]
    assert any("axis=1" in text for text in texts)
    assert not any("unread=1" in text for text in texts)


def test_mutant_runs_in_place_of_the_rule_and_then_no_more():
    rule = table[np.sin].rules["x"]
    negated = next(mutant for text, mutant in mutants(rule) if text.endswith(": -(g * np.cos(x))"))
    x = tl.Tensor(0.0, requires_grad=True)
    with in_place_of(rule, negated):
        assert np.sin(x).gradient(x).item() == -1.0
    assert np.sin(x).gradient(x).item() == 1.0


@pytest.mark.parametrize(
    ("call", "function"),
    [
        (np.multiply, np.multiply),
        (np.matmul, np.matmul),
        (np.pad, np.pad),
        (cases_shapes.concatenate, np.concatenate),
    ],
)
def test_every_mutant_is_caught(call, function):
    counts = Counter(fates(table[function], checks_of(call)).values())
    assert counts["caught"] > 9 and counts == {"caught": counts["caught"]}


def test_without_tests_no_mutant_is_caught():
    assert set(fates(table[np.multiply], []).values()) == {"hole"}


def test_kinks_that_no_test_looks_at_are_a_hole():
    larger = tl.op(
        np.maximum,
        x=lambda g, out, x, y: g * (x > y) + g / 2 * (x == y),
        y=lambda g, out, x, y: g * (y > x) + g / 2 * (y == x),
    )
    apart = Case("larger", larger, [[0.1, 0.4, 0.7], [0.3, 0.2, 0.5]], numpy=np.maximum)
    tied = Case("larger", larger, [[0.1, 0.4, 0.7], [0.3, 0.4, 0.5]], numpy=np.maximum)
    found = fates(larger, [partial(first_order, apart)])
    assert found["x=lambda g, out, x, y: g * (x > y) + g * (x == y)"] == "hole"
    assert found["x=lambda g, out, x, y: g * (x > y)"] == "hole"
    assert found["x=lambda g, out, x, y: g * (out > y) + g / 2 * (x == y)"] == "equivalent"
    found = fates(larger, [partial(first_order, apart), partial(first_order, tied)])
    assert set(found.values()) == {"caught", "equivalent"}


def test_operations_whose_rules_run_are_known():
    x = tl.Tensor([1.0, 2.0], requires_grad=True)
    found = rules_run_by(lambda: (np.sin(x) * 2).sum().backward())
    assert [row.name for row in found] == ["sum", "multiply", "sin"]


def test_test_that_fails_as_it_is_ends_the_script_with_its_name():
    wrong = Case("wrong case", tl.op(np.sin, x=lambda g, out, x: g), [[0.1, 0.4]])
    with pytest.raises(SystemExit, match=r"fails as it is: tests.*first_order\(wrong case\)"):
        rules_run_by(partial(first_order, wrong))


def test_helpers_are_broken_for_all_operations_that_they_serve():
    assert {row.name for row in users()[reductions.keep_axes]} >= {"sum", "max", "logsumexp"}
    assert [row.name for row in users()[linalg.singular_parts]] == ["svd"]
    assert [row.name for row in users()[linalg.skew]] == ["eigh", "svd"]


@pytest.mark.parametrize("call", [np.matmul, np.outer, np.linalg.solve])
def test_mutants_of_lifts_are_caught(call):
    lift = table[call].lift
    counts = Counter(fate for _, fate in judged({"lift": lift}, checks_of(call)))
    assert counts["caught"] > 9 and not counts["hole"]


def test_functions_made_by_others_have_mutants_too():
    found = []

    def made(factor):
        def run(x):
            y = x + factor
            return y if x else factor

        return run

    run = made(3)
    for text, mutant in mutants(run):
        with in_place_of(run, mutant):
            found.append((text, run(2) if "never_run" not in text else None))
    assert ("y = x", 2) in found and ("y = x - factor", -1) in found
    assert ("return factor if x else y", 3) in found and run(2) == 5


def test_branch_that_no_test_takes_is_a_hole():
    def slope(g, x):
        return g * 2 if x.size < 3 else g * 2.0

    double = tl.op(lambda x: 2 * x, x=lambda g, out, x: slope(g, x), name="double")
    small = partial(first_order, Case("double", double, [[0.1, 0.4]]))
    large = partial(first_order, Case("double", double, [[0.1, 0.4, 0.7]]))
    is_hole = "slope=return g * 2 if x.size < 3 else never_run", "hole"
    assert is_hole in judged({"slope": slope}, [small])
    assert is_hole not in judged({"slope": slope}, [small, large])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_rules_have_mutants(row):
    for function in [*rules_of(row).values(), *helpers_of(row)]:
        assert next(mutants(function))
