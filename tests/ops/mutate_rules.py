"""Mutation test of the gradient rules: each is broken in many ways, and each time tests must fail.

    python tests/ops/mutate_rules.py                every rule of the table
    python tests/ops/mutate_rules.py --only sort    operations whose name has this in it

A mutant is a rule with one mistake, as mutants.py makes them from its source: a sign dropped, + for
-, one factor or the other left out, one name for another, cos for sin, a constant one larger, a
condition negated, an option forgotten; and the whole gradient negated, doubled, zero, and larger by
a ten-thousandth.

A mutant is caught if a test of its operation fails. Its tests are the first-order check alone, on
the cases of cases_*.py in which the rule runs, and tests of kinks and special points, where there
are no differences to take: those of `AT_KINKS`.

Helpers, the functions of the package that rules are made of, are broken in the same ways. Their
tests are those of all operations that use them.

A mutant that isn't caught is equivalent if its gradients are those of the rule, to rounding, also
where ties and zeros stand in the inputs of every one of these cases, and where they are of mixed
dtypes: relu may ask for x > 0 as well as for out > 0. The others are holes in the tests. Ends with
exit code 1 if there is one.
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
from types import FunctionType

import numpy as np
import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.ops import check
from tests.ops.cases import CASES
from tests.ops.mutants import in_place_of, mutants
from tinygrad_lite.ops import Operation, rooms, table

AT_KINKS = [
    "test_conventions.py",
    "test_reductions.py",
    "test_linalg.py",
    "test_special_values.py::test_gradient_at_special_points",
]

# ---- the tests that must fail --------------------------------------------------------------------


@cache
def tests():
    """By operation, the tests in which a rule of it runs."""
    found = defaultdict(list)
    for test in [*[partial(check.first_order, case) for case in CASES], *written_in(*AT_KINKS)]:
        for operation in rules_run_by(test):
            found[operation].append(test)
    return found


def rules_run_by(test):
    """The operations of which a test runs rules; none if it fails as it is."""
    found, rule = {}, Operation.rule

    def noting(self, position):
        found[self] = True
        return rule(self, position)

    Operation.rule = noting
    try:
        return {} if fails(test) else found
    finally:
        Operation.rule = rule


def written_in(*files):
    """The tests of some files, with their parameters, as functions to be called."""
    collected, here = Collected(), Path(__file__).parent
    paths = [f"{here}/{name}" for name in files]
    with redirect_stdout(StringIO()):
        pytest.main(["--collect-only", "-p", "no:cacheprovider", *paths], plugins=[collected])
    for item in collected.items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if set(item.fixturenames) <= set(parameters):
            yield partial(item.obj, **parameters)


class Collected:
    """What pytest tells of the tests it has found."""

    def pytest_collection_finish(self, session):
        self.items = session.items


def fails(test):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            test()
        except (Exception, pytest.fail.Exception):  # of whatever kind: a person would see it
            return True
    return False


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


def helpers_of(function):
    """The functions of the package that a rule is made of."""
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if isinstance(value, FunctionType) and value.__module__.startswith("tinygrad_lite.ops"):
            yield value
            if value is not function:
                yield from helpers_of(value)


def judged(functions, to_fail):
    """For every mutant of some functions its text, and "caught", "equivalent" or "hole"."""
    cases = [test.args[0] for test in to_fail if test.func is check.first_order]
    at_points = cache(lambda: gradients_at_points(cases))
    for name, function in functions.items():
        for text, mutant in mutants(function):
            with in_place_of(function, mutant):
                if any(fails(test) for test in to_fail):
                    yield f"{name}={text}", "caught"
                    continue
                found = gradients_at_points(cases)
            yield f"{name}={text}", "equivalent" if same(found, at_points()) else "hole"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="NAME", help="operations named like this")
    parser.add_argument("--equivalent", action="store_true", help="show those mutants, too")
    options = parser.parse_args()
    warnings.simplefilter("ignore", SyntaxWarning)  # of mutants, such as `x is 0`
    total, users = Counter(), defaultdict(list)
    for room in rooms:
        rows = [row for row in table.values() if row.differentiable and options.only in row.name]
        rows = [row for row in rows if home(row) == room.__name__]
        if rows:
            print(f"\n{room.__name__.split('.')[-1]:24}mutants  caught  equivalent", flush=True)
        for row in rows:
            total += report(row.name, rules_of(row), tests()[row], options)
            for rule in rules_of(row).values():
                for helper in helpers_of(rule):
                    users[helper].append(row)
    if users:
        print(f"\n{'helpers':24}mutants  caught  equivalent")
    for helper, rows in users.items():
        to_fail = [test for row in rows for test in tests()[row]]
        total += report(helper.__name__, {helper.__name__: helper}, to_fail, options)
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
