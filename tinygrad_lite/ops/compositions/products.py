"""Products of vectors and matrices; diagonals."""

from string import ascii_letters
from typing import Any

import numpy as np

from ...errors import OperationError, ShapeError, TinygradError, refusal
from .. import products
from ..indexing import scatter_add
from ..products import diagonal_entries
from ..subscripts import explicit, split


def mismatch(name: str, text: str, *inputs: Any) -> TinygradError:
    """The error that says why the inputs `a` and `b` of a composition don't fit."""
    return refusal(name, inputs, ValueError(text), labels="ab")


def dot(a: Any, b: Any) -> Any:
    """`a @ b` for vectors and matrices; else `np.tensordot(a, b, (-1, -2))`."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return np.multiply(a, b)
    if np.ndim(b) <= 2:
        return np.matmul(a, b)
    return np.tensordot(a, b, (-1, -2))


def vdot(a: Any, b: Any) -> Any:
    """`a.reshape(-1) @ b.reshape(-1)`."""
    return np.matmul(np.reshape(a, -1), np.reshape(b, -1))


def inner(a: Any, b: Any) -> Any:
    """Sums over the last axis of both: `a @ b.mT` for matrices."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return np.multiply(a, b)
    if np.shape(a)[-1] != np.shape(b)[-1]:
        raise mismatch("inner", "the last axes of a and b must match", a, b)
    return np.matmul(a, np.transpose(b)) if np.ndim(b) <= 2 else np.tensordot(a, b, (-1, -1))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """`np.einsum`: `"abc,bcd->ad"` for `axes=2`, as many of the last of `a`, the first of `b`."""
    pair = (range(-axes, 0), range(axes)) if np.ndim(axes) == 0 else axes
    of_a, of_b = ([*np.ravel(each)] for each in pair)
    if [np.shape(a)[i] for i in of_a] != [np.shape(b)[i] for i in of_b]:
        text = f"with axes={axes!r}, every axis of a that is summed must have a partner in b"
        raise mismatch("tensordot", text + ", as long", a, b)
    letters = ascii_letters[: np.ndim(a) + np.ndim(b)]
    first, second = letters[: np.ndim(a)], [*letters[np.ndim(a) :]]
    for i, j in zip(of_a, of_b, strict=True):
        second[j] = first[i]
    output = "".join(c for c in [*first, *second] if (c in first) != (c in second))
    return products.einsum([a, b], f"{first},{''.join(second)}->{output}")


def einsum(*operands: Any, optimize: Any = False) -> Any:
    """Products summed over axes that are named by letters: `a @ b` is `"ij,jk->ik"`."""
    subscripts, *arrays = operands
    if not isinstance(subscripts, str):
        raise OperationError(
            'einsum: on Tensors, give the subscripts as text, np.einsum("ij,jk->ik", a, b).'
        )
    try:
        full = explicit(subscripts, tuple([np.ndim(x) for x in arrays]))
        terms, output = split(full)
        if any(len(set(term)) < len(term) for term in terms):
            pairs = [_on_diagonals(x, term) for x, term in zip(arrays, terms, strict=True)]
            arrays, full = [x for x, _ in pairs], ",".join(t for _, t in pairs) + "->" + output
    except ValueError as error:
        raise refusal("einsum", tuple(arrays), error, labels=()) from None
    return products.einsum(arrays, full)


def _on_diagonals(x: Any, term: str) -> tuple[Any, str]:
    """An operand of `einsum` and its letters, each of them once."""
    for c in [c for c in term if term.count(c) > 1]:
        i, j = term.find(c), term.rfind(c)
        if i < j:
            if x.shape[i] != x.shape[j]:
                raise ValueError(f"the axes {c} of {term!r} are {x.shape[i]} and {x.shape[j]} long")
            x, term = np.diagonal(x, 0, i, j), term[:i] + term[i + 1 : j] + term[j + 1 :] + c
    return x, term


def kron(a: Any, b: Any) -> Any:
    """Every entry of `a` times all of `b`: `a[:, None, :, None] * b[None, :, None]`, reshaped."""
    ndim = max(np.ndim(a), np.ndim(b))
    rows = (1,) * (ndim - np.ndim(a)) + np.shape(a)
    columns = (1,) * (ndim - np.ndim(b)) + np.shape(b)
    of_a = np.reshape(a, [n for row in rows for n in (row, 1)])
    of_b = np.reshape(b, [n for column in columns for n in (1, column)])
    return np.reshape(of_a * of_b, [m * n for m, n in zip(rows, columns, strict=True)])


def cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    """`a[1] * b[2] - a[2] * b[1]` and so on, of vectors with three entries."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = moved(a, axisa, -1), moved(b, axisb, -1)
    if np.shape(a)[-1] != 3 or np.shape(b)[-1] != 3:
        raise mismatch("cross", "vectors must have 3 entries", a, b)
    return moved(products.cross(a, b), -1, axisc)


def moved(x: Any, source: int, destination: int) -> Any:
    """`np.moveaxis`, if there is anything to move."""
    return x if source == destination else np.moveaxis(x, source, destination)


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    """`diagonal(a).sum(-1)`."""
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


def diag(v: Any, k: int = 0) -> Any:
    """A matrix with the vector `v` on a diagonal, or the diagonal of a matrix."""
    if v.ndim == 2:
        return np.diagonal(v, k)
    if v.ndim != 1:
        raise ShapeError(f"diag: v must be a vector or a matrix, not of shape {v.shape}.")
    n = v.size + abs(k)
    return scatter_add(v, diagonal_entries(n, n, k), (n * n,)).reshape(n, n)


def diagflat(v: Any, k: int = 0) -> Any:
    """`diag(v.reshape(-1))`."""
    return diag(np.reshape(v, -1), k)
