"""A Diagram in DOT, the language of Graphviz."""

from html import escape
from typing import TYPE_CHECKING, Any

from .diagram import Arrow, Box, Diagram, Group, diagram
from .palette import (
    BACKGROUND,
    BACKWARD,
    FILL,
    FLOW,
    FORWARD,
    FRAME,
    GRADIENT,
    GROUP,
    INPUT,
    MODULE,
    MUTED,
    OUTLINE,
    PARAMETER,
    RETURN,
    TEXT,
    UPDATE,
)
from .record import Graph

if TYPE_CHECKING:
    import graphviz

FONT = "Arial"  # which every engine knows the metrics of

# shape, style, fill and outline of each kind of box
BOXES = {
    "input": ("box", "filled,rounded", INPUT, OUTLINE),
    "parameter": ("box", "filled,rounded", PARAMETER, FORWARD),
    "buffer": ("box", "filled,rounded,dashed", INPUT, OUTLINE),
    "constant": ("plaintext", "", None, None),
    "operation": ("box", "filled", FILL, OUTLINE),
    "module": ("box3d", "filled", MODULE, OUTLINE),
    "gradient": ("box", "filled,rounded", GRADIENT, RETURN),
    "update": ("box", "filled,dashed", FILL, UPDATE),
    "elided": ("plaintext", "", None, None),
}
COLOR_OF_LINE = {"value": FORWARD, "gradient": BACKWARD, "rule": BACKWARD}
ARROWS = {"forward": FLOW, "backward": RETURN, "update": UPDATE}


def drawing(graph: Graph, **options: Any) -> "graphviz.Source":
    """The drawing of a graph; `Graph.draw` says what the options are."""
    import graphviz

    return graphviz.Source(dot(diagram(graph, **options)))


def dot(picture: Diagram) -> str:
    """A Diagram as text in DOT, every string in it escaped."""
    lines = ["digraph {", *_settings(picture)]
    lines += _within(picture, None, "  ")
    drawn = {(arrow.source, arrow.target) for arrow in picture.arrows if arrow.kind == "forward"}
    lines += [_arrow(arrow, drawn) for arrow in picture.arrows]
    return "\n".join([*lines, "}", ""])


def _settings(picture: Diagram) -> list[str]:
    title = f'<font point-size="13" color="{TEXT.light}">{_escaped(picture.title)}</font>'
    if picture.note:
        title += f'<br align="left"/><font point-size="10">{_escaped(picture.note)}</font>'
    common = f'fontname="{FONT}" fontcolor="{MUTED.light}"'
    return [
        f'  graph [bgcolor="{BACKGROUND.light}" {common} fontsize=11 rankdir=TB'
        " nodesep=0.3 ranksep=0.42 pad=0.25 labelloc=t labeljust=l splines=true"
        f' label=<{title}<br align="left"/>>]',
        f'  node [{common} fontsize=11 margin="0.13,0.06" height=0.3 width=0.3 penwidth=1]',
        f"  edge [{common} fontsize=9 arrowsize=0.6 penwidth=1.1]",
    ]


def _within(picture: Diagram, parent: str | None, indent: str) -> list[str]:
    """The boxes and groups of a group."""
    lines = [_box(box, indent) for box in picture.boxes if box.group == parent]
    for group in picture.groups:
        if group.parent == parent:
            lines.append(f"{indent}subgraph cluster_{group.id} {{")
            lines.append(f"{indent}  {_frame(group)}")
            lines += [*_within(picture, group.id, indent + "  "), indent + "}"]
    return lines


def _frame(group: Group) -> str:
    title = _escaped(group.title)
    if group.times > 1:
        title += f' <font color="{TEXT.light}"><b>×{group.times:,}</b></font>'
    return (
        f'graph [style="filled,rounded" fillcolor="{GROUP.light}" color="{FRAME.light}"'
        f" penwidth={2 if group.times > 1 else 1} margin=10 fontsize=10 label=<{title}>]"
    )


def _box(box: Box, indent: str) -> str:
    shape, style, fill, outline = BOXES[box.kind]
    parts = [f'<font color="{TEXT.light}">{_escaped(box.title)}</font>']
    facts = [said for role, said in box.lines if role in ("shape", "dtype", "memory")]
    if facts:
        parts.append(f'<font point-size="9">{_escaped(" · ".join(facts))}</font>')
    for role, said in box.lines:
        if role in ("value", "gradient", "rule", "note"):
            color = COLOR_OF_LINE.get(role, MUTED).light
            parts.append(f'<font point-size="9" color="{color}">{_escaped(said)}</font>')
    place = next((said for role, said in box.lines if role == "place"), "")
    looks = [f"shape={shape}", f"label=<{'<br/>'.join(parts)}>", f'tooltip="{_quoted(place)}"']
    if fill is not None and outline is not None:
        looks += [f'style="{style}" fillcolor="{fill.light}" color="{outline.light}"']
    return f"{indent}{box.id} [{' '.join(looks)}]"


def _arrow(arrow: Arrow, drawn: set[tuple[str, str]]) -> str:
    """A gradient that goes back along an arrow of data is drawn beside it."""
    source, target, looks = arrow.source, arrow.target, [f'color="{ARROWS[arrow.kind].light}"']
    if arrow.kind == "backward" and (target, source) in drawn:
        source, target = target, source
        looks.append("dir=back")
    if arrow.label:
        color = BACKWARD if arrow.kind == "backward" else MUTED
        said = "<br/>".join(f" {_escaped(line)} " for line in arrow.label.split("\n"))
        looks.append(f'label=<<font color="{color.light}">{said}</font>>')
    if arrow.kind == "update":
        looks.append("style=dashed")
    return f"  {source} -> {target} [{' '.join(looks)}]"


def _quoted(text: str) -> str:
    """Within quotes; Graphviz reads backslashes, and entities as in HTML."""
    return escape(text, quote=False).replace("\\", "\\\\").replace('"', '\\"') or " "


def _escaped(text: str) -> str:
    """Within a label, where Graphviz would put the name of the box for a backslash and N."""
    return escape(text).replace("\\", "\\\\")
