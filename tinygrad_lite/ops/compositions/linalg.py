"""Linear algebra, as in `np.linalg`."""

from collections import namedtuple
from functools import cache
from typing import Any

import numpy as np

from ...errors import ArgumentError, ShapeError
from .. import linalg, reductions
from .products import mismatch, moved

# ---- results with several parts --------------------------------------------------------------

SlogdetResult = namedtuple("SlogdetResult", "sign logabsdet")
EighResult = namedtuple("EighResult", "eigenvalues eigenvectors")
SVDResult = namedtuple("SVDResult", "U S Vh")
QRResult = namedtuple("QRResult", "Q R")


def slogdet(a: Any) -> SlogdetResult:
    """The sign of `det(a)`, which has no gradient, and the logarithm of its absolute value."""
    both = linalg.sign_and_logdet(a)
    return SlogdetResult(np.sign(both[0]), both[1])


def eigh(a: Any, UPLO: str = "L") -> EighResult:
    """`a = v @ diag(w) @ v.mT`, of a symmetric matrix: eigenvalues w, eigenvectors v."""
    return EighResult(*linalg.eigen_parts(linalg.packed_eigh(a, UPLO), a.shape[-1]))


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """`a = u @ diag(s) @ vh`: singular values s, descending, and singular vectors."""
    if not compute_uv:
        return np.linalg.svdvals(a)
    m, n = matrix_shape("svd", a)
    if full_matrices and m != n:
        raise ArgumentError(
            f"svd: of a matrix of shape {a.shape}, full_matrices=True has singular vectors without "
            "a gradient. Give full_matrices=False."
        )
    u, s, v = linalg.singular_parts(linalg.packed_svd(a), m)
    return SVDResult(u, s, v.mT)


def qr(a: Any, mode: str = "reduced") -> Any:
    """`a = q @ r`: orthonormal columns q, upper triangle r."""
    m, n = matrix_shape("qr", a)
    if mode not in ("reduced", "r", "complete") or (mode == "complete" and m > n):
        raise ArgumentError(f"qr: mode={mode!r} of shape {a.shape} has no gradient; 'reduced' has.")
    q, r = linalg.orthogonal_parts(linalg.packed_qr(a[..., :m]), m)
    if m < n:
        r = np.concatenate([r, q.mT @ a[..., m:]], axis=-1)
    return r if mode == "r" else QRResult(q, r)


def matrix_shape(name: str, a: Any) -> tuple[int, int]:
    if a.ndim < 2:
        raise ShapeError(f"{name}: a matrix or a stack of them is needed, not shape {a.shape}.")
    return a.shape[-2:]  # type: ignore[no-any-return]


# ---- norms -----------------------------------------------------------------------------------


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """`sum(abs(x)**ord)**(1 / ord)`; of matrices, see NumPy: the largest of sums, or of `svdvals`.

    Without `ord`, `sqrt(sum(x**2))`.
    """
    if ord is None and axis is None and not keepdims:
        return reductions.norm(x)
    axes = axis if isinstance(axis, tuple) else tuple(range(x.ndim)) if axis is None else (axis,)
    if len(axes) == 2 and ord in (2, -2, "nuc"):
        s = np.linalg.svdvals(np.moveaxis(x, axes, (-2, -1)))
        found = (np.sum if ord == "nuc" else np.max if ord > 0 else np.min)(s, axis=-1)
        return np.expand_dims(found, axes) if keepdims else found
    if len(axes) == 2 and ord in (1, -1, np.inf, -np.inf):
        along, across = axes if abs(ord) == 1 else axes[::-1]
        sums = np.sum(np.absolute(x), axis=along, keepdims=True)
        found = (np.max if ord > 0 else np.min)(sums, axis=across, keepdims=True)
        return found if keepdims else np.squeeze(found, axis=tuple(axes))
    return reductions.norm(x, ord, axis, keepdims)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """`np.linalg.norm` over the last two axes."""
    return norm(x, ord, (-2, -1), keepdims)


# ---- products --------------------------------------------------------------------------------


def matrix_power(a: Any, n: int) -> Any:
    """`a @ a @ … @ a`; for `n < 0` that of `inv(a)`, for `n = 0` the identity."""
    rows, columns = matrix_shape("matrix_power", a)
    if rows != columns:
        raise ShapeError(f"matrix_power: matrices must be square, not of shape {a.shape}.")
    if n < 0:
        return matrix_power(np.linalg.inv(a), -n)
    if n < 2:
        return np.positive(a) if n else np.where(True, np.eye(rows, dtype=a.dtype), a)
    even = a @ a if n < 4 else matrix_power(a @ a, n // 2)
    return even @ a if n % 2 else even


def multi_dot(arrays: Any) -> Any:
    """`arrays[0] @ arrays[1] @ …`, in the order that takes the fewest multiplications."""
    shapes = [np.shape(x) for x in arrays]
    ndims = [len(shape) for shape in shapes]
    if len(ndims) < 2 or not {*ndims[1:-1]} <= {2} or not {ndims[0], ndims[-1]} <= {1, 2}:
        raise ShapeError(
            "multi_dot: at least two matrices are needed, of which the first and the last may be "
            f"vectors, not shapes {', '.join(map(str, shapes))}."
        )
    sizes = [(1, *shapes[0])[-2], *(shape[0] for shape in shapes[1:]), (*shapes[-1], 1)[1]]

    @cache
    def cheapest(start: int, stop: int) -> tuple[int, int]:
        """The multiplications for `arrays[start:stop]`, and where to cut it in two."""
        costs = [(0, start)] * (stop - start == 1)
        for cut in range(start + 1, stop):
            parts = cheapest(start, cut)[0] + cheapest(cut, stop)[0]
            costs.append((parts + sizes[start] * sizes[cut] * sizes[stop], cut))
        return min(costs)

    def product(start: int, stop: int) -> Any:
        cut = cheapest(start, stop)[1]
        if cut == start:
            return arrays[start]
        return np.matmul(product(start, cut), product(cut, stop))

    return product(0, len(arrays))


# ---- NumPy's functions under the names of the array API --------------------------------------


def matrix_transpose(x: Any, /) -> Any:
    """`x.mT`."""
    return np.matrix_transpose(x)


def matmul(x1: Any, x2: Any, /) -> Any:
    """`x1 @ x2`."""
    return np.matmul(x1, x2)


def outer(x1: Any, x2: Any, /) -> Any:
    """`np.outer` of vectors."""
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        raise mismatch("outer", "vectors are needed; np.outer flattens other shapes", x1, x2)
    return np.outer(x1, x2)


def tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    """`np.tensordot`."""
    return np.tensordot(x1, x2, axes)


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """`np.vecdot`, the product of vectors that lie along `axis`."""
    return np.vecdot(moved(x1, axis, -1), moved(x2, axis, -1))


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """`np.cross`."""
    return np.cross(x1, x2, axis=axis)


def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """`np.diagonal` of the last two axes."""
    return np.diagonal(x, offset, -2, -1)


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """`np.trace` over the last two axes."""
    return np.trace(x, offset, -2, -1, dtype)
