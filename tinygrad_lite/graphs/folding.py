"""What repeats itself is drawn once: layers of a sequence, rounds of an unrolled loop."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from .network import Branch, Edge, Node, merge, numbered

LONGEST = 64  # parts of a period
FEWEST = 3  # repetitions
SAVED = 6  # nodes, at least, that needn't be drawn

Part = Node | Branch


def fold(root: Branch) -> None:
    """Fold whatever repeats itself, at every level, in place.

    Repetitions look alike, and are wired alike: within, to what is around them, and each to the one
    before. The first may be given other things in place of what one gives to the next, and the
    last may give to others what it makes.
    """
    nodes = numbered(root)
    wiring = _Wiring(nodes)
    kept: dict[Node, Node] = {}  # by a node that isn't drawn: the one that stands for it
    tokens = _tokens(root)
    pending = [root]
    while pending:
        branch = pending.pop()
        runs = _runs(branch.children, [tokens[part] for part in branch.children], wiring)
        if runs:
            branch.children = _once(branch.children, runs, kept)
        pending += [part for part in branch.children if isinstance(part, Branch)]
    if kept:
        for node, other in reversed(kept.items()):  # what stands for others may be folded itself
            kept[node] = kept.get(other, other)
        for node in root.nodes():
            node.edges = _redirected(node.edges, kept)


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
            if flow is not None and (flow.of.operation is None or not flow.of.operation.each):
                first.flow = flow  # by the same rule
        else:
            drawn.append(edge)
    for edge in drawn:
        edge.source = kept.get(edge.source, edge.source)
    return drawn


def _once(
    parts: list[Part], runs: list[tuple[int, int, int]], kept: dict[Node, Node]
) -> list[Part]:
    """The parts with each run, of which start, period and times are given, folded into a branch."""
    result: list[Part] = []
    at = 0
    for start, period, times in sorted(runs):
        result += parts[at:start]
        at = start + period * times
        first, last = parts[start : start + period], parts[at - period : at]
        standing = _nodes(first)
        for number, node in enumerate(_nodes(parts[start + period : at])):
            kept[node] = standing[number % len(standing)]
        if period == 1 and isinstance(first[0], Branch):
            first[0].times, first[0].last = times, last
            result.append(first[0])
        else:
            result.append(Branch(None, first, times, last))
    return result + parts[at:]


def _nodes(parts: list[Part]) -> list[Node]:
    return Branch(children=parts).nodes()


# ---- where something may repeat itself -----------------------------------------------------------


def _tokens(root: Branch) -> dict[Part, int]:
    """Of every node and branch a number, equal for those that look alike."""
    numbers: dict[Any, int] = {}
    tokens: dict[Part, int] = {}

    def token(part: Part) -> int:
        if isinstance(part, Node):
            likeness = part.likeness
        else:
            summary = part.call.summary if part.call is not None else ""
            likeness = ("branch", summary, *map(token, part.children))
        tokens[part] = numbers.setdefault(likeness, len(numbers))
        return tokens[part]

    token(root)
    return tokens


def _runs(parts: list[Part], tokens: list[int], wiring: "_Wiring") -> list[tuple[int, int, int]]:
    """Start, period and times of what repeats itself among the parts of a branch."""
    if len(parts) < FEWEST:
        return []
    sizes = [1 if isinstance(part, Node) else len(part.nodes()) for part in parts]
    starts = np.concatenate([[0], np.cumsum(sizes)]) + _first(parts)
    taken = np.zeros(len(parts), bool)
    found = []
    for start, end, period in _candidates(np.array(tokens)):
        for low, high in _free(taken, start, end):
            low += _shift(sizes, low, (high - low) % period if high - low >= period else 0)
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

    def _continues(self, start: int, width: int, k: int) -> bool:
        """Whether repetition k is given the same as the one before."""
        begin = start + k * width
        for index in range(begin, begin + width):
            ours, theirs = self.nodes[index].edges, self.nodes[index - width].edges
            self.patience -= 1 + len(ours)
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
