"""What is in sight in the player: fit, and what is in the page of a graph too large for it."""

import numpy as np
import pytest

import tinygrad_lite as tl

from . import playing
from .playing import at_step, leaf, scalars, wait_for_drawing

browser, play, pytestmark = playing.browser, playing.play, playing.pytestmark
expect = playing.expect

COUNT = 120
SCALE = "Player.view.place().scale"
SHOWN = "[...document.querySelectorAll('#canvas .world .box')].map(box => box.dataset.id)"


def chain():
    """A graph that is many panes high."""
    h = leaf([0.5, 0.25], "h")
    for _ in range(COUNT):
        h = np.tanh(h)
    return tl.graph(h.sum())


def check_in_sight(page, selector):
    """All of it is in the pane."""
    box, pane = (page.locator(name).bounding_box() for name in (selector, "#canvas"))
    for start, size in (("x", "width"), ("y", "height")):
        assert pane[start] <= box[start]
        assert box[start] + box[size] <= pane[start] + pane[size]


def test_fit_shows_all_of_a_small_graph(play):
    page = play(scalars())
    for _ in range(12):
        page.keyboard.press("+")
    page.evaluate("Player.view.pan(900, 900)")
    page.keyboard.press("f")
    check_in_sight(page, "#canvas .boxes")
    assert 0.6 <= page.evaluate(SCALE) <= 1.5


def test_fit_of_a_few_boxes_does_not_make_them_huge(play):
    page = play(tl.graph(np.tanh(leaf(0.5, "x"))))
    page.keyboard.press("f")
    assert page.evaluate(SCALE) == 1.5


@pytest.mark.parametrize("key", ["Home", "End"])
def test_fit_of_a_large_graph_shows_the_step_and_can_be_read(play, key):
    page = play(chain())
    page.keyboard.press(key)
    at_step(page, 1 if key == "Home" else page.evaluate("Player.state.steps.length"))
    for _ in range(12):
        page.keyboard.press("-")
    page.evaluate("Player.view.pan(0, 5000)")
    page.keyboard.press("f")
    assert page.evaluate(SCALE) >= 0.6
    check_in_sight(page, "#canvas .box.now")


def test_far_boxes_are_taken_out_of_the_page_and_come_back(play):
    page = play(chain())
    every = page.evaluate("Player.state.boxes.size")
    assert every > COUNT
    at_first = page.evaluate(SHOWN)
    assert 0 < len(at_first) < every / 2
    lanes = page.locator("#canvas .world .lane").count()
    assert 0 < lanes < every / 2
    page.evaluate(f"Player.state.go({COUNT})")
    at_step(page, COUNT + 1)
    check_in_sight(page, "#canvas .box.now")
    far = page.evaluate(SHOWN)
    assert len(far) < every / 2
    assert set(far) - set(at_first)
    assert set(at_first) - set(far)
    page.keyboard.press("Home")
    at_step(page, 1)
    assert set(at_first) <= {*page.evaluate(SHOWN)}
    for _ in range(30):
        page.keyboard.press("-")
    assert page.locator("#canvas .world .box").count() == every


def test_boxes_that_come_back_are_in_order(play):
    page = play(chain())
    order = page.evaluate("[...Player.state.boxes.keys()]")
    for number in (COUNT, 1, COUNT // 2, 3, COUNT):
        page.evaluate(f"Player.state.go({number - 1})")
        at_step(page, number)
        shown = page.evaluate(SHOWN)
        assert shown == [box for box in order if box in set(shown)]


def test_line_in_motion_is_above_those_that_come_back(play):
    page = play(chain())
    number = COUNT + COUNT // 2  # in the middle of the way back
    page.evaluate(f"Player.state.go({number - 1})")
    at_step(page, number)
    for dy in (-3000, 3000):
        page.evaluate(f"Player.view.pan(0, {dy})")
    assert page.locator("#canvas .lanes .lane").count() > 10
    expect(page.locator("#canvas .lanes .lane").last).to_contain_class("now")


def test_box_that_tab_comes_to_stays_in_the_page(play):
    page = play(chain())
    stop = page.locator("#canvas .box[tabindex='0']")
    box = stop.get_attribute("data-id")
    page.evaluate("Player.view.pan(0, -9000)")
    expect(stop).to_have_attribute("data-id", box)


def test_place_stays_when_a_frame_is_closed_and_opened(play):
    page = play(playing.training())
    title = page.locator("#canvas .fold").first
    group = title.get_attribute("data-group")
    before = title.bounding_box()
    for _ in range(2):
        wait_for_drawing(
            page, page.locator(f"#canvas [data-group={group}], [data-id={group}]").last.click
        )
    after = page.locator(f"#canvas .fold[data-group={group}]").bounding_box()
    assert (after["x"], after["y"]) == pytest.approx((before["x"], before["y"]), abs=2)
