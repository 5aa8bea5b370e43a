"""Shapes, beyond the cases of cases_shapes.py."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_lite as tl
from tinygrad_lite import Tensor
from tinygrad_lite.errors import ArgumentError, BoundsError, OperationError, ShapeError
from tinygrad_lite.ops import shapes


def leaf(*shape, dtype=float):
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    return Tensor(values, requires_grad=np.dtype(dtype).kind == "f")


# ---- what is given, what comes out ---------------------------------------------------------------

JOINS = [np.concatenate, np.stack, np.vstack, np.hstack, np.dstack, np.column_stack, np.block]


@pytest.mark.parametrize("join", JOINS, ids=lambda f: f.__name__)
def test_tensors_arrays_and_lists_are_joined_in_any_mixture(join):
    x, array, numbers = leaf(2), np.array([5.0, 6.0]), [7.0, 8.0]
    for mixture in ([x, array], [array, x], [x, x]):
        plain = [getattr(part, "data", part) for part in mixture]
        out = join(mixture)
        assert_array_equal(out.data, join([np.asarray(part) for part in plain]), strict=True)
        assert out.requires_grad
    if join is not np.block:  # where a list is a level of its own
        out = join([numbers, x])
        assert_array_equal(out.data, join([np.array(numbers), np.asarray(x.data)]), strict=True)


@pytest.mark.parametrize("join", JOINS[:-1], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_list_of_pythons_floats_takes_on_the_dtype_of_what_it_is_joined_to(join, dtype):
    assert join([leaf(2, dtype=dtype), [0.5, 1]]).dtype == dtype


def test_number_takes_on_the_dtype_of_what_it_is_joined_to():
    x = leaf(2, dtype=np.float32)
    assert np.append(x, 1.0).dtype == np.hstack([x, 1.0]).dtype == np.float32
    assert np.append(x, np.float64(1.0)).dtype == np.float64
    assert np.append(leaf(2, dtype=int), 1.5).dtype == np.float64


def test_array_may_be_appended_to_by_a_tensor():
    x, array = leaf(2), np.array([[1.0], [2.0]])
    out = np.append(array, x)
    assert out.tolist() == [1.0, 2.0, 0.0, 1.0] and out.sum().gradient(x).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("function", [np.vstack, np.hstack, np.dstack, np.column_stack])
def test_tensor_is_the_sequence_of_its_rows(function):
    x = leaf(2, 3)
    assert_array_equal(function(x).data, function(x.numpy()), strict=True)


def test_joining_takes_a_dtype():
    x = leaf(2)
    for join in (np.concatenate, np.stack, np.vstack, np.hstack):
        out = join([x, x], dtype=np.float32)
        assert out.dtype == np.float32
        assert out.sum().gradient(x).tolist() == [2.0, 2.0]
        with pytest.raises(OperationError, match=f"{join.__name__}: .*'casting'"):
            join([x, x], casting="safe")


def test_blocks_may_be_nested_and_hold_numbers():
    x = leaf(2, 2)
    out = np.block([[x, np.zeros((2, 1))], [5.0, 6.0, 7.0]])
    assert_array_equal(out.data, [[0, 1, 0], [2, 3, 0], [5, 6, 7]])
    assert out.sum().gradient(x).tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_several_arrays_come_back_as_a_tuple_and_parts_as_a_list():
    x = leaf(4)
    for several in (np.atleast_2d(x, x), np.broadcast_arrays(x, 1.0), np.meshgrid(x, x)):
        assert isinstance(several, tuple) and all(isinstance(t, Tensor) for t in several[:1])
    assert isinstance(np.atleast_1d(x), Tensor)
    for parts in (np.split(x, 2), np.array_split(x, 3), np.hsplit(x, 2)):
        assert isinstance(parts, list) and all(isinstance(t, Tensor) for t in parts)


def test_parts_flips_and_turns_are_views():
    x = leaf(4, 6, 2)
    views = [*np.split(x, 2), *np.array_split(x, 4, axis=1), *np.dsplit(x, 2), np.flip(x)]
    views += [np.rot90(x, k) for k in range(4)] + [np.moveaxis(x, 0, 2), np.atleast_3d(x)]
    views += [np.ravel(x), np.broadcast_arrays(x, leaf(1))[0], np.meshgrid(leaf(2), x[0, 0])[1]]
    for view in views:
        assert np.shares_memory(view.data, x.data)


def test_meshgrid_takes_arrays_and_lists_beside_tensors():
    x = leaf(2)
    one, two = np.meshgrid(x, [5.0, 6.0, 7.0])
    assert_array_equal(one.data, [[0, 1]] * 3)
    assert_array_equal(np.asarray(two), [[5, 5], [6, 6], [7, 7]])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64, np.uint8, bool])
def test_values_and_dtypes_are_those_of_numpy(dtype):
    x = leaf(3, 4, dtype=dtype)
    array = x.numpy()
    for move in (
        lambda t: np.pad(t, 1),
        lambda t: np.pad(t, 1, constant_values=1),
        lambda t: np.pad(t, ((1, 0), (0, 2)), "reflect"),
        lambda t: np.tile(t, (2, 1)),
        lambda t: np.repeat(t, 2, axis=1),
        lambda t: np.roll(t, 1, axis=0),
        lambda t: np.block([[t], [t]]),
        lambda t: np.append(t, t),
    ):
        assert_array_equal(move(x).data, move(array), strict=True)


def test_counts_may_be_tensors():
    x = leaf(3)
    out = np.repeat(x, Tensor([2, 0, 1]))
    assert out.tolist() == [0.0, 0.0, 2.0]
    assert out.sum().gradient(x).tolist() == [2.0, 0.0, 1.0]


def test_array_is_split_at_the_indices_of_a_tensor():
    assert [t.tolist() for t in np.split(leaf(3), Tensor([1, 2]))] == [[0.0], [1.0], [2.0]]


def test_gradient_of_parts_put_together_again_is_that_of_the_whole():
    x = leaf(6, 2)
    y = np.concatenate(np.array_split(x, 4))
    assert_array_equal((y * y).sum().gradient(x).data, 2 * x.data)


# ---- windows -------------------------------------------------------------------------------------

windows_of = np.lib.stride_tricks.sliding_window_view


def test_windows_are_a_view():
    x = leaf(4, 5)
    y = windows_of(x, (3, 3))
    assert y.shape == (2, 3, 3, 3) and np.shares_memory(y.data, x.data)


def test_windows_of_an_image_add_up():
    x = leaf(2, 8, 8)
    y = windows_of(x, (3, 3), axis=(1, 2)).sum()
    counts = np.array([1, 2, 3, 3, 3, 3, 2, 1])
    assert_array_equal(y.gradient(x).data, [np.outer(counts, counts)] * 2)


def test_convolution_by_windows_has_the_gradients_of_its_definition():
    x, kernel = leaf(6), Tensor([1.0, -2.0, 4.0], requires_grad=True)
    y = windows_of(x, 3) @ kernel
    g = np.array([1.0, 2.0, 3.0, 4.0])
    for_x, for_kernel = y.gradient(x, kernel, gradient=g)
    assert_array_equal(for_x.data, np.convolve(g, kernel.data))
    assert_array_equal(for_kernel.data, np.correlate(x.data, g))


# ---- formulas ------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_part_of_a_concatenation_is_where_it_was_put(axis):
    xs = [np.full((2, 2), float(i)) for i in range(3)]
    whole = np.concatenate(xs, axis)
    for position, x in enumerate(xs):
        assert_array_equal(shapes.part(whole, tuple(xs), position, axis), x)


@pytest.mark.parametrize("axes", [None, (0, 1, 2), (2, 0, 1), (-1, 0, -2), [1, 2, 0]])
def test_inverse_puts_axes_back(axes):
    x = np.zeros((2, 3, 4))
    assert x.transpose(axes).transpose(shapes.inverse_order(axes, 3)).shape == x.shape


# ---- what is refused -----------------------------------------------------------------------------

REFUSED = [
    ("moveaxis", BoundsError, lambda x: np.moveaxis(x, 2, 0)),
    ("moveaxis", BoundsError, lambda x: np.moveaxis(x, 0, -3)),
    ("moveaxis", ShapeError, lambda x: np.moveaxis(x, (0, 1), 0)),
    ("moveaxis", ShapeError, lambda x: np.moveaxis(x, (0, 0), (0, 1))),
    ("rollaxis", BoundsError, lambda x: np.rollaxis(x, 2)),
    ("rollaxis", BoundsError, lambda x: np.rollaxis(x, 0, 3)),
    ("matrix_transpose", BoundsError, lambda x: np.matrix_transpose(x[0])),
    ("broadcast_arrays", ShapeError, lambda x: np.broadcast_arrays(x, np.ones(4))),
    ("meshgrid", ValueError, lambda x: np.meshgrid(x, x, indexing="yx")),
    ("concatenate", BoundsError, lambda x: np.concatenate([x, x], 2)),
    ("vstack", ShapeError, lambda x: np.vstack([x, np.ones(2)])),
    ("hstack", ShapeError, lambda x: np.hstack([x, np.ones((3, 3))])),
    ("dstack", ShapeError, lambda x: np.dstack([x, x.T])),
    ("column_stack", ShapeError, lambda x: np.column_stack([x, np.ones(3)])),
    ("append", ShapeError, lambda x: np.append(x, [[1.0]], axis=0)),
    ("block", ShapeError, lambda x: np.block([[x], [np.ones((1, 4))]])),
    ("block", ShapeError, lambda x: np.block([x, [x]])),
    ("block", ShapeError, lambda x: np.block([[x], []])),
    ("block", TypeError, lambda x: np.block([x, (x, x)])),
    ("split", ShapeError, lambda x: np.split(x, 2, axis=1)),
    ("split", BoundsError, lambda x: np.split(x, 2, axis=2)),
    ("array_split", ValueError, lambda x: np.array_split(x, 0)),
    ("hsplit", BoundsError, lambda x: np.hsplit(x[0, 0], 1)),
    ("vsplit", BoundsError, lambda x: np.vsplit(x[0], 1)),
    ("dsplit", BoundsError, lambda x: np.dsplit(x, 1)),
    ("fliplr", BoundsError, lambda x: np.fliplr(x[0])),
    ("flipud", BoundsError, lambda x: np.flipud(x[0, 0])),
    ("flip", BoundsError, lambda x: np.flip(x, 2)),
    ("rot90", BoundsError, lambda x: np.rot90(x, axes=(0, 2))),
    ("rot90", ValueError, lambda x: np.rot90(x, axes=(0, 0))),
    ("roll", BoundsError, lambda x: np.roll(x, 1, axis=2)),
    ("repeat", BoundsError, lambda x: np.repeat(x, 2, axis=2)),
    ("repeat", ShapeError, lambda x: np.repeat(x, [1, 2, 3], axis=0)),
    ("tile", ShapeError, lambda x: np.tile(x, -1)),
    ("tile", TypeError, lambda x: np.tile(x, (2, 1.5))),
    ("split", ValueError, lambda x: np.split(x, 1.5)),
    ("moveaxis", TypeError, lambda x: np.moveaxis(x, 0.5, 1)),
    ("pad", ArgumentError, lambda x: np.pad(x, -1)),
    ("pad", ShapeError, lambda x: np.pad(x, (1, 2, 3))),
    ("pad", TypeError, lambda x: np.pad(x, 1.5)),
    ("pad", TypeError, lambda x: np.pad(x, {2: 1})),
    ("pad", OperationError, lambda x: np.pad(x, 1, "mean")),
    ("pad", OperationError, lambda x: np.pad(x, 1, "linear_ramp", end_values=1.0)),
    ("pad", OperationError, lambda x: np.pad(x, 1, "reflect", reflect_type="odd")),
    ("pad", OperationError, lambda x: np.pad(x, 1, lambda *_: None)),
    ("pad", OperationError, lambda x: np.pad(x, 1, constant_values=x[0, 0])),
    ("pad", ShapeError, lambda x: np.pad(x[:, :0], 1, "edge")),
    ("sliding_window_view", ShapeError, lambda x: windows_of(x, (4, 1))),
    ("sliding_window_view", ShapeError, lambda x: windows_of(x, 2)),
    ("sliding_window_view", BoundsError, lambda x: windows_of(x, 2, axis=2)),
    ("sliding_window_view", OperationError, lambda x: windows_of(x, (1, 1), writeable=True)),
    ("ravel", ArgumentError, lambda x: np.ravel(x, order="K")),
    ("reshape", ArgumentError, lambda x: np.reshape(x, -1, order="A")),
]
if hasattr(np, "unstack"):  # since NumPy 2.1
    REFUSED += [("unstack", BoundsError, lambda x: np.unstack(x, axis=2))]


@pytest.mark.parametrize(("name", "kind", "call"), REFUSED)
def test_refusal_names_the_function_that_was_called(name, kind, call):
    with pytest.raises(kind) as caught:
        call(leaf(2, 3))
    assert isinstance(caught.value, tl.errors.TinygradError)
    assert str(caught.value).startswith(f"{name}:")


def test_numpy_refuses_the_same():
    array = leaf(2, 3).numpy()
    own = ("ravel", "reshape")
    for call in [c for name, kind, c in REFUSED if kind is not OperationError and name not in own]:
        with pytest.raises((ValueError, TypeError, IndexError)):
            call(array)
