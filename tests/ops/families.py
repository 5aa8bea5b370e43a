"""Families of cases: a line of cases_*.py gives one for each shape that there is to try."""

import zlib
from functools import partial
from itertools import product

import numpy as np

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
