"""Linear algebra: conventions, singular and repeated values, what is refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinygrad_lite import Tensor
from tinygrad_lite import errors as e
from tinygrad_lite.ops import linalg

from .check import differences

la = np.linalg


def random(*shape):
    return np.random.default_rng(0).normal(size=shape)


def positive_definite(n):
    x = random(n, n)
    return x @ x.T / n + np.eye(n)


def gradient(call, x, weights=None):
    """The gradient of `call` at `x`, of its sum or of what `weights` say, as an array."""
    leaf = Tensor(x, requires_grad=True)
    out = call(leaf)
    return out.gradient(leaf, gradient=np.ones(out.shape) if weights is None else weights).data


# ---- results with several parts ------------------------------------------------------------------


def svd(x):
    return la.svd(x, full_matrices=False)


@pytest.mark.parametrize("call", [la.eigh, svd, la.slogdet, la.qr])
def test_parts_have_the_names_and_values_of_numpy(call):
    x = positive_definite(3)
    found, expected = call(Tensor(x)), call(x)
    assert type(found)._fields == type(expected)._fields
    for name in type(expected)._fields:
        assert_array_equal(getattr(found, name).data, getattr(expected, name), strict=True)


def test_parts_are_views_of_one_result():
    x = Tensor(positive_definite(3), requires_grad=True)
    values, vectors = la.eigh(x)
    assert np.shares_memory(values.data, values.inputs[0].data)
    assert values.inputs[0] is vectors.inputs[0] and values.inputs[0].op.name == "eigh"


def test_sign_of_determinant_has_no_gradient():
    sign, logabsdet = la.slogdet(Tensor(-np.eye(3), requires_grad=True))
    assert sign.item() == -1 and not sign.requires_grad and logabsdet.requires_grad


def test_integers_are_promoted_and_half_precision_refused_as_in_numpy():
    x = np.array([[2, 1], [1, 3]])
    assert_array_equal(la.inv(Tensor(x)).data, la.inv(x), strict=True)
    with pytest.raises(e.DtypeError, match=r"^det: .*float16"):
        la.det(Tensor(x.astype(np.float16)))


# ---- conventions ---------------------------------------------------------------------------------


def eigenvectors(x):
    return la.eigh(x)[1]


def upper_cholesky(x):
    return la.cholesky(x, upper=True)


@pytest.mark.parametrize("call", [la.cholesky, upper_cholesky, la.eigvalsh, eigenvectors])
def test_gradient_of_symmetric_matrices_is_that_of_the_symmetric_part(call):
    x = positive_definite(3)
    w = random(*call(x).shape)
    found = gradient(call, x, w)
    assert_allclose(found, found.T, rtol=1e-12)
    (expected,) = differences(lambda x: np.sum(call((x + x.T) / 2) * w), [x])
    assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


def adjugate_transposed(x):
    """Signed minors, one by one."""
    found = np.empty_like(x)
    for i, j in np.ndindex(x.shape):
        minor = np.delete(np.delete(x, i, 0), j, 1)
        found[i, j] = (-1) ** (i + j) * la.det(minor)
    return found


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((1, 1)),
        np.array([[1.0, 2.0], [2.0, 4.0]]),
        np.ones((3, 3)),
        np.zeros((3, 3)),
        np.diag([1.0, 2.0, 0.0]),
        np.arange(9.0).reshape(3, 3),
        np.arange(9.0).reshape(3, 3)[::-1],
    ],
    ids=str,
)
def test_gradient_of_determinant_is_right_where_it_is_zero(x):
    assert_allclose(gradient(la.det, x), adjugate_transposed(x), rtol=1e-12, atol=1e-13)


def test_gradient_of_determinant_is_right_in_stacks_with_singular_matrices():
    x = np.stack([np.diag([1.0, 2.0, 0.0]), random(3, 3)])
    expected = [adjugate_transposed(matrix) for matrix in x]
    assert_allclose(gradient(la.det, x), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("spectrum", [[2.0, 2.0, 2.0], [1.0, 3.0, 3.0], [1.0, 1.0 + 1e-15, 2.0]])
def test_repeated_eigenvalues_are_harmless_to_sums_over_them(spectrum):
    q = la.qr(random(3, 3))[0]
    x = q * spectrum @ q.T
    for eigenvalues in (la.eigvalsh, lambda x: la.eigh(x)[0]):
        found = gradient(lambda x, values=eigenvalues: values((x + x.mT) / 2) ** 3, x)
        assert_allclose(found, 3 * x @ x, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("spectrum", [[1.0, 3.0, 3.0], [1.0, 3.0, 3.0 + 1e-15], [1.0, 2.0, 3.0]])
def test_repeated_eigenvalues_are_harmless_to_what_depends_on_their_span(spectrum):
    q, w = la.qr(random(3, 3))[0], random(3, 3)
    x = q * spectrum @ q.T

    def projection(x):
        others = la.eigh((x + x.mT) / 2)[1][:, 1:]
        return others @ others.mT

    (expected,) = differences(lambda x: np.sum(projection(x) * w), [x])
    assert_allclose(gradient(projection, x, w), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("spectrum", [[2.0, 2.0, 2.0], [3.0, 3.0, 1.0], [3.0, 2.0, 1.0]])
def test_repeated_singular_values_are_harmless_to_what_ignores_their_vectors(spectrum):
    q, w = la.qr(random(2, 3, 3))[0], random(3, 3)
    x = q[0] * spectrum @ q[1]

    def rotation(x):
        u, _, vh = svd(x)
        return u @ vh

    (expected,) = differences(lambda x: np.sum(rotation(x) * w), [x])
    assert_allclose(gradient(rotation, x, w), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_of_repeated_values_is_not_taken_for_a_difference(dtype):
    q = la.qr(random(40, 40))[0]
    x = (q * np.repeat([1.0, 2.0], 20) @ q.T).astype(dtype)
    w = random(40, 40).astype(dtype)

    def eigen(x):
        others = la.eigh((x + x.mT) / 2)[1][:, 20:]
        return others @ others.mT

    inner, outer = (v @ v.T for v in (q[:, 20:], q[:, :20]))
    expected = inner @ (w + w.T) @ outer / 2
    found = gradient(eigen, x, w)
    assert_allclose(found, expected + expected.T, atol=1e-4 if dtype == np.float32 else 1e-12)


def test_gradients_of_vectors_of_equal_values_are_finite():
    for parts in (la.eigh, svd, la.svdvals):
        for x in (np.eye(3), np.zeros((3, 3))):
            found = gradient(lambda x, parts=parts: parts(x)[0] * 1.0, x)
            assert np.isfinite(found).all()


def singular_values(x):
    return svd(x)[1]


@pytest.mark.parametrize("call", [la.svdvals, singular_values])
def test_singular_values_of_zero_have_no_gradient(call):
    assert_array_equal(gradient(call, np.zeros((2, 3))), np.zeros((2, 3)))
    found = gradient(call, np.diag([2.0, 0.0, -5.0])[:2], np.array([3.0, 4.0]))
    assert_allclose(found, np.diag([3.0, 0.0, 0.0])[:2], atol=1e-15)
    found = gradient(call, np.diag([2.0, 0.0, -5.0]), np.array([-3.0, 4.0, 7.0]))
    assert_allclose(found, np.diag([4.0, 0.0, 3.0]), atol=1e-15)


def test_power_zero_has_gradient_zero():
    x = np.array([[np.inf, np.nan], [0.0, 1.0]])
    assert_array_equal(gradient(lambda x: la.matrix_power(x, 0), x), np.zeros((2, 2)))


# ---- speed that must not cost correctness --------------------------------------------------------


@pytest.mark.parametrize("n", [64, 65, 150])
def test_triangles_of_any_size_are_inverted(n):
    x = la.cholesky(positive_definite(n))
    assert_allclose(linalg.lower_inverse(np.stack([x, 2 * x]))[1], la.inv(2 * x), atol=1e-12)


def test_cholesky_of_large_matrices_has_the_gradient_of_small_ones():
    x, n = positive_definite(130), 130
    found = gradient(lambda x: np.log(np.diagonal(la.cholesky(x))) * 2, x)
    assert_allclose(found, la.inv(x), rtol=1e-9, atol=1e-9, err_msg=f"logdet of {n}")


def test_multi_dot_takes_the_cheapest_order():
    arrays = [Tensor(random(*shape)) for shape in [(10, 100), (100, 5), (5, 50)]]
    arrays[0].requires_grad = True
    last = la.multi_dot(arrays)
    assert [x.shape for x in last.inputs] == [(10, 5), (5, 50)]
    last = la.multi_dot([arrays[0], Tensor(random(100, 50)), Tensor(random(50))])
    assert [x.shape for x in last.inputs] == [(10, 100), (100,)]


# ---- refused -------------------------------------------------------------------------------------


def leaf(*shape):
    return Tensor(np.ones(shape), requires_grad=True)


@pytest.mark.parametrize(
    ("call", "shapes", "text"),
    [
        (la.solve, [(3, 3), (4,)], "solve: the rows of a must match those of b"),
        (la.solve, [(3, 3), (4, 2)], "solve: the rows of a must match those of b"),
        (la.solve, [(2, 3, 3), (2, 3)], "solve: the rows of a must match those of b"),
        (la.solve, [(3, 4), (3,)], "solve: Last 2 dimensions of the array must be square"),
        (la.inv, [(2, 3)], "inv: Last 2 dimensions of the array must be square"),
        (la.det, [(3,)], "det: 1-dimensional array given"),
        (la.svd, [(3,)], "svd: a matrix or a stack of them is needed, not shape (3,)"),
        (la.qr, [(3,)], "qr: a matrix or a stack of them is needed, not shape (3,)"),
        (la.outer, [(2, 3), (3,)], "outer: vectors are needed"),
        (lambda x: la.matrix_power(x, 2), [(2, 3)], "matrix_power: matrices must be square"),
        (lambda *x: la.multi_dot(x), [(2, 3), (4, 2)], "multi_dot: the last axis of x must match"),
        (lambda *x: la.multi_dot(x), [(2, 3)], "multi_dot: at least two matrices"),
        (lambda *x: la.multi_dot(x), [(2, 3), (3,), (3, 2)], "multi_dot: at least two matrices"),
    ],
)
def test_wrong_shapes_are_named_by_what_was_called(call, shapes, text):
    with pytest.raises(e.ShapeError) as caught:
        call(*[leaf(*shape) for shape in shapes])
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (la.inv, "inv: Singular matrix"),
        (lambda x: la.solve(x, x), "solve: Singular matrix"),
        (lambda x: la.cholesky(-x), "cholesky: Matrix is not positive definite"),
    ],
)
def test_matrices_that_cannot_be_factored_are_named_with_the_operation(call, text):
    with pytest.raises(e.TinygradError) as caught:
        call(leaf(3, 3))
    assert str(caught.value).startswith(text) and "(3, 3)" in str(caught.value)
    assert isinstance(caught.value.__cause__, la.LinAlgError)


def test_singular_vectors_without_gradient_are_refused():
    with pytest.raises(e.ArgumentError, match=r"Give full_matrices=False\.$"):
        la.svd(leaf(2, 3))
    with pytest.raises(e.ArgumentError, match=r"^qr: mode='complete' of shape \(3, 2\)"):
        la.qr(leaf(3, 2), mode="complete")
