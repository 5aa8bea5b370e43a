"""What tests of the player share: a browser, graphs to play, and hands and eyes."""

import shutil

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright isn't installed: pip install playwright"
)
expect = playwright.expect

CHROMIUM = next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), ""
)
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="there is no chromium")


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
