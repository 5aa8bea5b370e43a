"""Indexing, beyond the cases of cases.py and test_generated.py."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_lite as tl
from tinygrad_lite import Tensor
from tinygrad_lite.errors import BoundsError, ShapeError


def leaf(*shape):
    return Tensor(np.arange(np.prod(shape), dtype=float).reshape(shape), requires_grad=True)


def test_repeated_indices_add_up():
    x = leaf(3)
    assert x[[0, 2, 2, 2]].sum().gradient(x).tolist() == [1.0, 0.0, 3.0]
    assert x[np.array([[0, 0], [0, 1]])].sum().gradient(x).tolist() == [3.0, 1.0, 0.0]


def test_repeated_indices_add_up_with_weights():
    x = leaf(2, 2)
    y = x[[0, 1, 0], [1, 1, 1]]
    assert y.gradient(x, gradient=[1.0, 10.0, 100.0]).tolist() == [[0.0, 101.0], [0.0, 10.0]]


def test_repeated_indices_along_an_axis_add_up():
    x = leaf(2, 3)
    y = np.take_along_axis(x, np.array([[0, 0], [2, 2]]), axis=1)
    assert y.sum().gradient(x).tolist() == [[2.0, 0.0, 0.0], [0.0, 0.0, 2.0]]


@pytest.mark.parametrize(
    "index",
    [
        Tensor([2, 0, 0]),
        Tensor(1),
        Tensor([True, False, True]),
        (Tensor([1, 1]), slice(None)),
        (slice(None), Tensor([1, 1])),
        (Tensor([2, 0]), Tensor([0, 1])),
    ],
)
def test_tensors_index_as_arrays_do(index):
    def plain(i):
        return tuple(map(plain, i)) if isinstance(i, tuple) else getattr(i, "data", i)

    x = leaf(3, 2)
    array_index = plain(index)
    y = x[index]
    assert_array_equal(y.data, x.data[array_index], strict=True)
    assert_array_equal(y.sum().gradient(x).data, x[array_index].sum().gradient(x).data)


def test_comparison_gives_an_index():
    x = leaf(2, 3)
    y = x[x > 2]
    assert y.tolist() == [3.0, 4.0, 5.0]
    assert (y * y).sum().gradient(x).tolist() == [[0.0, 0.0, 0.0], [6.0, 8.0, 10.0]]


@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.int64, np.intp])
def test_index_arrays_may_have_any_integer_dtype(kind):
    x = leaf(3)
    index = np.array([2, 2], kind)
    assert x[index].sum().gradient(x).tolist() == [0.0, 0.0, 2.0]
    assert x[index[0]].gradient(x).tolist() == [0.0, 0.0, 1.0]


def test_empty_list_reads_nothing():
    with pytest.raises(BoundsError, match="must be of integer"):
        leaf(3)[np.zeros(0)]
    x = leaf(3)
    y = x[np.zeros(0, int)]
    assert y.shape == (0,)
    assert y.sum().gradient(x).tolist() == [0.0] * 3


def test_index_array_is_remembered_as_it_was():
    x, index, mask = leaf(3), np.array([0, 1]), np.array([True, False, True])
    one, two, three = x[index], x[mask], np.take_along_axis(x, index, 0)
    index[:], mask[:] = 2, False
    assert one.sum().gradient(x).tolist() == [1.0, 1.0, 0.0]
    assert two.sum().gradient(x).tolist() == [1.0, 0.0, 1.0]
    assert three.sum().gradient(x).tolist() == [1.0, 1.0, 0.0]


def test_index_list_is_remembered_as_it_was():
    x, index = leaf(3), [0, 1]
    y = x[index]
    index[0] = 2
    assert y.sum().gradient(x).tolist() == [1.0, 1.0, 0.0]


def test_index_tensor_is_remembered_as_it_was():
    x, index = leaf(3), Tensor([0, 1])
    y = x[index]
    index.data = [2, 2]
    assert y.sum().gradient(x).tolist() == [1.0, 1.0, 0.0]


def test_slices_are_views_and_arrays_copy():
    x = leaf(4, 2)
    for view in (x[1:], x[2], x[:, 0], x[::-1], x[None], x[...], x[0, 0]):
        assert np.shares_memory(view.data, x.data)
    for copy in (x[[0, 1]], x[np.array([True, False, True, True])]):
        assert not np.shares_memory(copy.data, x.data)


@pytest.mark.parametrize("shape", [(3,), (3, 2)])
def test_entries_are_not_updated_in_place_one_by_one(shape):
    w = leaf(*shape)
    with tl.no_grad(), pytest.raises(tl.errors.MutationError):
        for part in w:
            part -= 1.0


def test_slice_of_tensors_is_remembered_as_it_was():
    x, start, stop = leaf(3), tl.Tensor(0), tl.Tensor(1)
    y = x[start:stop].sum()
    with tl.no_grad():
        start += 1
        stop += 1
    assert y.gradient(x).tolist() == [1.0, 0.0, 0.0]


def test_row_after_row_is_the_whole():
    x = leaf(3, 2)
    y = sum((row * row).sum() for row in x)
    assert_array_equal(y.gradient(x).data, 2 * x.data)


def test_index_of_a_result_is_differentiated_twice():
    x = leaf(3)
    y = (x**3)[1:][::-1]
    first = y.sum().gradient(x, create_graph=True)
    assert first.sum().gradient(x).tolist() == [0.0, 6.0, 12.0]


def test_entry_is_a_0d_tensor():
    y = leaf(2, 2)[1, 0]
    assert isinstance(y, Tensor) and y.shape == () and y.item() == 2.0


@pytest.mark.parametrize(
    "index",
    [3, -4, (0, 2), (0, 0, 0), [0, 3], np.array([-4]), (slice(None), 2), np.array([True] * 4)],
)
def test_index_that_is_not_there_is_refused(index):
    with pytest.raises(BoundsError, match="getitem: "):
        leaf(3, 2)[index]


@pytest.mark.parametrize("index", ["a", 1.0, np.array([1.0]), (0, "a"), Tensor([0.5])])
def test_index_that_is_none_is_refused(index):
    with pytest.raises(BoundsError, match="getitem: "):
        leaf(3, 2)[index]


@pytest.mark.parametrize("axis", [2, -3])
def test_axis_to_take_along_that_is_not_there_is_refused(axis):
    with pytest.raises(BoundsError, match="axis"):
        np.take_along_axis(leaf(3, 2), np.array([[0]]), axis)


def test_take_along_no_axis_reads_the_flattened_entries():
    x, index = leaf(3, 2), np.array([5, 0, 0])
    y = np.take_along_axis(x, index, None)
    assert_array_equal(y.data, np.take_along_axis(x.data, index, None))
    assert y.sum().gradient(x).tolist() == [[2.0, 0.0], [0.0, 0.0], [0.0, 1.0]]


def test_take_along_axis_wants_as_many_axes_of_the_indices():
    with pytest.raises(ShapeError):
        np.take_along_axis(leaf(2, 2), np.array([0, 1]), axis=1)
