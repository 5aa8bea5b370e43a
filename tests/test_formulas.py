"""Gradient rules as text: what is printed is what the rule computes."""

import inspect
import math
import random
import re
import runpy
import warnings
from collections import Counter, defaultdict
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import tinygrad_lite as tl
from tinygrad_lite import Tensor
from tinygrad_lite.errors import BoundsError, OperationError
from tinygrad_lite.formulas import Symbol, SymbolError, formula
from tinygrad_lite.ops import elementwise, fit, functions, reductions, rooms, shapes, table

from .ops.cases import CASES
from .ops.check import tensors

ROWS = [row for row in table.values() if row.differentiable]
INPUTS = [
    pytest.param(row, name, id=f"{row.name} {name}")
    for row in ROWS
    for name in (row.rules if row.each is None else ["each"])
]
DOCS = Path(__file__).parents[1] / "docs"

# ---- every rule of the table ---------------------------------------------------------------------


@cache
def steps():
    """By row, its results in the history of all cases and of their gradients; few alike."""
    found, seen = defaultdict(list), Counter()
    for case in CASES:
        history = []
        with suppress(Exception):  # whatever is wrong with a case is told by test_operations.py
            inputs = tensors(case.inputs)
            history.append(case.call(*inputs))
            leaves = [x for x in inputs if isinstance(x, Tensor)]
            g = Tensor(case.weights(), requires_grad=True)
            found_here = history[0].gradient(*leaves, gradient=g, create_graph=True)
            history += found_here if len(leaves) > 1 else [found_here]
        for t in history:  # grows on the way
            if t.op is not None:
                alike = t.op, str([np.shape(x) for x in t._arrays]), str(t.attributes)
                seen[alike] += 1
                found[t.op] += [t] if seen[alike] <= 3 else []
                history += [x for x in t.inputs if isinstance(x, Tensor)]
    return found


def defaults(row):
    """The options that rules know, with their own defaults."""
    rule = row.each or next(rule for rule in row.rules.values() if rule is not None)
    parameters = inspect.signature(rule).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def counted(x, axis=None, ord=None, **_):
    """The letters of reductions: how many entries make one, and the order of a norm."""
    axes = range(np.ndim(x)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    lengths = [np.shape(x)[i] for i in axes if -np.ndim(x) <= i < np.ndim(x)]
    return {"n": math.prod(lengths), "p": 2 if ord is None else ord}


def evaluated(text, row, names):
    """A formula's value; it may name NumPy's functions, `tl.f`, and helpers of the row's room."""
    room = next(room for room in rooms if any(row is value for value in vars(room).values()))
    scope = {**vars(room), **vars(tl.f), **vars(np), **names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(eval(text, scope))


DIVIDE_BY_ZEROS = {"cumprod", "prod", "std"}  # their texts do, where the rules take care


def compare(row, t, position, *texts):
    """See to it that texts give what the rule gives, on the values of one result.

    Yields whether a text gave any number, and whether it gave all of them.
    """
    g, out, inputs = np.random.default_rng(0).uniform(0.5, 1.5, t.shape), t._data, t._arrays
    attributes = t.attributes or {}
    if row.lift is not None:
        g, out, inputs = row.lift(g, out, inputs, **attributes)
    named = {"xs": tuple(inputs)} if row.each else dict(zip(row.rules, inputs, strict=True))
    options = {"position": position, **defaults(row), **attributes}
    names = counted(inputs[0], **attributes) | named | options | {"g": g, "out": out}
    with np.errstate(all="ignore"):
        expected = np.asarray(row.rule(position)(g, out, *inputs, **attributes))
    shape = inputs[position].shape
    for text in texts:
        found, given = fit(evaluated(text, row, names), shape), fit(expected, shape)
        is_told = ~np.isnan(found) if row.name in DIVIDE_BY_ZEROS else np.full(shape, True)
        assert_allclose(found[is_told], given[is_told], rtol=1e-12, atol=1e-12, err_msg=text)
        yield np.isfinite(found).any(), is_told.all()


def uses(row, name):
    """The results through which a gradient flows to an input of that name, and its position."""
    for t in steps()[row]:
        for position in t._sources:
            is_named = row.each is not None or list(row.rules)[position] == name
            if is_named and all(np.size(x) for x in t._arrays):  # a formula may divide by counts
                yield t, position


@pytest.mark.parametrize(("row", "name"), INPUTS)
def test_formula_computes_what_the_rule_does(row, name):
    if row.each is None and row.rules[name] is None:
        assert formula(row, name) == "0"
        return
    compared, complete = False, True
    for t, position in uses(row, name):
        of_this_call = formula(row, position, t.attributes or {})
        for some, every in compare(row, t, position, formula(row, name), of_this_call):
            compared, complete = compared or some, complete and every
    assert compared, f"no case of {row.name} lets a gradient flow to {name}"
    assert complete == (row.name not in DIVIDE_BY_ZEROS), f"{row.name} divides by zeros no more"


@pytest.mark.parametrize(("row", "name"), INPUTS)
def test_formula_is_a_short_line(row, name):
    text = formula(row, name)
    assert len(text) <= 100, f"{row.name} needs a text of its own, formulas={{{name!r}: …}}"
    assert not re.search(r"<\w|\bat 0x|np\.|\n", text)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_texts_are_of_inputs(row):
    assert set(row.formulas) <= set(row.rules if row.each is None else ["each"])


def test_wrong_text_is_found_out():
    t, position = next(use for use in uses(elementwise.divide, "y") if use[0].size > 1)
    assert list(compare(elementwise.divide, t, position, "-g * out / y")) == [(True, True)]
    for wrong in ("-g * out * y", "where(g > np.min(g), -g * out / y, nan)"):
        with pytest.raises(AssertionError):
            list(compare(elementwise.divide, t, position, wrong))


# ---- what a formula shows ------------------------------------------------------------------------


def test_names_may_be_given():
    names = {"g": "slope", "x": "a", "y": "b", "out": "c"}
    assert formula(elementwise.divide, 1, names=names) == "-slope * c / b"
    assert (
        formula(elementwise.divide, "y", names={"y": "-2", "g": "a + b"}) == "-(a + b) * out / -2"
    )
    assert formula(elementwise.divide, "x", names={"g": "∂z"}) == "∂z / y"
    assert formula(reductions.var, "x", names={"x": "losses"}).count("losses") == 2


def test_attributes_of_a_call_stand_for_their_names():
    assert "axis=axis" in formula(functions.softmax, "x")
    assert "axis=-1" in formula(functions.softmax, "x", {})
    assert "axis=(0, 1)" in formula(functions.softmax, "x", {"axis": (0, 1)})


def test_texts_take_names_and_attributes_too():
    text = {"x": "np.sum(g * x, axis, keepdims=True) + weight(x.g, axis=axis)"}

    def total(x, axis=0):
        return x

    own = tl.op(total, x=lambda g, out, x, axis=0: g, formulas=text)
    assert formula(own, "x") == "sum(g * x, axis, keepdims=True) + weight(x.g, axis=axis)"
    given = formula(own, "x", {"axis": 3}, {"g": "slope"})
    assert given == "sum(slope * x, 3, keepdims=True) + weight(x.g, axis=3)"
    own = tl.op(total, x=lambda g, out, x, axis=0: g, formulas={"x": "as on page 3"})
    assert formula(own, "x") == "as on page 3"


def test_branches_of_texts_are_taken_once_they_are_known():
    text = {"x": "g if n == 1 else power_of(g, n)"}
    own = tl.op(lambda x, n=1: x, x=lambda g, out, x, n=1: g, name="own", formulas=text)
    assert formula(own, "x") == text["x"]
    assert formula(own, "x", {}) == "g"
    assert formula(own, "x", {"n": 3}) == "power_of(g, 3)"


def test_arrays_stand_by_their_names():
    index = (slice(None), np.arange(1000))
    assert formula(tl.ops.indexing.getitem, "x", {"index": index}) == formula(
        tl.ops.indexing.getitem, "x"
    )


def test_operations_on_sequences_know_the_position():
    assert "position" in formula(shapes.concatenate, "each")
    assert "2" in formula(shapes.concatenate, 2)


def test_all_inputs_of_a_sequence_are_one_name():
    own = tl.op(np.stack, each=lambda g, out, *xs, position: shared(g, xs)[position], name="own")
    assert formula(own, "each") == "shared(g, xs)[position]"
    assert formula(own, 0, names={"xs": "parts"}) == "shared(g, parts)[0]"


def halved(g):
    return g / 2


def chosen(g, x):
    return g if x > 0 else -g


def shared(g, xs):
    return [g if x > 0 else -g for x in xs]


def failing(g):
    return g * len(None)


def test_helper_that_fails_is_no_secret():
    one = tl.op(lambda x: x, x=lambda g, out, x: failing(g), name="one")
    with pytest.raises(TypeError, match="NoneType") as raised:
        formula(one, "x")
    assert not isinstance(raised.value, OperationError)


def test_helpers_are_opened_if_they_can_be():
    one = tl.op(lambda x: x, x=lambda g, out, x: halved(g) * chosen(g, x), name="one")
    assert formula(one, "x") == "g / 2 * chosen(g, x)"


def test_rule_that_needs_values_is_refused():
    one = tl.op(lambda x: x, x=chosen_rule, name="one")
    with pytest.raises(OperationError, match="one: the rule of x needs values"):
        formula(one, "x")


def test_there_must_be_such_an_input():
    for name in ("q", 2, -1, None):
        with pytest.raises(BoundsError, match=r"divide has no input .* Its inputs are x, y"):
            formula(elementwise.divide, name)


def test_numpy_function_stands_for_its_operation():
    assert formula(np.exp, "x") == "g * out"
    assert formula(np.divide, 1) == formula(elementwise.divide, "y")
    with pytest.raises(OperationError, match=r"fft has no gradient rule\.$"):
        formula(np.fft.fft, "x")
    with pytest.raises(OperationError, match="hstack has no gradient rule of its own"):
        formula(np.hstack, "x")


def chosen_rule(g, out, x):
    return g if x > 0 else -g


# ---- symbols -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "-x",
        "-x * y",
        "-(x * y)",
        "x - (y - x)",
        "x - y - x",
        "x / (y / x)",
        "x / y * x",
        "(x + y) * 2",
        "(-x)**2",
        "-x**2",
        "(x**y)**2",
        "x**y**2",
        "2**x",
        "(-2)**x",
        "x @ y.mT",
        "x * (y @ x)",
        "(x > 0) & ~(y == 1) | (x != y)",
        "x // 2 % y",
        "abs(x)",
        "x[..., None]",
        "x[1:, ::-1]",
        "x[y > 0]",
        "x[(slice(None),) * y.ndim + (2,)]",
        "x.reshape(y.shape[0], -1).swapaxes(0, 1)",
        "where(x > 0, x, 0.5)",
        "sum(x, axis=(0, 1), keepdims=True)",
        "linalg.inv(x)",
        "concatenate([x, y], axis=None)",
        "sigmoid(x)",
        "log_softmax(x, axis=y.ndim)",
        "scatter_add(x, y, x.shape)",
        "log(2) * x * pi",
        "x * 1e-07 * inf * -inf * nan",
        "x.astype(float32)",
    ],
)
def test_symbols_print_as_they_are_written(text):
    scope = {**vars(np), **vars(tl.f), "log": np.log, "x": Symbol("x"), "y": Symbol("y")}
    assert str(eval(text, scope)).replace("absolute(x)", "abs(x)") == text


def test_numbers_are_neat():
    x = Symbol("x")
    assert str(x * 2.0 + np.float32(0.5) - np.int64(3)) == "x * 2 + 0.5 - 3"
    assert str(x * math.sqrt(2 / math.pi) / -math.log(10)) == "x * sqrt(2 / pi) / -log(10)"
    assert str(math.pi / 180 / x) == "pi / 180 / x"


def test_reductions_by_ufunc_are_sums():
    x = Symbol("x")
    assert str(np.add.reduce(x)) == "sum(x, axis=0)"
    assert str(np.maximum.reduce(x, axis=-1, keepdims=True)) == "max(x, axis=-1, keepdims=True)"
    assert str(np.add.accumulate(x, axis=1)) == "cumsum(x, axis=1)"
    assert str(np.logical_or.reduce(x, axis=1)) == "any(x, axis=1)"
    assert str(np.bitwise_or.reduce(x, axis=1)) == "bitwise_or.reduce(x, axis=1)"


def test_symbols_have_no_values():
    x = Symbol("x")
    for ask in (bool, float, int, len, list, iter, hash, range, np.zeros, np.asarray, np.finfo):
        with pytest.raises(SymbolError, match="x"):
            ask(x)


def expression(rng, depth):
    """Any text of operators on x, y and numbers."""
    if depth == 0:
        return rng.choice(["x", "y", "2", "0.5", "3"])
    if rng.random() < 0.2:
        return f"-({expression(rng, depth - 1)})"
    sign = rng.choice(["+", "-", "*", "/", "**", "//", "%", "@"])
    if sign == "**":  # keeps numbers small
        return f"abs(x) ** ({rng.choice(['y', '2', '-y', '-(2 - y)'])})"
    if sign == "@":
        return f"(-(x) + {expression(rng, depth - 1)}) * y"
    return f"({expression(rng, depth - 1)}) {sign} ({expression(rng, depth - 1)} + x)"


def test_texts_of_symbols_have_the_value_of_the_expression():
    rng, values = random.Random(0), {"x": np.float64(0.7), "y": np.float64(1.3)}
    with np.errstate(all="ignore"):
        for _ in range(300):
            text = expression(rng, 4)
            printed = str(eval(text, {"x": Symbol("x"), "y": Symbol("y")}))
            scope = {**values, "absolute": abs}
            assert_allclose(eval(printed, scope), eval(text, dict(values)), rtol=1e-9)


# ---- the page ------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(np, "unstack"), reason="the page is written with a newer NumPy")
def test_page_is_what_the_table_prints():
    page = runpy.run_path(str(DOCS / "make_operations.py"))["page"]()
    written = (DOCS / "operations.md").read_text(encoding="utf-8")
    assert page == written, "write it again: python docs/make_operations.py"
