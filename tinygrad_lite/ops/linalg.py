"""Linear algebra: inverses, determinants, factorizations, of matrices and stacks of them.

A factorization has several parts. It is one operation whose output holds them one below the other,
as rows of a single matrix; users get views of it, and `lift` gives them to the rules.
"""

from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .operation import op
from .reductions import over

Lifted = tuple[Any, Any, Sequence[Any]]


def row(x: Any) -> Any:
    return x.reshape(*x.shape[:-1], 1, x.shape[-1])


def column(x: Any) -> Any:
    return x.reshape(*x.shape, 1)


# ---- inverses --------------------------------------------------------------------------------


def _solve(a: Any, b: Any) -> Any:
    if a.ndim >= 2 and b.ndim and a.shape[-1] == a.shape[-2] != b.shape[-2 if b.ndim > 1 else 0]:
        raise ValueError("the rows of a must match those of b")
    return np.linalg.solve(a, b)


def as_adjoint(g: Any, out: Any, inputs: Sequence[Any]) -> Lifted:
    """Make a column of a 1-D `b`, and so of `g` and `out`; then `g` becomes `solve(a.mT, g)`."""
    a, b = inputs
    if b.ndim == 1:
        g, out, b = column(g), column(out), column(b)
    return np.linalg.solve(a.mT, g), out, [a, b]


inv = op(np.linalg.inv, x=lambda g, out, x: -out.mT @ g @ out.mT, domain="x invertible")
solve = op(
    np.linalg.solve,
    run=_solve,
    lift=as_adjoint,
    a=lambda g, out, a, b: -g @ out.mT,
    b=lambda g, out, a, b: g,
    domain="a invertible",
)
pinv = op(
    np.linalg.pinv,
    x=lambda g, out, x, rcond=None, hermitian=False, rtol=None: (
        out.mT @ (out @ (g.mT - g.mT @ out @ x) - g @ out.mT)
        + (g.mT - x @ (out @ g.mT)) @ out @ out.mT
    ),
    domain="x of full rank",
)

# ---- determinants ----------------------------------------------------------------------------


@op(
    x=lambda g, out, x: (
        (np.sum(g * out, (-2, -1), keepdims=True) * out - out @ g.mT @ out)
        / np.linalg.det(x)[..., None, None]
    ),
    domain="x invertible, for its gradient",
)
def cofactors(x: Any) -> Any:
    """The gradient of the determinant, `det(x) * inv(x).mT`; also of singular matrices."""
    try:
        return np.linalg.det(x)[..., None, None] * np.linalg.inv(x).mT
    except np.linalg.LinAlgError:
        u, s, vh = np.linalg.svd(x)
        signs = np.linalg.det(u) * np.linalg.det(vh)
        others = np.where(np.eye(s.shape[-1], dtype=bool), s.dtype.type(1), row(s))
        return u * row(column(signs) * np.prod(others, axis=-1)) @ vh


det = op(
    np.linalg.det,
    x=lambda g, out, x: g[..., None, None] * cofactors(x),
    domain="x invertible, for second derivatives",
)


@op(
    name="slogdet",
    x=lambda g, out, x: g[1][..., None, None] * np.linalg.inv(x).mT,
    domain="x invertible",
)
def sign_and_logdet(x: Any) -> Any:
    """`slogdet` with both parts in one array, along a first axis."""
    return np.stack(np.linalg.slogdet(x))


# ---- factors, packed in one array ------------------------------------------------------------

Eigen = namedtuple("Eigen", "w v")  # eigenvalues, and eigenvectors as columns
Singular = namedtuple("Singular", "u s v")  # singular values, and singular vectors as columns
Orthogonal = namedtuple("Orthogonal", "q r")  # orthonormal columns, and an upper triangle


def eigen_parts(packed: Any, m: int) -> Eigen:
    return Eigen(packed[..., 0, :], packed[..., 1:, :])


def singular_parts(packed: Any, m: int) -> Singular:
    return Singular(packed[..., :m, :], packed[..., m, :], packed[..., m + 1 :, :])


def orthogonal_parts(packed: Any, m: int) -> Orthogonal:
    return Orthogonal(packed[..., :m, :], packed[..., m:, :])


def apart(parts: Callable[[Any, int], Any]) -> Callable[..., Lifted]:
    """The `lift` of an operation whose output holds these parts, of a matrix with `m` rows."""

    def lift(g: Any, out: Any, inputs: Sequence[Any], **_: Any) -> Lifted:
        """Take `g` and `out` apart, into the factors: `w`, `v` or `u`, `s`, `v` or `q`, `r`."""
        m = inputs[0].shape[-2]
        return parts(g, m), parts(out, m), inputs

    return lift


# ---- symmetric matrices: the gradient is that of the symmetric part, `symmetric(x)` -----------


def symmetric(x: Any) -> Any:
    return (x + x.mT) / 2


def lower_half(x: Any) -> Any:
    """The lower triangle, with half of the diagonal."""
    n = x.shape[-1]
    return x * (np.tri(n, dtype=x.dtype) - np.eye(n, dtype=x.dtype) / 2)


def from_lower(inverse: Any, middle: Any) -> Any:
    """The symmetric part of `inverse.mT @ middle @ inverse`."""
    return symmetric(inverse.mT @ middle @ inverse)


def as_lower(g: Any, out: Any, inputs: Sequence[Any], upper: bool = False) -> Lifted:
    return (g.mT, out.mT, inputs) if upper else (g, out, inputs)


def inverse_gaps(values: Any) -> Any:
    """`1 / (values[j] - values[i])`, and 0 where they are equal, but for rounding."""
    gaps = row(values) - column(values)
    return 1 / np.where(np.absolute(gaps) > column(rounding(values)), gaps, np.inf)


def rounding(values: Any) -> Any:
    """What sorted eigenvalues or singular values may be wrong by."""
    largest = np.maximum(np.absolute(values[..., :1]), np.absolute(values[..., -1:]))
    return largest * (32 * float(np.finfo(values.dtype).eps))


@op(x=lambda g, out, x: -np.tril(out.mT @ g @ out.mT), domain="no 0 on the diagonal")
def lower_inverse(x: Any) -> Any:
    """The inverse of a lower triangle, by halves: most of it is matrix products."""
    n = x.shape[-1]
    if n <= 64:
        return np.linalg.inv(x)
    m = n // 2
    above, below = lower_inverse(x[..., :m, :m]), lower_inverse(x[..., m:, m:])
    out = np.zeros_like(x)
    out[..., :m, :m] = above
    out[..., m:, m:] = below
    out[..., m:, :m] = -below @ (x[..., m:, :m] @ above)
    return out


cholesky = op(
    np.linalg.cholesky,
    lift=as_lower,
    x=lambda g, out, x, upper=False: from_lower(lower_inverse(out), lower_half(out.mT @ g)),
    domain="x symmetric and positive definite; the gradient is that of (x + x.mT) / 2",
    formulas={"x": "from_lower(lower_inverse(out), lower_half(out.mT @ g))"},
)


def skew(x: Any) -> Any:
    return (x - x.mT) / 2


def turn(x: Any, values: Any) -> Any:
    """The skew part of `x`, which turns vectors in their span, over the gaps between values."""
    return skew(x) * inverse_gaps(values)


@op(
    name="eigh",
    lift=apart(eigen_parts),
    x=lambda g, out, x, UPLO="L": (
        (out.v * row(g.w) + out.v @ turn(out.v.mT @ g.v, out.w)) @ out.v.mT
    ),
    domain="x symmetric; the gradient is that of (x + x.mT) / 2",
    kinks="0 between eigenvectors of equal eigenvalues",
)
def packed_eigh(x: Any, UPLO: Any = "L") -> Any:
    """`eigh` with the eigenvalues as a row above the eigenvectors."""
    values, vectors = np.linalg.eigh(x, UPLO)
    return np.concatenate([row(values), vectors], axis=-2)


def from_eigen(g: Any, v: Any) -> Any:
    """The symmetric matrix with eigenvalues `g` and eigenvectors `v`."""
    return v * row(g) @ v.mT


eigvalsh = op(
    np.linalg.eigvalsh,
    x=lambda g, out, x, UPLO="L": from_eigen(g, np.linalg.eigh(x, UPLO)[1]),
    domain="x symmetric; the gradient is that of (x + x.mT) / 2",
    kinks="equal eigenvalues in the order of eigh's eigenvectors",
)

# ---- any matrices ----------------------------------------------------------------------------


def turns(g: Any, out: Any) -> Any:
    """The gradient of what turns `u` and `v` within their spans: in step, and against each other.

    In step, it needs singular values that differ; against each other, it doesn't.
    """
    left, right = skew(out.u.mT @ g.u), skew(out.v.mT @ g.v)
    return (left + right) * inverse_gaps(out.s) + over(left - right, row(out.s) + column(out.s))


def off(g: Any, vectors: Any, s: Any) -> Any:
    """The part of `g` outside the span of `vectors`, over their singular values."""
    return (g - vectors @ (vectors.mT @ g)) / row(np.where(s > rounding(s), s, np.inf))


def leaving(g: Any, out: Any) -> Any:
    """The gradient of what moves `u` or `v` out of its span, if there is room."""
    (gu, _, gv), (u, s, v) = g, out
    k = s.shape[-1]
    if u.shape[-2] > k:
        return off(gu, u, s) @ v.mT
    return u @ off(gv, v, s).mT if v.shape[-2] > k else 0


@op(
    name="svd",
    lift=apart(singular_parts),
    x=lambda g, out, x: (
        (out.u * row(g.s * np.sign(out.s)) + out.u @ turns(g, out)) @ out.v.mT + leaving(g, out)
    ),
    kinks="0 between singular vectors of equal singular values, and for singular values of 0",
)
def packed_svd(x: Any) -> Any:
    """`svd` with `u`, `s` as a row, and `v` one below the other."""
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return np.concatenate([u, row(s), vh.mT], axis=-2)


def from_singular(g: Any, factors: Any) -> Any:
    """The matrix with singular values `g` and these singular vectors."""
    return factors[0] * row(g) @ factors[2]


svdvals = op(
    np.linalg.svdvals,
    x=lambda g, out, x: from_singular(g * np.sign(out), np.linalg.svd(x, full_matrices=False)),
    kinks="0 for singular values of 0",
)


def mirrored(x: Any) -> Any:
    """The lower triangle, and its mirror image above the diagonal."""
    return lower_half(x) + lower_half(x).mT


@op(
    name="qr",
    lift=apart(orthogonal_parts),
    x=lambda g, out, x: (
        (g.q + out.q @ mirrored(out.r @ g.r.mT - g.q.mT @ out.q)) @ lower_inverse(out.r.mT)
    ),
    domain="columns of x independent",
)
def packed_qr(x: Any) -> Any:
    """`qr` of a matrix that isn't wider than high, with `q` above `r`."""
    return np.concatenate(np.linalg.qr(x), axis=-2)
