"""Why values have no gradient, said of all values of a graph at once."""

from .columns import clean
from .record import Graph
from .recorder import owner_of
from .steps import Applied, Contribution, Seed, Step, Update, Value
from .why import APART, cuts, not_floating, rule_of


class Reasons:
    """Knows of each value who made it, who uses it, and whether a result depends on it.

    `Graph.why` says more of one value; this says the beginning of the same, of each in the same
    short time.
    """

    def __init__(self, graph: Graph):
        self.error = clean(graph.backward_error, 300)
        self.makers: dict[int, Step] = {}
        self.used: set[int] = set()
        self.seeds = [step for step in graph if isinstance(step, Seed)]
        for step in graph:
            if isinstance(step, Applied | Update):
                self.makers.setdefault(id(step.output), step)
            if isinstance(step, Applied):
                self.used.update(id(x) for x in step.inputs)
        self.gradients = {
            id(x)
            for step in graph
            if isinstance(step, Seed | Contribution)
            for x in (step.output, getattr(step, "total", step.output))
        }
        self.memory = {id(value): id(owner_of(t._data)) for t, value in graph._tensors}
        self.owners: dict[int, Value] = {}  # the first value of each memory
        for _, value in graph._tensors:
            self.owners.setdefault(self.memory[id(value)], value)
        self.leading = _leading(graph)
        self.cuts = _cut_off(graph)

    def of(self, x: Value) -> str:
        """Why a value that has no gradient has none; empty of what is a gradient itself."""
        if x.kind == "gradient" or id(x) in self.gradients:
            return ""
        if self.error:
            return f"the backward pass didn't come to its end. {self.error}"
        if x.kind == "constant":
            return "it is an array or a number, no Tensor."
        maker = self.makers.get(id(x))
        if isinstance(maker, Update):
            return f"it is what {clean(maker.name)} left, and no backward pass came after that."
        if not x.requires_grad:
            return self._without(x, maker)
        if not self.seeds:
            return "no backward pass was run."
        return self._unreached(x)

    def _without(self, x: Value, maker: Step | None) -> str:
        if isinstance(maker, Applied):
            source, why = self.cuts.get(
                id(x), (x, "requires_grad is off for all that it was computed from")
            )
            return f"{why}." if source is x else f"it is computed from {_name(source)}: {why}."
        if x.dtype.kind != "f":
            return not_floating(x.dtype)
        if x.kind == "buffer":
            return "it is a buffer: what a module keeps, but doesn't train."
        if x.kind == "parameter":
            return "it is a Parameter that is frozen: requires_grad was off when it was used."
        first = self.owners.get(self.memory.get(id(x), 0), x)
        if first is not x:
            return f"it was detached: it shares its memory with {_name(first)}, but {APART}."
        return "requires_grad is off."

    def _unreached(self, x: Value) -> str:
        if id(x) not in self.used:
            return "no step of the graph uses it."
        if id(x) in self.leading:
            return (
                f"{_name(self.seeds[-1].of)} depends on it, but the backward pass went "
                "only to what was asked for."
            )
        of = ", ".join(dict.fromkeys(_name(seed.of) for seed in self.seeds[-3:]))
        return f"no way that gradients can go leads from it to {of}, where the backward pass began."


def _cut_off(graph: Graph) -> dict[int, tuple[Value, str]]:
    """For each result that is computed from what requires a gradient, but requires none itself:
    which result was the first of these on the way, and why."""
    found: dict[int, tuple[Value, str]] = {}
    for step in graph:
        if not isinstance(step, Applied) or step.output.requires_grad:
            continue
        given = [(i, x) for i, x in enumerate(step.inputs) if isinstance(x, Value)]
        flows = [i for i, x in given if x.requires_grad]
        cut = next((found[id(x)] for _, x in given if id(x) in found), None)
        if flows:
            found[id(step.output)] = step.output, cuts(step, flows)
        elif cut is not None:
            found[id(step.output)] = cut
    return found


def _leading(graph: Graph) -> set[int]:
    """The values that results of backward passes depend on, along ways that gradients can go."""
    leading: set[int] = set()
    for step in reversed(graph.steps):
        if isinstance(step, Seed):
            leading.add(id(step.of))
        elif isinstance(step, Applied) and id(step.output) in leading:
            for position, x in enumerate(step.inputs):
                if isinstance(x, Value) and x.requires_grad and rule_of(step, position) is not None:
                    leading.add(id(x))
    return leading


def _name(x: Value) -> str:
    return clean(x.name, 60)
