"""A picture of a Graph, ready to be written in the language of whatever draws it."""

from dataclasses import dataclass, field
from typing import Any

from ..errors import ArgumentError, brief
from .labels import Labels, cut
from .network import Branch, Node, network
from .record import Graph
from .simplify import simplified

LIMIT = 500  # boxes that a person can look at


@dataclass(slots=True)
class Box:
    """What is drawn as one node.

    Attributes
    ----------
    id : str
        `b12`; unique in its diagram, the same in every run.
    kind : str
        "input", "parameter", "buffer", "constant": a leaf. "operation". "module": a call of a
        module that isn't looked into. "gradient": of the drawing of a backward pass alone.
        "update": a leaf being written. "elided": what was left out.
    title : str
        `h = tanh(a)`, never longer than a line.
    lines : list of (role, text)
        What is said under the title; role is "shape", "dtype", "value", "gradient", "memory",
        "rule", "place" or "note". "place" is a source line, for a tooltip, not for the picture.
    group : str or None
        The id of the innermost Group around it.
    """

    id: str
    kind: str
    title: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    group: str | None = None


@dataclass(slots=True)
class Arrow:
    """What leads from one box to another.

    Attributes
    ----------
    source, target : str
        The ids of the boxes.
    kind : str
        "forward": data; "backward": a gradient; "update": what a leaf is written with or becomes;
        "repeat": what the next repetition is given by this one.
    label : str
        The gradient rule, or a note; "" for none.
    """

    source: str
    target: str
    kind: str
    label: str = ""


@dataclass(slots=True)
class Group:
    """A frame around boxes and groups: a module at work, or what repeats itself.

    Attributes
    ----------
    id : str
        `g3`.
    title : str
        `layers.0 · Linear(784 → 128)`
    parent : str or None
        The id of the group around it.
    times : int
        How many repetitions this one stands for.
    note : str
        Whose numbers they are, if it stands for several.
    """

    id: str
    title: str
    parent: str | None = None
    times: int = 1
    note: str = ""


@dataclass(slots=True)
class Diagram:
    """Boxes and arrows, in order: those of the forward pass, of the backward pass, updates.

    Attributes
    ----------
    groups : list of Group
        Every group stands after its parent.
    note : str
        What was collapsed or left out, why there is no backward pass; "" if there is all.
    phase : str
        "forward", "backward" or "both".
    title : str
    """

    boxes: list[Box]
    arrows: list[Arrow]
    groups: list[Group]
    note: str = ""
    phase: str = "both"
    title: str = ""


def diagram(graph: Graph, **options: Any) -> Diagram:
    """The picture of a graph; `Graph.draw` says what the options are, `drawn` the others."""
    return drawn(graph, **options)[0]


def drawn(
    graph: Graph,
    *,
    phase: str = "both",
    shapes: bool = True,
    dtypes: bool = False,
    values: bool = True,
    gradients: bool = True,
    memory: bool = False,
    depth: int | None = None,
    fold: bool = True,
    limit: int = LIMIT,
) -> tuple[Diagram, list[Node]]:
    """The picture of a graph, and the node that each box was drawn for.

    More than `limit` boxes are collapsed: by modules, then by source line; in the end the middle is
    left out.
    """
    missing = _checked(graph, phase, depth)
    shown = phase if graph.phase("backward") or not missing else "forward"
    root, done = simplified(network(graph, shown), depth, fold, limit)
    says = {"shape": shapes, "dtype": dtypes, "value": values, "gradient": gradients}
    labels = Labels(graph, shown, says | {"memory": memory})
    title = cut(graph.title) or "a computation"
    result = Diagram([], [], [], " · ".join(filter(None, [done, missing])), shown, title)
    whose = "numbers of the first" if values or gradients else ""
    ids: dict[Node, str] = {}
    pending: list[tuple[Branch | Node, Group | None, str]] = [(root, None, "")]
    while pending:
        part, around, path = pending.pop()
        inside = part.call.path if isinstance(part, Branch) and part.call is not None else path
        lonely = part if isinstance(part, Node) else _lonely(part) if part is not root else None
        if lonely is not None:
            ids[lonely] = f"b{len(ids) + 1}"
            group = around.id if around is not None else None
            box = Box(ids[lonely], lonely.kind, labels.title(lonely, inside), group=group)
            box.lines = labels.lines(lonely)
            if isinstance(part, Branch):  # its frame is a note
                box.lines.append(("note", labels.group(part, path)))
            result.boxes.append(box)
            continue
        assert isinstance(part, Branch)
        if part is not root:
            parent = around.id if around is not None else None
            around = Group(f"g{len(result.groups) + 1}", "", parent, part.times)
            around.title, around.note = labels.group(part, path), whose * (part.times > 1)
            result.groups.append(around)
        pending += [(child, around, inside) for child in reversed(part.children)]
    result.arrows = _arrows(ids, labels, shown)
    result.title += f": {_phases(result)}"
    return result, list(ids)


def _lonely(branch: Branch) -> Node | None:
    """The only thing within a module, if a frame around it would say no more than a note."""
    only = branch.children[0] if len(branch.children) == 1 and branch.times == 1 else None
    is_step = isinstance(only, Node) and only.kind in ("operation", "gradient")
    return only if isinstance(only, Node) and is_step else None


def _phases(picture: Diagram) -> str:
    """`forward, backward and update`"""
    said = ["forward", "backward"] if picture.phase == "both" else [picture.phase]
    if any(box.kind == "update" for box in picture.boxes):
        said.append("update")
    return " and ".join(filter(None, [", ".join(said[:-1]), said[-1]]))


def _arrows(ids: dict[Node, str], labels: Labels, phase: str) -> list[Arrow]:
    """Those of the forward pass, of the backward pass, of updates."""
    arrows: list[Arrow] = []
    for node, target in ids.items():
        for edge in node.edges:
            source = ids[edge.source]
            many = f"×{edge.count:,}" if edge.count > 1 else ""
            if edge.kind == "repeat":
                rule = labels.rule(edge.flow) if edge.flow is not None else ""
                arrows.append(Arrow(source, target, "repeat", f"next\n{rule}".strip()))
                continue
            if edge.kind != "backward" or edge.flows == 0:
                arrows.append(Arrow(source, target, edge.kind, "last" if edge.is_last else many))
            if edge.flows:
                rule = labels.flow(edge.flow) if edge.flow is not None else ""
                if edge.is_last and edge.kind == "backward":
                    rule = f"last: {rule}" if rule else "last"
                said = f"{rule}\n{many}".strip()
                ends = (target, source) if phase == "both" else (source, target)
                arrows.append(Arrow(*ends, "backward", said))
    order = ["forward", "backward", "update", "repeat"]
    return sorted(_bundled(arrows), key=lambda arrow: order.index(arrow.kind))


def _bundled(arrows: list[Arrow]) -> list[Arrow]:
    """Many arrows between the same boxes as one: `concatenate([x] * 100)`."""
    between: dict[tuple[str, str, str], list[Arrow]] = {}
    for arrow in arrows:
        between.setdefault((arrow.source, arrow.target, arrow.kind), []).append(arrow)
    bundled: list[Arrow] = []
    for same in between.values():
        if len(same) > 4:
            same[0].label, same = f"×{len(same):,}", same[:1]
        bundled += same
    return bundled


def _checked(graph: Graph, phase: str, depth: int | None) -> str:
    """Why there isn't all of the backward pass, "" if there is, or it wasn't asked for."""
    if phase not in ("forward", "backward", "both"):
        raise ArgumentError(
            f'draw: phase must be "forward", "backward" or "both", not {brief(phase)}.'
        )
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 0):
        raise ArgumentError(f"draw: depth must be an integer of at least 0, not {brief(depth)}.")
    if not graph.steps:
        raise ArgumentError("draw: nothing was computed, so that there is nothing to draw.")
    if phase == "forward":
        return ""
    why = graph.backward_error
    is_there = bool(graph.phase("backward"))
    if phase == "backward" and not is_there:
        why = why or "The computation had none."
        raise ArgumentError(f"draw: there is no backward pass in this graph. {why}")
    what = "the backward pass stops" if is_there else "no backward pass"
    return f"{what}: {cut(why.removeprefix('backward: '), 160)}" if why else ""
