"""The memory that backward still needs, as the player shows it: bands over time, and a list."""

import re

import numpy as np

import tinygrad_lite as tl

from . import playing
from .playing import at_step, leaf, scalars, training

browser, play, pytestmark = playing.browser, playing.play, playing.pytestmark
expect = playing.expect


def go(page, number):
    page.evaluate(f"Player.state.go({number - 1})")
    at_step(page, number)


def memory_of(page):
    return page.evaluate(
        "Player.state.data.memory.tensors.map("
        "t => ({name: Player.state.values[t.value].name, ...t}))"
    )


def test_list_of_memory_is_what_is_held_at_the_step(play):
    page = play(training())
    tensors = memory_of(page)
    held_at_all = set()
    for i in range(page.evaluate("Player.state.steps.length")):
        go(page, i + 1)
        held = [t for t in tensors if t["from"] <= i <= t["to"]]
        held.sort(key=lambda t: -t["bytes"])
        names = [t["name"] for t in held]
        assert page.locator("#memory li .name").all_inner_texts() == names[:6]
        assert page.locator("#bands .band.held").count() == len(held)
        total = page.evaluate(f"Player.values.bytes({sum(t['bytes'] for t in held)})")
        assert page.locator("#memory h3 b").inner_text() == total
        lit = page.locator("#bands .lit").get_attribute("d")
        assert (lit != "") == (page.locator("#memory li .lit").count() > 0)
        assert lit == "" or held
        held_at_all.update(names)
    assert held_at_all == {t["name"] for t in tensors}


def test_many_tensors_are_sixty_bands_and_the_rest(play):
    x = leaf(2.0, "x")
    h = x
    for _ in range(70):
        h = np.tanh(h * 1.5)
    page = play(tl.graph(h))
    bands = page.locator("#bands .band")
    expect(bands).to_have_count(61)
    assert bands.last.get_attribute("aria-label").startswith("the rest: 10 tensors · 80 B")
    middle = page.evaluate("Player.state.steps.findIndex(s => s.kind === 'seed')")
    go(page, middle + 1)
    expect(page.locator("#memory li button")).to_have_count(6)
    expect(page.locator("#memory .more")).to_have_text("and 64 more")


def test_heights_of_bands_are_bytes(play):
    page = play(training())
    tensors = memory_of(page)
    heights = page.evaluate(
        "Player.memory.bands.map(b => b.runs.map(run => [run.first, run.last, run.high - run.low]))"
    )
    assert len(heights) == len(tensors) > 2
    for runs, tensor in zip(heights, tensors, strict=True):
        assert (runs[0][0], runs[-1][1]) == (tensor["from"], tensor["to"])
        assert {size for *_, size in runs} == {tensor["bytes"]}


def test_bands_are_reached_and_named_by_keyboard(play):
    page = play(training())
    tensors = memory_of(page)
    page.locator("#last").focus()
    page.keyboard.press("Tab")
    for tensor in tensors[:3]:
        said = f"from step {tensor['from'] + 1} to {tensor['to'] + 1}"
        expect(page.locator("#bands .band:focus")).to_have_count(1)
        expect(page.locator("#hint")).to_contain_text(tensor["name"])
        expect(page.locator("#hint")).to_contain_text(said)
        page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#chosen .name").first).to_have_text(tensors[2]["name"])
    page.keyboard.press("Tab")
    expect(page.locator("#timeline")).to_be_focused()
    expect(page.locator("#hint")).to_be_hidden()


def test_band_is_named_under_the_mouse_and_a_click_goes_to_its_step(play):
    page = play(training())
    tensor = memory_of(page)[0]
    band = page.locator("#bands .band").first.bounding_box()
    page.mouse.move(band["x"] + 3, band["y"] + band["height"] / 2)
    expect(page.locator("#hint")).to_contain_text(f"{tensor['name']} · ")
    page.mouse.down()
    page.mouse.up()
    at_step(page, tensor["from"] + 1)
    page.mouse.move(5, 5)
    expect(page.locator("#hint")).to_be_hidden()


def test_tensor_in_the_list_is_shown_by_its_button(play):
    page = play(training())
    go(page, 5)
    row = page.locator("#memory li button").first
    name = row.locator(".name").inner_text()
    row.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#chosen .name").first).to_have_text(name)
    page.keyboard.press("ArrowRight")
    at_step(page, 6)
    expect(page.locator("#memory li button").first).to_be_focused()


def test_tensors_that_the_step_reads_are_lit(play):
    page = play(scalars())
    page.evaluate("Player.state.go(Player.state.steps.findIndex(s => s.kind === 'contribution'))")
    expect(page.locator("#bands .lit")).to_have_attribute("class", "lit over backward")
    expect(page.locator("#bands .lit")).to_have_attribute("d", re.compile("^M"))


def test_computation_that_saves_nothing_has_no_bands(play):
    page = play(tl.graph(leaf(1.0, "x") + leaf(2.0, "y")))
    expect(page.locator("#bands")).to_be_hidden()
    expect(page.locator("#memory")).to_be_hidden()
