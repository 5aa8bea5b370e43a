"""Numbers and arrays as short text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_lite.graphs.numbers import memory, number, summary, text


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (0.41997434, "0.42"),
        (-3.0, "-3"),
        (1.2e-7, "1.2e-07"),
        (np.float32(0.1), "0.1"),
        (12345, "12345"),
        (np.int64(2), "2"),
        (True, "True"),
        (np.bool_(False), "False"),
        (float("nan"), "nan"),
        (-np.inf, "-inf"),
        (-0.0, "0"),
        (np.float32(-0.0), "0"),
    ],
)
def test_number_is_short(x, said):
    assert number(x) == said


@given(st.floats(-1e300, 1e300))
def test_number_is_right_to_four_digits(x):
    assert float(number(x)) == pytest.approx(x, rel=6e-4, abs=5e-324)
    assert len(number(x)) <= 11


def test_number_can_have_more_digits():
    assert number(0.9999877, 7) == "0.9999877" and text(np.array([1 / 3]), 6) == "[0.333333]"


def test_few_entries_are_shown_one_by_one():
    assert text(np.array([1.0, 0.5])) == "[1, 0.5]"
    assert text(np.array([[1], [2]])) == "[[1], [2]]"
    assert text(np.array(2.5, np.float16)) == "2.5"
    assert text(np.array([True, False])) == "[True, False]"


def test_many_entries_are_summed_up():
    assert text(np.arange(7.0)) == summary(np.arange(7.0)) == "mean 3 · largest size 6"
    assert text(np.ones((1, 1, 2))) == "mean 1 · largest size 1"
    assert summary(np.array([-5, 1])) == "mean -2 · largest size 5"


def test_summary_of_nothing_and_of_bools():
    assert text(np.zeros((0, 3))) == "no entries"
    assert summary(np.array([True, False, False])) == "33.33 % true"


def test_summary_leaves_out_what_is_not_finite_and_says_so():
    x = np.array([1.0, 3.0, np.nan, np.inf, -np.inf])
    assert summary(x) == "mean 2 · largest size 3 · 1 NaN · 2 infinite"
    assert summary(np.full(9, np.nan)) == "9 NaN"


def test_summary_of_the_largest_numbers_gives_no_warning():
    assert summary(np.full(8, 1.7e308)) == "mean inf · largest size 1.7e+308"


def test_memory_is_in_units_that_people_read():
    assert [memory(n) for n in (0, 512, 32 * 1024, 3 * 2**19)] == [
        "0 B",
        "512 B",
        "32 kB",
        "1.5 MB",
    ]
