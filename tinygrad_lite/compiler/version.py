"""One program of a compiled function: for arguments of one signature, and one state of modules."""

from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np

from ..context import Place
from ..graphs import Update
from ..graphs.tracing import traced
from ..memory import Memory, clock
from ..nesting import mapped
from ..nn.module import Structure
from ..nn.optim import Optimizer
from ..random import generator
from ..tensor import Tensor, _memory_of, wrap
from .buffers import buffers
from .lowering import Sources, lowered
from .passes import chosen
from .program import Node
from .reached import Surroundings, same, variables
from .writing import written


class Version:
    """A function's program; making it runs the function once.

    Attributes
    ----------
    graph : Graph
        What the function did.
    program : Program
        What is left of it.
    source : str
        The program as Python.
    returned : Any
        What the function returned when it ran.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        frame: FrameType,
        options: Any,
    ) -> None:
        self.variables = variables(fn)
        start = next(clock)
        optimizers = [x for _, _, x in self.variables if isinstance(x, Optimizer)]
        before = {id(p._grad): p for o in optimizers for p in o.parameters if p._grad is not None}
        steps = {id(o): o.steps for o in optimizers}
        run = traced("compile", fn, args, kwargs, frame)
        recorder = run.recorder
        self.graph, self.returned = run.graph, run.returned

        updates = [step for step in run.graph if isinstance(step, Update)]
        self.optimizers = list({id(u.by): u.by for u in updates if u.by is not None}.values())
        sources = Sources()
        for t, value in recorder.tensors:
            if id(t) in before or id(value) in recorder.before:
                sources.gradients[id(value)] = before.get(id(t)) or recorder.before[id(value)]
            elif t.index < start:
                sources.leaves.setdefault(id(value), t)
        for x, value in recorder._constants.values():
            if isinstance(x, np.ndarray):
                sources.leaves[id(value)] = x
        sources.draws, sources.given = recorder.draws, recorder.given
        self.program = lowered(run.graph, [*run.arguments.values()], sources)
        for improve in chosen(options.passes, options.exact):
            improve(self.program)

        self.leaves = list(
            {id(t): t for t, _ in recorder.tensors if t.index < start and t.op is None}.values()
        )
        self.trained = [t for t in self.leaves if t._grad is not None]
        modules = [m for call, _ in recorder.module_calls.values() if (m := call.module())]
        modules += [x for _, _, x in self.variables if hasattr(x, "named_modules")]
        modules = [m for module in modules for _, m in module.named_modules()]
        modules = list({id(m): m for m in modules}.values())
        self.flags = [t._requires_grad for t in self.leaves]
        self.steps = [(o, o.steps - steps.get(id(o), o.steps - 1)) for o in self.optimizers]
        first = {
            id(o): i for i, u in reversed([*enumerate(run.graph)]) if (o := getattr(u, "by", 0))
        }
        self.earlier = [s for s, at in recorder.stepped if at <= first.get(id(s.optimizer), -1)]
        self.later = [s for s, at in recorder.stepped if at > first.get(id(s.optimizer), -1)]

        self.buffers = buffers(self.program)
        self.written = written(self.program, self.buffers)
        self.source = self.written.source
        scope = dict(self.written.namespace)
        exec(self.source, scope)
        self.function = scope[self.written.name]
        self.live = [_reader(node) for node in self.written.numbers]
        self.counts = [_place(node) for node in self.written.counts]
        targets = [write.target for write in self.program.writes]
        targets += [x for node in targets if node.function == "flat" for x in node.of]
        self.memories = [_memory_of(x.of) for x in targets if x.function == "tensor"]
        self.surroundings = Surroundings(modules, self.optimizers, self.leaves)
        self.changes = Structure.changes
        self.given = [
            t if isinstance(t, Tensor) and t.index < start else None for t in _tensors(run.returned)
        ]
        for t in self.trained:
            t._grad = None

    def fits(self) -> bool:
        """Whether everything but values is as it was when the program was made."""
        for where, name, value in self.variables:
            if where[name] is not value and not same(where[name], value):
                return False
        if [t._requires_grad for t in self.leaves] != self.flags:
            return False
        if self.changes != Structure.changes:
            if not self.surroundings.hold():
                return False
            self.changes = Structure.changes
        return True

    def run(self, arrays: list[Any], where: Place) -> Any:
        """Run the program; None if the eager function must say what is wrong."""
        for schedule in self.earlier:
            schedule.step()
        found = self.function(*arrays, *[read() for read in self.live])
        if found is None:
            return None
        outputs, counts, _ = found
        for (d, key), count in zip(self.counts, counts, strict=True):
            d[key] = count
        for optimizer, count in self.steps:
            optimizer.steps += count
        for schedule in self.later:
            schedule.step()
        now = Memory.latest = next(clock)
        for memory in self.memories:
            memory.written, memory.place = now, where
        for t in self.trained:
            t._grad = None
        results = iter([wrap(np.asarray(x)) for x in outputs])
        return mapped(self.returned, lambda x, _: next(results) if isinstance(x, Tensor) else x, "")


def _tensors(nest: Any) -> list[Any]:
    found: list[Any] = []
    mapped(nest, lambda x, _: found.append(x) if isinstance(x, Tensor) else None, "")
    return found


def _reader(node: Node) -> Callable[[], Any]:
    """What reads a number, or finds a generator or a gradient, at each call."""
    if node.function == "generator":
        return lambda: generator(node.of)
    if node.function == "gradient":
        return lambda: node.of._grad._data
    d, key = _place(node)
    return lambda: d[key]


def _place(node: Node) -> tuple[dict[str, Any], str]:
    optimizer, which, key = node.of
    return (vars(optimizer), "_lr") if which < 0 else (optimizer.state[which], key)
