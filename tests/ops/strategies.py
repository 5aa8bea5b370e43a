"""Shapes, axes and indices: strategies of hypothesis."""

import hypothesis.extra.numpy as hnp
import numpy as np
from hypothesis import strategies as st

any_shape = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
filled_shape = hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=3)
with_axes = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3)
matrices = hnp.array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=3)


def broadcastable(count):
    shapes = hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=3, min_side=0, max_side=3)
    return shapes.map(lambda found: found.input_shapes)


def axes_of(shape):
    """An axis, several, or all of them."""
    one = [st.integers(-len(shape), len(shape) - 1)] if shape else []
    return st.one_of(st.none(), hnp.valid_tuple_axes(len(shape)), *one)


@st.composite
def mixed_indices(draw, shape):
    """Integers, slices, None, Ellipsis, arrays of integers and of bools, all in one index."""
    index, read = [], hnp.array_shapes(min_dims=0, max_dims=2, min_side=1, max_side=3)
    common = draw(read)
    for length in shape[: draw(st.integers(0, len(shape)))]:
        within = st.integers(-length, length - 1)
        kinds = [
            st.slices(length),
            within,
            hnp.arrays(np.int64, common, elements=within),
            hnp.arrays(np.int64, common[-1:], elements=within).map(np.ndarray.tolist),
        ]
        index.append(draw(st.one_of(*kinds)))
        if draw(st.integers(0, 3)) == 0:
            index.append(None)
    return (*index, ...) if draw(st.booleans()) else tuple(index)


@st.composite
def masks(draw, shape):
    covered = draw(st.integers(0, len(shape)))
    mask = draw(hnp.arrays(bool, shape[:covered]))
    before = draw(st.sampled_from([(), (None,), (...,)])) if covered == len(shape) else ()
    return (*before, mask)


def indices(shape):
    basic = hnp.basic_indices(shape, allow_newaxis=True, max_dims=5)
    return st.one_of(mixed_indices(shape), basic, masks(shape))


def read(index, shape):
    """The shape of what an index reads."""
    return np.empty(shape)[index].shape
