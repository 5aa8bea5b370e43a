"""The player as somebody uses it, in a browser: keys, clicks, and whether the numbers are true."""

import shutil

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn

from .generated import HOSTILE

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright isn't installed: pip install playwright"
)
expect = playwright.expect

CHROMIUM = next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), ""
)
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="there is no chromium")

NAMES = {  # and what is shown of them
    "</script><script>alert(1)</script>": "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>": "<img src=x onerror=alert(1)>",
    "\"'`&amp;": "\"'`&amp;",
    "😀 ∂ 漢字": "😀 ∂ 漢字",
    "z" * 10_000: "z" * 199 + "…",
}


# ---- graphs --------------------------------------------------------------------------------------


def leaf(x, name):
    return Tensor(np.asarray(x, np.float64), requires_grad=True, name=name)


def scalars():
    x, w = leaf(2.0, "x"), leaf(-3.0, "w")
    return tl.graph(np.tanh(w * x + x * x + 2.5))


def arrays():
    x, bias = leaf([[0.5, -1.0, 2.0], [1e-6, 3.25, 12345.678]], "x"), leaf([1.0, 2.0, 3.0], "bias")
    return tl.graph((x * x / 7.0 + bias * np.exp(bias)).sum())


def training():
    model = tl.models.MLP([3, 4, 2], rng=0)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)

    def step(x, y):
        loss = nn.cross_entropy_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return tl.trace(step, np.arange(12, dtype=np.float32).reshape(4, 3) / 10, np.arange(4) % 2)


# ---- the browser ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def play(browser, tmp_path):
    """Opens the player of a graph; at the end nothing may have been said or asked for."""
    contexts, said = [], []

    def opened(graph, width=1280, height=800):
        path = graph.save(tmp_path / "player.html")
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda message: said.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (said.append("a dialog"), dialog.dismiss()))

        def requested(request):
            own = request.url.partition("#")[0] == path.as_uri()
            if not own and not request.url.startswith("blob:"):  # the worker that lays out
                said.append(f"request: {request.url}")

        page.on("request", requested)
        page.goto(path.as_uri())
        page.wait_for_selector("#canvas[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


def at_step(page, number):
    """Wait until a step is shown."""
    page.wait_for_selector(f"#count:text-matches('^step {number} of ')")
    assert page.evaluate("Player.state.at") == number - 1


def wait_for_drawing(page, act):
    """Do what lays the graph out again."""
    before = page.get_attribute("#canvas", "data-ready")
    act()
    page.wait_for_selector(f"#canvas[data-ready]:not([data-ready='{before}'])")


def select(page, name):
    """Click the box of a value."""
    box = page.evaluate(
        "name => [...Player.state.boxes.values()].find("
        "box => box.value != null && Player.state.values[box.value].name === name).id",
        name,
    )
    page.click(f"[data-id={box}] .body", position={"x": 4, "y": 20})
    return page.locator("#chosen")


def check_shown(texts, array):
    """The texts are the entries, to four digits."""
    entries = np.asarray(array, np.float64).ravel()
    assert len(texts) == len(entries)
    for text, entry in zip(texts, entries, strict=True):
        assert float(text) in {float(f"{entry:.4g}"), float(entry)}


# ---- tests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("graph", [scalars, arrays, training])
def test_opens_with_the_network_off_without_a_message_or_a_request(play, graph):
    graph = graph()
    page = play(graph)
    expect(page.locator("#count")).to_have_text(f"step 1 of {len(graph)}")
    expect(page.locator("#canvas .box.now")).to_have_count(1)
    expect(page.locator("#busy")).to_be_hidden()


@pytest.mark.parametrize("graph", [scalars, arrays, training])
def test_every_step_shows_the_numbers_of_the_engine(play, graph):
    graph = graph()
    page = play(graph)
    page.keyboard.press("End")
    at_step(page, len(graph))
    page.keyboard.press("Home")
    sums = 0
    for number, step in enumerate(graph, 1):
        at_step(page, number)
        made = page.locator("#said .numbers > .cards").last.locator("> .card").first
        cells = made.locator(":scope > .number, :scope > .scroll td")
        check_shown(cells.all_inner_texts(), step.output.array)
        expect(page.locator("#said .phase b")).to_have_text(step.phase)
        if page.locator("#said .sum").count():
            sums += 1
            check_sum(page, graph, step)
        page.keyboard.press("ArrowRight")
    assert (sums > 0) == (graph.title != "step")
    at_step(page, len(graph))


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
    steps = [s.number for s in graph if s.place is not None and s.place.line == line]
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
    for number in range(1, len(graph) + 1):
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
                at_step(page, len(graph) if key == "End" else 1)
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
