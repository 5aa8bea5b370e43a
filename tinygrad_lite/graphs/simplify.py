"""Networks made small enough to be looked at: modules closed, lines as one, the middle left out."""

from collections.abc import Iterable
from dataclasses import replace

from ..source import SourcePlace
from .folding import fold
from .network import Branch, Edge, Gradient, Node, counts, merge
from .steps import Applied, ModuleCall, Update

TELLING = 8  # nodes: fewer tell too little
SAMPLE = 40  # nodes that are drawn if the middle is left out


def simplified(root: Branch, depth: int | None, folds: bool, limit: int) -> tuple[Branch, str]:
    """A network of at most `limit` nodes, and what was done to it, "" if only what was asked."""
    deepest = _levels(root)
    wanted = deepest if depth is None else min(depth, deepest)
    tree = _at_depth(root, wanted, folds)
    if len(tree.nodes()) <= limit:
        return tree, ""
    said = _said(root)
    level, fitting = _deepest_fit(root, wanted, folds, limit)
    if fitting is None:
        lines = _by_line(_at_depth(root, 0, False))
        count = sum(node.kind == "module" for node in lines.nodes())
        fitting, level, drawn = lines, -1, _many(count, "source line")
    else:
        count = sum(node.kind == "module" for node in fitting.nodes())
        drawn = f"{_many(count, 'module')} at depth {level}"
    if TELLING <= len(fitting.nodes()) <= limit:
        return fitting, f"{said}, drawn as {drawn}"
    finer = _at_depth(root, level + 1, False)
    return _without_middle(finer, min(limit, SAMPLE)), f"{said}, drawn without the middle"


def _deepest_fit(root: Branch, wanted: int, folds: bool, limit: int) -> tuple[int, Branch | None]:
    """The deepest level above `wanted` at which no more than `limit` nodes are left."""
    level, found = -1, None
    low, high = 0, wanted - 1
    while low <= high:
        middle = (low + high) // 2
        tree = _at_depth(root, middle, folds)
        if len(tree.nodes()) <= limit:
            level, found, low = middle, tree, middle + 1
        else:
            high = middle - 1
    return level, found


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _said(root: Branch) -> str:
    found = counts(root.nodes())
    what = "operation" if found["operation"] else "gradient"
    return _many(found[what], what)


def _levels(root: Branch) -> int:
    """How deep modules are nested."""
    level, branches = 0, [root]
    while True:
        branches = [x for branch in branches for x in branch.children if isinstance(x, Branch)]
        if not branches:
            return level
        level += 1


def _at_depth(root: Branch, depth: int, folds: bool) -> Branch:
    tree = _closed(root, depth)
    if folds:
        fold(tree)
    return tree


# ---- modules as boxes ----------------------------------------------------------------------------


def _closed(root: Branch, depth: int) -> Branch:
    """A copy, with the modules at this depth as single nodes."""
    owners: dict[Node, Node] = {}
    tree = _copied(root, depth, owners)
    _redirect(tree.nodes(), owners)
    return tree


def _copied(branch: Branch, depth: int, owners: dict[Node, Node]) -> Branch:
    """A copy, with `depth` levels of modules opened; `owners` learns what stands for what."""
    copy = Branch(branch.call)
    for part in branch.children:
        if isinstance(part, Node):
            owners[part] = Node(
                part.kind, part.thing, part.value, part.edges, part.likeness, part.shared
            )
            copy.children.append(owners[part])
        elif depth > 0:
            copy.children.append(_copied(part, depth - 1, owners))
        else:
            copy.children.append(_as_one(part.call, part.nodes(), owners))
    return copy


def _as_one(
    thing: object, members: list[Node], owners: dict[Node, Node], kind: str = "module"
) -> Node:
    node = Node(kind, thing, edges=[e for x in members for e in x.edges], members=members)
    node.likeness = (kind, getattr(thing, "summary", ""), *(x.likeness for x in members))
    owners.update(dict.fromkeys(members, node))
    return node


def _redirect(nodes: Iterable[Node], owners: dict[Node, Node]) -> None:
    """Have edges lead between what nodes have become; those that then are alike become one."""
    outputs: dict[Node, dict[Node, None]] = {}
    for node in nodes:
        edges, node.edges = node.edges, []
        known: dict[tuple[Node, str], Edge] = {}
        for edge in edges:
            source = owners.get(edge.source, edge.source)
            if source is node:
                continue
            if source.members and edge.source in owners:
                outputs.setdefault(source, {})[edge.source] = None
            key = (source, edge.kind)
            if (source.members or node.members) and key in known:
                merge(known[key], edge)
                continue
            known[key] = replace(edge, source=source)
            node.edges.append(known[key])
    for node in nodes:
        if node.kind == "module" and node.value is None:
            last = [x for x in node.members if x.kind in ("operation", "gradient", "module")]
            made = [x for x in outputs.get(node, ()) if x.kind != "parameter"] or last
            node.value = made[-1].value if made else None


# ---- source lines as boxes -----------------------------------------------------------------------


def _by_line(root: Branch) -> Branch:
    """All nodes that one source line made as one; with them the leaves that are used there once."""
    nodes = root.nodes()
    groups: dict[object, list[Node]] = {}
    alone: dict[Node, Node] = {}  # leaves that are used once, with their users
    lines = _Lines()
    for node in nodes:
        for edge in node.edges:
            leaf = edge.source
            if leaf.kind in ("input", "parameter", "buffer", "constant") and not leaf.shared:
                alone[leaf] = node
    for node in nodes:
        place = _place(alone.get(node, node))
        key = node if place is None else (alone.get(node, node).kind == "update", *lines.at(place))
        groups.setdefault(key, []).append(node)
    owners: dict[Node, Node] = {}
    tree = Branch()
    for members in groups.values():
        if len(members) == 1:
            tree.children.append(members[0])
        else:
            places = [place for node in members if (place := _place(node)) is not None]
            kind = "update" if members[-1].kind == "update" else "module"
            tree.children.append(_as_one(places[0], members, owners, kind))
    _redirect(tree.nodes(), owners)
    return tree


class _Lines:
    """File and line of places, each looked up once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[str, int]] = {}

    def at(self, place: SourcePlace) -> tuple[str, int]:
        key = (id(place.code), place.instruction)
        if key not in self._known:
            self._known[key] = (place.file, place.line)
        return self._known[key]


def _place(node: Node) -> SourcePlace | None:
    thing = node.thing
    if isinstance(thing, SourcePlace):
        return thing
    if isinstance(thing, Applied | Update | ModuleCall):
        return thing.place
    if isinstance(thing, Gradient):
        return thing.flows[-1].place if thing.flows else None
    return None


# ---- the middle left out -------------------------------------------------------------------------


def _without_middle(root: Branch, limit: int) -> Branch:
    nodes = root.nodes()
    first, last = limit // 2, limit - limit // 2 - 1
    members = nodes[first : len(nodes) - last]
    owners: dict[Node, Node] = {}
    node = _as_one(None, members, owners, "elided")
    tree = Branch(children=[*nodes[:first], node, *nodes[len(nodes) - last :]])
    _redirect(tree.nodes(), owners)
    return tree
