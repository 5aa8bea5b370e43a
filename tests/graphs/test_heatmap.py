"""Arrays as statistics and as pictures of few tiles."""

import base64

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_lite.graphs.heatmap import TILES, heatmap, statistics


def levels(found):
    """The tiles as numbers, as a page reads them."""
    raw = np.frombuffer(base64.b64decode(found["data"]), np.int8)
    assert raw.size == found["rows"] * found["cols"]
    table = raw.reshape(found["rows"], found["cols"]).astype(float)
    table[table == -128] = np.nan
    return table / 127 * (found["scale"] or 0)  # None: nothing is finite


def test_small_array_is_drawn_entry_by_entry():
    x = np.linspace(-2, 3, 12).reshape(3, 4)
    found = heatmap(x)
    assert (found["rows"], found["cols"], found["scale"], found["of"]) == (3, 4, 3.0, "")
    np.testing.assert_allclose(levels(found), x, atol=3 / 127 / 2 + 1e-9)


def test_large_array_is_drawn_as_means_of_blocks():
    x = np.random.default_rng(0).normal(size=(130, 784)).astype(np.float32)
    found = heatmap(x)
    assert (found["rows"], found["cols"]) == (44, 61)  # blocks of 3 × 13, the last ones smaller
    assert found["of"] == "means of 3 × 13 entries"
    table = levels(found)
    half = found["scale"] / 127 / 2 + 1e-6
    assert abs(table[0, 0] - x[:3, :13].mean()) <= half
    assert abs(table[-1, -1] - x[129:, 780:].mean()) <= half


@settings(deadline=None)  # arrays may be large
@given(hnp.arrays(np.float64, hnp.array_shapes(max_dims=4, max_side=70), elements=st.floats()))
def test_any_array_fits_the_tiles(x):
    found = heatmap(x)
    assert 1 <= found["rows"] <= TILES
    assert 1 <= found["cols"] <= TILES
    assert levels(found).size >= 1


def test_means_of_huge_numbers_are_finite():
    assert heatmap(np.full((70, 70), 1.7e308))["scale"] == 1.7e308


def test_nan_is_marked_and_infinity_is_at_the_end_of_the_scale():
    found = heatmap(np.array([[np.nan, np.inf], [-np.inf, 0.5]]))
    raw = np.frombuffer(base64.b64decode(found["data"]), np.int8)
    assert raw.tolist() == [-128, 127, -127, 127]
    assert found["scale"] == 0.5


@pytest.mark.parametrize("x", [np.nan, np.inf])
def test_nothing_finite_has_no_scale(x):
    assert heatmap(np.full((2, 3), x))["scale"] is None
    assert statistics(np.full((2, 3), x))["mean"] is None


def test_zeros_are_all_in_the_middle():
    found = heatmap(np.zeros((2, 3)))
    assert not levels(found).any()


def test_long_row_is_folded_where_it_comes_out_even():
    assert heatmap(np.arange(64))["rows"] == 1
    found = heatmap(np.arange(400.0))
    assert (found["rows"], found["cols"], found["of"]) == (20, 20, "folded into rows of 20")
    prime = heatmap(np.arange(401.0))
    assert (prime["rows"], prime["cols"], prime["of"]) == (1, 58, "means of 1 × 7 entries")


def test_images_are_drawn_one_under_the_other():
    x = np.zeros((2, 1, 8, 8))
    x[1, 0, 3, 4] = 1
    assert levels(heatmap(x))[11, 4] == 1.0


@pytest.mark.parametrize("shape", [(0,), (3, 0)])
def test_nothing_is_not_drawn(shape):
    assert heatmap(np.zeros(shape)) is None
    assert statistics(np.zeros(shape)) is None


def test_statistics_are_numpys():
    x = np.random.default_rng(0).normal(size=(50, 4))
    x[:25] = 0
    found = statistics(x)
    expected = [x.mean(), x.std(), x.min(), x.max(), 0.5]
    assert list(found.values())[:5] == pytest.approx(expected, rel=1e-8)
    assert (found["nan"], found["inf"]) == (0, 0)


def test_statistics_count_what_is_not_finite():
    found = statistics(np.array([np.nan, np.inf, 0.0, 2.0]))
    assert found == {
        "mean": 1.0,
        "std": 1.0,
        "min": 0.0,
        "max": 2.0,
        "zeros": 0.5,
        "nan": 1,
        "inf": 1,
    }
    assert statistics(np.full(3, np.nan))["mean"] is None


def test_numbers_near_the_largest_have_statistics():
    found = statistics(np.full(2, 1e308))
    assert found["mean"] == "Infinity"
