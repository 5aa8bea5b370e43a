"""Drawings in DOT: Graphviz itself says whether they are right."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from itertools import product

import graphviz
import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.errors import RenderError
from tinygrad_lite.graphs import engines, palette
from tinygrad_lite.graphs.diagram import diagram
from tinygrad_lite.graphs.dot import dot
from tinygrad_lite.graphs.palette import COLORS

from .generated import HOSTILE, case_graphs, random_graph

DOT = shutil.which("dot")
needs_dot = pytest.mark.skipif(DOT is None, reason="Graphviz's `dot` isn't on the path")


def laid_out(sources, form="svg"):
    """What `dot` makes of drawings, in one process, without a warning."""
    run = subprocess.run(
        [DOT, f"-T{form}"], input="\n".join(sources).encode(), capture_output=True, check=False
    )
    assert run.stderr.decode() == "" and run.returncode == 0
    return run.stdout.decode()


def mlp_graph():
    model = tl.models.MLP([784, 128, 10], rng=0)
    optimizer = nn.optim.Adam(model.parameters())

    def step(x, t):
        loss = nn.cross_entropy_loss(model(x), t)
        loss.backward()
        optimizer.step()
        return loss

    return tl.trace(step, np.ones((64, 784), np.float32), np.arange(64) % 10)


@needs_dot
@pytest.mark.parametrize("part", range(8))
def test_dot_has_nothing_to_say_about_drawings_of_all_operations(part):
    graphs = [graph for _, graph in sorted(case_graphs().items())][part * 5 :: 40]
    svg = laid_out([dot(diagram(graph)) for graph in graphs])
    assert svg.count("<svg") == len(graphs)


@needs_dot
@pytest.mark.parametrize(
    "options",
    [{}, {"phase": "backward"}, {"phase": "forward", "dtypes": True}, {"depth": 1}, {"limit": 9}],
    ids=str,
)
def test_dot_has_nothing_to_say_about_random_graphs(options):
    sources = [dot(diagram(random_graph(seed), **options)) for seed in range(60)]
    assert laid_out(sources).count("<svg") == 60


@needs_dot
@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_arrive_as_they_are(name):
    x = Tensor([1.0, 2.0], requires_grad=True, name=name)
    picture = diagram(tl.graph((x * x).sum()))
    svg = ElementTree.fromstring(laid_out([dot(picture)]))
    texts = [
        " ".join("".join(part.itertext()).split()) for part in svg.iter() if "text" in part.tag
    ]
    assert " ".join(picture.boxes[0].title.split()) in texts


@needs_dot
def test_clusters_and_boxes_of_the_diagram_are_those_of_the_picture():
    picture = diagram(mlp_graph())
    svg = laid_out([dot(picture)])
    assert svg.count('class="cluster"') == len(picture.groups) == 3
    assert svg.count('class="node"') == len(picture.boxes)
    assert svg.count('class="edge"') == len(picture.arrows)


@needs_dot
def test_gradient_arrows_point_back():
    x = Tensor(2.0, requires_grad=True)
    source = dot(diagram(tl.graph(np.tanh(x))))
    assert re.search(r"b1 -> b2 \[color=\S+ dir=back", source)
    assert "b2 -> b1" not in source


@needs_dot
def test_every_colour_is_of_the_palette():
    for phase in ("forward", "backward", "both"):
        svg = laid_out([dot(diagram(mlp_graph(), phase=phase))])
        used = set(re.findall(r'(?:fill|stroke)="([^"]*)"', svg)) - {"none", "transparent"}
        assert palette.FORWARD.light in used or phase == "backward"
        assert used <= {color.light for color in COLORS.values()}
        assert all('fill="' in text for text in re.findall("<text.*?>", svg))


def test_drawing_is_the_same_in_every_run():
    assert dot(diagram(mlp_graph())) == dot(diagram(mlp_graph()))


def test_drawing_is_a_source_that_starts_with_digraph():
    x = Tensor(2.0, requires_grad=True)
    graph = tl.graph(x * x)
    source = graph.draw("both", memory=True).source
    assert source.splitlines()[0] == "digraph {"
    assert source == dot(diagram(graph, memory=True))


# ---- what a person reads -------------------------------------------------------------------------


def rnn_graph():
    w, h = Tensor(np.eye(3), requires_grad=True, name="w"), Tensor(np.zeros(3), name="h0")
    for _ in range(8):
        h = np.tanh(h @ w + 1.0)
    return tl.graph(h.sum())


def heading(source):
    """The lines above a drawing."""
    (label,) = re.findall("^  graph .* label=<(.*)>]$", source, re.MULTILINE)
    lines = [re.sub("<[^>]*>", "", line).strip() for line in label.split("</tr>")]
    return [line for line in lines if line]


def test_colours_of_the_picture_are_explained():
    assert len(heading(dot(diagram(mlp_graph(), phase="forward")))) == 1
    both = " ".join(heading(dot(diagram(mlp_graph()))))
    for said in ("blue: values", "orange: gradients", "g: the gradient that comes in", "dashed"):
        assert said in both
    x = Tensor(2.0, requires_grad=True)
    assert "dashed" not in " ".join(heading(dot(diagram(tl.graph(x * x)))))
    backward = " ".join(heading(dot(diagram(tl.graph(x * x), phase="backward"))))
    assert "blue" not in backward and "g: the gradient that comes in" in backward


def test_heading_is_wrapped():
    x = Tensor([1.0, 2.0], requires_grad=True)
    for graph in (tl.graph(x * x), mlp_graph()):
        lines = heading(dot(diagram(graph)))
        assert len(lines) > 2 and max(map(len, lines)) < 80


def test_label_stands_off_its_arrow():
    source = dot(diagram(rnn_graph()))
    labels = re.findall(r" -> .* label=<(.*)>]$", source, re.MULTILINE)
    assert len(labels) > 5
    for label in labels:
        for line in re.sub("<(?!br).*?>", "", label).split("<br/>"):
            assert line.startswith("&#160;&#160;") and line.endswith("&#160;&#160;")


def test_arrow_to_the_next_repetition_does_not_move_boxes():
    (arrow,) = [x for x in dot(diagram(rnn_graph())).splitlines() if "next" in x]
    assert "constraint=false" in arrow and "style=dashed" in arrow
    assert palette.REPEAT.light in arrow and f'color="{palette.BACKWARD.light}"' in arrow


def test_frame_of_repetitions_says_how_many_and_whose_numbers():
    (frame,) = [x for x in dot(diagram(rnn_graph())).splitlines() if "×8" in x]
    assert "numbers of the first" in frame


# ---- in a notebook -------------------------------------------------------------------------------


def test_drawing_shows_itself_by_any_engine(monkeypatch):
    x = Tensor(2.0, requires_grad=True)
    drawn = tl.graph(x * x).draw()
    asked = []

    def render(source, form):
        asked.append((source, form))
        return b'<svg width="8pt" height="8pt" viewBox="0 0 8 8"></svg>'

    monkeypatch.setattr(engines, "render", render)
    shown = drawn._repr_mimebundle_()
    assert asked == [(drawn.source, "svg")]
    assert "<title>" in shown["image/svg+xml"] and "prefers-color-scheme" in shown["image/svg+xml"]
    assert "0x" not in shown["text/plain"]
    assert isinstance(drawn, graphviz.Source) and drawn.copy().source == drawn.source
    assert drawn.copy()._repr_mimebundle_() == shown
    assert drawn._repr_mimebundle_(include=["text/plain"]) == {"text/plain": shown["text/plain"]}
    assert "text/plain" not in drawn._repr_mimebundle_(exclude=["text/plain"])


@pytest.mark.parametrize("error", [RenderError("there is none"), ValueError("broken")])
def test_drawing_that_cannot_be_laid_out_is_text(monkeypatch, error):
    def render(source, form):
        raise error

    monkeypatch.setattr(engines, "render", render)
    x = Tensor(2.0, requires_grad=True)
    shown = tl.graph(x * x).draw()._repr_mimebundle_()
    assert list(shown) == ["text/plain"]
    assert ("there is none" if isinstance(error, RenderError) else "ValueError") in shown[
        "text/plain"
    ]


def test_drawing_shows_itself_without_dot(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    x = Tensor(2.0, requires_grad=True)
    shown = tl.graph(x * x).draw()._repr_mimebundle_()
    has_engine = any(engines._engines("svg"))
    assert ("image/svg+xml" in shown) == has_engine
    assert has_engine or "pip install" in shown["text/plain"]


def test_pygraphviz_reads_drawings():
    pygraphviz = pytest.importorskip("pygraphviz", reason="pygraphviz isn't installed")
    for seed in range(20):
        picture = diagram(random_graph(seed))
        read = pygraphviz.AGraph(string=dot(picture))
        assert set(read.nodes()) == {box.id for box in picture.boxes}
        assert read.number_of_edges() == len(picture.arrows)


# ---- colours -------------------------------------------------------------------------------------


def luminance(color):
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in channels]
    return np.dot([0.2126, 0.7152, 0.0722], linear)


def contrast(a, b):
    dark, light = sorted([luminance(a), luminance(b)])
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_measured_right():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_can_be_read_on_every_fill(mode):
    texts = ["TEXT", "MUTED", "FORWARD", "BACKWARD"]
    fills = ["BACKGROUND", "FILL", "INPUT", "PARAMETER", "MODULE", "GROUP", "GRADIENT"]
    for text, fill in product(texts, fills):
        assert contrast(getattr(COLORS[text], mode), getattr(COLORS[fill], mode)) >= 4.5


def test_every_role_has_a_colour_of_its_own():
    for mode in ("light", "dark"):
        colors = [getattr(color, mode) for color in COLORS.values()]
        assert len(set(colors)) == len(colors)
        assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in colors)


def test_dark_style_swaps_every_colour():
    style = palette.dark_style()
    for color in COLORS.values():
        assert f'[fill="{color.light}"] {{ fill: {color.dark}; }}' in style
        assert f'[stroke="{color.light}"] {{ stroke: {color.dark}; }}' in style
