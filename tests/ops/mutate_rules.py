"""Mutation test of the gradient rules: each is broken in many ways, and each time tests must fail.

    python tests/ops/mutate_rules.py                every rule of the table
    python tests/ops/mutate_rules.py --only sort    operations whose name has this in it

A mutant is a rule with one mistake, as mutants.py makes them from its source: a sign dropped, + for
-, one factor or the other left out, one name for another, cos for sin, a constant one larger, a
condition negated, an option forgotten; and the whole gradient negated, doubled, zero, and larger by
a ten-thousandth.

A mutant is caught if a test of its operation fails. Its tests are the first-order check alone, on
the cases of cases_*.py in which the rule runs, and those of `WRITTEN_OUT`: of kinks and special
points, where there are no differences to take, and of sizes with a branch of their own.

Lifts and helpers, the functions of the package that rules and lifts are made of, are broken in the
same ways. Their tests are those of all operations that use them, also of those that --only leaves
out, and the checks of values and of the second order in the same cases: where a helper computes
values, too, the mistakes of both may cancel in the gradient, and it may have a branch for Tensors.

A mutant that isn't caught is equivalent if its gradients are those of the rule, to rounding, also
where ties and zeros stand in the inputs of every one of these cases, and where they are of mixed
dtypes: relu may ask for x > 0 as well as for out > 0. The others are holes in the tests; so is
every branch that no test takes, where the mistake is `never_run`. Ends with exit code 1 if there is
a hole, or a test that fails as it is.
"""

import argparse
import sys
import warnings
from collections import Counter, defaultdict
from contextlib import redirect_stdout
from functools import cache, partial
from io import StringIO
from itertools import product
from pathlib import Path
from textwrap import indent
from types import CodeType, FunctionType

import numpy as np
import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.ops import check
from tests.ops.cases import CASES
from tests.ops.mutants import NEVER_RUN, in_place_of, mutants
from tinygrad_lite.ops import Operation, rooms, table

ROWS = [row for row in table.values() if row.differentiable]
WRITTEN_OUT = [
    "test_conventions.py",
    "test_reductions.py",
    "test_linalg.py",
    "test_special_values.py::test_gradient_at_special_points",
    "test_functions.py::test_gradients_along_long_and_short_axes_are_those_of_the_formulas",
    "test_functions.py::test_linear_differentiates_whatever_shapes_it_takes",
]

# ---- the tests that must fail --------------------------------------------------------------------


@cache
def tests():
    """By operation, the tests in which a rule of it runs."""
    found = defaultdict(list)
    for test in [*[partial(check.first_order, case) for case in CASES], *written_in(*WRITTEN_OUT)]:
        for operation in rules_run_by(test):
            found[operation].append(test)
    return found


def tests_of_helper(helper):
    """Those of all its users, and further checks of the same cases."""
    found = list(dict.fromkeys(test for row in users()[helper] for test in tests()[row]))
    cases = cases_of(found)
    return found + [partial(also, x) for also in (check.value, check.second_order) for x in cases]


def cases_of(some_tests):
    return [test.args[0] for test in some_tests if test.func is check.first_order]


def rules_run_by(test):
    """The operations of which a test runs rules; ends the script if it fails as it is."""
    found, rule = {}, Operation.rule

    def noting(self, position):
        found[self] = True
        return rule(self, position)

    Operation.rule = noting
    try:
        if (error := failure(test)) is not None:
            sys.exit(f"This test fails as it is: {described(test)}.\n{error!r}")
    finally:
        Operation.rule = rule
    return found


def described(test):
    """The name of a test, and what it is called with."""
    function, given = getattr(test, "func", test), []
    if isinstance(test, partial):
        given = [*map(repr, test.args), *[f"{name}={x!r}" for name, x in test.keywords.items()]]
    return f"{function.__module__}.{function.__qualname__}({', '.join(given)})"


def written_in(*files):
    """The tests of some files, with their parameters, as functions to be called."""
    collected, here = Collected(), Path(__file__).parent
    paths = [f"{here}/{name}" for name in files]
    with redirect_stdout(StringIO()):
        options = ["--collect-only", "-p", "no:cacheprovider"]
        if (code := pytest.main([*options, *paths], plugins=[collected])) != pytest.ExitCode.OK:
            sys.exit(f"{code!r}: not all of these tests are there: {', '.join(files)}")
    for item in collected.items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if set(item.fixturenames) <= set(parameters):
            yield partial(item.obj, **parameters)


class Collected:
    """What pytest tells of the tests it has found."""

    def pytest_collection_finish(self, session):
        self.items = session.items


def failure(test):
    """The error with which a test fails, if it does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            test()
        except (Exception, pytest.fail.Exception) as error:  # any: a person would see it
            return error
    return None


# ---- mutants that are right ----------------------------------------------------------------------

POINTS = [[0.0, 1.0], [-1.0, 0.0, 0.5, 2.0], [-3.0, 1.0, 2.0]]
DTYPES = [(np.float64, np.float64), (np.float32, np.float64), (np.float64, np.float32)]


def gradients_at_points(cases):
    """The gradients of all cases at special points, in mixed dtypes; where there are none, None."""
    some = list(enumerate(product(POINTS, DTYPES)))
    return [gradients_at(case, *where, seed) for case in cases for seed, where in some]


def gradients_at(case, points, dtypes, seed):
    rng, inputs = np.random.default_rng(seed), list(case.inputs)
    for i, x in enumerate(inputs):
        if x.dtype.kind == "f":
            inputs[i] = rng.choice(points, x.shape).astype(dtypes[i % 2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return check.gradients(case.call, check.tensors(inputs), case.weights())
        except Exception:  # nothing of that kind to be had there
            return None


def same(found, expected):
    for some, others in zip(found, expected, strict=True):
        if (some is None) != (others is None):
            return False
        for x, y in zip(some or (), others or (), strict=True):
            if not np.allclose(x, y, rtol=1e-6, atol=1e-12, equal_nan=True):
                return False
    return any(expected)


# ---- what is broken ------------------------------------------------------------------------------


def rules_of(operation):
    """By input, the rules that aren't zero."""
    rules = {"each": operation.each} if operation.each else operation.rules
    return {name: rule for name, rule in rules.items() if rule is not None}


@cache
def users():
    """By lift and helper, the operations that it serves."""
    found = defaultdict(list)
    for row in ROWS:
        for helper in helpers_of(row):
            found[helper].append(row)
    return found


def helpers_of(row):
    """The lift of an operation, and the functions of the package that it and rules are made of."""
    rules, found = rules_of(row).values(), [row.lift] if row.lift else []
    for function in [*rules, *found]:
        for helper in made_of(function):
            found += [helper] if helper not in found else []
    return found


def made_of(function):
    """The functions of the package that a function calls, and those that these call."""
    found = [function]
    for each in found:  # grows on the way
        cells = [cell.cell_contents for cell in each.__closure__ or ()]
        for value in [*cells, *[each.__globals__.get(name) for name in names_in(each.__code__)]]:
            is_function = isinstance(value, FunctionType) and value not in found
            if is_function and value.__module__.startswith("tinygrad_lite.ops"):
                found.append(value)
    return found[1:]


def names_in(code):
    """The global names that code has, also in functions and comprehensions inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


def judged(functions, to_fail):
    """For every mutant of some functions its text, and "caught", "equivalent" or "hole"."""
    cases = cases_of(to_fail)
    at_points = cache(lambda: gradients_at_points(cases))
    for name, function in functions.items():
        for text, mutant in mutants(function):
            with in_place_of(function, mutant):
                if any(failure(test) is not None for test in to_fail):
                    yield f"{name}={text}", "caught"
                    continue
                found = gradients_at_points(cases)
            is_same = NEVER_RUN not in text and same(found, at_points())
            yield f"{name}={text}", "equivalent" if is_same else "hole"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="NAME", help="operations named like this")
    parser.add_argument("--equivalent", action="store_true", help="show those mutants, too")
    options = parser.parse_args()
    warnings.simplefilter("ignore", SyntaxWarning)  # of mutants, such as `x is 0`
    tests()  # before anything is printed
    total, chosen = Counter(), [row for row in ROWS if options.only in row.name]
    for room in rooms:
        rows = [row for row in chosen if home(row) == room.__name__]
        if rows:
            print(f"\n{room.__name__.split('.')[-1]:24}mutants  caught  equivalent", flush=True)
        for row in rows:
            total += report(row.name, rules_of(row), tests()[row], options)
    helpers = [helper for helper, rows in users().items() if not {*rows}.isdisjoint(chosen)]
    if helpers:
        print(f"\n{'lifts and helpers':24}mutants  caught  equivalent")
    for helper in helpers:
        name = helper.__qualname__.replace("<locals>.", "")
        total += report(name, {name: helper}, tests_of_helper(helper), options)
    different = total["caught"] + total["hole"]
    share = 100 * total["caught"] / max(different, 1)
    print(f"\n{total['caught']} of {different} mutants caught: {share:.4g} %")
    return total["hole"] > 0


def home(row):
    return next(iter(rules_of(row).values())).__module__


def report(name, functions, to_fail, options):
    """Print a line of the table, and the holes; returns how many mutants met which fate."""
    found = list(judged(functions, to_fail))
    counts = Counter(fate for _, fate in found)
    print(f"  {name:22}{len(found):7}{counts['caught']:8}{counts['equivalent']:12}", flush=True)
    for text, fate in found:
        if fate == "hole" or (fate == "equivalent" and options.equivalent):
            print(indent(f"{fate}: {text}", " " * 6))
    return counts


if __name__ == "__main__":
    sys.exit(main())
