"""What a drawing says: titles, shapes, numbers, and the rules along arrows."""

import math
import re
from collections import Counter, defaultdict
from typing import Any

from ..errors import OperationError
from ..formulas import formula
from ..ops import Operation
from ..source import SourcePlace
from .network import Branch, Gradient, Node, counts
from .numbers import memory, number, text
from .plugged import with_numbers
from .record import Graph
from .steps import Applied, Contribution, ModuleCall, Seed, Update, Value

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
            return cut(f"∂{cut(thing.root, 24)}/∂{_within(thing.of.name, path)}")
        if isinstance(thing, Applied):
            name, expression = thing.output.name, _within(cut(thing.expression, 200), path)
            named = name and name != path
            said = f"{cut(_within(name, path), 30)} = {expression}" if named else expression
            return cut(said) or "?"
        return (
            cut(_within((thing.output if isinstance(thing, Update) else thing).name, path)) or "?"
        )

    def group(self, branch: Branch, path: str) -> str:
        """The title of a group within the module of that path."""
        if branch.call is not None:
            last = branch.last[0] if branch.last else None
            if isinstance(last, Branch) and last.call is not None:
                first, second = (_within(x.path, path) for x in (branch.call, last.call))
                paths = f"{cut(first, 24)} … {cut(second, 24)}" if first != second else first
                return cut(f"{paths} · {branch.call.summary}", 80)
            return cut(self._call(branch.call, path), 80) or "?"
        first, second = (_main(parts, path) for parts in (branch.children, branch.last))
        return cut(f"{first} … {second}" if first != second else first, 80) or "repeated"

    def _call(self, call: ModuleCall, path: str) -> str:
        name, again = _within(call.path, path), self.nth.get(id(call), 1)
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
                found.append(("note", "written since"))
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

    def flow(self, c: Contribution) -> str:
        """The rule of a contribution, a line; for numbers a second with them in it."""
        path = c.call.path if c.call is not None else ""
        rule = _written(c, [_named(x, path) for x in c.of.inputs])
        lines = [cut(rule, LABEL)]
        if c.summed_over:
            axes = ", ".join(map(str, c.summed_over))
            lines.append(f"summed over {'axis' if len(c.summed_over) == 1 else 'axes'} {axes}")
        elif math.prod(c.rule_shape) < math.prod(c.lifted_shape):
            lines.append(f"spread over {c.to.shape}")
        plugged = _plugged(c) if self.says["value"] and self.says["gradient"] else ""
        result = number(c.output.array) if plugged else ""
        if plugged and plugged in (result, rule):
            return cut(f"{rule} = {result}", LABEL)
        return "\n".join([*lines, cut(f"{plugged} = {result}", LABEL)] if plugged else lines)


def _plugged(c: Contribution) -> str:
    """The rule with numbers in it; empty if there are arrays, or more than inputs."""
    arrays = [x.array if isinstance(x, Value) else x for x in (c.g, c.of.output, *c.of.inputs)]
    operation = c.of.operation
    assert operation is not None
    if c.of.attributes or any(getattr(x, "shape", ()) for x in arrays):
        return ""
    names = ["g", "out", *operation.rules]
    rule = c.rule() if operation.each is None else _of_each(c, operation)
    return with_numbers(rule, dict(zip(names, map(_plain, arrays), strict=False))) or rule


def _named(x: Any, path: str) -> str:
    return cut(_within(x.name, path), 24) if isinstance(x, Value) else _plain(x)


def _plain(x: Any) -> str:
    try:
        return number(x)
    except (TypeError, ValueError):
        return cut(str(x), 24)


def _written(c: Contribution, inputs: list[str]) -> str:
    """The rule with what stands for its own names, of which any text may be one."""
    operation = c.of.operation
    assert operation is not None
    if operation.each is not None:  # of any number of inputs
        return _of_each(c, operation)
    said = dict(zip(operation.rules, inputs, strict=False))
    names, texts = {}, {}
    for i, (name, shown) in enumerate(said.items()):
        is_negative = re.fullmatch(r"-[\d.e+-]+|-inf", shown) is not None
        names[name] = "-" * is_negative + f"said_{i}_"  # a name, or minus a name, for parentheses
        texts[f"said_{i}_"] = shown[is_negative:]
    return re.sub(r"said_\d+_", lambda found: texts.get(found[0], found[0]), c.rule(names))


def _of_each(c: Contribution, operation: Operation) -> str:
    try:
        rule = formula(operation, "each", c.of.attributes)
    except OperationError:  # a rule of the user's that needs values
        return f"the rule of {operation.name}"
    return re.sub(r"\bposition\b", str(c.position), rule)


# ---- names and counts ----------------------------------------------------------------------------


def _within(said: str, path: str) -> str:
    """A text with names as they are within a module: `weight` for `layers.0.weight`."""
    if not path:
        return said
    return re.sub(rf"(?<![\w.]){re.escape(path)}\.(?=\w)", "", said)


def _main(parts: "list[Node | Branch]", path: str) -> str:
    """What repeated parts are called by: the first module, or the last value."""
    calls = [part.call if isinstance(part, Branch) else part.thing for part in parts]
    for call in calls:
        if isinstance(call, ModuleCall):
            return cut(_within(call.path, path), 30)
    nodes = Branch(children=parts).nodes()
    made = [node for node in nodes if isinstance(node.thing, Applied | Gradient)] or nodes
    thing = made[-1].thing
    if isinstance(thing, Gradient):
        return "∂" + cut(_within(thing.of.name, path), 30)
    value = made[-1].value
    return cut(_within(value.name, path), 30) if value is not None else "?"


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
