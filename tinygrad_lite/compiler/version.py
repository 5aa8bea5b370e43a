"""One program of a compiled function: for arguments of one signature, and one state of modules."""

from collections.abc import Callable, Sequence
from itertools import repeat
from operator import attrgetter
from types import FrameType
from typing import Any

import numpy as np

from ..context import Place, current
from ..graphs import Update
from ..graphs.tracing import traced
from ..memory import Memory, clock
from ..nesting import mapped
from ..nn.module import Module, Structure
from ..random import generator
from ..tensor import Tensor, _memory_of, wrap
from .buffers import buffers
from .lowering import Sources, lowered
from .passes import chosen
from .program import Node
from .reached import Surroundings, afterwards, gradients, same, variables
from .writing import written

REQUIRES_GRAD = attrgetter("_requires_grad")


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
        self.state = current.get()
        found = variables(fn)
        parts = [getattr(x, "_data", x) for x in args]
        is_plain = not kwargs and all(isinstance(x, np.ndarray) for x in parts)
        self.expected = [(x.shape, x.dtype) for x in parts] if is_plain else []
        start = next(clock)
        before = gradients([getattr(fn, "__self__", fn), *(x for _, _, x in found)])
        run = traced("compile", fn, args, kwargs, frame)
        found = afterwards(found)
        self.variables = [check for check in found if isinstance(check[0], dict)]
        self.cells = [(where, value) for where, _, value in found if not isinstance(where, dict)]
        recorder = run.recorder
        self.graph, self.returned = run.graph, run.returned

        updates = [step for step in run.graph if isinstance(step, Update)]
        self.optimizers = list({id(u.by): u.by for u in updates if u.by is not None}.values())
        sources = Sources()
        for t, value in recorder.tensors:
            if t.index >= start:
                continue
            if id(value) in recorder.before:
                sources.gradients[id(value)] = recorder.before[id(value)]
            elif id(t) in before:
                sources.gradients[id(value)] = before[id(t)]
            else:
                sources.leaves.setdefault(id(value), t)
        for x, value in recorder._constants.values():
            if isinstance(x, np.ndarray):
                sources.leaves[id(value)] = x
        sources.draws, sources.given = recorder.draws, recorder.given
        sources.expected = recorder.expected
        self.leaves = list(
            {id(t): t for t, _ in recorder.tensors if t.index < start and t.op is None}.values()
        )
        had = {id(t) for t in before.values()}
        graded = recorder.graded
        self.touched = [
            t
            for t in self.leaves
            if id(t) in graded or (id(t) in had if t._grad is None else t._grad.index >= start)
        ]
        self.trained = [t for t in self.touched if t._grad is not None]
        self.with_gradient = list({id(t): t for t in sources.gradients.values()}.values())
        self.without_gradient = [
            t for t in self.touched if graded.get(id(t), t) is None and id(t) not in had
        ]
        self.keeps_gradients = options.grads
        wanted = [recorder.value(t._grad) for t in self.trained] if options.grads else []
        self.program = lowered(run.graph, [*run.arguments.values()], sources, wanted)
        for improve in chosen(options.passes, options.exact):
            improve(self.program)

        modules = [m for call, _ in recorder.module_calls.values() if (m := call.module())]
        modules += [x for _, _, x in found if isinstance(x, Module)]
        modules = [m for module in modules for _, m in module.named_modules()]
        modules = list({id(m): m for m in modules}.values())
        self.flags = [t._requires_grad for t in self.leaves]
        self.steps = [(o, o.steps - recorder.steps_before[id(o)]) for o in self.optimizers]
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
        self.live = [_place(node) for node in self.written.numbers]
        self.counts = [_place(node) for node in self.written.counts]
        targets = [write.target for write in self.program.writes]
        targets += [x for node in targets if node.function == "flat" for x in node.of]
        self.memories = [_memory_of(x.of) for x in targets if x.function == "tensor"]
        self.surroundings = Surroundings(
            modules, self.optimizers, self.leaves, [x for _, _, x in found]
        )
        self.changes = Structure.changes
        given = {id(t) for t in _tensors((args, kwargs))}
        kept = [
            t if t.index < start and t.op is None and id(t) not in given else None
            for t in _tensors(run.returned)
        ]
        self.returned = self._filled([np.array(t._data) for t in _tensors(run.returned)], kept)
        self.kept = kept if any(t is not None for t in kept) else None
        self.returns_tensor = isinstance(run.returned, Tensor) and self.kept is None
        self.count = len(self.program.outputs)
        self.returns_one = self.count + len(self.counts) + len(wanted) == 1
        if not options.grads:
            self.forget_gradients()

    def taken(self, args: tuple[Any, ...]) -> Sequence[Any] | None:
        """Arrays like those that it was made for; None if they, or others, must be looked at."""
        if len(args) != len(self.expected):
            return None
        for x, (shape, dtype) in zip(args, self.expected, strict=False):
            if type(x) is not np.ndarray or x.shape != shape or x.dtype is not dtype:
                return None
        return args

    def fits(self) -> bool:
        """Whether everything but values is as it was when the program was made."""
        for where, name, value in self.variables:
            if where.get(name) is not value and not same(where.get(name), value):
                return False
        for cell, value in self.cells:
            if cell.cell_contents is not value and not same(cell.cell_contents, value):
                return False
        if [*map(REQUIRES_GRAD, self.leaves)] != self.flags:
            return False
        for t in self.without_gradient:
            if t._grad is not None:
                return False
        for t in self.with_gradient:
            if t._grad is None:
                return False
        if not self.surroundings.are_unchanged():
            return False
        if self.changes != Structure.changes:
            if not self.surroundings.hold():
                return False
            self.changes = Structure.changes
        return True

    def run(self, arrays: Sequence[Any], where: Place) -> tuple[Any] | None:
        """Run the program; None if it can't, and the function itself must."""
        rates = self._scheduled() if self.earlier else ()
        try:
            live = [d[key] for d, key in self.live]
            found = self.function(*arrays, *live)
        except (IndexError, ValueError, TypeError, np.linalg.LinAlgError):  # eager says what
            found = None
        if found is None:
            for schedule, count, rate in reversed(rates):
                schedule.count, schedule.optimizer.lr = count, rate
            return None
        outputs = (found,) if self.returns_one else found
        if self.counts:
            for (d, key), count in zip(self.counts, outputs[self.count :], strict=False):
                d[key] = count
        for optimizer, count in self.steps:
            optimizer.steps += count
        for schedule in self.later:
            schedule.step()
        if self.memories:
            now = Memory.latest = next(clock)
            for memory in self.memories:
                memory.written, memory.place = now, where
        for t in self.touched:
            t._grad = None
        if self.keeps_gradients:
            found = outputs[self.count + len(self.counts) :]
            for t, g in zip(self.trained, found, strict=True):
                t._grad = wrap(np.asarray(g))
        if self.returns_tensor:
            return (wrap(np.asarray(outputs[0])),)
        return (self._filled(outputs[: self.count], self.kept),)

    def _scheduled(self) -> list[tuple[Any, int, float]]:
        """Schedules that step before the optimizer, stepped; and how they were."""
        rates = [(schedule, schedule.count, schedule.optimizer.lr) for schedule in self.earlier]
        for schedule in self.earlier:
            schedule.step()
        return rates

    def _filled(self, arrays: Sequence[Any], kept: list[Tensor | None] | None) -> Any:
        """What is returned: arrays where the function returned what it had computed."""
        results = iter(
            [
                wrap(np.asarray(x)) if t is None else t
                for x, t in zip(arrays, kept or repeat(None), strict=False)
            ]
        )
        return mapped(self.returned, lambda x, _: next(results) if isinstance(x, Tensor) else x, "")

    def forget_gradients(self) -> None:
        for t in self.touched:
            t._grad = None


def _tensors(nest: Any) -> list[Any]:
    found: list[Any] = []
    mapped(nest, lambda x, _: found.append(x) if isinstance(x, Tensor) else None, "")
    return found


class _Generator:
    """Where a generator is found, as numbers are in a dict."""

    def __getitem__(self, rng: Any) -> Any:
        return generator(rng)


class _Gradient:
    """Where the gradient of a leaf is found."""

    def __getitem__(self, leaf: Any) -> Any:
        return leaf._grad._data


def _place(node: Node) -> tuple[Any, Any]:
    """Where something live is found at each call: in what, and under which key."""
    if node.function == "generator":
        return _Generator(), node.of
    if node.function == "gradient":
        return _Gradient(), node.of
    optimizer, which, key = node.of
    return (vars(optimizer), "_lr") if which < 0 else (optimizer.state[which], key)
