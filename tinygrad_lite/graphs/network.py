"""A Graph as a network of nodes within modules: what a drawing begins with."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .record import Graph
from .steps import Applied, Contribution, ModuleCall, Seed, Update, Value


@dataclass(eq=False, slots=True)
class Edge:
    """What a node is given by another.

    `kind` is that of the Arrow; `position` tells the inputs of a node apart. `flow` is the
    contribution that goes along it, in a drawing of the backward pass, or back along it, in one of
    both. `count` is how many edges were merged into this one, `flows` how many of them have a flow.
    `likeness` is equal for gradients by the same rule. `is_last`: of what is drawn once for several
    repetitions, only the last gives this.
    """

    source: "Node"
    kind: str
    position: int
    flow: Contribution | None = None
    count: int = 1
    flows: int = 0
    likeness: Any = None
    is_last: bool = False


@dataclass(eq=False, slots=True)
class Node:
    """What may become a box: a leaf, a step, a gradient, or several of them as one.

    `thing` is the Value, the step, the ModuleCall, or a text. `likeness` is equal for nodes that
    look the same but for their names and values. `shared` leaves have several users.
    """

    kind: str
    thing: Any
    value: Value | None = None
    edges: list[Edge] = field(default_factory=list)
    likeness: Any = None
    shared: bool = False
    members: "list[Node]" = field(default_factory=list)
    index: int = 0


@dataclass(eq=False, slots=True)
class Branch:
    """A module at work, or what stands for repetitions, and what is within it."""

    call: ModuleCall | None = None
    children: "list[Node | Branch]" = field(default_factory=list)
    times: int = 1
    last: "list[Node | Branch]" = field(default_factory=list)  # the last of the repetitions

    def nodes(self) -> list[Node]:
        """All nodes within, in order."""
        found: list[Node] = []
        pending: list[Node | Branch] = [self]
        while pending:
            part = pending.pop()
            if isinstance(part, Node):
                found.append(part)
            else:
                pending += reversed(part.children)
        return found


Chain = tuple[ModuleCall, ...]


def network(graph: Graph, phase: str) -> Branch:
    """The nodes of one phase, or of both, within the modules that they belong to."""
    flows = graph.phase("backward")
    if phase == "backward":
        return _tree(*_gradients(graph, flows), shared_first=False)
    made, chains, holders = _forward(graph, phase)
    if phase == "both":
        _let_flow(made, flows, holders)
    return _tree(made, chains, shared_first=True)


# ---- the forward pass ----------------------------------------------------------------------------

Made = tuple[list[Node], dict[Node, Chain], dict[int, Node]]


def _forward(graph: Graph, phase: str) -> Made:
    """Nodes in order, the modules around each, and the node of each Value."""
    steps = [step for step in graph if isinstance(step, Applied | Update)]
    used = {id(x) for step in steps for x in operands(step)}
    of_gradient = _owners(graph)
    nodes: list[Node] = []
    chains: dict[Node, Chain] = {}
    holders: dict[int, Node] = {}
    users: dict[Node, dict[Node, Chain]] = {}

    def holder(x: Value) -> Node:
        if id(x) not in holders:
            leaf = Node(x.kind, x, x, likeness=(x.kind, x.shape, x.dtype.str))
            holders[id(x)] = leaf
            nodes.append(leaf)
        return holders[id(x)]

    for step in steps:
        if step.phase == "backward":  # a gradient that is added to the `grad` there was
            continue
        chain: Chain = step.call.chain if step.call is not None else ()
        if isinstance(step, Update):
            if phase == "forward" and id(step.output) not in used:
                continue
            around = users.get(holder(step.target), {}).values()
            node = Node("update", step, step.output, likeness=("update", step.name))
            chains[node] = _around(around) if is_held(step.target) else ()
        else:
            node = Node("operation", step, step.output, likeness=_likeness(step))
            chains[node] = chain
        for position, x in enumerate(operands(step)):
            owner = of_gradient.get(id(x))
            if owner is None or phase == "forward":
                source, kind = holder(x), "forward"
                if not isinstance(step, Update):
                    users.setdefault(source, {})[node] = chain
            else:
                source, kind = holder(owner), "backward"
            kind = "update" if isinstance(step, Update) else kind
            if kind != "update" or all(edge.source is not source for edge in node.edges):
                node.edges.append(Edge(source, kind, position))
        nodes.append(node)
        holders[id(step.output)] = node
    for leaf, around in ((leaf, found.values()) for leaf, found in users.items()):
        if isinstance(leaf.thing, Value):
            chains[leaf] = _around(around) if is_held(leaf.thing) else ()
            leaf.shared = len(around) > 1
    return nodes, chains, holders


def operands(step: Applied | Update) -> list[Value]:
    """The Values that a step takes, as inputs or in attributes; an optimizer's leaf, too."""
    if isinstance(step, Update):
        return [step.target, *_values(step.inputs)] if step.by is not None else _values(step.inputs)
    return _values((*step.inputs, *step.attributes.values()))


def _values(parts: Iterable[Any]) -> list[Value]:
    found: list[Value] = []
    for x in parts:
        if isinstance(x, Value):
            found.append(x)
        elif isinstance(x, tuple | list):
            found += _values(x)
    return found


def is_held(leaf: Value) -> bool:
    """Whether a leaf belongs to the module that alone uses it."""
    return leaf.kind in ("parameter", "buffer", "constant")


def _around(chains: Iterable[Chain]) -> Chain:
    """The calls that all of these are within."""
    common, *others = list(chains) or [()]
    for chain in others:
        size = 0
        for ours, theirs in zip(common, chain, strict=False):
            if ours is not theirs:
                break
            size += 1
        common = common[:size]
    return common


def _owners(graph: Graph) -> dict[int, Value]:
    """The value that each gradient is the gradient of."""
    owners: dict[int, Value] = {}
    for step in graph:
        if isinstance(step, Seed):
            owners[id(step.output)] = step.of
        elif isinstance(step, Contribution):
            owners[id(step.output)] = owners[id(step.total)] = step.to
        elif isinstance(step, Applied) and step.phase == "backward":
            owners[id(step.output)] = owners[id(step.inputs[1])]
    return owners


def _let_flow(nodes: list[Node], flows: Iterable[Any], holders: dict[int, Node]) -> None:
    """Note on each edge what flows back along it."""
    last = {(id(c.of), c.position): c for c in flows if isinstance(c, Contribution)}
    for node in nodes:
        if not isinstance(node.thing, Applied):
            continue
        positions = [i for i, x in enumerate(node.thing.inputs) if isinstance(x, Value)]
        for edge in node.edges:
            if edge.position < len(positions) and edge.kind == "forward":
                edge.flow = last.get((id(node.thing), positions[edge.position]))
                edge.flows = int(edge.flow is not None)


# ---- the backward pass ---------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class Gradient:
    """What flows to a value in one backward pass, added up."""

    of: Value
    root: str
    flows: list[Contribution] = field(default_factory=list)


def _gradients(graph: Graph, flows: Iterable[Any]) -> tuple[list[Node], dict[Node, Chain]]:
    makers = {id(s.output): s for s in graph if isinstance(s, Applied)}
    users: dict[int, list[Chain]] = {}
    nodes: dict[Node, int] = {}  # and when they were complete
    chains: dict[Node, Chain] = {}
    current: dict[int, Node] = {}  # by the value
    holders: dict[int, Node] = {}  # by the gradient
    alike: dict[int, int] = {}
    known: dict[Any, int] = {}
    root = ""
    for step in flows:
        if isinstance(step, Seed):
            root = step.of.name
            node = Node("gradient", Gradient(step.of, root), step.output)
            current[id(step.of)] = holders[id(step.output)] = node
        elif isinstance(step, Contribution):
            if not step.earlier:
                current[id(step.to)] = Node("gradient", Gradient(step.to, root))
            node = current[id(step.to)]
            node.value = step.total
            node.thing.flows.append(step)
            holders[id(step.total)] = holders[id(step.output)] = node
            source = holders.get(id(step.g))
            if source is not None:
                like = _flow_likeness(step, alike, known)
                node.edges.append(Edge(source, "backward", len(node.edges), step, 1, 1, like))
            users.setdefault(id(step.to), []).append(step.call.chain if step.call else ())
        else:  # a gradient that is added to the `grad` there was
            holders[id(step.output)] = holders[id(step.inputs[1])]
            continue
        nodes[node] = step.number
    for node in nodes:
        to, maker = node.thing.of, makers.get(id(node.thing.of))
        if maker is not None:
            chains[node] = maker.call.chain if maker.call is not None else ()
        elif is_held(to):
            chains[node] = _around(users.get(id(to), ()))
        node.shared = maker is None and len(node.edges) > 1
        made_by = (_flow_likeness(step, alike, known) for step in node.thing.flows)
        node.likeness = ("gradient", to.kind, to.shape, to.dtype.str, *made_by)
    ordered = sorted(nodes, key=nodes.__getitem__)
    for step in graph.phase("update"):
        assert isinstance(step, Update)
        source = current.get(id(step.target))
        node = Node("update", step, step.output, likeness=("update", step.name))
        if source is not None:
            node.edges.append(Edge(source, "update", 0))
            chains[node] = chains.get(source, ())
        ordered.append(node)
    return ordered, chains


# ---- trees ---------------------------------------------------------------------------------------


def _tree(nodes: list[Node], chains: dict[Node, Chain], shared_first: bool) -> Branch:
    """Nodes put into the modules around them; shared leaves at one end of theirs, so that what
    repeats itself isn't interrupted by them."""
    root = Branch()
    branches: dict[int, Branch] = {}

    def branch(chain: Chain) -> Branch:
        parent = root
        for call in chain:
            if id(call) not in branches:
                branches[id(call)] = Branch(call)
                parent.children.append(branches[id(call)])
            parent = branches[id(call)]
        return parent

    apart = [node for node in nodes if node.shared]
    for node in [node for node in nodes if not node.shared]:
        branch(chains.get(node, ())).children.append(node)
    ends: dict[Branch, list[Node | Branch]] = {}
    for node in apart:
        ends.setdefault(branch(chains.get(node, ())), []).append(node)
    for where, found in ends.items():
        where.children = found + where.children if shared_first else where.children + found
    return root


def numbered(root: Branch) -> list[Node]:
    """All nodes, each with its index."""
    nodes = root.nodes()
    for index, node in enumerate(nodes):
        node.index = index
    return nodes


# ---- what looks the same -------------------------------------------------------------------------


def _likeness(step: Applied) -> Any:
    """Equal for steps that differ in nothing but which values they take, and their names."""
    inputs = tuple([_like(x) for x in step.inputs])
    attributes = tuple([(key, _like(x)) for key, x in step.attributes.items()])
    operation = step.operation if step.operation is not None else step.name
    return operation, inputs, attributes, step.output.shape, step.output.dtype.str


def _flow_likeness(c: Contribution, alike: dict[int, int], known: dict[Any, int]) -> Any:
    """Equal for contributions by the same rule; a step is looked at once, however many it gives."""
    if id(c.of) not in alike:
        alike[id(c.of)] = known.setdefault(_likeness(c.of), len(known))
    has_one_rule = c.of.operation is not None and c.of.operation.each is not None
    return alike[id(c.of)], "each" if has_one_rule else c.position


def _like(x: Any) -> Any:
    if isinstance(x, Value):
        return "value", x.shape, x.dtype.str
    if isinstance(x, tuple | list):
        return (type(x).__name__, *map(_like, x))
    if isinstance(x, np.ndarray):
        return x.shape, x.dtype.str, x.tobytes()
    return repr(x)


def likeness_without_flows(node: Node) -> Any:
    """Of a gradient, equal also for one that other rules give."""
    return node.likeness[:4] if node.kind == "gradient" else node.likeness


def merge(edge: Edge, other: Edge) -> None:
    """Have one edge stand for another, too."""
    edge.count += other.count
    edge.flows += other.flows
    edge.likeness = (edge.likeness, other.likeness)
    if edge.flows != 1:
        edge.flow = None
    else:
        edge.flow = edge.flow or other.flow


def counts(nodes: Iterable[Node]) -> Counter[str]:
    """How many there are of each kind, and of parameters' entries."""
    found: Counter[str] = Counter()
    for node in nodes:
        if node.members:
            found += counts(node.members)
            continue
        found[node.kind] += 1
        if node.kind == "parameter":
            found["entries"] += node.thing.array.size
    return found
