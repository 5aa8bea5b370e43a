"""Update all parameters of an optimizer at once, in one flat array."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...graphs import Step, Update
from ..buffers import is_ufunc
from ..joining import joinable
from ..numbers import OPERATORS
from ..program import Node, Program, Write, mapped, operands


def flat(program: Program) -> None:
    """Update all parameters of an optimizer at once, in one flat array.

    An update takes each entry by itself, so that it is the same of many arrays as of one array that
    holds them all: a handful of calls instead of a handful for each parameter. The gradients are
    computed right into their places.
    """
    groups: dict[Any, list[Write]] = {}
    for write in program.writes:
        step = write.value.source
        if write.target.function == "tensor" and isinstance(step, Update) and step.by is not None:
            groups.setdefault((id(step.by), write.target.dtype), []).append(write)
    for writes in groups.values():
        if len(writes) > 1:
            _flatten(program, writes)


def _flatten(program: Program, writes: list[Write]) -> None:
    updates = [_Update(program, write) for write in writes]
    first = updates[0]
    if not all(update.is_whole and update.outline == first.outline for update in updates):
        return
    end = max(program.nodes.index(update.nodes[-1]) for update in updates)
    start = min(program.nodes.index(update.nodes[0]) for update in updates)
    taken = {node for update in updates for node in update.nodes}
    between = [node for node in program.nodes[start:end] if node not in taken]
    if any(x in taken for node in between for x in operands(node)):
        return
    found: dict[Node, Any] = {}  # of the first update: what stands for it in the flat one
    rows = [*zip(*[update.places for update in updates], strict=True)]
    if not all(joinable(row) for row in rows if row[0].function in ("tensor", "state")):
        return
    for places in rows:
        found[places[0]] = _joined(places)
    if first.gradient not in found:
        return
    nodes = [x for x in (found[first.gradient],) if isinstance(x, Node) and x.function == "pack"]
    for node in first.nodes:
        inputs = tuple([mapped(lambda x: found.get(x, x), x) for x in node.inputs])
        options = {key: mapped(lambda x: found.get(x, x), x) for key, x in node.options.items()}
        example = node.example
        if node.function not in OPERATORS:
            example = np.zeros(found[first.gradient].shape, node.dtype)
        found[node] = Node(node.function, inputs, options, example, source=node.source)
        found[node].label = node.label
        nodes.append(found[node])
    position = program.nodes.index(updates[-1].nodes[-1])
    after = program.nodes[position:]
    program.nodes = [node for node in program.nodes[:position] if node not in taken] + nodes
    program.nodes += [node for node in after if node not in taken]
    for write in list(program.writes):
        for update in updates:
            if write.value in update.nodes:
                program.writes.remove(write)
                new = found[first.nodes[update.nodes.index(write.value)]]
                if write.target.function == "number":
                    program.writes.append(Write(write.target, new))
                elif update is first:
                    program.writes.append(Write(found[write.target], new))


def _joined(places: tuple[Node, ...]) -> Node:
    """What stands for a leaf, or the gradient, of each update: one array that has all of them."""
    one = places[0]
    if one.function == "number":
        return one
    example = np.zeros(sum(x.size for x in places), one.dtype)
    if one.function == "tensor":
        node = Node("flat", of=[x for x in places], example=example, label="parameters")
    elif one.function == "state":
        node = Node("flat", of=[x for x in places], example=example, label=str(one.of[2]))
    else:
        return Node("pack", places, {}, example, label="gradients")
    for x in places:
        x.view_of = node
    return node


class _Update:
    """The statements that update one parameter, and what they are computed from."""

    def __init__(self, program: Program, write: Write):
        step: Step | None = write.value.source
        self.shape = write.target.shape
        self.nodes = [node for node in program.nodes if node.source is step]
        self.places: list[Node] = []
        self.gradient: Any = None
        self.outline = [*self._outline()]
        self.is_whole = self.gradient is not None and self._is_whole(program, write.target.dtype)

    def _outline(self) -> Iterator[Any]:
        """What is done, and with what, so that it can be compared with another's."""

        def said(x: Any) -> Any:
            if not isinstance(x, Node):
                return type(x).__name__, repr(x)
            if x in self.nodes:
                return "statement", self.nodes.index(x)
            if x not in self.places:
                self.places.append(x)
                if x.function not in ("tensor", "state", "number"):
                    self.gradient = x
            role = x.function if x.function in ("tensor", "state", "number") else "gradient"
            key = x.of[2] if role in ("state", "number") else ""
            return "place", self.places.index(x), role, key

        for node in self.nodes:
            yield node.function, [said(x) for x in node.inputs], str(node.options), str(node.dtype)

    def _is_whole(self, program: Program, dtype: Any) -> bool:
        """Whether all is done entry by entry, and nobody else sees what comes of it."""
        for x in self.places:
            if x.function != "number" and (x.shape != self.shape or x.dtype != dtype):
                return False
        if sum(x.function not in ("tensor", "state", "number") for x in self.places) != 1:
            return False
        for node in self.nodes:
            if node.function not in OPERATORS and not is_ufunc(node):
                return False
            if node.function not in OPERATORS and node.shape != self.shape:
                return False
        mine = set(self.nodes)
        seen = [x for x in (*program.outputs, *program.gradients) if isinstance(x, Node)]
        seen += [w.value for w in program.writes if w.value.source is not self.nodes[0].source]
        seen += [x for node in program.nodes if node not in mine for x in operands(node)]
        return not any(x.root in mine for x in seen)
