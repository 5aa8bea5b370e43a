"""What a drawing says: titles, shapes, numbers, and the rules along arrows."""

import math
from collections import Counter, defaultdict
from typing import Any

from ..source import SourcePlace
from .details import of_contribution
from .network import Branch, Gradient, Node, counts
from .numbers import memory, number, text
from .record import Graph
from .steps import Applied, Contribution, ModuleCall, Seed, Update, Value, within

TITLE, LABEL = 60, 60  # characters


def cut(said: str, most: int = TITLE) -> str:
    """A text as one line: without control characters, and with … for what is too long."""
    short = said if len(said) <= most else said[: most - 1] + "…"
    return "".join(_seen(x) for x in short).strip()


def _seen(x: str) -> str:
    """A character that can be shown; the zero-width joiner makes one emoji of several."""
    return x if x.isprintable() or x == "\u200d" else " " if x.isspace() else "\ufffd"


class Labels:
    """The texts of one drawing of a graph."""

    def __init__(self, graph: Graph, phase: str, says: dict[str, bool]):
        self.phase, self.says = phase, says
        self.nth = _nth_calls(graph)
        self.flows: dict[int, list[Contribution]] = defaultdict(list)  # by the value, at last
        for step in graph.phase("backward"):
            if isinstance(step, Contribution):
                if not step.earlier:
                    self.flows[id(step.to)] = []
                self.flows[id(step.to)].append(step)
            elif isinstance(step, Seed):
                self.flows[id(step.of)] = []

    # ---- boxes and groups --------------------------------------------------------------------

    def title(self, node: Node, path: str) -> str:
        """Of a box within the module of that path."""
        thing = node.thing
        if node.kind == "elided":
            return f"… {_counted(node)} …"
        if isinstance(thing, ModuleCall):
            return cut(self._call(thing, path)) or "?"
        if isinstance(thing, SourcePlace):
            return cut(thing.text) or cut(str(thing)) or "?"
        if isinstance(thing, Gradient):
            return cut(f"∂{cut(thing.root, 24)}/∂{within(thing.of.name, path)}")
        if isinstance(thing, Applied):
            name, expression = thing.output.name, within(cut(thing.expression, 200), path)
            named = name and name != path
            said = f"{cut(within(name, path), 30)} = {expression}" if named else expression
            return cut(said) or "?"
        return cut(within((thing.output if isinstance(thing, Update) else thing).name, path)) or "?"

    def group(self, branch: Branch, path: str) -> str:
        """The title of a group within the module of that path."""
        if branch.call is not None:
            last = branch.last[0] if branch.last else None
            if isinstance(last, Branch) and last.call is not None:
                first, second = (within(x.path, path) for x in (branch.call, last.call))
                paths = f"{cut(first, 24)} … {cut(second, 24)}" if first != second else first
                return cut(f"{paths} · {branch.call.summary}", 80)
            return cut(self._call(branch.call, path), 80) or "?"
        first, second = (_main(parts, path) for parts in (branch.children, branch.last))
        return cut(f"{first} … {second}" if first != second else first, 80) or "repeated"

    def _call(self, call: ModuleCall, path: str) -> str:
        name, again = within(call.path, path), self.nth.get(id(call), 1)
        parts = [cut(name, 40), call.summary, _ordinal(again) + " call" if again > 1 else ""]
        return " · ".join(filter(None, parts))

    def lines(self, node: Node) -> list[tuple[str, str]]:
        """What is said under the title."""
        found: list[tuple[str, str]] = []
        value = node.value
        is_gradient = node.kind == "gradient" or (self.phase == "backward" and node.members)
        if value is not None:
            if self.says["shape"] and (value.shape or not self.says["value"]):
                found.append(("shape", str(value.shape)))
            if self.says["dtype"]:
                found.append(("dtype", value.dtype.name))
            if self.says["memory"]:
                found.append(("memory", memory(value.array.nbytes)))
            if is_gradient and self.says["gradient"]:
                found.append(("gradient", self._sum(node.thing, value)))
            elif self.says["value"] and not is_gradient:
                found.append(("value", cut(text(value.array))))
            if self.phase == "both" and self.says["gradient"] and value.gradient is not None:
                found.append(("gradient", self._sum(value, value.gradient)))
            if value.changed:
                found.append(("note", "changed since"))
        if node.members and node.kind != "elided":
            found.append(("note", _counted(node)))
        place = getattr(node.thing, "place", None)
        if isinstance(place, SourcePlace):
            found.append(("place", cut(str(place), 120)))
        return found

    def _sum(self, of: Any, gradient: Value) -> str:
        """A gradient, and that it is a sum."""
        of = of.of if isinstance(of, Gradient) else of
        flows = self.flows.get(id(of), []) if isinstance(of, Value) else []
        said = "∂ " * (self.phase == "both") + text(gradient.array)
        if len(flows) > 1 and not gradient.shape and len(flows) <= 3:
            parts = " + ".join(number(c.output.array) for c in flows).replace("+ -", "- ")
            return cut(f"{said} = {parts}")
        return cut(said) + (f", sum of {len(flows):,}" if len(flows) > 1 else "")

    # ---- arrows ------------------------------------------------------------------------------

    def rule(self, c: Contribution) -> str:
        """The rule of a contribution, on names as they are within the module."""
        return cut(c.named_rule(), LABEL)

    def flow(self, c: Contribution) -> str:
        """The rule of a contribution, a line; for numbers a second with them in it."""
        lines = [self.rule(c)]
        if c.summed_over:
            axes = ", ".join(map(str, c.summed_over))
            lines.append(f"summed over {'axis' if len(c.summed_over) == 1 else 'axes'} {axes}")
        elif math.prod(c.rule_shape) < math.prod(c.lifted_shape):
            lines.append(f"spread over {c.to.shape}")
        is_scalar = c.g.shape == c.output.shape == c.of.output.shape == ()
        if is_scalar and self.says["value"] and self.says["gradient"]:
            plugged, sign, _ = of_contribution(c)
            result = number(c.output.array)
            if not plugged or plugged in (result, lines[0]):
                return cut(f"{lines[0]} {sign} {result}", LABEL)
            lines.append(cut(f"{plugged} {sign} {result}", LABEL))
        return "\n".join(lines)


# ---- names and counts ----------------------------------------------------------------------------


def _main(parts: "list[Node | Branch]", path: str) -> str:
    """What repeated parts are called by: the first module, or the last value."""
    calls = [part.call if isinstance(part, Branch) else part.thing for part in parts]
    for call in calls:
        if isinstance(call, ModuleCall):
            return cut(within(call.path, path), 30)
    nodes = Branch(children=parts).nodes()
    made = [node for node in nodes if isinstance(node.thing, Applied | Gradient)] or nodes
    first = made[0].thing
    if isinstance(first, Gradient):
        return "∂" + cut(within(first.of.name, path), 30)
    value = made[-1].value
    return cut(within(value.name, path), 30) if value is not None else "?"


def _nth_calls(graph: Graph) -> dict[int, int]:
    """Which call of its module each is, counted from 1."""
    nth: dict[int, int] = {}
    times: Counter[tuple[str, str]] = Counter()
    for step in graph:
        call, new = step.call, []
        while call is not None and id(call) not in nth:
            nth[id(call)] = 0
            new.append(call)
            call = call.parent
        for call in reversed(new):
            times[call.path, call.summary] += 1
            nth[id(call)] = times[call.path, call.summary]
    return nth


def _ordinal(n: int) -> str:
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n:,}{ending}"


def _counted(node: Node) -> str:
    """`2 operations, 100,480 parameters`."""
    found = counts(node.members)
    said = [_many(found[kind], kind) for kind in ("operation", "gradient", "input") if found[kind]]
    if found["entries"]:
        said.append(_many(found["entries"], "parameter"))
    if found["update"]:
        said.append(_many(found["update"], "update"))
    return ", ".join(said) or _many(len(node.members), "part")


def _many(n: int, what: str) -> str:
    return f"{n:,} {what}{'s' * (n != 1)}"
