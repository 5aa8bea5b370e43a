"""Values as the player shows them: maps, tables and statistics, also of what isn't finite."""

import numpy as np

import tinygrad_lite as tl

from . import playing
from .playing import leaf

browser, play, pytestmark = playing.browser, playing.play, playing.pytestmark
expect = playing.expect


def card_of(play, x, width=1280):
    """What is shown of an array, as the first that a computation takes."""
    page = play(tl.graph((leaf(x, "x") * 2.0).sum()), width)
    return page.locator("#said .card").first


def test_map_of_nothing_finite_has_no_scale(play):
    for side in (8, 30):  # entry by entry, and as levels
        card = card_of(play, np.full((side, side), np.nan))
        scale = card.locator(".scale")
        expect(scale).to_have_text(f"no finite entry■ {side * side} NaN")
        assert scale.locator("i").count() == 0
        assert card.locator("dt").all_inner_texts() == ["NaN"]


def test_map_of_infinities_has_their_colour(play):
    for side in (8, 30):
        card = card_of(play, np.full((side, side), np.inf))
        expect(card.locator(".scale")).to_have_text("no finite entry")
        expect(card.locator("dl")).to_have_text(f"infinite{side * side}")
        assert colours(card)[0] == [205, 92, 8]
        card.locator("canvas").hover()
        expect(card.locator(".entry")).to_contain_text("] = inf")


def test_means_that_all_have_a_nan_are_no_finite_mean(play):
    x = np.ones((130, 130))
    x[::3, ::3] = np.nan
    card = card_of(play, x)
    expect(card.locator(".scale")).to_contain_text("no finite mean")
    expect(card.locator("dl")).to_contain_text("of the14964 finite entries")


def test_statistics_say_of_how_many_they_are(play):
    card = card_of(play, [[np.nan, np.inf, 1.0], [0.0, 0.0, 3.0]])
    assert card.locator("dl div").all_text_contents() == [
        "of the4 finite entries",
        "mean1",
        "deviation1.225",
        "least0",
        "most3",
        "zeros50 %",
        "NaN1",
        "infinite1",
    ]
    finite = card_of(play, [[1.0, 2.0]])
    assert finite.locator("dt").all_inner_texts() == ["mean", "deviation", "least", "most"]


def test_truth_has_a_map(play):
    x = leaf(np.linspace(-1, 1, 64).reshape(8, 8), "x")
    page = play(tl.graph(np.where(x > 0, x, 0.0).sum()))
    card = page.locator("#said .card", has_text="bool").first
    assert colours(card) == [[255, 255, 255]] * 32 + [[205, 92, 8]] * 32


def test_rows_of_a_vector_say_where_they_begin(play):
    card = card_of(play, np.arange(10.0))
    expect(card.locator("th")).to_have_text(["[0]", "[4]", "[8]"])


def colours(card):
    """Red, green and blue of each entry."""
    data = card.locator("canvas").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return [data[i : i + 3] for i in range(0, len(data), 4)]


def test_legend_says_what_the_marks_are_on_narrow_screens_too(play):
    page = play(playing.training(), 360, 740)
    page.evaluate("Player.get('checks').hidden = false")  # as on a page that was checked
    expect(page.locator("#checks")).to_be_visible()
    legend = page.locator("#legend").bounding_box()
    assert legend["x"] >= 0 and legend["x"] + legend["width"] <= 360
