"""New arrays that differ from old ones at an index, beyond the cases of cases_indexing.py."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tinygrad_lite import Tensor
from tinygrad_lite.errors import BoundsError, DtypeError, ShapeError


def leaf(*shape, dtype=float):
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    return Tensor(values, requires_grad=np.dtype(dtype).kind == "f")


def test_nothing_is_written_into():
    x = leaf(3)
    before = x.numpy()
    for y in (x.at[0].set(7.0), x.at[[0, 0]].add(7.0), x.at[:].add(1.0)):
        assert not np.shares_memory(x.data, y.data)
    assert_array_equal(x.data, before)


def test_last_of_repeated_indices_is_set_and_only_it_has_a_gradient():
    x, values = leaf(3), Tensor([10.0, 20.0, 30.0], requires_grad=True)
    y = x.at[[1, 0, 1]].set(values)
    assert y.tolist() == [20.0, 30.0, 2.0]
    for_x, for_values = y.gradient(x, values, gradient=[1.0, 2.0, 4.0])
    assert for_x.tolist() == [0.0, 0.0, 4.0]
    assert for_values.tolist() == [0.0, 1.0, 2.0]


def test_repeated_indices_add_up():
    x, values = leaf(3), Tensor([10.0, 20.0, 30.0], requires_grad=True)
    y = x.at[[1, 0, 1]].add(values)
    assert y.tolist() == [20.0, 41.0, 2.0]
    for_x, for_values = y.gradient(x, values, gradient=[1.0, 2.0, 4.0])
    assert for_x.tolist() == [1.0, 2.0, 4.0]
    assert for_values.tolist() == [2.0, 1.0, 2.0]


def repeated(rng, layout):
    """Indices that repeat, in memory in another order than the one they are read in."""
    rows, columns = rng.integers(-6, 6, (2, 9, 8))
    if layout == "columns first":
        return np.asfortranarray(rows), np.asfortranarray(columns)
    if layout == "backwards":
        return rows[::-1, ::-1], columns[::-1, ::-1]
    if layout == "broadcast":
        return rows[:1], columns[:, :1]
    return rows, columns


@pytest.mark.parametrize("layout", ["plain", "columns first", "backwards", "broadcast"])
@pytest.mark.parametrize("values", ["plain", "columns first", "number"])
@pytest.mark.parametrize("shape", [(6, 6), (6, 6, 3)])
def test_last_is_last_however_the_index_lies_in_memory(layout, values, shape):
    rng = np.random.default_rng(0)
    index, x = repeated(rng, layout), leaf(*shape)
    order = "F" if values == "columns first" else "C"
    given = np.array(rng.normal(size=x[index].shape), order=order)
    given = Tensor(given if values != "number" else np.array(5.0), requires_grad=True, copy=False)
    y = x.at[index].set(given)

    expected, winner = x.numpy(), np.full(shape, -1)
    numbers = np.arange(x.size).reshape(shape)[index]
    whole = np.broadcast_to(given.data, numbers.shape)
    for position, entry in enumerate(numbers.flat):
        expected.flat[entry] = whole.flat[position]
        winner.flat[entry] = position
    assert_array_equal(y.data, expected)

    g = rng.normal(size=shape)
    expected_g = np.zeros(numbers.size)
    expected_g[winner[winner >= 0]] = g[winner >= 0]
    found = y.gradient(given, gradient=g)
    expected_g = expected_g.reshape(numbers.shape) if given.ndim else expected_g.sum()
    np.testing.assert_allclose(found.data, expected_g, rtol=1e-12)


def test_values_broadcast_to_the_entries():
    x, row = leaf(4, 3), Tensor([10.0, 20.0, 30.0], requires_grad=True)
    assert x.at[1:3].set(row).tolist()[1:3] == [[10.0, 20.0, 30.0]] * 2
    assert x.at[1:3].set(row).sum().gradient(row).tolist() == [2.0, 2.0, 2.0]
    assert x.at[[0, 0, 1]].set(row).sum().gradient(row).tolist() == [2.0, 2.0, 2.0]
    assert x.at[[0, 0, 1]].add(row).sum().gradient(row).tolist() == [3.0, 3.0, 3.0]


@pytest.mark.parametrize(
    "index", [Tensor([2, 0]), Tensor(1), Tensor([True, False, True]), (Tensor([1]), slice(None))]
)
def test_index_may_hold_tensors(index):
    def plain(i):
        return tuple(map(plain, i)) if isinstance(i, tuple) else getattr(i, "data", i)

    x = leaf(3, 2)
    expected = x.numpy()
    expected[plain(index)] = 5.0
    assert_array_equal(x.at[index].set(5.0).data, expected)


def test_index_may_be_a_comparison():
    x = leaf(2, 3)
    y = x.at[x > 2].set(0.0)
    assert y.tolist() == [[0.0, 1.0, 2.0], [0.0, 0.0, 0.0]]
    assert y.sum().gradient(x).tolist() == [[1.0] * 3, [0.0] * 3]


def test_index_is_remembered_as_it_was():
    for kind in (np.array, list, Tensor):
        x, values, index = leaf(3), leaf(2), kind([0, 1])
        one, two = x.at[index].set(values), x.at[index].add(values)
        if kind is Tensor:
            index.data = [2, 2]
        else:
            index[:] = [2, 2]
        for y in (one, two):
            assert y.gradient(values, gradient=[1.0, 2.0, 4.0]).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64, bool])
def test_dtype_stays(dtype):
    x = leaf(3, dtype=dtype)
    assert x.at[0].set(True).dtype == dtype
    assert x.at[[0, 0]].set(np.array([True, False])).dtype == dtype
    if dtype is not bool:
        for value in (2, np.int64(2), np.ones(2, np.uint8)):
            assert x.at[:2].set(value).dtype == x.at[[0, 0]].add(value).dtype == dtype


@pytest.mark.parametrize("low", [np.float16, np.float32])
def test_gradients_have_the_dtype_of_what_they_belong_to(low):
    x, values = leaf(3, dtype=low), leaf(2)
    for y in (x.at[:2].set(values), x.at[[0, 0]].set(values), x.at[[0, 0]].add(values)):
        assert y.dtype == low
        assert [g.dtype for g in y.sum().gradient(x, values)] == [low, np.float64]


@pytest.mark.parametrize("index", [slice(None), [0, 0, 1]])
def test_floats_dont_fit_among_integers(index):
    x = Tensor([1, 2, 3])
    for values in (1.5, np.ones(3), [0.5, 0.5, 0.5], leaf(3)):
        for update in (x.at[index].set, x.at[index].add):
            with pytest.raises(DtypeError, match="values don't fit among int64 ones"):
                update(values)


def test_get_reads():
    x = leaf(3)
    assert x.at[1:].get().tolist() == x[1:].tolist()
    assert x.at[1:].get().requires_grad


def test_what_it_is_shows():
    x = Tensor([1.0])
    assert repr(x.at) == f"At(x={x!r})"
    assert repr(x.at[0]) == f"Entries(x={x!r}, index=0)"


@pytest.mark.parametrize("index", [3, [0, 3], (0, 0), -4])
def test_index_out_of_range_is_refused(index):
    for name in ("set", "add"):
        with pytest.raises(BoundsError, match=rf"^at\[…\]\.{name}: "):
            getattr(leaf(3).at[index], name)(1.0)


@pytest.mark.parametrize("index", [slice(None), [0, 0, 1]])
def test_values_that_dont_broadcast_are_refused(index):
    shape = leaf(3)[index].shape
    for name in ("set", "add"):
        with pytest.raises(ShapeError) as caught:
            getattr(leaf(3).at[index], name)(np.ones(2))
        assert str(caught.value) == (
            f"at[…].{name}: values of shape (2,) don't broadcast to the entries, of shape {shape}."
        )
