"""Products: einsum on subscripts that nobody thought of, dtypes, what is refused."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tinygrad_lite import Tensor
from tinygrad_lite import errors as e

from . import check
from .check import Case


def random(*shape, dtype=np.float64):
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


# ---- einsum --------------------------------------------------------------------------------------


def any_einsum(rng):
    """Subscripts, and operands of that many axes; some axes of 1, some letters repeated."""
    lengths = dict(zip("abcd", rng.integers(1, 4, 4), strict=True))
    count = rng.integers(1, 4)
    terms = ["".join(rng.choice(list("abcd"), rng.integers(0, 4))) for _ in range(count)]
    letters = sorted(set("".join(terms)))
    output = "".join(rng.permutation([c for c in letters if rng.random() < 0.5]))
    shapes = []
    for term in terms:
        narrow = {c for c in term if rng.random() < 0.1 and c not in output}
        shapes.append([1 if c in narrow else lengths[c] for c in term])
    return ",".join(terms) + "->" + output, [rng.uniform(0.5, 2, shape) for shape in shapes]


@pytest.mark.parametrize("seed", range(80))
def test_einsum_takes_any_subscripts(seed):
    subscripts, operands = any_einsum(np.random.default_rng(seed))
    case = Case(subscripts, lambda *xs: np.einsum(subscripts, *xs), operands)
    for each in (check.value, check.first_order, check.second_order):
        each(case)


@pytest.mark.parametrize(
    ("subscripts", "matmul"),
    [
        ("ij,jk->ik", lambda x, y: x @ y),
        ("ij,jk", lambda x, y: x @ y),
        ("bij,bjk->bik", lambda x, y: x @ y),
        ("ij,kj->ik", lambda x, y: x @ y.mT),
    ],
)
def test_einsum_of_matrix_products_is_the_matrix_product(subscripts, matmul):
    shape = (2, 40, 40) if "b" in subscripts else (40, 40)
    x, y = random(*shape, dtype=np.float32), random(*shape, dtype=np.float32)[..., ::-1]
    found = np.einsum(subscripts, Tensor(x), Tensor(y))
    assert_array_equal(found.data, matmul(Tensor(x), Tensor(y)).data, strict=True)


@pytest.mark.parametrize("optimize", [True, False, "greedy", "optimal", ["einsum_path", (0, 1)]])
def test_einsum_may_be_told_how_to_optimize(optimize):
    x, y = Tensor(random(2, 3)), Tensor(random(3, 2))
    assert_array_equal(np.einsum("ij,jk", x, y, optimize=optimize).data, (x @ y).data)


@pytest.mark.parametrize("dtype", [np.float16, np.int64, np.int8, bool])
def test_einsum_of_other_dtypes_is_numpys(dtype):
    x = np.array([[1, 0], [3, 2]]).astype(dtype)
    for subscripts in ("ij,jk->ik", "ii->i", "ij->j"):
        operands = [x] * (1 + subscripts.count(","))
        found = np.einsum(subscripts, *map(Tensor, operands))
        assert_array_equal(found.data, np.einsum(subscripts, *operands), strict=True)


# ---- dtypes and operands -------------------------------------------------------------------------


@pytest.mark.parametrize("call", [np.dot, np.inner, np.kron, np.outer, np.vdot, np.tensordot])
def test_products_of_integers_and_bools_are_numpys(call):
    for x in (np.array([[1, 2], [3, 4]]), np.array([[True, False], [True, True]])):
        assert_array_equal(call(Tensor(x), Tensor(x)).data, call(x, x), strict=True)


@pytest.mark.parametrize("call", [np.trace, np.diag, np.tril, np.triu, np.diagonal, np.diagflat])
def test_parts_of_integer_and_bool_matrices_are_numpys(call):
    for x in (np.array([[1, 2], [3, 4]]), np.array([[True, False], [True, True]])):
        assert_array_equal(call(Tensor(x)).data, call(x), strict=True)


def test_trace_takes_a_dtype():
    assert np.trace(Tensor(random(2, 2, dtype=np.float32)), dtype=np.float64).dtype == np.float64


@pytest.mark.parametrize("call", [np.dot, np.outer, np.cross, np.inner, np.vdot, np.kron])
def test_lists_are_operands_too(call):
    x = Tensor([1.0, 2.0, 4.0], dtype=np.float64, requires_grad=True)
    for found in (call(x, [3.0, 1.0, 2.0]), call([3.0, 1.0, 2.0], x)):
        assert found.requires_grad
    expected = call(x.data, [3.0, 1.0, 2.0])
    assert_array_equal(call(x, [3.0, 1.0, 2.0]).data, expected, strict=True)


def test_number_times_float32_stays_float32():
    x = Tensor([1.0, 2.0], requires_grad=True)
    assert np.dot(2.0, x).dtype == np.inner(x, 2.0).dtype == np.float32


@pytest.mark.parametrize("call", [np.diagonal, np.tril, np.trace])
def test_infinite_gradients_stay_where_they_belong(call):
    x = Tensor(np.ones((3, 3)), requires_grad=True)
    found = call(x).gradient(x, gradient=np.full(call(x).shape, np.inf))
    assert not np.isnan(found.data).any() and (found.data[np.triu_indices(3, 1)] == 0).all()


# ---- refused -------------------------------------------------------------------------------------


def leaf(shape):
    return Tensor(np.ones(shape), requires_grad=True)


@pytest.mark.parametrize(
    ("call", "shapes", "text"),
    [
        (np.dot, [(2, 3), (4, 5)], "dot: the last axis of x must match the second-to-last axis"),
        (np.dot, [(2, 3), (2,)], "dot: the last axis of x must match the only axis of y"),
        (np.inner, [(2, 3), (3, 2)], "inner: the last axes of a and b must match"),
        (np.vdot, [(3,), (4,)], "vdot: the last axis of x must match the only axis of y"),
        (np.tensordot, [(2, 3), (4, 5)], "tensordot: with axes=2, every axis of a"),
        (np.cross, [(2,), (2,)], "cross: vectors must have 3 entries"),
        (np.cross, [(2, 3), (4, 3)], "cross: x and y can't be broadcast together"),
        (np.vecdot, [(3,), (4,)], "vecdot: "),
        (np.diag, [(2, 2, 2)], "diag: v must be a vector or a matrix, not of shape (2, 2, 2)"),
        (np.trace, [(3,)], "trace: "),
        (np.diagonal, [(3,)], "diagonal: "),
    ],
)
def test_wrong_shapes_are_named_by_what_was_called(call, shapes, text):
    with pytest.raises(e.ShapeError) as caught:
        call(*map(leaf, shapes))
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("subscripts", "shapes", "text"),
    [
        ("ij,jk->ik", [(2, 3), (4, 5)], "the axes j of 'ij,jk->ik' are 3 and 4 long"),
        ("ii->i", [(2, 3)], "the axes i of 'ii' are 2 and 3 long"),
        ("ijk->i", [(2, 3)], "'ijk' in 'ijk->i' doesn't fit an operand with 2 axes"),
        ("i->i", [(2, 3)], "'i' in 'i->i' doesn't fit an operand with 2 axes"),
        ("ij,jk", [(2, 3)], "'ij,jk' has 2 operands, not 1"),
        ("ij->ik", [(2, 3)], "'ij->ik': the output names axes of the operands, each once"),
        ("ij->ii", [(2, 3)], "'ij->ii': the output names axes of the operands, each once"),
        ("...i->i", [(2, 3)], "'...i->i': the output needs the axes of the ellipsis, too"),
        ("i1->i", [(2, 3)], "'i1->i': axes are named by letters"),
    ],
)
def test_subscripts_that_do_not_fit_are_named(subscripts, shapes, text):
    with pytest.raises(e.ShapeError) as caught:
        np.einsum(subscripts, *map(leaf, shapes))
    assert str(caught.value).startswith(f"einsum: {text}")


def test_lists_of_subscripts_are_refused():
    with pytest.raises(e.OperationError, match=r'^einsum: .*"ij,jk->ik"'):
        np.einsum(leaf((2, 3)), [0, 1], [1])


def test_axis_that_is_not_there_is_refused():
    with pytest.raises(e.BoundsError, match=r"^cross: .*out of range"):
        np.cross(leaf((3,)), leaf((3,)), axis=4)
