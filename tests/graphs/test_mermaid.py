"""Mermaid: its rules, and the limits that GitHub sets."""

import re

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.graphs import mermaid
from tinygrad_lite.graphs.diagram import Arrow, Box, Diagram, Group
from tinygrad_lite.graphs.mermaid import escaped, flowchart, markdown


@pytest.fixture
def graph():
    x = tl.Tensor(2.0, requires_grad=True)
    w = tl.Tensor(-3.0, requires_grad=True)
    y = np.tanh(w * x + 7.0)
    return tl.graph(y)


def shown(label):
    """What a reader sees: codes put back, as Mermaid does."""
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), label).replace("\u200b", "")


HOSTILE = [
    'a "quoted" label',
    "end",
    "x; y",
    "#35; #quot; &amp;",
    "<script>alert(1)</script>",
    "[a](b){c}|d|",
    "`code`",
    '%%{init: {"theme": "dark"}}%%',
    "$$x^2$$",
    "a\\nb",
    "click b1 call f()",
    "fa:fa-car",
    "ﬂ°°35¶ß",
    "∂loss/∂h → ü 🎉 日本語",
    "'\\",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_label_shows_its_text_and_is_nothing_else(text):
    label = escaped(text)
    assert shown(label) == text
    bare = re.sub(r"#\d+;", "", label)
    assert not set(bare) & set("\"#;<>&[]{}|`%$\\'~^!?")


@pytest.mark.parametrize("text", ["$$", "$$$", "\\n", "fa:fa-x", "ﬂ°", "¶ß"])
def test_what_mermaid_would_replace_is_kept_apart(text):
    codes = escaped(text)
    assert "#8203;" in codes or "\u200b" in codes


def test_control_characters_are_spaces():
    assert escaped("a\nb\x00c\x1b[31m") == "a b c #91;31m"


def test_boxes_groups_and_arrows_are_written():
    boxes = [
        Box("b1", "input", "x", [("shape", "(3,)"), ("dtype", "float32")], None),
        Box("b2", "parameter", "w", [("value", "1"), ("gradient", "∂ 2")], "g2"),
        Box("b3", "operation", "x * w", [("place", "fit.py:3")], "g2"),
        Box("b4", "update", "SGD", [], None),
    ]
    arrows = [
        Arrow("b1", "b3", "forward"),
        Arrow("b2", "b3", "forward", "×2"),
        Arrow("b3", "b2", "backward", "g * x\n2 * 3 = 6"),
        Arrow("b2", "b4", "update"),
    ]
    groups = [Group("g1", "outer"), Group("g2", "inner", "g1", 12), Group("g3", "empty", "g1")]
    assert flowchart(Diagram(boxes, arrows, groups)).splitlines() == [
        '%%{init: {"flowchart": {"wrappingWidth": 320}}}%%',
        "flowchart TB",
        'subgraph g1["outer"]',
        'subgraph g2["inner  ×12"]',
        'b2[("w<br>1<br>∂ 2")]',
        'b3("x * w")',
        "end",
        "end",
        'b1(["x<br>(3,) · float32"])',
        'b4[/"SGD"/]',
        "b1 --> b3",
        'b2 -->|"×2"| b3',
        'b2 -.-|"↑ g * x<br>2 * 3 = 6"| b3',
        "b2 ==> b4",
        "classDef input fill:#f3f4f6,stroke:#6b7280,color:#1f2328",
        "class b1 input",
        "classDef parameter fill:#dbeafe,stroke:#3b7dd8,color:#1f2328",
        "class b2 parameter",
        "classDef operation fill:#ffffff,stroke:#6b7280,color:#1f2328",
        "class b3 operation",
        "classDef update fill:#fdebd3,stroke:#c2620a,color:#1f2328",
        "class b4 update",
        "style g1 fill:none,stroke:#8b949e",
        "style g2 fill:none,stroke:#8b949e",
        "linkStyle 0,1 stroke:#3b7dd8",
        "linkStyle 2 stroke:#d9731a,stroke-width:2px",
        "linkStyle 3 stroke:#8b949e",
    ]


def test_repetitions_lead_to_the_next_and_say_how_many():
    boxes = [Box("b1", "operation", "a", [], "g1"), Box("b2", "operation", "b", [], "g1")]
    arrows = [Arrow("b1", "b2", "forward"), Arrow("b2", "b1", "repeat", "next")]
    group = Group("g1", "a … z", None, 12, "numbers of the first")
    text = flowchart(Diagram(boxes, arrows, [group]))
    assert 'b2 -.->|"next"| b1' in text
    assert 'subgraph g1["a … z  ×12 · numbers of the first"]' in text


def test_gradients_alone_are_drawn_along_their_flow():
    boxes = [Box("b1", "gradient", "∂y/∂y"), Box("b2", "gradient", "∂y/∂x")]
    text = flowchart(Diagram(boxes, [Arrow("b1", "b2", "backward", "g")], []))
    assert 'b1 -.->|"g"| b2' in text


def test_every_kind_of_box_and_arrow_has_its_look():
    kinds = list(mermaid._SHAPES)
    boxes = [Box(f"b{i}", kind, kind) for i, kind in enumerate(kinds)]
    text = flowchart(Diagram(boxes, [], []))
    assert all(f"classDef {kind} " in text for kind in kinds)
    assert mermaid._CLASSES.keys() == mermaid._SHAPES.keys()
    assert mermaid._LINKS.keys() == mermaid._LINES.keys()
    assert mermaid._LINKS.keys() == {"forward", "backward", "update", "repeat"}


def test_box_without_text_has_a_label():
    assert 'b1(" ")' in flowchart(Diagram([Box("b1", "operation", "")], [], []))


def test_deep_groups_need_no_deep_stack():
    groups = [Group(f"g{i}", "m", f"g{i - 1}" if i else None) for i in range(3000)]
    text = flowchart(Diagram([Box("b1", "input", "x", [], "g2999")], [], groups))
    assert text.count("subgraph") == text.count("\nend") == 3000


# ---- the file ------------------------------------------------------------------------------------


def test_file_has_title_drawing_and_explanation(graph):
    text = markdown(graph)
    assert text.startswith("# y")
    source = re.search(r"^```mermaid\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)[1]
    assert "flowchart TB" in source and "0.7616" in source
    assert f"```text\n{graph.explain(color=False).rstrip()}\n```\n" in text


def test_options_are_those_of_draw(graph):
    text = markdown(graph, phase="forward", values=False)
    assert "-.-" not in text and "0.7616" not in text.partition("```text")[0]


def test_title_is_no_markup():
    x = tl.Tensor(2.0, requires_grad=True)
    y = x * 2
    y.name = "<b>[a](b)\n# `c` *d*"
    heading = markdown(tl.graph(y)).splitlines()[0]
    assert not re.search(r"(?<!\\)[<>\[\]()`*]", heading[2:])


def test_fence_is_longer_than_what_is_within():
    x = tl.Tensor(2.0, requires_grad=True, name="a```b````")
    text = markdown(tl.graph(x * 2))
    assert "\n`````text\n" in text and text.endswith("\n`````\n")


def test_large_graph_stays_within_the_limits():
    rng = np.random.default_rng(0)
    pool = [tl.Tensor(float(i), requires_grad=True, name=f"{i:_>60}") for i in range(5)]
    for _ in range(1500):
        i, j = rng.integers(0, len(pool), 2)
        pool.append((np.maximum, np.minimum)[rng.integers(2)](pool[i], pool[j]))
    total = pool[-1]
    for t in pool[-300:-1]:
        total = total + t
    text = markdown(tl.graph(total))
    source = re.search(r"^```mermaid\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)[1]
    assert len(source) <= mermaid.MOST_CHARACTERS
    arrows = [line for line in source.splitlines() if re.match(r"b\d+ (-|=)", line)]
    assert 0 < len(arrows) <= mermaid.MOST_ARROWS
    assert "```text" not in text


def test_drawing_is_collapsed_until_it_fits(graph, monkeypatch):
    limits = []

    def diagram(graph, limit, **options):
        limits.append(limit)
        n = min(limit, 480)
        boxes = [Box(f"b{i}", "operation", "x" * 200) for i in range(n)]
        return Diagram(boxes, [], [], "collapsed")

    monkeypatch.setattr(mermaid, "diagram", diagram)
    text = markdown(graph)
    assert limits == [500, 240, 120] and "\ncollapsed\n" in text


def test_arrows_are_collapsed_until_they_fit(graph, monkeypatch):
    limits = []

    def diagram(graph, limit, **options):
        limits.append(limit)
        boxes = [Box(f"b{i}", "operation", "x") for i in range(limit)]
        arrows = [Arrow(a.id, b.id, "forward") for a in boxes for b in boxes[-5:]]
        return Diagram(boxes, arrows, [])

    monkeypatch.setattr(mermaid, "diagram", diagram)
    assert markdown(graph).count("-->") == 5 * 62
    assert limits == [500, 250, 125, 62]


def test_same_program_same_text(graph):
    assert markdown(graph) == markdown(graph)
