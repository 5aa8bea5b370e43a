"""The player as somebody uses it, in a browser: keys, clicks, and whether the numbers are true."""

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.graphs.stages import stages

from . import playing
from .generated import HOSTILE
from .playing import arrays, at_step, check_shown, leaf, scalars, select, training, wait_for_drawing

browser, play, pytestmark = playing.browser, playing.play, playing.pytestmark
expect = playing.expect

NAMES = {  # and what is shown of them
    "</script><script>alert(1)</script>": "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>": "<img src=x onerror=alert(1)>",
    "\"'`&amp;": "\"'`&amp;",
    "😀 ∂ 漢字": "😀 ∂ 漢字",
    "z" * 10_000: "z" * 199 + "…",
}


@pytest.mark.parametrize("graph", [scalars, arrays, training])
def test_opens_with_the_network_off_without_a_message_or_a_request(play, graph):
    graph = graph()
    page = play(graph)
    expect(page.locator("#count")).to_have_text(f"step 1 of {len(list(stages(graph)))}")
    expect(page.locator("#canvas .box.now")).to_have_count(1)
    expect(page.locator("#busy")).to_be_hidden()


@pytest.mark.parametrize("graph", [scalars, arrays, training])
def test_every_step_shows_the_numbers_of_the_engine(play, graph):
    graph = graph()
    page = play(graph)
    page.keyboard.press("End")
    count = len(list(stages(graph)))
    at_step(page, count)
    page.keyboard.press("Home")
    sums = 0
    for number, (step, part) in enumerate(stages(graph), 1):
        at_step(page, number)
        made = page.locator("#said .numbers > .cards").last.locator("> .card").first
        cells = made.locator(":scope > .number, :scope > .scroll td")
        check_shown(cells.all_inner_texts(), step.output.array)
        expect(page.locator("#said .phase b")).to_have_text(step.phase)
        assert page.locator("#said .part").count() == (part != "")
        if page.locator("#said .sum").count():
            sums += 1
            check_sum(page, graph, step)
        page.keyboard.press("ArrowRight")
    assert (sums > 0) == (graph.title != "step")
    at_step(page, count)


def check_sum(page, graph, step):
    """The contributions that have come, and their running sum."""
    come = [s for s in graph.phase("backward")[1:] if s.to is step.to and s.number <= step.number]
    amounts = page.locator("#said .sum tr:not(.total):not(.todo) .amount").all_inner_texts()
    assert len(amounts) == len(come) == step.earlier + 1
    for amount, one in zip(amounts, come, strict=True):
        check_brief(amount, one.output.array)
    total = page.locator("#said .sum .total .amount").inner_text()
    check_brief(total, step.total.array)
    check_brief(total, sum(one.output.array for one in come))


def check_brief(text, array):
    """A number, a few, or the mean of many."""
    array = np.asarray(array)
    if text.startswith("mean "):
        array = array.mean()
    check_shown(text.removeprefix("mean ").strip("[]").split(", "), array)


def test_gradients_at_the_end_are_those_of_backward(play):
    x, w = leaf(2.0, "x"), leaf(-3.0, "w")
    y = np.tanh(w * x + x * x + 2.5)
    y.backward()
    page = play(tl.graph(y))
    page.keyboard.press("End")
    for t in (x, w):
        gradient = select(page, t.name).locator(".of-gradient > .number")
        check_shown(gradient.all_inner_texts(), t.grad.numpy())


def test_gradient_is_not_shown_before_it_is_computed(play):
    page = play(scalars())
    expect(select(page, "x")).to_contain_text("gradient: not computed yet")
    assert page.locator("#chosen .of-gradient").count() == 0


def test_value_is_not_shown_before_it_is_computed(play):
    graph = scalars()
    page = play(graph)
    name = graph.outputs[0].name
    expect(select(page, name)).to_contain_text("not computed yet")
    assert page.locator("#chosen .number").count() == 0
    page.keyboard.press("End")
    expect(page.locator("#chosen .card > .number").first).not_to_be_empty()


def test_gradient_of_a_broadcast_input_is_summed_before_the_eyes(play):
    x, bias = leaf(np.arange(12.0).reshape(4, 3), "x"), leaf([1.0, 2.0, 3.0], "bias")
    graph = tl.graph(((x + bias) * x).sum())
    page = play(graph)
    count = len(list(stages(graph)))
    page.keyboard.press("End")
    at_step(page, count)
    expect(page.locator("#said .words")).to_have_text(
        "The same bias was added to each of 4 rows. The effects add up: its gradient is the sum "
        "over the 4 rows."
    )
    expect(page.locator("#said .part")).to_have_text("2 of 2: summed to (3,)")
    expect(page.locator("#said .symbols")).to_have_text("sum(g, axis=0)")
    headings, cards = page.locator("#said .numbers h3"), page.locator("#said .card")
    assert headings.all_inner_texts() == ["before", "summed"]
    check_shown(cards.nth(0).locator("td").all_inner_texts(), x.numpy())
    check_shown(cards.nth(1).locator("td").all_inner_texts(), x.numpy().sum(axis=0))
    page.keyboard.press("ArrowLeft")
    at_step(page, count - 1)
    expect(page.locator("#said .part")).to_have_text("1 of 2: the rule gives (4, 3)")
    check_shown(cards.last.locator("td").all_inner_texts(), x.numpy())
    expect(select(page, "bias")).to_contain_text("gradient: not computed yet")


def test_map_and_its_sum_are_aligned_column_by_column(play):
    x, bias = leaf(np.ones((64, 10)), "x"), leaf(np.ones(10), "bias")
    graph = tl.graph(((x + bias) ** 2).sum())
    page = play(graph, 1280, 1400)
    page.evaluate(
        "Player.state.go(Player.state.steps.findIndex(s => s.part === 'summed' && s.to === 'bias'))"
    )
    expect(page.locator("#said .part")).to_have_text("2 of 2: summed to (10,)")
    before, after = [box.bounding_box() for box in page.locator("#said canvas").all()]
    assert (before["x"], before["width"]) == (after["x"], after["width"])
    assert before["y"] + before["height"] < after["y"]


def test_sum_is_of_its_own_backward_pass(play):
    x = leaf(3.0, "x")

    def step():
        for _ in range(2):
            y = x * x + x
            y.backward()

    page = play(tl.trace(step))
    rows = page.locator("#said .sum tr:not(.total) button")
    chosen = select(page, "x")
    of_x = page.evaluate("Player.state.steps.filter(s => s.sum).map(s => s.number)")
    assert len(of_x) == 6
    for k, number in enumerate(of_x):
        page.evaluate(f"Player.state.go({number - 1})")
        at_step(page, number)
        own = of_x[:3] if k < 3 else of_x[3:]
        said = [row.get_attribute("aria-label").split(":")[0] for row in rows.all()]
        assert said == [f"Step {n}" for n in own]
        if k % 3 < 2:
            expect(chosen).to_contain_text(f"{k % 3 + 1} of 3 contributions have come")
        else:
            expect(chosen.locator(".of-gradient > .number")).to_have_text("7")


def test_closed_module_is_laid_out_again_and_the_step_stays_lit(play):
    page = play(training())
    group, box = page.evaluate(
        "() => { const i = Player.state.steps.findIndex(s => Player.state.boxes.get(s.box).group);"
        " Player.state.go(i); const box = Player.state.steps[i].box;"
        " return [Player.state.ancestors(Player.state.boxes.get(box).group).at(-1), box]; }"
    )
    lit, boxes = page.locator("#canvas .box.now"), page.locator("#canvas .box")
    expect(lit).to_have_attribute("data-id", box)
    count, height = boxes.count(), drawn_height(page)
    wait_for_drawing(page, lambda: page.click(f"[data-group={group}]"))
    assert boxes.count() < count
    assert drawn_height(page) < height
    expect(lit).to_have_attribute("data-id", group)
    wait_for_drawing(page, lambda: page.click(f"[data-id={group}]"))
    assert boxes.count() == count
    assert drawn_height(page) == pytest.approx(height, rel=0.01)
    expect(lit).to_have_attribute("data-id", box)


def drawn_height(page):
    return page.evaluate("document.querySelector('.world .boxes').getBBox().height")


def test_search_finds_and_centres_a_box(play):
    page = play(training())
    for _ in range(8):  # a graph that is all in sight stays where it is
        page.keyboard.press("+")
    page.keyboard.press("/")
    page.keyboard.type("layers.2.bias")
    expect(page.locator("#found li").first).to_contain_text("bias")
    page.keyboard.press("Enter")
    expect(page.locator("#canvas .chosen")).to_have_count(1)
    selected = page.evaluate(
        "Player.state.values[Player.state.boxes.get(Player.state.selected).value].name"
    )
    assert selected == "layers.2.bias"
    box = page.locator("#canvas .box.chosen").bounding_box()
    canvas = page.locator("#canvas").bounding_box()
    for start, size in (("x", "width"), ("y", "height")):
        middle = box[start] + box[size] / 2
        assert middle == pytest.approx(canvas[start] + canvas[size] / 2, abs=30)


def test_click_on_a_source_line_goes_to_its_steps_in_turn(play):
    x = leaf(0.5, "x")
    a = x * x
    b = np.tanh(a)
    graph = tl.graph(b)
    line = graph[1].place.line
    steps = [i for i, (s, _) in enumerate(stages(graph), 1) if s.place and s.place.line == line]
    page = play(graph)
    row = page.locator(f"[data-line='0:{line}']")
    assert row.locator("code").inner_text().strip() == "b = np.tanh(a)"
    assert len(steps) > 1
    for number in [*steps, steps[0]]:
        row.click()
        at_step(page, number)
        assert "now" in row.get_attribute("class").split()


def test_address_moves_the_player_and_survives_a_reload(play):
    page = play(scalars())
    page.evaluate("location.hash = '#step=3'")
    at_step(page, 3)
    page.reload()
    page.wait_for_selector("#canvas[data-ready]")
    at_step(page, 3)
    page.keyboard.press("ArrowRight")
    at_step(page, 4)
    page.wait_for_url("**#step=4*")
    page.reload()
    page.wait_for_selector("#canvas[data-ready]")
    at_step(page, 4)


def test_hostile_names_do_no_harm(play):
    graph = tl.graph(sum(np.exp(leaf(1.0, name)) for name in [*NAMES, *HOSTILE]))
    page = play(graph)
    seen = set()
    for number in range(1, len(list(stages(graph))) + 1):
        at_step(page, number)
        seen.update(page.locator("#said .card .name").all_text_contents())
        page.keyboard.press("ArrowRight")
    assert {*NAMES.values()} <= seen
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == play(scalars()).locator("script").count()


def test_nothing_is_wider_than_a_narrow_screen(play):
    for graph in (training(), tl.graph(np.exp(leaf(1.0, "z" * 10_000)) * leaf(2.0, "w"))):
        page = play(graph, 360, 740)
        for tab in ("picture", "step", "source"):
            page.click(f"#tab-{tab}")
            for key in ("End", "Home"):
                page.keyboard.press(key)
                at_step(page, len(list(stages(graph))) if key == "End" else 1)
                assert page.evaluate("document.documentElement.scrollWidth") <= 360
                assert page.evaluate("document.getElementById('step').scrollWidth") <= 360
            for control in page.locator("button:visible, input:visible, select:visible").all():
                box = control.bounding_box()
                if not page.locator("main").evaluate(
                    "(m, e) => m.contains(e)", control.element_handle()
                ):
                    assert box["x"] >= 0 and box["x"] + box["width"] <= 360


def test_graph_without_a_backward_pass_says_so(play):
    graph = tl.graph(leaf([1.0, 2.0], "x") * 2.0)
    assert graph.backward_error
    page = play(graph)
    expect(page.locator("#remark")).to_be_visible()
    expect(page.locator("#remark")).to_contain_text("no backward pass")
    expect(page.locator("#remark")).to_contain_text(graph.backward_error.removeprefix("backward: "))
    expect(select(page, "x")).to_contain_text("gradient: backward not run")


def test_signs_of_a_rule_are_explained(play):
    x, w = leaf(np.ones((4, 3)), "x"), leaf(np.ones((3, 2)), "w")
    loss = (x @ w).sum()
    page = play(tl.graph(loss))
    page.keyboard.press("End")
    expect(page.locator("#said .signs dt")).to_have_text(["g", ".mT"])
    expect(page.locator("#said .signs dd").first).to_have_text("how fast loss changes with a")


def test_number_that_a_step_takes_leads_to_where_it_comes_from(play):
    page = play(scalars())
    expect(page.locator("#said .origin")).to_have_count(0)  # leaves were there
    page.keyboard.press("End")
    link = page.locator("#said .card", has_text="g =").locator(".origin")
    number = int(link.inner_text().removeprefix("from step "))
    name = page.locator("#said .card .name").first.inner_text()
    link.click()
    at_step(page, number)
    assert page.locator("#said .numbers .name").last.inner_text() == f"∂ {name.split('/∂')[1]}"


def test_uses_by_the_same_line_are_told_apart(play):
    x = leaf(3.0, "x")
    y = x * x
    page = play(tl.graph(y))
    page.keyboard.press("End")
    uses = page.locator("#said .sum button")
    expect(uses).to_have_text(["y = x * x (1st)", "y = x * x (2nd)"])


def test_gradient_that_an_update_takes_is_shown_once(play):
    page = play(training())
    page.keyboard.press("End")
    gradients = page.locator("#said .numbers .of-gradient .name").all_inner_texts()
    assert len(gradients) == 1 and gradients[0].startswith("∂loss/∂")


def test_short_vector_is_written_out(play):
    entries = np.arange(8.0) / 16 + 0.0625  # 0.3125 and others are ties at three digits
    page = play(tl.graph((leaf(entries, "x") * 2.0).sum()))
    card = page.locator("#said .card").first
    check_shown(card.locator("td").all_inner_texts(), entries)
    expect(card.locator("th")).to_have_text(["[0]", "[4]"])


def test_lit_line_is_in_sight_from_the_start(play):
    page = play(scalars(), 1280, 500)
    assert page.evaluate(
        "() => { const a = document.querySelector('.row.now').getBoundingClientRect(),"
        " b = document.getElementById('code').getBoundingClientRect();"
        " return a.top >= b.top && a.bottom <= b.bottom; }"
    )


def test_halves_are_rounded_as_in_python(play):
    page = play(scalars())
    for x in (3.0625, 0.015625, -0.3125, 2.71875, 1.5, 12345.5, 0.3671, 1e-5, 3.0635):
        assert float(page.evaluate("x => Player.values.number(x)", x)) == float(f"{x:.4g}") or (
            abs(x) > 9999
        )
