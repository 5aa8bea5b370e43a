"""Drawings in DOT: Graphviz itself says whether they are right."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from itertools import product

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.graphs import palette
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


def test_pygraphviz_reads_drawings():
    pygraphviz = pytest.importorskip("pygraphviz", reason="pygraphviz isn't installed")
    for seed in range(20):
        pygraphviz.AGraph(string=dot(diagram(random_graph(seed))))


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
