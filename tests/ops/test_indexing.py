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


# ---- adding up, however many there are -----------------------------------------------------------

INDICES = [
    lambda draw: draw(50, 300),
    lambda draw: draw(50, 20, 30),
    lambda draw: (slice(None), draw(6, 90)),
    lambda draw: (slice(None), draw(6, 9, 10)),
    lambda draw: (slice(None), slice(None), draw(4, 5)),
    lambda draw: (draw(50, 300), draw(6, 300), draw(4, 300)),
    lambda draw: (draw(50, 20, 1), draw(6, 30), draw(4)),
    lambda draw: (draw(50, 200), slice(None), draw(4, 200)),
    lambda draw: (draw(50, 200), 3),
    lambda draw: (slice(10, None), draw(6, 90)),
    lambda draw: (draw(6, 90), slice(1, 3))[::-1],
    lambda draw: (..., draw(4, 90)),
    lambda draw: (None, draw(50, 90)),
    lambda draw: draw(50, 90).tolist(),
    lambda draw: draw(50, 90).astype(np.int8),
    lambda draw: (draw(50, 90) % 50).astype(np.uint64),
]


@pytest.mark.parametrize("make", INDICES)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_many_entries_add_up_as_one_by_one(make, dtype):
    rng = np.random.default_rng(0)
    index = make(lambda length, *shape: rng.integers(-length, length, shape))
    x = np.zeros((50, 6, 4), dtype)
    values = rng.integers(0, 3, x[index].shape).astype(dtype)
    out = tl.f.scatter_add(values, index, x.shape)
    np.add.at(x, index, values)
    assert_array_equal(out, x, strict=True)


@pytest.mark.parametrize("count", [3, 3000])
@pytest.mark.parametrize("bad", [5, -6])
def test_one_index_out_of_range_among_many_is_refused(count, bad):
    index = np.zeros(count, int)
    index[1] = bad
    values = tl.ones(count, 2)
    for where, shape in ((index, (5, 2)), ((index, index), (5, 9, 2))):
        with pytest.raises(BoundsError, match="scatter_add: "):
            tl.f.scatter_add(values, where, shape)
    with pytest.raises(BoundsError, match="scatter_add: "):
        tl.f.scatter_add(values.T, (slice(None), index), (2, 5))


def test_values_are_broadcast_to_the_entries_however_many():
    for count in (3, 3000):
        index = np.arange(count) % 3
        out = tl.f.scatter_add(np.ones((count, 1)), index, (3, 2))
        assert_array_equal(out, np.full((3, 2), count / 3))


# ---- along an axis -------------------------------------------------------------------------------


def test_choosing_from_an_array_by_a_tensor_gives_a_tensor():
    array, condition = np.array([1.0, 2.0]), Tensor([False, True])
    for out in (np.compress(condition, array), np.extract(condition, array)):
        assert isinstance(out, Tensor) and out.tolist() == [2.0]


def test_entries_taken_are_remembered_as_they_were():
    x, index = leaf(3), np.array([0, 0])
    y = np.take(x, index)
    index[:] = 2
    assert y.sum().gradient(x).tolist() == [2.0, 0.0, 0.0]


def test_condition_may_be_a_tensor():
    x = leaf(2, 3)
    assert np.compress(Tensor([False, True]), x, axis=0).tolist() == [[3.0, 4.0, 5.0]]
    assert np.extract(x > 2, x).tolist() == np.extract(x > 2, x.numpy()).tolist() == [3.0, 4.0, 5.0]
    assert np.delete(x, Tensor([0]), axis=0).tolist() == [[3.0, 4.0, 5.0]]


def test_positions_are_tensors_without_gradient():
    x = Tensor([[0.0, 2.0], [3.0, 0.0]], requires_grad=True)
    for find in (np.nonzero, np.where):
        rows, columns = find(x)
        assert (rows.tolist(), columns.tolist()) == ([0, 1], [1, 0])
        assert rows.dtype == np.intp and not rows.requires_grad
    assert np.argwhere(x).tolist() == [[0, 1], [1, 0]]
    assert np.flatnonzero(x).tolist() == [1, 2]
    assert x[np.nonzero(x)].sum().gradient(x).tolist() == [[0.0, 1.0], [1.0, 0.0]]


@pytest.mark.parametrize("choices", [["t", 1], [1, "t"], ["t", 1.5], [True, "t"], ["t", "i"]])
@pytest.mark.parametrize("default", [0, 2.5, np.float32(1), np.float64(1)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64])
def test_select_has_the_dtype_of_numpy(choices, default, dtype):
    arrays = {"t": np.array([1, 2], dtype), "i": np.array([3, 4])}
    given = {"t": Tensor(arrays["t"]), "i": arrays["i"]}
    conditions = [np.array([True, False]), np.array([True, True])]
    out = np.select(conditions, [given.get(c, c) for c in choices], default)
    expected = np.select(conditions, [arrays.get(c, c) for c in choices], default)
    assert_array_equal(out.data, expected, strict=True)


def test_first_condition_that_holds_selects():
    x, y = leaf(3), leaf(3)
    out = np.select([x > 1, y > 0], [x * 10, y], -1.0)
    assert out.tolist() == [-1.0, 1.0, 20.0]
    found = out.sum().gradient(x, y)
    assert [g.tolist() for g in found] == [[0.0, 0.0, 10.0], [0.0, 1.0, 0.0]]


def test_mask_says_before_which_entries_to_insert():
    out = np.insert(leaf(4), np.array([True, False, True, False]), [7.0, 8.0])
    assert out.tolist() == [7.0, 0.0, 1.0, 8.0, 2.0, 3.0]


# ---- in order ------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [np.sort, lambda x: np.partition(x, 2)])
def test_entries_in_order_are_those_of_numpy(function):
    for x in ([3, 1, 2, 1], [np.nan, 2.0, -np.inf, 1.0, np.nan], [True, False, True]):
        array = np.array(x)
        assert_array_equal(function(Tensor(array)).data, function(array), strict=True)


def test_nan_comes_last_and_gets_its_own_gradient():
    x = Tensor([np.nan, 2.0, 1.0], requires_grad=True)
    assert np.sort(x).gradient(x, gradient=[1.0, 10.0, 100.0]).tolist() == [100.0, 10.0, 1.0]


@pytest.mark.parametrize("options", [{"kind": "stable"}, {"kind": "mergesort"}, {"stable": True}])
def test_equal_entries_get_gradients_as_a_stable_sort_orders_them(options):
    x = Tensor([2.0, 1.0, 2.0, 1.0] * 20, requires_grad=True)
    g = np.arange(80.0)
    found = np.sort(x, **options).gradient(x, gradient=g)
    order = np.argsort(x.numpy(), kind="stable")
    assert_array_equal(found.data[order], g)


@pytest.mark.parametrize("function", [np.sort, lambda x: np.partition(x, 30)])
def test_equal_entries_get_each_the_gradient_of_one_of_them(function):
    x = Tensor([2.0, 1.0, 2.0, 1.0] * 20, requires_grad=True)
    y, g = function(x), np.arange(80.0)
    found = y.gradient(x, gradient=g)
    for value in (1.0, 2.0):
        assert set(found.data[x.data == value]) == set(g[y.data == value])


def test_partition_has_the_gradient_of_the_arrangement_that_it_gives():
    rng = np.random.default_rng(0)
    x = Tensor(rng.permutation(40).astype(float), requires_grad=True)
    y = np.partition(x, (5, 30))
    g = rng.normal(size=40)
    found = y.gradient(x, gradient=g)
    assert_array_equal(found.data, [g[y.tolist().index(value)] for value in x.tolist()])


@pytest.mark.parametrize("axis", [0, -1, None])
def test_positions_in_order_are_those_of_numpy(axis):
    x = Tensor([[3.0, 1.0, 2.0], [1.0, 1.0, 0.0]], requires_grad=True)
    for function in (
        lambda t: np.argsort(t, axis, "stable"),
        lambda t: np.argpartition(t, 1, axis),
    ):
        out = function(x)
        assert_array_equal(out.data, function(x.numpy()), strict=True)
        assert not out.requires_grad


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "call"),
    [
        ("take", BoundsError, lambda x: np.take(x, 6)),
        ("take", BoundsError, lambda x: np.take(x, [0, -4], axis=0)),
        ("take", BoundsError, lambda x: np.take(x, 0, axis=2)),
        ("take", TypeError, lambda x: np.take(x, np.array([0.5]))),
        ("take", ValueError, lambda x: np.take(x, [0], mode="x")),
        ("compress", BoundsError, lambda x: np.compress([1, 1, 1, 1], x, axis=0)),
        ("compress", BoundsError, lambda x: np.compress([1], x, axis=2)),
        ("compress", ShapeError, lambda x: np.compress([[1]], x, axis=0)),
        ("extract", BoundsError, lambda x: np.extract(np.ones(7), x)),
        ("delete", BoundsError, lambda x: np.delete(x, 3, axis=0)),
        ("delete", BoundsError, lambda x: np.delete(x, 0, axis=2)),
        ("insert", BoundsError, lambda x: np.insert(x, 4, 1.0, axis=0)),
        ("insert", BoundsError, lambda x: np.insert(x, 0, 1.0, axis=2)),
        ("insert", ShapeError, lambda x: np.insert(x, [0, 1], np.ones((3, 2)), axis=0)),
        ("select", ShapeError, lambda x: np.select([x > 1], [x, x])),
        ("choose", ValueError, lambda x: np.choose([0, 2], (x[0], x[1]))),
        ("choose", ValueError, lambda x: np.choose([0, -1], (x[0], x[1]))),
        ("choose", TypeError, lambda x: np.choose([0.5], (x[0], x[1]))),
        ("choose", ValueError, lambda x: np.choose([0], (x[0], x[1]), mode="x")),
        ("nonzero", ShapeError, lambda x: np.nonzero(x[0, 0])),
        ("sort", BoundsError, lambda x: np.sort(x, axis=2)),
        ("numpy.sort", TypeError, lambda x: np.sort(x, order="a")),
        ("argsort", BoundsError, lambda x: np.argsort(x, axis=2)),
        ("partition", ValueError, lambda x: np.partition(x, 7)),
    ],
)
def test_refusal_names_the_function_that_was_called(name, kind, call):
    with pytest.raises(kind) as caught:
        call(leaf(3, 2))
    assert isinstance(caught.value, tl.errors.TinygradError)
    assert str(caught.value).startswith(f"{name}:")
