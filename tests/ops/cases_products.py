"""Products of vectors and matrices."""

import operator as o

import numpy as np

import tinygrad_lite as tl

from .families import case

f = tl.f


def einsum(subscripts, *shapes, **options):
    def call(*operands):
        return np.einsum(subscripts, *operands, **options)

    return case(call, *shapes, name=f"einsum {subscripts}")


CASES = [
    *[
        case(np.matmul, *shapes, also=[o.matmul])
        for shapes in [
            [(3,), (3,)],
            [(2, 3), (3,)],
            [(3,), (3, 2)],
            [(2, 3), (3, 4)],
            [(2, 2, 3), (3, 2)],
            [(2, 3), (2, 3, 2)],
            [(2, 1, 2, 3), (3, 3, 1)],
            [(2, 2, 3), (3,)],
            [(3,), (2, 3, 2)],
            [(1, 2, 3), (2, 3, 1)],
            [(0, 3), (3, 2)],
            [(2, 0), (0, 3)],
            [(2, 3), (3, 0)],
            [(0,), (0,)],
            [(0, 2, 3), (3, 2)],
        ]
    ],
    *[
        case(f.linear, x, (3, 2), (2,), numpy=lambda x, weight, bias: x @ weight + bias)
        for x in [(3,), (4, 3), (2, 2, 3), (0, 3), (1, 3)]
    ],
    *[
        case(np.dot, *shapes)
        for shapes in [
            [(), ()],
            [(), (2, 3)],
            [(3,), ()],
            [(3,), (3,)],
            [(2, 3), (3,)],
            [(3,), (3, 2)],
            [(2, 3), (3, 4)],
            [(2, 2, 3), (3,)],
            [(3,), (2, 3, 2)],
            [(2, 3), (2, 3, 2)],
            [(2, 1, 3), (2, 3, 2)],
            [(2, 2, 3), (3, 2)],
            [(0, 3), (3, 2)],
            [(2, 0), (3, 0, 2)],
        ]
    ],
    *[
        case(np.inner, *shapes)
        for shapes in [
            [(), (3,)],
            [(3,), (3,)],
            [(2, 3), (3,)],
            [(3,), (2, 3)],
            [(2, 3), (4, 3)],
            [(2, 2, 3), (4, 3)],
            [(2, 0), (3, 0)],
        ]
    ],
    *[case(np.vdot, x, y) for x, y in [((3,), (3,)), ((2, 3), (3, 2)), ((), ()), ((0,), (0,))]],
    *[
        case(np.outer, *shapes)
        for shapes in [[(2,), (3,)], [(2, 2), (3,)], [(), ()], [(), (2, 1)], [(0,), (3,)]]
    ],
    *[
        case(np.tensordot, x, y, axes=axes)
        for axes, x, y in [
            (2, (2, 3, 4), (3, 4, 5)),
            (1, (2, 3), (3,)),
            (0, (2, 3), (4,)),
            (0, (), ()),
            (0, (), (3,)),
            (2, (2, 3), (2, 3)),
            ((1, 0), (2, 3), (3, 2)),
            (([0, 2], [1, 0]), (2, 3, 4), (4, 2, 3)),
            (([2, 0], [0, 1]), (2, 3, 4), (4, 2, 3)),
            (([-1, 1], [0, -2]), (2, 3, 4), (4, 3, 1)),
            (([2, 0, 1], [0, 2, 1]), (2, 3, 4), (4, 3, 2)),
            (([], []), (2,), (3,)),
            (1, (2, 0), (0, 3)),
            (1, (0, 2), (2, 3)),
        ]
    ],
    case(np.tensordot, (2, 2, 3), (2, 3, 2)),
    *[
        einsum(subscripts, *shapes)
        for subscripts, *shapes in [
            ("ij,jk->ik", (2, 3), (3, 4)),
            ("ij,jk", (2, 3), (3, 4)),
            ("ij, kj -> ki", (2, 3), (4, 3)),
            ("ji,jk->ik", (3, 2), (3, 4)),
            ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
            ("bihd,bjhd->bhij", (2, 2, 3, 2), (2, 4, 3, 2)),
            ("bij,bj->bi", (2, 3, 2), (2, 2)),
            ("bi,bi->b", (2, 3), (2, 3)),
            ("i,i", (3,), (3,)),
            ("ij,ij->", (2, 3), (2, 3)),
            ("ij,ji->", (2, 3), (3, 2)),
            ("i,j->ij", (2,), (3,)),
            ("i,j->ji", (2,), (3,)),
            ("i,i->i", (3,), (3,)),
            ("ij,j->i", (2, 3), (3,)),
            ("ijk,kl->l", (2, 3, 4), (4, 2)),
            ("ij,k->k", (2, 3), (4,)),
            ("abc,cbd->ad", (2, 3, 4), (4, 3, 2)),
            ("ij,jk->ik", (2, 1), (3, 4)),
            ("ij,jk->ik", (2, 3), (1, 4)),
            ("ij,ij->i", (1, 3), (2, 3)),
            (",ij->ji", (), (2, 3)),
            ("i->", (3,)),
            ("ij->ji", (2, 3)),
            ("ji", (2, 3)),
            ("ij->j", (2, 3)),
            ("ii", (3, 3)),
            ("ii->i", (3, 3)),
            ("iij->j", (2, 2, 3)),
            ("iji->ij", (2, 3, 2)),
            ("iii->i", (2, 2, 2)),
            ("jiij->ij", (3, 2, 2, 3)),
            ("jjii->", (3, 3, 2, 2)),
            ("ii,ij->j", (2, 2), (2, 3)),
            ("ii,ij->j", (1, 1), (2, 3)),
            ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
            ("ij,jk,kl,li->", (2, 3), (3, 2), (2, 4), (4, 2)),
            ("ij,jk,kl->il", (2, 1), (0, 3), (3, 2)),
            ("i,i,i->i", (3,), (3,), (3,)),
            ("ij,i,j", (2, 3), (2,), (3,)),
            ("...ij,...jk->...ik", (2, 3), (3, 2)),
            ("...ij,...jk->...ik", (4, 2, 3), (3, 2)),
            ("...ij,...jk->...ik", (2, 1, 2, 3), (2, 3, 2)),
            ("...ij,...jk", (2, 2, 3), (2, 3, 2)),
            ("i...->...", (2, 3)),
            ("...ii->...i", (2, 3, 3)),
            ("...,...", (2, 3), (3,)),
            ("i...,...", (2, 3), ()),
            ("ij,jk->ik", (2, 0), (0, 3)),
            ("ij,jk->ik", (0, 2), (2, 3)),
            ("ii->i", (0, 0)),
            ("Ab,bA->A", (2, 3), (3, 2)),
        ]
    ],
    einsum("ij,jk->ik", (2, 3), (3, 4), optimize=True),
    *[
        case(np.kron, x, y)
        for x, y in [
            [(2, 3), (3, 2)],
            [(2,), (3,)],
            [(2,), (2, 3)],
            [(2, 1, 2), (3,)],
            [(), (2,)],
            [(), ()],
            [(0,), (2,)],
        ]
    ],
    *[
        case(np.cross, x, y)
        for x, y in [
            [(3,), (3,)],
            [(2, 3), (2, 3)],
            [(2, 3), (3,)],
            [(2, 1, 3), (4, 3)],
            [(0, 3), (3,)],
        ]
    ],
    case(np.cross, (3, 2), (3, 2), axis=0),
    case(np.cross, (3, 2), (2, 3), axisa=0, axisc=0),
    case(np.cross, (2, 3, 4), (2, 4, 3), axisa=1, axisb=-1, axisc=1),
    *[
        case(np.vecdot, x, y)
        for x, y in [[(3,), (3,)], [(2, 3), (3,)], [(2, 1, 3), (4, 3)], [(2, 0), (0,)]]
    ],
    *[
        case(getattr(np, name), *shapes)
        for name, *shapes in [
            ("matvec", (2, 3), (3,)),
            ("matvec", (2, 1, 2, 3), (4, 3)),
            ("matvec", (2, 3), (4, 3)),
            ("matvec", (0, 3), (3,)),
            ("vecmat", (3,), (3, 2)),
            ("vecmat", (4, 3), (2, 1, 3, 2)),
            ("vecmat", (4, 3), (3, 2)),
            ("vecmat", (0,), (0, 2)),
        ]
        if hasattr(np, name)  # from NumPy 2.2 on
    ],
    *[
        case(np.diagonal, shape, **options)
        for shape, options in [
            ((3, 3), {}),
            ((2, 4), {"offset": 1}),
            ((2, 4), {"offset": 3}),
            ((2, 4), {"offset": 5}),
            ((4, 2), {"offset": -1}),
            ((4, 2), {"offset": -4}),
            ((2, 3, 4), {}),
            ((2, 3, 4), {"offset": 1, "axis1": 2, "axis2": 0}),
            ((2, 3, 4), {"offset": -1, "axis1": -1, "axis2": -2}),
            ((0, 3), {}),
        ]
    ],
    case(np.trace, (3, 3)),
    case(np.trace, (2, 4), offset=1),
    case(np.trace, (2, 3, 4), offset=-1, axis1=2, axis2=0),
    *[case(np.diag, shape, k=k) for shape in [(3,), (3, 2), (0,)] for k in (0, 1, -2)],
    case(np.diagflat, (2, 2), k=1),
    *[
        case(call, shape, k=k)
        for call in (np.tril, np.triu)
        for shape, k in [((3, 3), 0), ((2, 4), 1), ((2, 3, 2), -1), ((3,), 0), ((0, 2), 0)]
    ],
    case(np.matrix_transpose, (2, 3, 4)),
]
