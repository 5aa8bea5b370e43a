"""The picture of a Graph for a page: every module opened, and which steps each part belongs to."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from .diagram import Arrow, drawn
from .network import Node, operands
from .record import Graph
from .stages import stages
from .steps import Applied, Contribution, Seed, Step, Update, Value

Focus = tuple[str | None, str | None, str | None]  # box, box that the gradient comes from, arrow


class Picture:
    """The diagram of a graph, and where in it each stage of its steps is seen."""

    def __init__(self, graph: Graph):
        self.diagram, nodes = drawn(graph, fold=False)
        self.boxes: dict[int, str] = {}  # of values and steps, by identity
        self.shown: dict[str, Value] = {}  # the value that a box shows
        for box, node in zip(self.diagram.boxes, nodes, strict=True):
            self._take(node, box.id)
            if node.value is not None:
                self.shown[box.id] = node.value
        self.between: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for i, arrow in enumerate(self.diagram.arrows, 1):
            self.between[arrow.source, arrow.target, arrow.kind].append(f"a{i}")
        self.foci: list[Focus] = []  # of the stages, in order
        self.along: dict[str, list[int]] = defaultdict(list)  # stages by arrow, from 0
        self.at: dict[str, list[int]] = defaultdict(list)  # stages by box
        self._owners: dict[int, Value] = {}  # what each gradient is of
        for index, (step, part) in enumerate(stages(graph)):
            self._place(index, step, part)

    def box(self, thing: Any) -> str | None:
        """The box of a step, or of a value; of a gradient that of what it is of."""
        found = self.boxes.get(id(thing))
        if found is None and id(thing) in self._owners:
            found = self.boxes.get(id(self._owners[id(thing)]))
        return found

    def data(self, position: Callable[[Value], int]) -> dict[str, Any]:
        picture = self.diagram
        return {
            "title": picture.title,
            "note": picture.note,
            "boxes": [
                {
                    "id": box.id,
                    "kind": box.kind,
                    "title": box.title,
                    "lines": [list(line) for line in box.lines],
                    "group": box.group,
                    "steps": self.at.get(box.id, []),
                    "value": position(self.shown[box.id]) if box.id in self.shown else None,
                }
                for box in picture.boxes
            ],
            "arrows": [self._arrow(f"a{i}", arrow) for i, arrow in enumerate(picture.arrows, 1)],
            "groups": [
                {"id": g.id, "title": g.title, "parent": g.parent, "times": g.times}
                for g in picture.groups
            ],
        }

    def _arrow(self, name: str, arrow: Arrow) -> dict[str, Any]:
        return {
            "id": name,
            "source": arrow.source,
            "target": arrow.target,
            "kind": arrow.kind,
            "label": arrow.label,
            "steps": self.along.get(name, []),
        }

    # ---- where steps are seen ----------------------------------------------------------------

    def _take(self, node: Node, box: str) -> None:
        pending = [node]
        for part in pending:  # grows on the way
            for x in (part.thing, part.value if part.kind != "module" else None):
                if isinstance(x, Value | Applied | Update):
                    self.boxes.setdefault(id(x), box)
            pending += part.members

    def _place(self, index: int, step: Step, part: str) -> None:
        box: str | None
        source = arrow = None
        if isinstance(step, Contribution):
            self._owners[id(step.output)] = self._owners[id(step.total)] = step.to
            box = self.box(step.to)
            if part in ("", "rule"):  # what is fitted has come already
                source = self.box(step.of.output)
                arrow = self._along(index, source, box, "backward", self._nth(step))
        elif isinstance(step, Seed):
            self._owners[id(step.output)] = step.of
            box = self.box(step.of)
        elif isinstance(step, Applied) and step.phase == "backward":
            owner = self._owners.get(id(step.inputs[1]))
            if owner is not None:
                self._owners[id(step.output)] = owner
            box = self.box(owner)
        else:
            box = self.box(step)
            for kind in ("forward", "backward", "update"):
                found = self._inputs(index, step, box, kind)
                arrow = found if isinstance(step, Update) and found else arrow
        if box is not None:
            self.at[box].append(index)
        self.foci.append((box, source, arrow))

    def _inputs(self, index: int, step: Any, box: str | None, kind: str) -> str | None:
        """Note the arrows of a kind by which a step is given what it takes; the last of them."""
        seen: dict[str | None, int] = defaultdict(int)
        last = None
        for x in operands(step):
            source = self.box(x)
            last = self._along(index, source, box, kind, seen[source]) or last
            seen[source] += 1
        return last

    def _nth(self, step: Contribution) -> int:
        """Which of the uses of one input by one step a contribution is of."""
        before = step.of.inputs[: step.position]
        return sum(x is step.to for x in before)

    def _along(
        self, index: int, source: str | None, target: str | None, kind: str, nth: int
    ) -> str | None:
        """Note that a step moves along the nth arrow between two boxes, if there is one."""
        arrows = self.between.get((source or "", target or "", kind))
        if not arrows:
            return None
        arrow = arrows[min(nth, len(arrows) - 1)]
        if self.along[arrow][-1:] != [index]:
            self.along[arrow].append(index)
        return arrow
