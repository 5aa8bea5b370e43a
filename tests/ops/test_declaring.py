"""`tl.op`: operations of one's own, and what they refuse."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_lite as tl
from tinygrad_lite import Tensor
from tinygrad_lite.errors import GradientError, OperationError
from tinygrad_lite.ops import Operation, fit, table

from .check import CHECKS, Case

rng = np.random.default_rng(0)


def leaf(*shape):
    return Tensor(rng.uniform(0.5, 2, shape), requires_grad=True)


@tl.op(x=lambda g, out, x: g * 3 * x**2)
def cube(x):
    """The third power."""
    return x**3


@tl.op(
    x=lambda g, out, x, y, power=1: g * power * (x - y) ** (power - 1),
    y=lambda g, out, x, y, power=1: -g * power * (x - y) ** (power - 1),
)
def distance(x, y, power=1):
    return (x - y) ** power


@tl.op(each=lambda g, out, *xs, position, scale=1.0: g * scale * (position + 1))
def ranked(arrays, scale=1.0):
    return sum(scale * (i + 1) * x for i, x in enumerate(arrays))


hypot = tl.op(np.hypot, x=lambda g, out, x, y: g * x / out, y=lambda g, out, x, y: g * y / out)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    "case",
    [
        Case("cube", cube, [rng.uniform(0.5, 2, (2, 3))], numpy=lambda x: x**3),
        Case(
            "distance",
            lambda x, y: distance(x, y, power=3),
            [np.full((2, 3), 3.0), rng.uniform(0.5, 2, 3)],
            numpy=lambda x, y: (x - y) ** 3,
            also=[lambda x, y: distance(x, y, 3), lambda x, y: distance(x=x, y=y, power=3)],
        ),
        Case(
            "ranked",
            lambda *xs: ranked(xs, scale=2.0),
            [rng.uniform(0.5, 2, (2, 3)) for _ in range(3)],
            numpy=lambda x, y, z: 2 * x + 4 * y + 6 * z,
            also=[lambda *xs: ranked(list(xs), 2.0)],
        ),
        Case("hypot", hypot, [rng.uniform(0.5, 2, s) for s in [(2, 3), (2, 1)]], numpy=np.hypot),
    ],
    ids=str,
)
def test_declared_operation_passes_every_check(case, check):
    check(case)


def test_operation_on_arrays_gives_arrays():
    out = cube(np.array([1.0, 2.0]))
    assert type(out) is np.ndarray and out.tolist() == [1.0, 8.0]
    assert cube(2.0) == 8.0


def test_operation_takes_name_and_documentation_from_its_function():
    assert cube.name == "cube" and cube.__doc__ == "The third power."
    assert repr(cube) == "<operation cube>"
    assert tl.op(np.cbrt, x=None, name="root").name == "root"
    assert leaf().op is None and cube(leaf()).op is cube


def test_rules_are_there_to_be_read():
    assert list(cube.rules) == ["x"]
    assert list(table[np.multiply].rules) == ["x", "y"]
    assert table[np.multiply].rules["x"](2.0, None, 3.0, 5.0) == 10.0


def test_rule_of_none_is_a_gradient_of_zero():
    rounded = tl.op(np.round, a=None)
    y = rounded(leaf(3))
    assert isinstance(y, Tensor) and not y.requires_grad
    half = tl.op(lambda x, y: x * y, x=lambda g, out, x, y: g * y, y=None)
    x, y = leaf(3), leaf(3)
    half(x, y).sum().backward()
    assert_array_equal(x.grad.data, y.data)
    assert y.grad is None


def test_declaring_does_not_change_the_table():
    before = dict(table)
    tl.op(np.cbrt, x=lambda g, out, x: g / (3 * out**2))
    assert table == before


def test_faster_way_to_compute_is_used():
    twice = tl.op(np.add, run=lambda x, y: 2 * x + 2 * y, x=None, y=None)
    assert twice(Tensor(1.0), Tensor(2.0)).item() == 6.0
    assert twice(1.0, 2.0) == 3.0


def test_lift_gives_rules_their_axes():
    def columns(g, out, inputs, axis):
        return np.expand_dims(g, axis), np.expand_dims(out, axis), inputs

    @tl.op(lift=columns, x=lambda g, out, x, axis: g * np.exp(x - out))
    def logsumexp(x, axis):
        return np.log(np.exp(x).sum(axis))

    x = leaf(2, 3)
    found = logsumexp(x, axis=1).sum().gradient(x)
    np.testing.assert_allclose(found.data, tl.f.softmax(x.data), rtol=1e-14)


# ---- what is refused -----------------------------------------------------------------------------


def test_operation_without_a_rule_is_refused():
    with pytest.raises(OperationError) as caught:
        tl.op(np.cbrt)
    assert str(caught.value) == (
        "cbrt: no gradient rule was given. Give one for each input, by its name: "
        "op(cbrt, x=lambda g, out, x: …), or x=None if its gradient is zero."
    )


def test_rule_that_is_no_function_is_refused():
    with pytest.raises(OperationError) as caught:
        tl.op(np.cbrt, x=2.0)
    assert str(caught.value) == (
        "cbrt: the rule of x must be a function of (g, out, *inputs), or None for a gradient of "
        "zero, not 2.0."
    )


def test_rules_for_other_inputs_than_the_function_has_are_refused():
    with pytest.raises(OperationError) as caught:
        tl.op(lambda a, b: a * b, name="product", b=None, a=None)
    assert str(caught.value) == (
        "product: there are rules for b, a, but the first parameters of product are a, b. "
        "Rules go by the names of the inputs, in order."
    )


def test_unknown_argument_is_refused():
    with pytest.raises(OperationError) as caught:
        distance(leaf(2), leaf(2), exponent=2)
    assert str(caught.value) == (
        "distance: got an unexpected keyword argument 'exponent', in distance(x, y, power=1)."
    )


def test_missing_input_is_refused():
    with pytest.raises(OperationError, match=r"^distance: missing a required argument: 'y'"):
        distance(leaf(2), power=2)


@pytest.mark.parametrize("options", [{"where": np.array([True, False])}, {"initial": 1.0}])
def test_argument_that_rules_do_not_know_is_refused(options):
    name = next(iter(options))
    with pytest.raises(OperationError, match=f"^sum: .*{name}"):
        np.sum(leaf(2), **options)
    with pytest.raises(OperationError, match=f"^max: .*{name}"):
        np.max(leaf(2), **options)


def test_argument_left_at_its_default_is_fine():
    assert np.var(Tensor([1.0, 3.0]), dtype=None, out=None).item() == 1.0
    assert np.sum(Tensor([1.0, 3.0]), axis=None, dtype=None, keepdims=False).item() == 4.0


NO_RULE = (
    "{}: {} is a Tensor, but {} has no gradient rule for it. Declare one, "
    "op(…, {}=lambda g, out, …, {}: …), or {}=None if its gradient is zero; or give {}.numpy()."
)


@pytest.mark.parametrize("power", [Tensor(2.0), leaf(2), [leaf(2), 1.0], (1.0, leaf(2))], ids=str)
@pytest.mark.parametrize("x", [leaf(2), np.ones(2)], ids=["Tensor", "array"])
def test_tensor_as_an_attribute_is_refused(power, x):
    with pytest.raises(OperationError) as caught:
        distance(x, leaf(2), power=power)
    assert str(caught.value) == NO_RULE.format("distance", "power", "distance", *["power"] * 4)


def test_input_without_a_rule_is_refused_if_it_is_a_tensor():
    shifted = tl.op(lambda x, by=0.0: x + by, name="shifted", x=lambda g, out, x: g)
    text = NO_RULE.format("shifted", "by", "shifted", *["by"] * 4)
    for call in (
        lambda: shifted(leaf(2), leaf(2)),
        lambda: shifted(np.ones(2), leaf(2)),
        lambda: shifted(leaf(2), by=leaf(2)),
    ):
        with pytest.raises(OperationError) as caught:
            call()
        assert str(caught.value) == text
    assert shifted(leaf(2)).op is shifted


def test_tensor_of_integers_may_be_an_attribute():
    @tl.op(x=lambda g, out, x, places: tl.f.scatter_add(g, places, x.shape))
    def chosen(x, places):
        return x[places]

    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = chosen(x, Tensor([2, 0]))
    assert y.tolist() == [3.0, 1.0]
    assert y.sum().gradient(x).tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    "rules",
    [
        {"x": lambda g, out, x, by: g * by},
        {"x": lambda g, out, x, by=3: g * by},
        {"x": lambda g, out, x, *, by=None: g * by},
    ],
    ids=["none", "another", "keyword"],
)
def test_attribute_without_the_functions_default_in_the_rule_is_refused(rules):
    with pytest.raises(OperationError) as caught:
        tl.op(lambda x, by=2: x * by, name="scaled", **rules)
    assert str(caught.value) == (
        "scaled: in scaled the default of by is 2, so it must be in the rule of x, too: "
        "lambda g, out, …, by=2: …"
    )


def test_other_default_in_the_one_rule_of_many_inputs_is_refused():
    with pytest.raises(OperationError, match=r"the default of by is 2, .* the rule of any input"):
        tl.op(lambda xs, by=2: xs[0] * by, name="f", each=lambda g, out, *xs, position, by=1: g)


@pytest.mark.parametrize("default", [2, 2.0, None, "a", np.float64(2), float("nan")], ids=str)
def test_attribute_with_the_functions_default_in_the_rule_is_used(default):
    f = tl.op(lambda x, by=default: x * 2, name="f", x=lambda g, out, x, by=default: g * 2)
    x = leaf(2)
    assert f(x).sum().gradient(x).tolist() == [2.0, 2.0]
    tl.op(lambda x, by: x * 2, name="f", x=lambda g, out, x, by=default: g * 2)


def test_function_of_any_number_of_inputs_is_refused_with_the_mend():
    for rules in ({"x": lambda g, out, *x: g}, {"each": lambda g, out, *xs, position: g}):
        with pytest.raises(OperationError) as caught:
            tl.op(lambda *x: x[0], name="first", **rules)
        assert str(caught.value) == (
            "first takes any number of inputs, (*x). Let it take one list of them, arrays, and "
            "give one rule for all: each=lambda g, out, *arrays, position: …"
        )


def test_what_is_no_function_is_refused():
    with pytest.raises(OperationError) as caught:
        tl.op("exp", x=None)
    assert str(caught.value) == ("op takes a function of arrays, not str 'exp'.")


def test_function_of_the_users_that_is_no_operation_works_on_tensors_by_itself():
    def swish(x):
        return x / (1 + np.exp(-x)) if x.ndim else x

    x = leaf(3)
    np.testing.assert_allclose(swish(x).data, swish(x.numpy()))
    assert swish(x).requires_grad


def test_function_that_numpy_vectorized_is_refused_with_the_mend():
    with pytest.raises(GradientError, match="NumPy's functions on the Tensor itself"):
        np.vectorize(lambda x: x * 2.0)(leaf(3))
    with pytest.raises(OperationError, match=r"declare your own with tl\.op"):
        np.frompyfunc(lambda x: x * 2.0, 1, 1)(leaf(3))


def test_operation_is_copied_and_pickled_as_functions_are():
    assert copy.deepcopy(cube) is cube
    for row in table.values():
        assert pickle.loads(pickle.dumps(row)) is row
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(tl.op(lambda x: x, name="nowhere", x=lambda g, out, x: g))


def test_function_that_writes_into_its_input_is_refused():
    @tl.op(x=lambda g, out, x: g)
    def doubled(x):
        x *= 2
        return x

    x = leaf(2)
    with pytest.raises(OperationError, match="doubled writes into its input, which is read-only"):
        doubled(x)


@pytest.mark.parametrize("result", [None, "a", (np.ones(2), np.ones(2))], ids=str)
def test_function_that_returns_no_array_is_refused(result):
    broken = tl.op(lambda x: result, name="broken", x=None)
    with pytest.raises(OperationError, match=r"^broken returned a "):
        broken(leaf(2))


def test_function_that_returns_its_input_gives_a_new_tensor():
    same = tl.op(lambda x: x, name="same", x=lambda g, out, x: g)
    x = leaf(2)
    y = same(x)
    assert y is not x and y.op is same
    assert y.sum().gradient(x).tolist() == [1.0, 1.0]


def test_function_that_returns_the_users_array_leaves_it_to_the_user():
    second = tl.op(lambda x, y: y, name="second", x=None, y=lambda g, out, x, y: g)
    array = np.ones(2)
    y = second(leaf(2), array)
    array[0] = 5.0
    assert y.tolist() == [1.0, 1.0]


# ---- the machinery -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "shape", "expected"),
    [
        (np.ones((2, 3)), (3,), np.full(3, 2.0)),
        (np.ones((2, 3)), (2, 1), np.full((2, 1), 3.0)),
        (np.ones((2, 3)), (), np.full((), 6.0)),
        (np.ones((4, 2, 3)), (2, 1), np.full((2, 1), 12.0)),
        (np.ones((2, 1)), (2, 3), np.ones((2, 3))),
        (np.array(5.0), (2, 2), np.full((2, 2), 5.0)),
        (np.float64(5.0), (2,), np.full(2, 5.0)),
        (np.ones((0, 3)), (3,), np.zeros(3)),
        (np.ones((0, 3)), (1, 3), np.zeros((1, 3))),
        (np.ones((2, 3)), (2, 3), np.ones((2, 3))),
    ],
)
def test_gradient_is_summed_or_spread_to_the_shape_of_its_input(given, shape, expected):
    assert_array_equal(fit(given, shape), expected, strict=True)
    if isinstance(given, np.ndarray):
        assert_array_equal(fit(Tensor(given), shape).data, expected, strict=True)


def test_every_row_is_found_by_the_function_that_users_call():
    for function, row in table.items():
        assert isinstance(row, Operation) and row.function is function
        assert row.name and repr(row) == f"<operation {row.name}>"
