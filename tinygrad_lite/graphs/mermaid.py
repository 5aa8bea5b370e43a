"""Drawings in the language of Mermaid, which GitHub and others show in a Markdown file."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from .diagram import LIMIT, Arrow, Box, Diagram, Group, diagram
from .record import Graph

MOST_CHARACTERS = 50_000  # Mermaid shows no more, and GitHub can't be told to
MOST_ARROWS = 500
FEW_STEPS = 40  # of a graph whose explanation goes with the drawing

# What stands around the label of a box. Kinds differ by shape and not by colour alone.
_SHAPES = {
    "input": ("([", "])"),
    "parameter": ("[(", ")]"),
    "buffer": ("[(", ")]"),
    "constant": ("([", "])"),
    "operation": ("(", ")"),
    "module": ("[[", "]]"),
    "gradient": ("{{", "}}"),
    "update": ("[/", "/]"),
    "elided": ("(", ")"),
}
# Dark text on light colours, readable on a page of either kind; frames that stand out from both.
_CLASSES = {
    "input": "fill:#f3f4f6,stroke:#6b7280,color:#1f2328",
    "parameter": "fill:#dbeafe,stroke:#3b7dd8,color:#1f2328",
    "buffer": "fill:#f3f4f6,stroke:#6b7280,color:#1f2328",
    "constant": "fill:#f3f4f6,stroke:#6b7280,color:#1f2328,stroke-dasharray:4 3",
    "operation": "fill:#ffffff,stroke:#6b7280,color:#1f2328",
    "module": "fill:#eef2f7,stroke:#6b7280,color:#1f2328",
    "gradient": "fill:#fdebd3,stroke:#c2620a,color:#1f2328",
    "update": "fill:#fdebd3,stroke:#c2620a,color:#1f2328",
    "elided": "fill:none,stroke:#8b949e,stroke-dasharray:2 4",
}
_LINKS = {"forward": "-->", "backward": "-.->", "update": "==>", "repeat": "-.->"}
_UP = "-.-"
_LINES = {
    "forward": "stroke:#3b7dd8",
    "backward": "stroke:#d9731a,stroke-width:2px",
    "update": "stroke:#8b949e",
    "repeat": "stroke:#8b949e",
}
_SETTINGS = '%%{init: {"flowchart": {"wrappingWidth": 320}}}%%'
_FACTS = ("shape", "dtype", "memory")  # on one line
_GROUP = "fill:none,stroke:#8b949e"

_SPECIAL = re.compile(r"[^\w ,.:()/=+*@·×→↑∂≤≥…²³-]")
# What Mermaid replaces even so: formulas, line breaks, icons, and its own stand-ins for codes.
_REPLACED = re.compile(r"(?<=\$)(?=\$)|(?<=\\)(?=n)|(?<=:)(?=fa-)|(?<=ﬂ)(?=°)|(?<=¶)(?=ß)")
_NOTHING = "\u200b"  # a space without width, to keep such apart


def markdown(graph: Graph, **options: Any) -> str:
    """A Markdown file: a title, the drawing, and if it isn't long, the explanation."""
    drawn, source = _fitting(graph, options)
    parts = [f"# {_heading(drawn.title or graph.title or 'A computation')}"]
    if drawn.note:
        parts.append(_heading(drawn.note))
    parts.append(_fenced("mermaid", source))
    if len(graph) <= FEW_STEPS:
        parts.append(_fenced("text", graph.explain(color=False)))
    return "\n\n".join(parts) + "\n"


def flowchart(drawn: Diagram) -> str:
    """A diagram as a flowchart of Mermaid."""
    lines = [_SETTINGS, "flowchart TB", *_framed(drawn)]
    drawn_down = {(arrow.source, arrow.target) for arrow in drawn.arrows if arrow.kind == "forward"}
    lines += [_arrow(arrow, drawn_down) for arrow in drawn.arrows]
    kinds: dict[str, list[str]] = defaultdict(list)
    for box in drawn.boxes:
        kinds[box.kind].append(box.id)
    for kind, ids in kinds.items():
        lines += [f"classDef {kind} {_CLASSES[kind]}", f"class {','.join(ids)} {kind}"]
    lines += [f"style {group.id} {_GROUP}" for group in _inhabited(drawn)]
    links: dict[str, list[str]] = defaultdict(list)
    for position, arrow in enumerate(drawn.arrows):
        links[arrow.kind].append(str(position))
    lines += [f"linkStyle {','.join(at)} {_LINES[kind]}" for kind, at in links.items()]
    return "\n".join(lines)


def _fitting(graph: Graph, options: dict[str, Any]) -> tuple[Diagram, str]:
    """The drawing with as many boxes as Mermaid shows."""
    limit = LIMIT
    while True:
        drawn = diagram(graph, **options, limit=limit)
        source = flowchart(drawn)
        fits = len(source) <= MOST_CHARACTERS and len(drawn.arrows) <= MOST_ARROWS
        if fits or limit <= 4:
            return drawn, source
        limit = min(limit, len(drawn.boxes)) // 2


# ---- boxes, frames, arrows -----------------------------------------------------------------------


def _framed(drawn: Diagram) -> Iterator[str]:
    """Boxes within their groups, those within theirs."""
    inside: dict[str | None, list[Box | Group]] = defaultdict(list)
    for group in _inhabited(drawn):
        inside[group.parent].append(group)
    for box in drawn.boxes:
        inside[box.group].append(box)
    waiting: list[Box | Group | str] = list(reversed(inside[None]))
    while waiting:
        part = waiting.pop()
        if isinstance(part, Group):
            yield f'subgraph {part.id}["{escaped(_title(part)) or " "}"]'
            waiting += ["end", *reversed(inside[part.id])]
        else:
            yield part if isinstance(part, str) else _box(part)


def _inhabited(drawn: Diagram) -> list[Group]:
    """The groups with boxes in them: Mermaid takes any other for a box."""
    used = {box.group for box in drawn.boxes}
    found = []
    for group in reversed(drawn.groups):  # the inner ones first
        if group.id in used:
            used.add(group.parent)
            found.append(group)
    return found[::-1]


def _title(group: Group) -> str:
    times = f"{group.title}  ×{group.times:,}" if group.times > 1 else group.title
    return " · ".join(filter(None, [times, group.note]))


def _box(box: Box) -> str:
    start, end = _SHAPES[box.kind]
    facts = [text for role, text in box.lines if role in _FACTS]
    others = [text for role, text in box.lines if role not in (*_FACTS, "place")]
    lines = [escaped(text) for text in (box.title, " · ".join(facts), *others)]
    return f'{box.id}{start}"{"<br>".join(filter(None, lines)) or " "}"{end}'


def _arrow(arrow: Arrow, drawn_down: set[tuple[str, str]]) -> str:
    """A gradient that goes back along an arrow of data goes up.

    It is drawn as a line beside that arrow: one that led back would have Mermaid put parameters
    below what they are used for, and there are none with a head at their start alone.
    """
    source, target, link, said = arrow.source, arrow.target, _LINKS[arrow.kind], arrow.label
    if arrow.kind == "backward" and (target, source) in drawn_down:
        source, target, link, said = target, source, _UP, f"↑ {said}"
    if not said:
        return f"{source} {link} {target}"
    label = "<br>".join(escaped(line) for line in said.split("\n"))
    return f'{source} {link}|"{label}"| {target}'


# ---- text ----------------------------------------------------------------------------------------


def escaped(text: str) -> str:
    """A label that Mermaid shows as it is: what may mean something to it, by its code."""
    shown = "".join(" " if ord(c) < 32 or ord(c) == 127 else c for c in text)
    shown = _REPLACED.sub(_NOTHING, shown.strip())
    return _SPECIAL.sub(lambda found: f"#{ord(found[0])};", shown)


def _heading(text: str) -> str:
    """Text of a line of Markdown, none of it markup."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|&~$-])", r"\\\1", " ".join(text.split()))


def _fenced(language: str, text: str) -> str:
    """A block of code; its fence is longer than any within it."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
