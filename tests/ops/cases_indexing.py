"""Selecting entries, and putting them back."""

import operator as o

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite.ops.indexing import add_windows
from tinygrad_lite.ops.updates import At

from .families import case


def scatter_add(values, index, shape):
    out = np.zeros(shape, values.dtype)
    np.add.at(out, index, values)
    return out


def indexed(index, shape):
    return case(o.itemgetter(index), shape, name=f"getitem {index!r}"[:60])


def scattered(index, values, shape):
    numbers = {"index": index, "shape": shape}
    name = f"scatter_add {index!r}"
    return case(tl.f.scatter_add, values, name=name, numpy=scatter_add, **numbers)


def many(length, *shape):
    """Indices into an axis, negative ones as well."""
    return np.random.default_rng(0).integers(-length, length, shape)


def mask(x):
    """Every second entry."""
    numbers = np.cumsum(np.ones(x.shape)).reshape(x.shape)
    return tl.Tensor(numbers % 2 == 1) if isinstance(x, tl.Tensor) else numbers % 2 == 1


def tensor_index(function):
    """With its indices in a Tensor, where it gets one."""

    def call(x, indices, **options):
        is_tensor = isinstance(x, tl.Tensor)
        return function(x, tl.Tensor(indices) if is_tensor else indices, **options)

    call.__name__ = function.__name__
    return call


def partition_1(x, axis):
    return np.partition(x, 1, axis)


def windows(x, **options):
    return np.lib.stride_tricks.sliding_window_view(x, **options)


def added_up(values, window_shape, axis, shape):
    numbers = np.arange(np.prod(shape)).reshape(shape)
    out = np.zeros(shape, values.dtype)
    np.add.at(out.reshape(-1), windows(numbers, window_shape=window_shape, axis=axis), values)
    return out


def set_at(x, values, index):
    return At(x)[index].set(values)


def add_at(x, values, index):
    return At(x)[index].add(values)


def set_in_order(x, values, index):
    """One after the other, as they come in `values`."""
    out, numbers = x.copy(), np.arange(x.size).reshape(x.shape)[index]
    for entry, value in zip(numbers.flat, np.broadcast_to(values, numbers.shape).flat, strict=True):
        out.flat[entry] = value
    return out


def add_in_order(x, values, index):
    out = x.copy()
    np.add.at(out, index, values)
    return out


f, rows = tl.f, np.array([[2, 0], [1, 1]])
CASES = [
    *[
        indexed(index, (4, 3))
        for index in [
            1,
            -1,
            np.int64(2),
            slice(1, 3),
            slice(None, None, -1),
            slice(3, 0, -2),
            slice(2, 2),
            (slice(None), 1),
            (1, 2),
            None,
            (None, 0, None, ...),
            ...,
            (..., 0),
            (),
            np.array([3, 0, 0, -1]),
            [0, 1, 0],
            np.array([[0, 1], [1, 0]]),
            np.zeros(0, int),
            (np.array([0, 0, 2]), np.array([1, 1, 0])),
            (np.array([[0], [2]]), np.array([1, 1, 0])),
            (slice(1, 3), np.array([2, 2])),
            (np.array([2, 2]), slice(None), None),
            (np.array([0, 1]), None, np.array([1, 1])),
            (np.array([1, 1]), 0),
            np.array([True, False, True, True]),
            np.arange(12).reshape(4, 3) % 2 == 0,
            (slice(None), np.array([True, False, True])),
            (np.array([True, False, True, False]), np.array([1, 1])),
            np.zeros(4, bool),
            True,
            False,
        ]
    ],
    indexed((), ()),
    indexed(None, ()),
    indexed(..., ()),
    indexed(np.array(True), ()),
    indexed(slice(None), (0, 2)),
    scattered(np.array([0, 2, 2]), (3,), (4,)),
    scattered(np.array([0, 2, 2]), (3, 2), (4, 2)),
    scattered((np.array([0, 1, 0]), np.array([1, 1, 1])), (3,), (2, 2)),
    scattered(slice(1, 3), (2, 3), (4, 3)),
    scattered((..., 1), (4,), (4, 3)),
    scattered(2, (3,), (4, 3)),
    scattered(np.array([True, False, True]), (2,), (3,)),
    scattered(np.zeros(0, int), (0,), (3,)),
    case(np.take_along_axis, (3, 2), rows, axis=0),
    case(np.take_along_axis, (2, 3), rows, axis=1),
    case(np.take_along_axis, (2, 3), rows, axis=-1),
    case(np.take_along_axis, (3,), np.array([1, 1, 2, 0, 1]), axis=0),
    # ---- many entries: added up on another way ----
    indexed(many(4, 40, 3), (4, 3, 7)),
    indexed((slice(None), many(3, 40)), (4, 3)),
    indexed((many(4, 300), many(3, 300)), (4, 3)),
    indexed((many(4, 300), many(3, 1)), (4, 3)),
    indexed((many(4, 50), slice(None), many(3, 50)), (4, 5, 3)),
    # ---- along an axis ----
    *[
        case(np.take, shape, indices=indices, **options)
        for shape, indices, options in [
            ((4, 3), 2, {}),
            ((4, 3), [0, 11, 0, -1], {}),
            ((4, 3), [0, 2, 0, -1], {"axis": 0}),
            ((4, 3), np.array([[0, 2], [2, 2]]), {"axis": -1}),
            ((4, 3), -1, {"axis": 1}),
            ((2, 3, 2), np.array([1, 1], np.uint8), {"axis": 1}),
            ((4, 3), [5, -9, 0], {"axis": 0, "mode": "wrap"}),
            ((4, 3), [5, -9, 0], {"axis": 0, "mode": "clip"}),
            ((4, 3), [50, -9, 0, 0], {"mode": "wrap"}),
            ((), [0, 0], {}),
            ((3,), np.zeros(0, int), {}),
            ((3,), np.array([True, False]), {}),
            ((30, 8), many(30, 40), {"axis": 0}),
        ]
    ],
    case(tensor_index(np.take), (4, 3), indices=[2, 2, 0], axis=0),
    case(lambda x: np.compress([True, False, True], x, axis=0), (4, 3), name="compress"),
    case(lambda x: np.compress(mask(x)[0], x, axis=-1), (4, 3), name="compress"),
    case(lambda x: np.compress([0, 1, 1], x), (4, 3), name="compress"),
    case(lambda x: np.extract(mask(x), x), (4, 3), name="extract"),
    case(lambda x: np.extract([0, 1, 1], x), (3,), name="extract"),
    *[
        case(np.delete, shape, obj=obj, axis=axis)
        for shape, obj, axis in [
            ((4,), 1, None),
            ((4, 3), -1, 0),
            ((4, 3), [0, 2], 1),
            ((4, 3), slice(None, None, 2), -2),
            ((4, 3), [3, 3], None),
            ((4,), np.array([True, False, True, False]), 0),
        ]
    ],
    *[
        case(lambda x, v, place, axis: np.insert(x, place, v, axis), *shapes, **options)
        for shapes, options in [
            ([(4,), ()], {"place": 1, "axis": None}),
            ([(4,), (2,)], {"place": 1, "axis": 0}),
            ([(4, 3), (3,)], {"place": -1, "axis": 0}),
            ([(4, 3), (4,)], {"place": 3, "axis": 1}),
            ([(4, 3), (4, 2)], {"place": [0, 3], "axis": 1}),
            ([(4, 3), (4, 1)], {"place": [1, 1], "axis": -1}),
            ([(4, 3), ()], {"place": [2, 0, 2], "axis": 0}),
            ([(4, 3), ()], {"place": slice(0, 4, 2), "axis": 0}),
            ([(2, 3), (2,)], {"place": [0, 6], "axis": None}),
            ([(4,), (2,)], {"place": [1], "axis": 0}),
            ([(4, 3), (2, 3)], {"place": [-1], "axis": 0}),
            ([(4, 3), (1, 3)], {"place": np.array(2), "axis": 0}),
            ([(4,), (0,)], {"place": [], "axis": 0}),
            ([(0,), (2,)], {"place": 0, "axis": 0}),
        ]
    ],
    # ---- by conditions ----
    case(lambda x, y: np.select([mask(x), mask(x.T).T], [x, y]), (4, 3), (4, 3), name="select"),
    case(lambda x, y: np.select([mask(x), mask(y)], [y, 1.5], x), (3,), (3,), name="select"),
    case(lambda x, y: x * np.select([mask(y)], [2.0], y), (4, 3), (3,), name="select 2.0"),
    case(lambda x: np.select([True, [False, True]], [x, 1]), (2,), name="select True"),
    case(lambda x, y: x * np.select([mask(x)], (y,), -1), (4, 1), (3,), name="select -1"),
    case(lambda x: x[np.where(mask(x))], (4, 3), name="where"),
    case(lambda x: x[np.nonzero(mask(x))], (4, 3), name="nonzero"),
    case(lambda *xs: np.choose([0, 1, 1], xs), (3,), (3,), name="choose"),
    case(lambda *xs: np.choose([[0], [1]], xs), (3,), (), name="choose"),
    case(lambda *xs: np.choose([4, -1], xs, mode="wrap"), (2,), (2,), name="choose wrap"),
    case(lambda *xs: np.choose([4, -1], xs, mode="clip"), (2,), (2,), name="choose clip"),
    case(lambda *xs: np.choose(1, xs), (), (), name="choose"),
    # ---- in order ----
    *[
        case(function, shape, axis=axis, **options)
        for function, options in [(np.sort, {}), (np.sort, {"kind": "stable"}), (partition_1, {})]
        for shape, axis in [((5,), -1), ((4, 3), 0), ((4, 3), None), ((2, 4, 3), 1)]
    ],
    case(np.sort, (3, 0)),
    case(np.sort, (5,), stable=True),
    case(np.partition, (4, 5), kth=(1, -2)),
    case(lambda x: x[np.argsort(x)[::-1]], (5,), name="argsort"),
    # ---- windows ----
    *[
        case(windows, shape, **options)
        for shape, options in [
            ((5,), {"window_shape": 3}),
            ((5,), {"window_shape": 5}),
            ((4, 5), {"window_shape": (2, 3)}),
            ((4, 5), {"window_shape": 2, "axis": -1}),
            ((2, 4, 5), {"window_shape": (2, 3), "axis": (1, 2)}),
            ((2, 4, 5), {"window_shape": (3, 2), "axis": (-1, 0)}),
            ((6,), {"window_shape": (2, 3), "axis": (0, 0)}),
            ((3, 0), {"window_shape": 2, "axis": 0}),
            ((3,), {"window_shape": (), "axis": ()}),
        ]
    ],
    case(add_windows, (3, 4, 2, 2), window_shape=(2, 2), axis=None, shape=(4, 5), numpy=added_up),
    case(add_windows, (3, 4, 2), window_shape=2, axis=1, shape=(3, 5), numpy=added_up),
    # ---- updates ----
    *[
        case(update, (4, 3), shape, index=index, numpy=numpy, also=[also])
        for update, numpy, also in [
            (set_at, set_in_order, lambda x, values, index: x.at[index].set(values)),
            (add_at, add_in_order, lambda x, values, index: x.at[index].add(values)),
        ]
        for index, shape in [
            (1, (3,)),
            (1, ()),
            (slice(1, 3), (2, 1)),
            ((..., 0), (4,)),
            ((1, 2), ()),
            (np.int64(2), (3,)),
            ([0, 2, 0], (3, 3)),
            ([0, 2, 0], (3, 1)),
            (np.array([[0, 1], [1, 0]]), (2, 2, 3)),
            (np.array([[0, 1], [1, 0]]).T[::-1], (2, 2, 3)),
            ((np.array([3, 1, 1, 3])[::-1], np.array([0, 2, 2, 0])[::-1]), (4,)),
            ((slice(None), [1, 1]), (4, 2)),
            (([[0], [0]], [1, 1]), (2, 2)),
            (np.arange(12).reshape(4, 3) % 2 == 0, (6,)),
            (np.array([True, False, True, True]), (3,)),
            (many(4, 30), (30, 3)),
            (np.zeros(0, int), (0, 3)),
            ([], (0, 3)),
            ([True, False, True, False], (2, 1)),
            ((), (4, 3)),
            (None, (1, 4, 3)),
        ]
    ],
]
