"""What repeats itself is drawn once: layers of a sequence, rounds of an unrolled loop."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .network import Branch, Edge, Node, likeness_without_flows, merge, numbered

LONGEST = 64  # parts of a period
FEWEST = 3  # repetitions
SAVED = 6  # nodes, at least, that needn't be drawn

Part = Node | Branch


def fold(root: Branch) -> None:
    """Fold whatever repeats itself, at every level, in place.

    Repetitions look alike, and are wired alike: within, to what is around them, and each to the one
    before. The first may be given other things in place of what one gives to the next, and the
    last may give to others what it makes. Edges of kind "repeat" say what one gives to the next.
    """
    nodes = numbered(root)
    wiring = _Wiring(nodes)
    kept: dict[Node, Node] = {}  # by a node that isn't drawn: the one that stands for it
    passed: list[tuple[Node, Edge]] = []  # from one repetition to the next, by who takes it
    tokens = _tokens(root, lambda node: node.likeness)
    looser = _tokens(root, likeness_without_flows)
    pending = [root]
    while pending:
        branch = pending.pop()
        parts = branch.children
        runs = _runs(parts, [tokens[x] for x in parts], [looser[x] for x in parts], wiring)
        if runs:
            branch.children = _once(parts, runs, kept, passed)
        pending += [part for part in branch.children if isinstance(part, Branch)]
    if kept:
        for node, other in reversed(kept.items()):  # what stands for others may be folded itself
            kept[node] = kept.get(other, other)
        for node in root.nodes():
            node.edges = _redirected(node.edges, kept)
        _lead_on(passed, kept)


def _lead_on(passed: list[tuple[Node, Edge]], kept: dict[Node, Node]) -> None:
    """Add the edges from one repetition to the next, between what is drawn."""
    known: dict[tuple[Node, Node], Edge] = {}
    for node, edge in passed:
        target, source = kept.get(node, node), kept.get(edge.source, edge.source)
        first = known.get((source, target))
        if first is None:
            first = Edge(source, "repeat", edge.position, edge.flow, edge.count, edge.flows)
            known[source, target] = first
            target.edges.append(first)
        elif first.flow is not edge.flow and not _by_one_rule(first, edge):
            merge(first, edge)


def _by_one_rule(x: Edge, y: Edge) -> bool:
    """Whether the same flows along both, as in repetitions within repetitions."""
    if x.flow is None or y.flow is None:
        return x.flow is y.flow
    return x.flow.of.operation is y.flow.of.operation and x.position == y.position


def _redirected(edges: list[Edge], kept: dict[Node, Node]) -> list[Edge]:
    """Those from what isn't drawn lead from what is; those from several repetitions are one."""
    drawn: list[Edge] = []
    known: dict[tuple[Node, str], tuple[Node, Edge]] = {}  # and where it led from
    standing = {kept[edge.source] for edge in edges if edge.source in kept}
    for edge in edges:
        source = kept.get(edge.source, edge.source)
        origin, first = known.setdefault((source, edge.kind), (edge.source, edge))
        if source in standing and origin is not edge.source:
            flow = first.flow
            merge(first, edge)
            first.is_last = False
            if flow is not None and (flow.of.operation is None or not flow.of.operation.each):
                first.flow = flow  # by the same rule
        else:
            edge.is_last = edge.source in kept and edge.kind != "update"
            drawn.append(edge)
    for edge in drawn:
        edge.source = kept.get(edge.source, edge.source)
    return drawn


def _once(
    parts: list[Part],
    runs: list[tuple[int, int, int]],
    kept: dict[Node, Node],
    passed: list[tuple[Node, Edge]],
) -> list[Part]:
    """The parts with each run, of which start, period and times are given, folded into a branch."""
    result: list[Part] = []
    at = 0
    for start, period, times in sorted(runs):
        result += parts[at:start]
        at = start + period * times
        first, last = parts[start : start + period], parts[at - period : at]
        standing, others = _nodes(first), _nodes(parts[start + period : at])
        for number, node in enumerate(others):
            kept[node] = standing[number % len(standing)]
        within = set(standing)
        for node in others[: len(standing)]:
            passed += [(kept[node], edge) for edge in node.edges if edge.source in within]
        if period == 1 and isinstance(first[0], Branch):
            first[0].times, first[0].last = times, last
            result.append(first[0])
        else:
            result.append(Branch(None, first, times, last))
    return result + parts[at:]


def _nodes(parts: list[Part]) -> list[Node]:
    return Branch(children=parts).nodes()


# ---- where something may repeat itself -----------------------------------------------------------


def _tokens(root: Branch, likeness_of: Callable[[Node], Any]) -> dict[Part, int]:
    """Of every node and branch a number, equal for those that look alike."""
    numbers: dict[Any, int] = {}
    tokens: dict[Part, int] = {}
    parts: list[Part] = [root]
    for part in parts:  # grows on the way
        parts += part.children if isinstance(part, Branch) else []
    for part in reversed(parts):  # those within a branch come first
        if isinstance(part, Node):
            likeness = likeness_of(part)
        else:
            summary = part.call.summary if part.call is not None else ""
            likeness = ("branch", summary, *[tokens[child] for child in part.children])
        tokens[part] = numbers.setdefault(likeness, len(numbers))
    return tokens


def _runs(
    parts: list[Part], tokens: list[int], looser: list[int], wiring: "_Wiring"
) -> list[tuple[int, int, int]]:
    """Start, period and times of what repeats itself among the parts of a branch."""
    if len(parts) < FEWEST:
        return []
    sizes = [1 if isinstance(part, Node) else len(part.nodes()) for part in parts]
    starts = np.concatenate([[0], np.cumsum(sizes)]) + _first(parts)
    taken = np.zeros(len(parts), bool)
    found = []
    for start, end, period in _candidates(np.array(tokens)):
        for low, high in _free(taken, start, end):
            sooner = wiring.begins_sooner(starts, looser, taken, low, high, period)
            slack = (high - low) % period if high - low >= period else 0
            low = low + _shift(sizes, low, slack) if sooner is None else sooner
            while low + FEWEST * period <= high and wiring.patience > 0:
                width = int(starts[low + period] - starts[low])
                times = wiring.repeats(int(starts[low]), width, (high - low) // period)
                if times >= FEWEST and (times - 1) * width >= SAVED:
                    found.append((low, period, times))
                    taken[low : low + period * times] = True
                    low += period * times
                else:
                    low += period
    return found


def _first(parts: list[Part]) -> int:
    return next((node.index for part in parts for node in _nodes([part])), 0)


def _candidates(tokens: np.ndarray) -> list[tuple[int, int, int]]:
    """Start, end and period of stretches where parts look like those a period before."""
    found = []
    for period in range(1, min(LONGEST, len(tokens) // FEWEST) + 1):
        alike = np.concatenate([[False], tokens[period:] == tokens[:-period], [False]])
        edges = np.flatnonzero(alike[1:] != alike[:-1]).reshape(-1, 2)
        for start, end in edges[edges[:, 1] - edges[:, 0] >= (FEWEST - 1) * period].tolist():
            found.append((start, end + period, period))
    return sorted(found, key=lambda x: (x[0] - x[1] + (x[1] - x[0]) % x[2], x[2], x[0]))


def _free(taken: np.ndarray, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Stretches within one that nothing was found in so far."""
    padded = np.concatenate([[True], taken[start:end], [True]])
    for low, high in np.flatnonzero(padded[1:] != padded[:-1]).reshape(-1, 2).tolist():
        yield start + low, start + high


def _shift(sizes: list[int], start: int, slack: int) -> int:
    """Which of the places that a period could start at: with the largest part of it, a layer."""
    return max(range(slack + 1), key=lambda i: (sizes[start + i], -i)) if slack else 0


# ---- whether it does -----------------------------------------------------------------------------


class _Wiring:
    """Edges of all nodes by index; each part of them is compared a bounded number of times."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.users: list[list[int]] = [[] for _ in nodes]
        for node in nodes:
            for edge in node.edges:
                self.users[edge.source.index].append(node.index)
        self.patience = 20 * (len(nodes) + sum(len(node.edges) for node in nodes))

    def repeats(self, start: int, width: int, most: int) -> int:
        """How often the `width` nodes from `start` on are repeated with the same wiring."""
        times = 1
        while times < most and self._continues(start, width, times):
            times += 1
        return self._leaves_alike(start, width, times)

    def begins_sooner(
        self,
        starts: np.ndarray,
        looser: list[int],
        taken: np.ndarray,
        low: int,
        high: int,
        period: int,
    ) -> int | None:
        """Where a stretch starts if one repetition more is found before it, the first.

        By its looser tokens only it looks like the others, as it is given other things.
        """
        is_short = high - low < (FEWEST - 1) * period
        if low == 0 or is_short or taken[low - 1] or looser[low - 1] != looser[low - 1 + period]:
            return None
        for first in range(max(low - period, 0), low):
            second, times = first + period, (high - first) // period
            is_free = not taken[first:low].any()
            if is_free and looser[first:low] == looser[second : low + period]:
                begin, width = int(starts[first]), int(starts[second] - starts[first])
                if times >= FEWEST and self.repeats(begin, width, times) == times:
                    return first
        return None

    def _continues(self, start: int, width: int, k: int) -> bool:
        """Whether repetition k is given the same as the one before."""
        begin = start + k * width
        for index in range(begin, begin + width):
            node, before = self.nodes[index], self.nodes[index - width]
            ours, theirs = node.edges, before.edges
            self.patience -= 1 + len(ours)
            if node.kind == "gradient" and node.likeness != before.likeness:
                if k > 1 or all(x.source.index < start or x.source.index >= begin for x in ours):
                    return False
                ours, theirs = _without_given(ours, theirs, start, begin)
            if len(ours) != len(theirs):
                return False
            for x, y in zip(ours, theirs, strict=True):
                a, b = x.source.index, y.source.index
                if begin - width <= a < begin:  # from the one before
                    is_given = k == 1 and (b < start or b >= begin)
                    is_same = is_given or (a - b == width and x.flows == y.flows)
                else:
                    is_same = a - b == width if begin <= a < begin + width else a == b
                    is_same = is_same and (a < start or a >= begin) and x.flows == y.flows
                    is_same = is_same and x.likeness == y.likeness
                if not is_same or x.kind != y.kind:
                    return False
        return True

    def _leaves_alike(self, start: int, width: int, times: int) -> int:
        """How many of the repetitions give the same to what is around them; the last may add."""
        end = start + times * width
        for k in range(1, times):
            is_last = k == times - 1
            for index in range(start + k * width, start + (k + 1) * width):
                ours = self._outside(index, start, end)
                theirs = self._outside(index - width, start, end)
                self.patience -= len(ours)
                if not ours >= theirs:
                    return k
                is_last = is_last or ours != theirs
            if is_last:
                return k + 1
        return times

    def _outside(self, index: int, start: int, end: int) -> set[int]:
        return {user for user in self.users[index] if not start <= user < end}


def _without_given(
    ours: list[Edge], theirs: list[Edge], start: int, begin: int
) -> tuple[list[Edge], list[Edge]]:
    """Edges of the second and of the first repetition, without those from the one before, and what
    the first is given in place of them."""
    rest = [edge for edge in ours if not start <= edge.source.index < begin]
    shared = {edge.source.index for edge in rest}
    kept = [x for x in theirs if start <= x.source.index < begin or x.source.index in shared]
    return rest, kept
