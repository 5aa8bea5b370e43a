"""The player as one file: whole, harmless, the same in every run; shown, and in notebooks."""

import html
import json
import re
import webbrowser
from html.parser import HTMLParser

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.errors import ArgumentError
from tinygrad_lite.graphs import page as page_module
from tinygrad_lite.graphs.page import page
from tinygrad_lite.graphs.page_data import data

from .generated import HOSTILE, random_graph


def tanh_graph(name="x"):
    x = tl.Tensor(2.0, requires_grad=True, name=name)
    y = np.tanh(x * x)
    return tl.graph(y)


class Page(HTMLParser):
    """What a browser makes of it: scripts by id, addresses that would be asked for."""

    def __init__(self, text):
        super().__init__()
        self.scripts, self.addresses, self.inside, self.title, self.tags = {}, [], None, "", []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append(tag)
        self.inside = tag if tag == "title" else self.inside
        if tag == "script":
            self.inside = given.get("id") or len(self.scripts)
            self.scripts[self.inside] = ""
        self.addresses += [x for key, x in attributes if key in ("src", "href", "srcset", "action")]

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, text):
        if self.inside == "title":
            self.title += text
        elif self.inside is not None:
            self.scripts[self.inside] += text


def test_page_holds_the_data():
    graph = tanh_graph()
    found = Page(page(graph))
    assert json.loads(found.scripts["data"]) == json.loads(json.dumps(data(graph)))
    assert found.title == "y"


def test_page_asks_for_nothing():
    found = Page(page(tanh_graph()))
    assert [x for x in found.addresses if not x.startswith(("data:", "#"))] == []
    assert "{{" not in re.sub(r"(?s)<script.*?</script>", "", page(tanh_graph()))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_within_the_data(name):
    harmless, found = Page(page(tanh_graph())), Page(page(tanh_graph(name)))
    assert found.tags == harmless.tags
    assert found.scripts.keys() == harmless.scripts.keys()
    assert "<" not in found.scripts["data"]
    json.loads(found.scripts["data"])


@pytest.mark.parametrize("seed", range(5))
def test_hostile_models_stay_within_the_data(seed):
    text = page(random_graph(seed), check=True)
    text.encode()
    assert Page(text).tags == Page(page(tanh_graph())).tags


def test_text_that_looks_like_a_place_is_not_filled_in():
    found = Page(page(tanh_graph("{{viz-global.js}}")))
    assert len(found.scripts["data"]) < 20_000


def test_engine_comes_with_its_licences():
    text = page(tanh_graph())
    for said in (
        "Michael Daines",
        "Eclipse Public License - v 2.0",
        "Expat maintainers",
        "Emscripten authors",
        "Rich Felker",
        "https://gitlab.com/graphviz/graphviz",
    ):
        assert said in text
    notices = page_module._file("NOTICES.md")
    assert "*/" not in notices
    assert "</script" not in notices + page_module._file("viz-global.js")


def test_page_of_an_mlp_is_small_enough_to_be_sent():
    model = tl.models.MLP([784, 128, 10], rng=0)
    optimizer = tl.nn.optim.SGD(model.parameters(), lr=0.1)

    def step(images, digits):
        loss = tl.nn.cross_entropy_loss(model(images), digits)
        loss.backward()
        optimizer.step()
        return loss

    images = np.random.default_rng(0).normal(size=(64, 784)).astype(np.float32)
    graph = tl.trace(step, images, np.arange(64) % 10)
    assert len(page(graph, check=True).encode()) < 2_000_000


def test_file_is_the_page(tmp_path):
    graph = tanh_graph()
    path = graph.save(tmp_path / "y.html", check=True)
    assert path.read_text(encoding="utf-8") == page(graph, True)
    assert '"check":null' not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("y.html", {"depth": 1}),
        ("y.html", {"phase": "forward"}),
        ("y.html", {"check": "yes"}),
        ("y.dot", {"check": True}),
        ("y.json", {"check": True}),
    ],
)
def test_options_that_do_not_fit_the_suffix_are_refused(tmp_path, name, options):
    with pytest.raises(ArgumentError):
        tanh_graph().save(tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


def test_show_opens_a_file(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(webbrowser, "open", asked.append)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    graph = tanh_graph()
    path = graph.show()
    assert asked == [path.as_uri()]
    assert path.read_text(encoding="utf-8") == page(graph)
    assert path.name == "y.html"
    assert path.parent.parent == tmp_path


def test_shown_file_has_a_plain_name(monkeypatch, tmp_path):
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    graph = tanh_graph()
    graph.title = "../../<b> ünder\n"
    assert re.fullmatch(r"[\w-]+\.html", graph.show().name, re.ASCII)


def test_player_is_a_frame_with_the_whole_page():
    graph = tanh_graph('</iframe>"')
    player = graph.player(height=500)
    bundle = player._repr_mimebundle_()
    assert repr(player) == bundle["text/plain"] == "<Player of y: 2 forward, 4 backward steps>"
    frame = bundle["text/html"]
    (given,) = re.findall(r'srcdoc="([^"]*)"', frame)
    assert html.unescape(given) == page(graph)
    assert 'sandbox="allow-scripts"' in frame
    assert 'height="500"' in frame
    assert frame.count('"') == 12  # of six attributes


@pytest.mark.parametrize("height", [0, -5, "500", True, 4.5])
def test_height_that_is_none_is_refused(height):
    with pytest.raises(ArgumentError, match="pixels"):
        tanh_graph().player(height=height)
