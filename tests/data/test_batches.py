import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_lite.data import batches
from tinygrad_lite.errors import ArgumentError
from tinygrad_lite.random import generator


def rows(n):
    return np.arange(2.0 * n).reshape(n, 2), np.arange(n)


sizes = st.integers(1, 40), st.integers(1, 50), st.booleans(), st.booleans()


@given(*sizes)
def test_length_is_the_number_of_batches(n, batch_size, shuffle, drop_last):
    epoch = batches(*rows(n), batch_size, shuffle=shuffle, rng=0, drop_last=drop_last)
    assert len(epoch) == len(list(epoch))


@given(*sizes)
def test_batches_are_full_but_for_the_last(n, batch_size, shuffle, drop_last):
    epoch = batches(*rows(n), batch_size, shuffle=shuffle, rng=0, drop_last=drop_last)
    left = [n % batch_size] if n % batch_size and not drop_last else []
    assert [len(y) for _, y in epoch] == [batch_size] * (n // batch_size) + left


@given(st.integers(1, 40), st.integers(1, 50), st.booleans())
def test_an_epoch_has_every_row_once_with_its_label(n, batch_size, shuffle):
    x, y = rows(n)
    xs, ys = zip(*batches(x, y, batch_size, shuffle=shuffle, rng=0), strict=True)
    order = np.concatenate(ys)
    assert sorted(order) == list(range(n))
    np.testing.assert_array_equal(np.concatenate(xs), x[order])


def test_unshuffled_batches_are_views_in_order():
    x, y = rows(10)
    for start, (x_batch, y_batch) in zip((0, 4, 8), batches(x, y, 4, shuffle=False), strict=True):
        assert np.shares_memory(x_batch, x) and np.shares_memory(y_batch, y)
        np.testing.assert_array_equal(x_batch, x[start : start + 4])


def test_shuffled_batches_are_copies():
    x, y = rows(10)
    for x_batch, _ in batches(x, y, 4, rng=0):
        assert not np.shares_memory(x_batch, x)


def labels(epoch):
    return np.concatenate([y for _, y in epoch]).tolist()


def test_each_epoch_has_another_order():
    epoch = batches(*rows(100), 7, rng=0)
    assert labels(epoch) != labels(epoch)


def test_same_seed_gives_the_same_epochs():
    one, other = (batches(*rows(100), 7, rng=3) for _ in range(2))
    assert [labels(one), labels(one)] == [labels(other), labels(other)]


def test_generator_is_used_as_it_is():
    ours, theirs = np.random.default_rng(5), np.random.default_rng(5)
    assert labels(batches(*rows(100), 7, rng=ours)) == theirs.permutation(100).tolist()
    assert ours.random() == theirs.random()


def test_order_of_an_epoch_comes_from_the_generator_of_that_moment():
    epoch = batches(*rows(100), 7)
    package = generator()
    state = package.bit_generator.state
    first = labels(epoch)
    package.bit_generator.state = state
    assert labels(epoch) == first


def test_unshuffled_batches_draw_nothing():
    rng = np.random.default_rng(5)
    labels(batches(*rows(100), 7, shuffle=False, rng=rng))
    assert rng.random() == np.random.default_rng(5).random()


def test_too_few_rows_for_one_full_batch_make_an_empty_epoch_if_the_last_is_dropped():
    assert list(batches(*rows(3), 4, drop_last=True)) == []


def test_arrays_of_different_lengths_are_refused_at_the_call():
    with pytest.raises(ArgumentError, match=r"same number of rows\n  x  \(5, 2\)\n  y  \(4,\)"):
        batches(rows(5)[0], rows(4)[1], 2)


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, "2", None, True])
def test_batch_size_that_is_no_positive_int_is_refused_at_the_call(batch_size):
    with pytest.raises(ArgumentError, match="batch_size must be a positive int"):
        batches(*rows(5), batch_size)


def test_batch_size_may_be_an_int_of_numpy():
    assert len(batches(*rows(5), np.int64(2))) == 3


@pytest.mark.parametrize("empty", [np.zeros((0, 3)), np.float64(1.0)])
def test_data_without_rows_are_refused_at_the_call(empty):
    with pytest.raises(ArgumentError, match="x has no rows"):
        batches(empty, empty, 2)


def test_lists_are_refused_at_the_call():
    with pytest.raises(ArgumentError, match="y must be an array, not list"):
        batches(np.zeros((3, 2)), [0, 1, 2], 2)
