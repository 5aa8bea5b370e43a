"""Linear algebra: on matrices far from singular, with eigenvalues far from each other."""

import numpy as np

from tinygrad_lite.ops import linalg

from .families import case, real

la = np.linalg


def regular(rng, shape):
    m, n = shape[-2:]
    return rng.uniform(-0.4, 0.4, shape) + np.eye(m, n) * np.arange(2, 2 + n)


def named(name, function):
    function.__name__ = name
    return function


def of_symmetric(call, **options):
    """Gradients of functions of symmetric matrices are those of the symmetric part."""
    return named(call.__name__, lambda x: call((x + x.mT) / 2, **options))


def part(call, index, **options):
    """One of several parts of the result."""
    return named(f"{call.__name__} {index}", lambda x: call(x, **options)[index])


def multi_dot(*arrays):
    return la.multi_dot(arrays)


def cofactors_of_regular(x):
    return la.det(x)[..., None, None] * la.inv(x).mT


def lower_inverse(x):
    return linalg.lower_inverse(np.tril(x))


SQUARE = [(3, 3), (1, 1), (2, 3, 3), (0, 0), (0, 2, 2)]
ANY = [(3, 3), (4, 2), (2, 4), (2, 3, 2), (1, 3), (0, 2), (2, 0, 2)]
CASES = [
    *[case(call, shape, draw=regular) for call in (la.inv, la.det) for shape in SQUARE],
    *[case(part(la.slogdet, 1), shape, draw=regular) for shape in SQUARE],
    case(la.det, (2, 1, 4, 4), draw=regular),
    *[
        case(linalg.cofactors, shape, draw=regular, numpy=cofactors_of_regular)
        for shape in [(1, 1), (2, 2), (2, 3, 3)]
    ],
    case(lower_inverse, (2, 3, 3), draw=regular, numpy=lambda x: la.inv(np.tril(x))),
    *[
        case(la.solve, a, b, draw=(regular, real))
        for a, b in [
            [(3, 3), (3,)],
            [(3, 3), (3, 2)],
            [(2, 3, 3), (3,)],
            [(2, 3, 3), (2, 3, 1)],
            [(2, 1, 3, 3), (3, 3, 2)],
            [(3, 3), (2, 3, 2)],
            [(1, 1), (1,)],
            [(0, 0), (0,)],
            [(2, 2), (2, 0)],
        ]
    ],
    *[case(la.pinv, shape, draw=regular) for shape in ANY],
    case(la.pinv, (4, 2), draw=regular, rcond=1e-10),
    *[case(of_symmetric(la.cholesky), shape, draw=regular) for shape in SQUARE],
    case(of_symmetric(la.cholesky, upper=True), (3, 3), draw=regular, name="cholesky upper"),
    *[
        case(of_symmetric(part(call, index)), shape, draw=regular)
        for call, index in [(la.eigh, 0), (la.eigh, 1)]
        for shape in SQUARE
    ],
    case(of_symmetric(part(la.eigh, 1, UPLO="U")), (3, 3), draw=regular, name="eigh U"),
    *[case(of_symmetric(la.eigvalsh), shape, draw=regular) for shape in SQUARE],
    case(of_symmetric(la.eigvalsh, UPLO="U"), (3, 3), draw=regular, name="eigvalsh U"),
    *[
        case(part(la.svd, index, full_matrices=False), shape, draw=regular)
        for index in (0, 1, 2)
        for shape in ANY
    ],
    *[case(part(la.svd, index), (3, 3), draw=regular, name="svd full") for index in (0, 2)],
    *[case(la.svdvals, shape, draw=regular) for shape in ANY],
    case(la.svd, (4, 3), draw=regular, compute_uv=False),
    *[case(part(la.qr, index), shape, draw=regular) for index in (0, 1) for shape in ANY],
    case(la.qr, (4, 2), draw=regular, mode="r"),
    *[case(la.matrix_power, (3, 3), draw=regular, n=n) for n in (-3, -1, 0, 1, 2, 3, 5)],
    case(la.matrix_power, (2, 2, 2), draw=regular, n=6),
    *[
        case(multi_dot, *shapes)
        for shapes in [
            [(2, 3), (3, 4)],
            [(2, 3), (3, 4), (4, 1)],
            [(3,), (3, 4), (4, 2), (2,)],
            [(4, 2), (2, 5), (5, 3), (3,)],
            [(3,), (3,)],
            [(2, 0), (0, 3), (3, 2)],
        ]
    ],
    case(la.matmul, (2, 3), (3, 2)),
    case(la.outer, (2,), (3,)),
    case(la.tensordot, (2, 3), (3, 2), axes=1),
    case(la.vecdot, (2, 3), (2, 3)),
    case(
        la.vecdot, (3, 2, 4), (3, 4), axis=0, numpy=lambda x, y, axis: np.einsum("ijk,ik->jk", x, y)
    ),
    case(la.cross, (2, 3), (3,)),
    case(la.cross, (3, 2), (3, 2), axis=0),
    case(la.diagonal, (2, 3, 4), offset=1),
    case(la.trace, (2, 3, 4), offset=-1),
    case(la.matrix_transpose, (2, 3, 4)),
]
