"""One program of a compiled function: for arguments of one signature, and one state of modules."""

import builtins
import linecache
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from operator import attrgetter
from types import CellType, FrameType
from typing import Any

import numpy as np

from ..context import Place, current
from ..graphs import Graph, Update, Value
from ..graphs.tracing import traced
from ..memory import Memory, clock
from ..nesting import mapped
from ..nn.module import Module, Structure
from ..random import generator
from ..tensor import Tensor, _memory_of, wrap
from .buffers import buffers
from .lowering import Sources, lowered
from .passes import chosen
from .program import Node, Program, copy_what_is_written
from .reached import (
    Surroundings,
    afterwards,
    check_rates,
    gradients,
    objects,
    rates,
    same,
    variables,
)
from .showing import graph_of
from .writing import written

REQUIRES_GRAD = attrgetter("_requires_grad")
_programs = count(1)


@dataclass(frozen=True)
class Options:
    """What `compile` was asked for; see there."""

    exact: bool
    grads: bool
    check: bool
    passes: frozenset[str] | None


class Version:
    """A function's program; making it runs the function once.

    Attributes
    ----------
    graph : Graph
        What the function did.
    written : Written
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
        options: Options,
    ) -> None:
        self.state, self.keeps_gradients = current.get(), options.grads
        self.error: Exception | None = None  # of the last call of the program
        parts = [getattr(x, "_data", x) for x in args]
        is_plain = not kwargs and all(isinstance(x, np.ndarray) for x in parts)
        self.shapes = [x.shape for x in parts] if is_plain else []
        self.dtypes = [x.dtype for x in parts] if is_plain else []
        self.given = objects((args, kwargs))  # kept, so that their identities stay theirs
        start = next(clock)
        found = variables(fn, self.given)
        before = gradients([getattr(fn, "__self__", fn), *(x for _, _, x in found)])
        learning = rates(found)
        run = traced("compile", fn, args, kwargs, frame)
        self.graph, recorder = run.graph, run.recorder
        check_rates(learning, [schedule for schedule, _ in recorder.stepped])
        found = afterwards(found)

        self._note_leaves(recorder, start, before)
        self._note_steps(recorder)
        self._note_results(run.returned, (args, kwargs), start)
        sources = _sources(recorder, start, before)
        self.with_gradient = list({id(t): t for t in sources.gradients.values()}.values())
        outputs = zip(run.graph.outputs, self.kept, strict=True)
        self.recipe = Recipe(
            run.graph,
            [*run.arguments.values()],
            [value for value, kept in outputs if kept is None],
            [recorder.value(t._grad) for t in self.trained] if options.grads else [],
            sources,
            options,
        )
        self._note_program(self.recipe.program())
        self._note_surroundings(
            [m for call, _ in recorder.module_calls.values() if (m := call.module())], found
        )
        self.settle()

    # ---- making it ---------------------------------------------------------------------------

    def _note_leaves(self, recorder: Any, start: int, before: dict[int, Tensor]) -> None:
        """What was there before the function ran, and what became of its gradients."""
        met = [t for t, _ in recorder.tensors]
        self.leaves = list({id(t): t for t in met if _is_older(t, start)}.values())
        self.flags = [t._requires_grad for t in self.leaves]
        graded, had = recorder.graded, {id(t) for t in before.values()}
        self.touched = [
            t
            for t in self.leaves
            if id(t) in graded or (id(t) in had if t._grad is None else t._grad.index >= start)
        ]
        self.trained = [t for t in self.touched if t._grad is not None]
        self.without_gradient = [
            t for t in self.touched if graded.get(id(t), t) is None and id(t) not in had
        ]

    def _note_steps(self, recorder: Any) -> None:
        """Optimizers that took steps; schedules that did, before those of theirs and after."""
        first: dict[int, tuple[int, Any]] = {}
        for position, step in enumerate(self.graph):
            if isinstance(step, Update) and step.by is not None:
                first.setdefault(id(step.by), (position, step.by))
        self.optimizers = [by for _, by in first.values()]
        counts = [(by, by.steps - recorder.steps_before[id(by)]) for by in self.optimizers]
        self.steps = [(vars(by), count) for by, count in counts]  # past `__setattr__`
        self.earlier: list[Any] = []
        self.later: list[Any] = []
        for schedule, position in recorder.stepped:
            update, _ = first.get(id(schedule.optimizer), (-1, None))
            (self.earlier if position <= update else self.later).append(schedule)

    def _note_results(self, returned: Any, arguments: Any, start: int) -> None:
        """What is returned: leaves of the user's themselves, and copies of what was computed."""
        given, results = {id(t) for t in _tensors(arguments)}, _tensors(returned)
        self.kept = [t if _is_older(t, start) and id(t) not in given else None for t in results]
        computed = [
            np.array(t._data) for t, kept in zip(results, self.kept, strict=True) if kept is None
        ]
        self.count = len(computed)
        self.returns_tensor = isinstance(returned, Tensor) and self.count == 1
        self.returned = returned
        self.returned = self._filled(computed)

    def _note_program(self, program: Program) -> None:
        """The program as Python, and where it finds what is read anew at each call."""
        found = written(program, buffers(program))
        scope = dict(found.namespace)
        file = f"<compiled {found.name} {next(_programs)}>"  # what warnings name, with its lines
        exec(builtins.compile(found.source, file, "exec"), scope)
        linecache.cache[file] = (len(found.source), None, found.source.splitlines(True), file)
        self.function = scope[found.name]
        self.live = [_place(node) for node in found.numbers]
        self.counts = [_place(node) for node in found.counts]
        self.generators = [node.of for node in found.numbers if node.function == "generator"]
        self.begins = bool(self.earlier or self.generators)
        self.returns_one = len(program.outputs + found.counts + program.gradients) == 1
        targets = [write.target for write in program.writes]
        targets += [x for node in targets if node.function == "flat" for x in node.of]
        self.memories = [_memory_of(x.of) for x in targets if x.function == "tensor"]
        # Nodes hold the arrays that were computed when the function was traced: large ones.
        self.written = replace(found, numbers=[], counts=[], names={})

    def _note_surroundings(self, called: list[Module], found: list[Any]) -> None:
        """What else must be as it is now, if the program is to fit."""
        self.variables = [check for check in found if not isinstance(check[0], CellType)]
        self.cells = [(where, x) for where, _, x in found if isinstance(where, CellType)]
        values = [*self.given, *(x for _, _, x in found)]
        held = [*called, *(x for x in values if isinstance(x, Module))]
        modules = {id(m): m for module in held for _, m in module.named_modules()}
        self.surroundings = Surroundings([*modules.values()], self.optimizers, self.leaves, values)
        self.changes = Structure.changes

    # ---- calling it --------------------------------------------------------------------------

    def taken(self, args: tuple[Any, ...]) -> Sequence[Any] | None:
        """Arrays like those that it was made for; None if they, or others, must be looked at."""
        if len(args) != len(self.shapes):
            return None
        for x, shape, dtype in zip(args, self.shapes, self.dtypes, strict=False):
            if type(x) is not np.ndarray or x.shape != shape or x.dtype is not dtype:
                return None
        return args

    def fits(self) -> bool:
        """Whether everything but values is as it was when the program was made."""
        for where, name, value in self.variables:
            if where.get(name) is not value and not same(where.get(name), value):
                return False
        try:
            for cell, value in self.cells:
                if cell.cell_contents is not value and not same(cell.cell_contents, value):
                    return False
        except ValueError:  # the variable was deleted
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
        undo = self._begun() if self.begins else ()
        try:
            live = [d[key] for d, key in self.live]
            found = self.function(*arrays, *live)
        except (IndexError, ValueError, TypeError, ArithmeticError) as error:  # eager says what
            found, self.error = None, error
        if found is None:
            for take_back in reversed(undo):
                take_back()
            return None
        outputs = (found,) if self.returns_one else found
        if self.counts:
            for (d, key), count in zip(self.counts, outputs[self.count :], strict=False):
                d[key] = count
        for options, count in self.steps:
            options["steps"] += count
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
        return (self._filled(outputs[: self.count]),)

    def _begun(self) -> list[Callable[[], None]]:
        """Step schedules that step before the optimizer; how to take that and the draws back."""
        undo: list[Callable[[], None]] = []
        for rng in self.generators:
            bits = generator(rng).bit_generator
            undo.append(partial(setattr, bits, "state", bits.state))
        for schedule in self.earlier:
            undo.append(partial(setattr, schedule, "count", schedule.count))
            undo.append(partial(setattr, schedule.optimizer, "lr", schedule.optimizer.lr))
            schedule.step()
        return undo

    def _filled(self, arrays: Sequence[Any]) -> Any:
        """What is returned: arrays where the function returned what it had computed."""
        computed = iter(arrays)
        results = iter([wrap(np.asarray(next(computed))) if t is None else t for t in self.kept])
        return mapped(self.returned, lambda x, _: next(results) if isinstance(x, Tensor) else x, "")

    def settle(self) -> None:
        """Leave gradients as after a call, where the function itself has run."""
        for t in self.touched:
            if not self.keeps_gradients or t._grad is None:
                t._grad = None
            elif t._grad.op is not None:
                t._grad = t._grad.detach()

    def optimized_graph(self) -> Graph:
        """The statements of the program as a Graph; it is made anew, to have its arrays."""
        program = self.recipe.program()
        return graph_of(program, written(program, buffers(program)).names)


@dataclass(frozen=True)
class Recipe:
    """What a program is made of.

    Attributes
    ----------
    graph : Graph
        Of the function.
    arguments, outputs, gradients : list of Value
    sources : Sources
    options : Options
    """

    graph: Graph
    arguments: list[Value]
    outputs: list[Value]
    gradients: list[Value]
    sources: Sources
    options: Options

    def program(self) -> Program:
        """What is left of the graph."""
        program = lowered(self.graph, self.arguments, self.outputs, self.gradients, self.sources)
        for improve in chosen(self.options.passes, self.options.exact):
            improve(program)
        copy_what_is_written(program)
        return program


def _sources(recorder: Any, start: int, before: dict[int, Tensor]) -> Sources:
    """Where values come from that were there before the function ran."""
    sources = Sources(draws=recorder.draws, given=recorder.given, expected=recorder.expected)
    for t, value in recorder.tensors:
        if t.index >= start:
            continue
        if id(value) in recorder.before:
            sources.gradients[id(value)] = recorder.before[id(value)]
        elif id(t) in before:
            sources.gradients[id(value)] = before[id(t)]
        else:
            sources.leaves.setdefault(id(value), t)
    for x, value in recorder.constants():
        if isinstance(x, np.ndarray):
            sources.leaves[id(value)] = x
    return sources


def _is_older(t: Tensor, start: int) -> bool:
    """Whether it is a leaf that was there before the function ran."""
    return t.index < start and t.op is None


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
