"""Cases of functions whose arguments need a thought each: `STRATEGIES`.

Products, shapes, indices: each function draws shapes and what goes with them.
"""

from functools import partial

import hypothesis.extra.numpy as hnp
import numpy as np
from hypothesis import strategies as st

import tinygrad_lite as tl
from tinygrad_lite.ops import indexing, table

from . import cases_indexing, cases_reductions, cases_shapes
from .check import Case
from .families import real
from .strategies import (
    any_shape,
    axes_of,
    broadcastable,
    filled_shape,
    indices,
    matrices,
    read,
    with_axes,
)


def on(call, *shapes, numpy=None, **options):
    """The case of a call on random numbers in these shapes."""
    rng = np.random.default_rng(1)
    shown = " ".join(map(str, [*shapes, options or ""]))
    if options:
        call, numpy = partial(call, **options), numpy and partial(numpy, **options)
    return Case(f"{call} {shown}", call, [real(rng, shape) for shape in shapes], numpy)


# ---- products ------------------------------------------------------------------------------------

PRODUCTS = [row for row in table.values() if getattr(row.function, "signature", None)]


def product(row):
    """Of vectors or matrices, by a ufunc that says which."""
    return hnp.mutually_broadcastable_shapes(
        signature=row.function.signature, max_dims=2, min_side=0, max_side=3
    ).map(lambda found: on(row.function, *found.input_shapes))


@st.composite
def einsum(draw):
    """Of one to three operands, whose letters may be repeated and summed, in any order."""
    lengths = dict(
        zip("ijkl", draw(st.lists(st.integers(1, 3), min_size=4, max_size=4)), strict=True)
    )
    terms = draw(st.lists(st.text("ijkl", max_size=3), min_size=1, max_size=3))
    letters = sorted({*"".join(terms)})
    output = "".join(draw(st.permutations(letters))[: draw(st.integers(0, len(letters)))])
    subscripts = ",".join(terms) + "->" + output
    shapes = [tuple(lengths[c] for c in term) for term in terms]
    return on(lambda *xs: np.einsum(subscripts, *xs), *shapes)


@st.composite
def tensordot(draw):
    shape, count = draw(any_shape), draw(st.integers(0, 3))
    summed = draw(st.permutations(range(len(shape))))[:count]
    others = draw(hnp.array_shapes(min_dims=0, max_dims=1, max_side=3))
    order = draw(st.permutations(range(len(summed) + len(others))))
    lengths = [*[shape[axis] for axis in summed], *others]
    places = [order.index(i) for i in range(len(summed))]
    return on(np.tensordot, shape, tuple(lengths[i] for i in order), axes=(summed, places))


@st.composite
def linear(draw):
    *stack, features = draw(with_axes)
    outputs = draw(st.sampled_from([(), (1,), (3,)]))
    shapes = (*stack, features), (features, *outputs), outputs
    return on(tl.f.linear, *shapes, numpy=lambda x, weight, bias: x @ weight + bias)


@st.composite
def outer(draw):
    return on(np.outer, draw(any_shape), draw(any_shape))


@st.composite
def cross(draw):
    shapes = draw(broadcastable(2))
    return on(np.cross, *[(*shape, 3) for shape in shapes])


@st.composite
def diagonal(draw):
    shape = draw(matrices)
    axis1, axis2 = draw(st.permutations(range(len(shape))))[:2]
    axis2 -= len(shape) * draw(st.booleans())
    offset = draw(st.integers(-4, 4))
    return on(np.diagonal, shape, offset=offset, axis1=axis1, axis2=axis2)


@st.composite
def triangle(draw):
    call = draw(st.sampled_from([np.tril, np.triu]))
    return on(call, draw(matrices), k=draw(st.integers(-4, 4)))


# ---- shapes --------------------------------------------------------------------------------------


@st.composite
def transpose(draw):
    shape = draw(any_shape)
    axes = [
        axis - len(shape) * draw(st.booleans()) for axis in draw(st.permutations(range(len(shape))))
    ]
    return on(np.transpose, shape, axes=axes)


@st.composite
def reshape(draw):
    shape = draw(filled_shape)
    size = int(np.prod(shape))
    first = draw(st.sampled_from([n for n in range(1, size + 1) if size % n == 0]))
    new = draw(st.permutations([first, draw(st.sampled_from([size // first, -1]))]))
    order = draw(st.sampled_from("CF"))
    return on(lambda x: np.reshape(x, new, order=order), shape)


@st.composite
def axes_of_length_1(draw):
    shape = draw(any_shape)
    axes = draw(hnp.valid_tuple_axes(len(shape) + 2, min_size=2, max_size=2))
    if draw(st.booleans()):
        return on(np.expand_dims, shape, axis=axes)
    return on(np.squeeze, np.expand_dims(np.empty(shape), axes).shape, axis=axes)


@st.composite
def swapaxes(draw):
    shape = draw(with_axes)
    axis = st.integers(-len(shape), len(shape) - 1)
    return on(np.swapaxes, shape, axis1=draw(axis), axis2=draw(axis))


@st.composite
def flip(draw):
    shape = draw(any_shape)
    return on(np.flip, shape, axis=draw(axes_of(shape)))


@st.composite
def roll(draw):
    shape = draw(any_shape)
    axis, far = draw(axes_of(shape).filter(lambda axis: axis != ())), st.integers(-4, 4)
    shift = tuple(draw(far) for _ in axis) if isinstance(axis, tuple) else draw(far)
    return on(np.roll, shape, shift=shift, axis=axis)


@st.composite
def broadcast_to(draw):
    wider = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3))
    narrower = tuple(draw(st.sampled_from([1, n])) for n in wider)[
        draw(st.integers(0, len(wider))) :
    ]
    return on(np.broadcast_to, narrower, shape=wider)


@st.composite
def repeat(draw):
    shape, count = draw(any_shape), st.integers(0, 3)
    axis = draw(st.sampled_from([None, *range(-len(shape), len(shape))]))
    length = int(np.prod(shape)) if axis is None else shape[axis]
    each = hnp.arrays(np.int64, length, elements=count)
    return on(np.repeat, shape, repeats=draw(st.one_of(count, each)), axis=axis)


@st.composite
def tile(draw):
    return on(np.tile, draw(any_shape), reps=draw(st.lists(st.integers(0, 3), max_size=3)))


@st.composite
def pad(draw):
    shape = draw(with_axes)
    mode = draw(st.sampled_from(["constant", "edge", "reflect", "symmetric", "wrap"]))
    width = st.tuples(st.integers(0, 4), st.integers(0, 4))
    widths = draw(st.one_of(st.integers(0, 3), st.tuples(*[width for _ in shape])))
    return on(np.pad, shape, pad_width=widths, mode=mode)


@st.composite
def concatenate(draw):
    shape = draw(with_axes)
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    lengths = draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))
    shapes = [[*shape] for _ in lengths]
    for one, length in zip(shapes, lengths, strict=True):
        one[axis] = length
    return on(cases_shapes.concatenate, *map(tuple, shapes), axis=axis)


@st.composite
def stack(draw):
    shape = draw(any_shape)
    axis = draw(st.integers(-len(shape) - 1, len(shape)))
    return on(cases_shapes.stack, *[shape] * draw(st.integers(1, 3)), axis=axis)


# ---- indices -------------------------------------------------------------------------------------


@st.composite
def getitem(draw):
    shape = draw(with_axes)
    index = draw(indices(shape))
    return on(lambda x: x[index], shape)


@st.composite
def scatter_add(draw):
    shape = draw(with_axes)
    index = draw(indices(shape))
    numpy = cases_indexing.scatter_add
    return on(tl.f.scatter_add, read(index, shape), index=index, shape=shape, numpy=numpy)


@st.composite
def update(draw):
    shape = draw(with_axes)
    index = draw(indices(shape))
    values = draw(st.sampled_from([(), read(index, shape)]))
    some = cases_indexing
    call, numpy = draw(
        st.sampled_from([(some.set_at, some.set_in_order), (some.add_at, some.add_in_order)])
    )
    return on(call, shape, values, index=index, numpy=numpy)


@st.composite
def take(draw):
    shape = draw(with_axes)
    axis = draw(st.sampled_from([None, *range(-len(shape), len(shape))]))
    length = int(np.prod(shape)) if axis is None else shape[axis]
    mode = draw(st.sampled_from(["raise", "wrap", "clip"]))
    far = 0 if mode == "raise" else 5
    numbers = draw(
        hnp.arrays(np.int64, draw(any_shape), elements=st.integers(-length - far, length - 1 + far))
    )
    return on(np.take, shape, indices=numbers, axis=axis, mode=mode)


@st.composite
def take_along_axis(draw):
    shape = draw(with_axes)
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    wanted = list(shape)
    wanted[axis] = draw(st.integers(0, 3))
    within = st.integers(-shape[axis], shape[axis] - 1)
    numbers = draw(hnp.arrays(np.int64, tuple(wanted), elements=within))
    return on(lambda x: np.take_along_axis(x, numbers, axis), shape)


@st.composite
def order(draw):
    shape = draw(with_axes)
    axis = draw(st.sampled_from([None, *range(-len(shape), len(shape))]))
    length = int(np.prod(shape)) if axis is None else shape[axis]
    if draw(st.booleans()):
        return on(np.sort, shape, axis=axis)
    return on(np.partition, shape, kth=draw(st.integers(-length, length - 1)), axis=axis)


@st.composite
def windows(draw):
    shape = draw(with_axes)
    axis = draw(hnp.valid_tuple_axes(len(shape)))
    window = tuple(draw(st.integers(1, shape[i])) for i in axis)
    options = {"window_shape": window, "axis": axis}
    if draw(st.booleans()):
        return on(cases_indexing.windows, shape, **options)
    values = cases_indexing.windows(np.empty(shape), **options).shape
    numpy = cases_indexing.added_up
    return on(indexing.add_windows, values, shape=shape, numpy=numpy, **options)


@st.composite
def cross_entropy(draw):
    *stack, count = draw(with_axes)
    classes = draw(hnp.arrays(np.int64, tuple(stack), elements=st.integers(0, count - 1)))
    numpy = cases_reductions.cross_entropy
    return on(tl.f.cross_entropy, (*stack, count), classes=classes, numpy=numpy)


# ---- all of them ---------------------------------------------------------------------------------

FUNCTIONS = [
    einsum,
    tensordot,
    linear,
    outer,
    cross,
    diagonal,
    triangle,
    transpose,
    reshape,
    axes_of_length_1,
    swapaxes,
    flip,
    roll,
    broadcast_to,
    repeat,
    tile,
    pad,
    concatenate,
    stack,
    getitem,
    scatter_add,
    update,
    take,
    take_along_axis,
    order,
    windows,
    cross_entropy,
]
STRATEGIES = {function.__name__: function() for function in FUNCTIONS}
STRATEGIES |= {row.name: product(row) for row in PRODUCTS}
