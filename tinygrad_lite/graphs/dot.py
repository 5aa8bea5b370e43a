"""A Diagram in DOT, the language of Graphviz."""

import textwrap
import warnings
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from ..errors import RenderError
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
    REPEAT,
    RETURN,
    TEXT,
    UPDATE,
)
from .record import Graph

if TYPE_CHECKING:
    import graphviz

FONT = "Arial"  # which every engine knows the metrics of
WIDTH = 60  # characters of a line above the drawing
SPACE = "&#160;"  # that isn't taken for layout

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
ARROWS = {"forward": FLOW, "backward": RETURN, "update": UPDATE, "repeat": REPEAT}


def drawing(graph: Graph, **options: Any) -> "graphviz.Source":
    """The drawing of a graph; `Graph.draw` says what the options are."""
    return _sources()(dot(diagram(graph, **options)))


@cache
def _sources() -> Any:
    """graphviz's Source, which in a notebook shows itself by whatever engine there is."""
    import graphviz

    class Drawing(graphviz.Source):  # type: ignore[misc]
        """A drawing in DOT: graphviz.Source, and a picture in a notebook even without `dot`."""

        def _repr_mimebundle_(
            self, include: Any = None, exclude: Any = None, **_: Any
        ) -> dict[str, str]:
            shown = _bundle(self.source)
            wanted = set(shown if include is None else include) - set(exclude or ())
            return {form: said for form, said in shown.items() if form in wanted}

    return Drawing


def _bundle(source: str) -> dict[str, str]:
    """A drawing by MIME type: as text, and as a picture if it can be laid out. Never raises."""
    from . import engines
    from .files import for_browsers

    said = "<a drawing in DOT>"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")  # shown, and not made errors
            picture = engines.render(source, "svg").decode()
        return {"text/plain": said, "image/svg+xml": for_browsers(picture, "a computation")}
    except RenderError as error:
        return {"text/plain": f"{said}\n{error}"}
    except Exception as error:
        return {"text/plain": f"{said}\nIt can't be drawn: {type(error).__name__}."}


def dot(picture: Diagram) -> str:
    """A Diagram as text in DOT, every string in it escaped."""
    lines = ["digraph {", *_settings(picture)]
    lines += _within(picture, None, "  ")
    drawn = {(arrow.source, arrow.target) for arrow in picture.arrows if arrow.kind == "forward"}
    lines += [_arrow(arrow, drawn) for arrow in picture.arrows]
    return "\n".join([*lines, "}", ""])


def _settings(picture: Diagram) -> list[str]:
    lines = [f'<font point-size="13" color="{TEXT.light}">{_escaped(picture.title)}</font>']
    for line in [*textwrap.wrap(picture.note, WIDTH), *_legend(picture)]:
        lines.append(f'<font point-size="9">{_escaped(line)}</font>')
    lines.append('<font point-size="4"> </font>')  # stands off the drawing
    common = f'fontname="{FONT}" fontcolor="{MUTED.light}"'
    return [
        f'  graph [bgcolor="{BACKGROUND.light}" {common} fontsize=11 rankdir=TB'
        " nodesep=0.3 ranksep=0.42 pad=0.25 labelloc=t labeljust=l splines=true"
        f" label=<{_table(lines, 'left')}>]",
        f'  node [{common} fontsize=11 margin="0.1,0.06" height=0.3 width=0.3 penwidth=1]',
        f"  edge [{common} fontsize=9 arrowsize=0.6 penwidth=1.1]",
    ]


def _legend(picture: Diagram) -> list[str]:
    """What colours and letters mean, of those that are in the picture."""
    if picture.phase == "forward":
        return []
    roles = {role for box in picture.boxes for role, _ in box.lines}
    kinds = {arrow.kind for arrow in picture.arrows}
    has_rules = any(arrow.kind == "backward" and arrow.label for arrow in picture.arrows)
    said = []
    if "value" in roles:
        said.append("blue: values")
    if "backward" in kinds:
        said.append("orange: gradients" + " (∂)" * (picture.phase == "both"))
    if has_rules:
        said[-1] += " and their rules"
        said.append("g: the gradient that comes in")
    if any(box.kind == "update" for box in picture.boxes):
        said.append("dashed: after the update")
    lines: list[str] = []
    for part in said:
        if lines and len(lines[-1]) + len(part) + 3 <= WIDTH:
            lines[-1] += f" · {part}"
        else:
            lines.append(part)
    return lines


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
        title += f'{SPACE * 2}<font color="{TEXT.light}"><b>×{group.times:,}</b></font>'
    if group.note:
        title += f"{SPACE * 2}· {_escaped(group.note)}"
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
    looks = [f"shape={shape}", f"label=<{_table(parts, 'center')}>", f'tooltip="{_quoted(place)}"']
    if fill is not None and outline is not None:
        looks += [f'style="{style}" fillcolor="{fill.light}" color="{outline.light}"']
    return f"{indent}{box.id} [{' '.join(looks)}]"


def _table(lines: list[str], align: str) -> str:
    """Lines with air between them, which engines don't give those of one text."""
    rows = "".join(f'<tr><td align="{align}">{line}</td></tr>' for line in lines)
    return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{rows}</table>'


def _arrow(arrow: Arrow, drawn: set[tuple[str, str]]) -> str:
    """A gradient that goes back along an arrow of data is drawn beside it."""
    source, target, looks = arrow.source, arrow.target, [f'color="{ARROWS[arrow.kind].light}"']
    if arrow.kind == "backward" and (target, source) in drawn:
        source, target = target, source
        looks.append("dir=back")
    if arrow.label:
        color = BACKWARD if arrow.kind == "backward" else MUTED
        lines = []
        for line in arrow.label.split("\n"):  # which stand off the arrow
            said = f"{SPACE * 2}{_escaped(line)}{SPACE * 2}"
            lines.append(f'<font color="{color.light}">{said}</font>')
            color = color if arrow.kind != "repeat" else BACKWARD  # a rule
        looks.append(f"label=<{'<br/>'.join(lines)}>")
    if arrow.kind in ("update", "repeat"):
        looks.insert(0, "style=dashed")
    if arrow.kind == "repeat":
        looks.insert(0, "constraint=false penwidth=0.9")
    return f"  {source} -> {target} [{' '.join(looks)}]"


def _quoted(text: str) -> str:
    """Within quotes; Graphviz reads backslashes, and entities as in HTML."""
    return escape(text, quote=False).replace("\\", "\\\\").replace('"', '\\"') or " "


def _escaped(text: str) -> str:
    """Within a label, where Graphviz would put the name of the box for a backslash and N."""
    return escape(text).replace("\\", "\\\\")
