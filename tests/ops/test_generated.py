"""Operations on shapes, axes and indices that nobody thought of."""

import operator
from functools import partial

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tinygrad_lite as tl

from . import cases, check
from .check import Case

generated = settings(max_examples=60, deadline=None, derandomize=True, database=None)
any_shape = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
filled_shape = hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=3)


def named(call):
    return call.__name__ if hasattr(call, "__name__") else getattr(call, "name", "")


def broadcastable(count):
    return hnp.mutually_broadcastable_shapes(
        num_shapes=count, max_dims=3, min_side=0, max_side=3
    ).map(lambda found: found.input_shapes)


def check_all(call, shapes, draw=cases.real, numpy=None):
    """Value, first and second order."""
    draws = draw if isinstance(draw, tuple) else (draw,) * len(shapes)
    rng = np.random.default_rng(0)
    inputs = [draw(rng, shape) for draw, shape in zip(draws, shapes, strict=True)]
    case = Case(f"{call} {shapes}", call, inputs, numpy=numpy)
    for each in (check.value, check.first_order, check.second_order):
        each(case)


@pytest.mark.parametrize(
    "call", [np.add, np.multiply, np.divide, np.power, np.maximum, np.minimum], ids=named
)
def test_binary_operations_broadcast_as_numpy_does(call):
    @generated
    @given(broadcastable(2))
    def run(shapes):
        check_all(call, shapes, cases.positive)

    run()


@pytest.mark.parametrize(
    ("call", "draws"),
    [
        (np.where, (cases.bools, cases.real, cases.real)),
        (np.clip, (cases.real, cases.between(-1, -0.5), cases.between(0.5, 1))),
    ],
    ids=named,
)
def test_operations_on_three_inputs_broadcast_as_numpy_does(call, draws):
    @generated
    @given(broadcastable(3))
    def run(shapes):
        check_all(call, shapes, draws)

    run()


@generated
@given(
    hnp.mutually_broadcastable_shapes(
        signature="(m?,n),(n,p?)->(m?,p?)", max_dims=2, min_side=0, max_side=3
    )
)
def test_matmul_broadcasts_as_numpy_does(found):
    check_all(np.matmul, found.input_shapes)


def axes_of(shape):
    """An axis, several, or all of them."""
    several = hnp.valid_tuple_axes(len(shape))
    one = [st.integers(-len(shape), len(shape) - 1)] if shape else []
    return st.one_of(st.none(), several, *one)


@pytest.mark.parametrize(
    ("call", "numpy"),
    [
        (np.sum, None),
        (np.mean, None),
        (np.var, None),
        (np.max, None),
        (np.min, None),
        (tl.f.logsumexp, cases.logsumexp),
    ],
    ids=named,
)
def test_reductions_take_any_axes(call, numpy):
    @generated
    @given(st.data(), filled_shape, st.booleans())
    def run(data, shape, keepdims):
        options = {"axis": data.draw(axes_of(shape)), "keepdims": keepdims}
        check_all(partial(call, **options), [shape], numpy=numpy and partial(numpy, **options))

    run()


@generated
@given(st.data(), any_shape)
def test_sum_takes_any_axes_of_empty_arrays(data, shape):
    axis = data.draw(axes_of(shape))
    check_all(partial(np.sum, axis=axis), [shape])


@generated
@given(st.data(), any_shape)
def test_transpose_takes_any_permutation(data, shape):
    axes = data.draw(st.permutations(range(len(shape))))
    axes = [axis - len(shape) * data.draw(st.booleans()) for axis in axes]
    check_all(partial(np.transpose, axes=axes), [shape])


@generated
@given(st.data(), filled_shape)
def test_reshape_takes_any_shape_of_that_size(data, shape):
    size = int(np.prod(shape))
    first = data.draw(st.sampled_from([n for n in range(1, size + 1) if size % n == 0]))
    new = data.draw(st.permutations([first, data.draw(st.sampled_from([size // first, -1]))]))
    check_all(lambda x: np.reshape(x, new), [shape])


@generated
@given(broadcastable(1), st.data())
def test_broadcast_to_takes_any_shape_that_fits(shapes, data):
    wider = data.draw(hnp.broadcastable_shapes(shapes[0], max_dims=4, max_side=3, min_side=0))
    try:
        np.broadcast_to(np.zeros(shapes[0]), wider)
    except ValueError:
        assume(False)
    check_all(lambda x: np.broadcast_to(x, wider), shapes)


@generated
@given(st.data(), hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3))
def test_concatenate_takes_any_axis_and_lengths(data, shape):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    lengths = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))
    shapes = [[*shape] for _ in lengths]
    for one, length in zip(shapes, lengths, strict=True):
        one[axis] = length
    check_all(partial(cases.concatenate, axis=axis), [tuple(one) for one in shapes])


@generated
@given(st.data(), any_shape, st.integers(1, 3))
def test_stack_takes_any_axis(data, shape, count):
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    check_all(partial(cases.stack, axis=axis), [shape] * count)


# ---- indices -------------------------------------------------------------------------------------


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


@settings(generated, max_examples=200)
@given(st.data(), hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3))
def test_indices_of_any_kind_read_as_in_numpy(data, shape):
    index = data.draw(mixed_indices(shape))
    check_all(operator.itemgetter(index), [shape])


@generated
@given(st.data(), any_shape)
def test_basic_indices_read_as_in_numpy(data, shape):
    index = data.draw(hnp.basic_indices(shape, allow_newaxis=True, max_dims=5))
    check_all(operator.itemgetter(index), [shape])


@generated
@given(st.data(), filled_shape)
def test_masks_read_as_in_numpy(data, shape):
    covered = data.draw(st.integers(0, len(shape)))
    mask = data.draw(hnp.arrays(bool, shape[:covered]))
    before = data.draw(st.sampled_from([(), (None,), (...,)])) if covered == len(shape) else ()
    check_all(operator.itemgetter((*before, mask)), [shape])


@generated
@given(st.data(), hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3))
def test_take_along_axis_reads_as_in_numpy(data, shape):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    length = data.draw(st.integers(0, 3))
    wanted = list(shape)
    wanted[axis] = length
    within = st.integers(-shape[axis], shape[axis] - 1)
    indices = data.draw(hnp.arrays(np.int64, tuple(wanted), elements=within))
    check_all(lambda x: np.take_along_axis(x, indices, axis), [shape])


@generated
@given(st.data(), hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3))
def test_scatter_add_is_the_transpose_of_reading(data, shape):
    index = data.draw(mixed_indices(shape))
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    values = rng.normal(size=x[index].shape)
    scattered = tl.f.scatter_add(tl.Tensor(values), index, shape)
    assert np.vdot(scattered.data, x) == pytest.approx(np.vdot(values, x[index]), abs=1e-12)
