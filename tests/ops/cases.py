"""One line for each operation: how it is called, and what it is checked on.

A line gives as many cases as there are shapes to try: broadcasting, 0-d and empty ones too.
"""

import operator as o
import zlib
from functools import partial
from itertools import product

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite import Tensor

from .check import Case

# ---- inputs, away from kinks and poles -----------------------------------------------------------


def between(low, high):
    return lambda rng, shape: rng.uniform(low, high, shape)


def nonzero(rng, shape):
    return rng.uniform(0.3, 2, shape) * rng.choice([-1, 1], shape)


def bools(rng, shape):
    return rng.random(shape) < 0.5


real, positive = between(-2, 2), between(0.3, 3)

# ---- families of cases ---------------------------------------------------------------------------

SHAPES = {
    1: [[()], [(3,)], [(2, 3)], [(1,)], [(0,)], [(2, 0, 3)]],
    2: [
        [(), ()],
        [(3,), ()],
        [(), (2, 3)],
        [(2, 3), (2, 3)],
        [(2, 3), (3,)],
        [(2, 1), (3,)],
        [(4, 1, 3), (2, 1)],
        [(1, 1), ()],
        [(0,), (1,)],
        [(2, 0), (0,)],
    ],
    3: [
        [(), (), ()],
        [(2, 3), (), ()],
        [(), (2, 3), (3,)],
        [(3,), (2, 1), (2, 3)],
        [(2, 3), (2, 3), (2, 3)],
        [(0,), (0,), ()],
    ],
}
AXES = [
    ((), None),
    ((3,), None),
    ((3,), 0),
    ((2, 3), None),
    ((2, 3), 0),
    ((2, 3), -1),
    ((2, 3), ()),
    ((2, 3, 4), (0, 2)),
    ((2, 3, 4), (-1, 0)),
    ((1, 3), 0),
    ((2, 0, 3), 0),
]


def name_of(call):
    return getattr(call, "name", None) or call.__name__


def case(call, *shapes, name=None, draw=real, numpy=None, also=(), **kwargs):
    """One case: `call` on inputs of the given shapes (or the given arrays) and attributes."""
    options = "".join(f" {key}={value}" for key, value in kwargs.items())
    shown = [s if isinstance(s, tuple) else f"{s.dtype} {s.shape}" for s in shapes]
    name = f"{name or name_of(call)} {' '.join(map(str, shown))}{options}"
    draws = draw if isinstance(draw, tuple) else (draw,) * len(shapes)
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    inputs = [d(rng, s) if isinstance(s, tuple) else s for d, s in zip(draws, shapes, strict=True)]
    calls = [partial(f, **kwargs) if f and kwargs else f for f in (call, numpy, *also)]
    return Case(name, calls[0], inputs, calls[1], calls[2:])


def elementwise(call, *draws, name=None, numpy=None, also=()):
    """A function that broadcasts, on inputs of several shapes."""
    for shapes in SHAPES[len(draws)]:
        yield case(call, *shapes, name=name, draw=draws, numpy=numpy, also=also)


def reduction(call, name=None, numpy=None, also=(), **kwargs):
    """A function that reduces axes, on several of them, with and without keepdims."""
    for (shape, axis), keepdims in product(AXES, (False, True)):
        options = {"axis": axis, "keepdims": keepdims, **kwargs}
        yield case(call, shape, name=name, numpy=numpy, also=also, **options)


def along(call, numpy, also):
    """A function along one axis, which keeps it."""
    for shape, axis in [((3,), -1), ((2, 3), 0), ((2, 3), -1), ((2, 3, 2), 1), ((0, 2), 1)]:
        yield case(call, shape, numpy=numpy, also=also, axis=axis)


# ---- what is to come out, where NumPy has no such function ---------------------------------------


def logsumexp(x, axis=None, keepdims=False):
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


def softmax(x, axis=-1):
    return np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True)


def cross_entropy(logits, classes):
    return -np.take_along_axis(np.log(softmax(logits)), classes[..., None], -1)[..., 0]


def scatter_add(values, index, shape):
    out = np.zeros(shape, values.dtype)
    np.add.at(out, index, values)
    return out


def concatenate(*xs, axis=0):
    return np.concatenate(xs, axis=axis)


def stack(*xs, axis=0):
    return np.stack(xs, axis=axis)


def indexed(index, shape):
    return case(o.itemgetter(index), shape, name=f"getitem {index!r}")


def scattered(index, values, shape):
    numbers = {"index": index, "shape": shape}
    name = f"scatter_add {index!r}"
    return case(tl.f.scatter_add, values, name=name, numpy=scatter_add, **numbers)


f, T, rows = tl.f, Tensor, np.array([[2, 0], [1, 1]])

CASES = [
    # ---- entry by entry ----
    *elementwise(np.add, real, real, also=[o.add]),
    *elementwise(np.subtract, real, real, also=[o.sub]),
    *elementwise(np.multiply, real, real, also=[o.mul]),
    *elementwise(np.divide, real, nonzero, also=[o.truediv, np.true_divide]),
    *elementwise(np.power, positive, real, also=[o.pow]),
    *elementwise(np.negative, real, also=[o.neg]),
    *elementwise(np.positive, real, also=[o.pos]),
    *elementwise(lambda x: x**2, real, name="x**2", also=[lambda x: np.power(x, 2)]),
    *elementwise(lambda x: x**3, nonzero, name="x**3"),
    *elementwise(lambda x: x**0, real, name="x**0"),
    *elementwise(lambda x: x**-1, nonzero, name="x**-1"),
    *elementwise(lambda x: x**0.5, positive, name="x**0.5"),
    *elementwise(lambda x: 2**x, real, name="2**x", also=[lambda x: np.power(2, x)]),
    *elementwise(lambda x: 1.5 - x / 3, real, name="1.5-x/3"),
    *elementwise(lambda x: 1 / x, nonzero, name="1/x"),
    *elementwise(np.exp, real, also=[T.exp]),
    *elementwise(np.expm1, real),
    *elementwise(np.log, positive, also=[T.log]),
    *elementwise(np.log1p, between(-0.7, 2)),
    *elementwise(np.sqrt, positive, also=[T.sqrt]),
    *elementwise(np.square, real, also=[T.square]),
    *elementwise(np.sin, real, also=[T.sin]),
    *elementwise(np.cos, real, also=[T.cos]),
    *elementwise(np.tanh, real, also=[T.tanh]),
    *elementwise(np.absolute, nonzero, also=[abs, np.abs, T.abs]),
    *elementwise(np.maximum, real, real),
    *elementwise(np.minimum, real, real),
    *elementwise(np.clip, real, between(-1, -0.5), between(0.5, 1), also=[T.clip]),
    *elementwise(
        lambda x: np.clip(x, -0.5, 1), real, name="clip", also=[lambda x: x.clip(-0.5, 1)]
    ),
    *elementwise(lambda x: np.clip(x, None, 1), real, name="clip", also=[lambda x: x.clip(max=1)]),
    *elementwise(lambda x: np.clip(x, 1, None), real, name="clip", also=[lambda x: x.clip(1)]),
    *elementwise(np.where, bools, real, real),
    *elementwise(lambda x: np.where(x > 0, x, 1.0), nonzero, name="where"),
    *elementwise(f.relu, nonzero, numpy=lambda x: np.maximum(x, 0), also=[T.relu]),
    *elementwise(f.sigmoid, real, numpy=lambda x: 1 / (1 + np.exp(-x)), also=[T.sigmoid]),
    *elementwise(f.softplus, real, numpy=lambda x: np.log1p(np.exp(x))),
    *elementwise(lambda x: x.astype(np.float64), real, name="astype"),
    # ---- reductions ----
    *reduction(np.sum, also=[T.sum]),
    *reduction(np.mean, also=[T.mean]),
    *reduction(np.max, also=[T.max]),
    *reduction(np.min, also=[T.min]),
    *reduction(np.add.reduce, name="add.reduce", also=[T.sum]),
    *reduction(np.maximum.reduce, name="maximum.reduce", also=[T.max]),
    *reduction(np.minimum.reduce, name="minimum.reduce", also=[T.min]),
    *reduction(f.logsumexp, numpy=logsumexp, also=[T.logsumexp]),
    *reduction(np.var, also=[T.var]),
    case(np.var, (4, 3), axis=0, ddof=1, also=[T.var]),
    case(np.var, (4, 3), ddof=2, also=[T.var]),
    case(np.sum, (0, 3), axis=0),
    case(np.sum, (2, 0)),
    # ---- products ----
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
    # ---- along an axis ----
    *along(f.softmax, softmax, [T.softmax]),
    *along(f.log_softmax, lambda x, axis: np.log(softmax(x, axis)), [T.log_softmax]),
    case(f.cross_entropy, (4, 3), np.array([2, 0, 1, 1]), numpy=cross_entropy),
    case(f.cross_entropy, (3,), np.array(1), numpy=cross_entropy),
    case(f.cross_entropy, (2, 2, 3), rows, numpy=cross_entropy),
    case(f.cross_entropy, (0, 3), np.zeros(0, int), numpy=cross_entropy),
    case(np.take_along_axis, (3, 2), rows, axis=0),
    case(np.take_along_axis, (2, 3), rows, axis=1),
    case(np.take_along_axis, (2, 3), rows, axis=-1),
    case(np.take_along_axis, (3,), np.array([1, 1, 2, 0, 1]), axis=0),
    # ---- shapes ----
    case(lambda x: np.reshape(x, (3, 2)), (2, 3), name="reshape", also=[lambda x: x.reshape(3, 2)]),
    case(lambda x: np.reshape(x, -1), (2, 3), name="reshape", also=[T.flatten]),
    case(lambda x: np.reshape(x, ()), (1, 1), name="reshape", also=[lambda x: x.reshape(())]),
    case(lambda x: np.reshape(x, (1, -1)), (), name="reshape"),
    case(lambda x: np.reshape(x, (0, 5)), (3, 0), name="reshape"),
    case(np.transpose, (2, 3), also=[T.transpose, o.attrgetter("T")]),
    case(np.transpose, ()),
    case(np.transpose, (2, 3, 4), axes=(1, 2, 0), also=[lambda x, axes: x.transpose(*axes)]),
    case(np.transpose, (2, 3, 4), axes=(-1, 0, -2), also=[lambda x, axes: x.transpose(axes)]),
    case(np.transpose, (2, 0, 3), axes=(2, 0, 1)),
    case(np.swapaxes, (2, 3, 4), axis1=0, axis2=-1, also=[T.swapaxes]),
    case(np.swapaxes, (2, 3, 4), axis1=-1, axis2=-2, also=[lambda x, **axes: x.mT]),
    case(np.expand_dims, (2, 3), axis=1, also=[T.expand_dims]),
    case(np.expand_dims, (2, 3), axis=(0, -1), also=[T.expand_dims]),
    case(np.expand_dims, (), axis=0, also=[T.expand_dims]),
    case(np.squeeze, (1, 2, 1), also=[T.squeeze]),
    case(np.squeeze, (1, 2, 1), axis=0, also=[T.squeeze]),
    case(np.squeeze, (1, 2, 1), axis=(0, -1), also=[T.squeeze]),
    case(np.squeeze, ()),
    case(np.broadcast_to, (3,), shape=(2, 3)),
    case(np.broadcast_to, (2, 1, 3), shape=(4, 2, 5, 3)),
    case(np.broadcast_to, (), shape=(2, 2)),
    case(np.broadcast_to, (1, 3), shape=(0, 3)),
    case(np.broadcast_to, (2, 3), shape=(2, 3)),
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
        ]
    ],
    # ---- indexing ----
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
]
