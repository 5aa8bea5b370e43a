"""Operations that move entries."""

import operator as o

import numpy as np

from tinygrad_lite import Tensor

from .families import case


def of_several(function):
    """A function of a sequence of arrays, as one of arrays."""

    def call(*xs, **options):
        return function(xs, **options)

    call.__name__ = function.__name__
    return call


def entry(function, i):
    """One of the arrays that a function returns."""

    def call(*xs, **options):
        return function(*xs, **options)[i]

    call.__name__ = f"{function.__name__}[{i}]"
    return call


def after(function, *args, **options):
    """A function with its arguments after the array given."""

    def call(x):
        return function(x, *args, **options)

    call.__name__ = f"{function.__name__} {args} {options or ''}".strip()
    return call


def all_of(function, *args, **options):
    """The sum of squares of all arrays that a function returns: no two flow back alike."""

    def call(*xs):
        parts = function(*xs, *args, **options)
        return sum((i + 2) * np.sum(part**2) for i, part in enumerate(parts))

    call.__name__ = f"{function.__name__} {args} {options or ''}".strip()
    return call


concatenate, stack = of_several(np.concatenate), of_several(np.stack)
vstack, hstack, dstack = of_several(np.vstack), of_several(np.hstack), of_several(np.dstack)
column_stack = of_several(np.column_stack)


def blocks(a, b, c, d):
    return np.block([[a, b], [c, d]])


T = Tensor
CASES = [
    case(lambda x: np.reshape(x, (3, 2)), (2, 3), name="reshape", also=[lambda x: x.reshape(3, 2)]),
    case(lambda x: np.reshape(x, -1), (2, 3), name="reshape", also=[T.flatten]),
    case(lambda x: np.reshape(x, ()), (1, 1), name="reshape", also=[lambda x: x.reshape(())]),
    case(lambda x: np.reshape(x, (1, -1)), (), name="reshape"),
    case(lambda x: np.reshape(x, (0, 5)), (3, 0), name="reshape"),
    case(after(np.reshape, (3, -1), order="F"), (2, 3)),
    case(after(np.reshape, (3, 2, 4), order="F"), (2, 3, 4)),
    case(after(np.reshape, -1, order="F"), ()),
    case(np.ravel, (2, 3), also=[T.flatten]),
    case(np.ravel, (2, 3, 2), order="F"),
    case(np.ravel, ()),
    case(np.transpose, (2, 3), also=[T.transpose, o.attrgetter("T")]),
    case(np.transpose, ()),
    case(np.transpose, (2, 3, 4), axes=(1, 2, 0), also=[lambda x, axes: x.transpose(*axes)]),
    case(np.transpose, (2, 3, 4), axes=(-1, 0, -2), also=[lambda x, axes: x.transpose(axes)]),
    case(np.transpose, (2, 0, 3), axes=(2, 0, 1), also=[np.permute_dims]),
    case(np.swapaxes, (2, 3, 4), axis1=0, axis2=-1, also=[T.swapaxes]),
    case(np.swapaxes, (2, 3, 4), axis1=-1, axis2=-2, also=[lambda x, **axes: x.mT]),
    case(np.matrix_transpose, (4, 2, 3), also=[o.attrgetter("mT")]),
    case(np.moveaxis, (2, 3, 4), source=0, destination=-1),
    case(np.moveaxis, (2, 3, 4), source=(0, -1), destination=(1, 0)),
    case(np.moveaxis, (2, 3), source=[], destination=[]),
    case(np.rollaxis, (2, 3, 4), axis=2),
    case(np.rollaxis, (2, 3, 4), axis=0, start=-1),
    case(np.rollaxis, (2, 3, 4), axis=-3, start=3),
    case(np.expand_dims, (2, 3), axis=1, also=[T.expand_dims]),
    case(np.expand_dims, (2, 3), axis=(0, -1), also=[T.expand_dims]),
    case(np.expand_dims, (), axis=0, also=[T.expand_dims]),
    case(np.squeeze, (1, 2, 1), also=[T.squeeze]),
    case(np.squeeze, (1, 2, 1), axis=0, also=[T.squeeze]),
    case(np.squeeze, (1, 2, 1), axis=(0, -1), also=[T.squeeze]),
    case(np.squeeze, ()),
    *[
        case(function, shape)
        for function in (np.atleast_1d, np.atleast_2d, np.atleast_3d)
        for shape in [(), (2,), (0,), (2, 3), (2, 1, 3)]
    ],
    case(all_of(np.atleast_2d), (), (3,)),
    case(np.broadcast_to, (3,), shape=(2, 3)),
    case(np.broadcast_to, (2, 1, 3), shape=(4, 2, 5, 3)),
    case(np.broadcast_to, (), shape=(2, 2)),
    case(np.broadcast_to, (1, 3), shape=(0, 3)),
    case(np.broadcast_to, (2, 3), shape=(2, 3)),
    case(all_of(np.broadcast_arrays), (), (2, 1), (1, 3)),
    case(all_of(np.meshgrid), (2,), (3,)),
    case(all_of(np.meshgrid, indexing="ij"), (2,), (3,), ()),
    case(all_of(np.meshgrid, sparse=True), (2,), (3,), (2,)),
    case(all_of(np.meshgrid), (2,), (3,), (4,)),
    case(after(np.astype, np.float64), (2, 3)),
    # ---- entries in another order ----
    case(np.flip, (2, 3)),
    case(np.flip, ()),
    case(np.flip, (2, 3), axis=-1),
    case(np.flip, (2, 3, 2), axis=(0, -1)),
    case(np.flip, (0, 2), axis=0),
    case(np.fliplr, (2, 3)),
    case(np.flipud, (3,)),
    *[case(np.rot90, (2, 3), k=k) for k in (-1, 0, 1, 2, 3, 4)],
    case(np.rot90, (2, 3, 4), axes=(2, 0)),
    case(np.rot90, (2, 3, 4), k=3, axes=(-2, -1)),
    *[
        case(np.roll, shape, shift=shift, axis=axis)
        for shape, shift, axis in [
            ((5,), 2, None),
            ((5,), -7, 0),
            ((2, 3), 1, None),
            ((2, 3), 0, 1),
            ((2, 3, 2), 1, -2),
            ((3, 4), (1, -2), (0, 1)),
            ((3, 4), 1, (0, 1)),
            ((3, 4), (1, 2), -1),
            ((2, 0), 1, 1),
            ((2, 0), 1, 0),
            ((), 1, None),
        ]
    ],
    # ---- entries more than once ----
    *[
        case(np.repeat, shape, repeats=repeats, axis=axis)
        for shape, repeats, axis in [
            ((3,), 2, None),
            ((2, 3), 2, None),
            ((2, 3), 3, 0),
            ((2, 3), 2, -1),
            ((2, 3, 2), 9, 1),
            ((2, 3), [2], 1),
            ((2, 3), 0, 1),
            ((2, 3), np.array([1, 0, 3]), 1),
            ((2, 3), [2, 1], -2),
            ((2, 3), [0, 1, 2, 3, 4, 5], None),
            ((40, 10), np.arange(40) % 3, 0),
            ((0, 2), 3, 0),
            ((), 3, None),
            ((), [2], 0),
        ]
    ],
    *[
        case(np.tile, shape, reps=reps)
        for shape, reps in [
            ((3,), 2),
            ((), 3),
            ((), (2, 2)),
            ((2, 3), 2),
            ((2, 3), (2, 1)),
            ((2, 3), (3, 2)),
            ((3,), (2, 2)),
            ((2, 3), (2, 1, 3)),
            ((2, 3), (1, 1)),
            ((2, 3), ()),
            ((2, 3), 0),
            ((0, 2), (2, 2)),
            ((2, 1), np.array([1, 4])),
        ]
    ],
    # ---- a border ----
    *[
        case(np.pad, shape, pad_width=width, **options)
        for shape, width, options in [
            ((3,), 2, {}),
            ((2, 3), (1, 2), {}),
            ((2, 3), ((1, 0), (2, 3)), {}),
            ((2, 3), ((1,), (2,)), {}),
            ((2, 3), (2,), {}),
            ((2, 3), [[1, 2]], {}),
            ((2, 3), np.array([[1, 2], [0, 0]]), {"mode": "constant"}),
            ((), 1, {}),
            ((0, 2), 1, {}),
            ((2, 3), 0, {}),
            ((2, 3), 1, {"constant_values": 5.0}),
            ((2, 3), 1, {"constant_values": (1.0, 2.0)}),
            ((2, 2), 1, {"constant_values": ((1.0, 2.0), (3.0, 4.0))}),
            *[
                ((3, 4), width, {"mode": mode})
                for mode in ("edge", "reflect", "symmetric", "wrap")
                for width in (1, ((0, 2), (3, 0)), ((5, 7), (0, 0)))
            ],
            ((2, 5, 6), ((0, 0), (2, 1), (2, 2)), {"mode": "reflect"}),
            ((1,), 3, {"mode": "edge"}),
        ]
    ],
    # ---- several arrays ----
    *[
        case(call, *shapes, axis=axis)
        for call, axis, *shapes in [
            (concatenate, 0, (2, 3), (1, 3)),
            (concatenate, -1, (2, 3), (2, 2), (2, 1)),
            (concatenate, 1, (2, 2, 2), (2, 1, 2)),
            (concatenate, None, (2, 3), (), (2,)),
            (concatenate, 0, (2, 3), (0, 3)),
            (concatenate, 0, (3,)),
            (stack, 0, (3,), (3,)),
            (stack, -1, (2, 3), (2, 3), (2, 3)),
            (stack, 1, (2, 3), (2, 3)),
            (stack, 0, (), ()),
            (stack, -1, (0,), (0,)),
            (np.append, 0, (2, 3), (1, 3)),
            (np.append, -1, (2, 3), (2, 1)),
            (np.append, None, (2, 3), ()),
        ]
    ],
    case(of_several(np.concat), (2,), (3,), dtype=np.float64),
    case(stack, (2,), (2,), dtype=np.float64),
    *[
        case(call, *shapes)
        for call in (vstack, hstack, dstack, column_stack)
        for shapes in [
            [(), ()],
            [(3,), (3,)],
            [(2, 3), (2, 3), (2, 3)],
            [(2, 3, 2), (2, 3, 2)],
            [(3,)],
        ]
    ],
    case(vstack, (3,), (2, 3)),
    case(column_stack, (3,), (3, 2)),
    case(dstack, (2, 3), (2, 3, 2)),
    case(hstack, (2, 3), (2, 0), dtype=np.float64),
    case(blocks, (2, 2), (2, 3), (1, 2), (1, 3)),
    case(blocks, (), (2,), (2,), ()),
    case(lambda x, y: np.block([x, y]), (2, 3), (2, 1), name="block"),
    case(lambda x: np.block(x), (2, 3), name="block"),
    # ---- parts ----
    *[
        case(all_of(function, *args, **options), shape)
        for function, args, options, shape in [
            (np.split, (3,), {}, (6,)),
            (np.split, (2,), {"axis": -1}, (3, 4)),
            (np.split, ([1, 3, 3, 9],), {}, (5, 2)),
            (np.split, ([-1],), {}, (5,)),
            (np.split, ((),), {}, (2,)),
            (np.array_split, (3,), {}, (8,)),
            (np.array_split, (4,), {"axis": 1}, (2, 3)),
            (np.array_split, (np.array([1, 2]),), {"axis": -1}, (2, 3)),
            (np.hsplit, (2,), {}, (4,)),
            (np.hsplit, (2,), {}, (3, 4)),
            (np.vsplit, ([1],), {}, (3, 4)),
            (np.dsplit, (2,), {}, (2, 3, 4)),
        ]
    ],
    case(entry(np.split, 1), (6, 2), indices_or_sections=3),
]
if hasattr(np, "unstack"):  # since NumPy 2.1
    CASES += [
        case(all_of(np.unstack), (3,)),
        case(all_of(np.unstack, axis=-1), (2, 3)),
        case(entry(np.unstack, 0), (2, 3)),
    ]
