"""Writes down what a computation does, step by step, as the engine tells it."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from .. import refusals
from ..autodiff import Seed as Seeded
from ..context import Call, Place, calls, no_grad, place
from ..memory import ReadOnlyArray
from ..nn import Buffer, Parameter
from ..ops import Operation, table
from ..source import SourcePlace
from ..tensor import Tensor
from ..values import snapshot
from .steps import Applied, Contribution, ModuleCall, Seed, Step, Update, Value

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep


class Recorder:
    """The steps of a computation, while it runs: `Switch(recorder=…)` has the engine call this.

    Parameters
    ----------
    asked : Place, optional
        Where a trace was asked for: it listens to whatever is done, and refuses shapes that depend
        on values, as another run could have others. Without it, there is a history to be told.
    compiles : bool
        Whether this will run again, as a program, so that what is checked must be checked there.

    Attributes
    ----------
    steps : list of Step
    values : list of Value
        In the order in which they were first met.
    """

    def __init__(self, asked: Place | None = None, compiles: bool = False) -> None:
        self.asked = asked
        self.tracing = asked is not None
        self.compiles = compiles
        self.expected: list[tuple[Value, int]] = []  # truths, each with how many steps came before
        self.steps: list[Step] = []
        self.values: list[Value] = []
        self.tensors: list[tuple[Tensor, Value]] = []  # keeps them alive, so that ids stay theirs
        self.module_calls: dict[int, tuple[Call, ModuleCall]] = {}
        self.draws: dict[int, tuple[Any, Any]] = {}  # sample and generator, by identity of Values
        self.given: dict[int, Any] = {}  # the user's gradients that passes began with
        self._seeds: dict[int, tuple[Any, Any]] = {}
        self.before: dict[int, Tensor] = {}  # gradients that were there, and of which leaf
        self.graded: dict[int, Tensor | None] = {}  # the first `grad` that leaves had, by identity
        self.stepped: list[tuple[Any, int]] = []  # schedules, each with how many steps came before
        self.steps_before: dict[int, int] = {}  # those of optimizers, by their identity
        self._found: dict[int, Value] = {}  # by the identity of Tensors and of their arrays
        self._constants: dict[int, tuple[Any, Value]] = {}  # the user's arrays, kept alive
        self._copies: set[int] = set()  # Tensors that are taken for what they are a copy of
        self._stale: dict[int, Value] = {}  # views of what was written, and what it is now
        self._made: dict[int, Applied] = {}  # by the identity of the Tensor
        self._sweeps: list[dict[int, list[Value]]] = []  # gradients so far, sum by sum, by Tensor
        # By memory that may be written: who sees it, and as what.
        self._live: dict[int, list[tuple[Tensor, Value]]] = defaultdict(list)
        self._written: list[tuple[Tensor, Value]] = []  # of what is just being written

    # ---- what the engine tells ---------------------------------------------------------------

    def applied(
        self, result: Tensor, op: Operation, inputs: tuple[Any, ...], attributes: Any
    ) -> None:
        """An operation was applied; if this is no trace, by a rule of the user's."""
        if not self.tracing:
            return
        where = self._users(result._place or place(2))
        if op.shape_by:
            named = dict(zip(op.rules, inputs, strict=False)) | (attributes or {})
            kinds = "b" if op.shape_by == "index" else "bi"  # integers read as many as they are
            if self._decides_shape(named.get(op.shape_by), kinds):
                raise refusals.shape_by_values(op.name, where)
        self._write_down(result, op, inputs, attributes, where)

    def _write_down(
        self, result: Tensor, op: Operation, inputs: Any, attributes: Any, where: SourcePlace
    ) -> None:
        step = Applied(
            op,
            op.name,
            tuple([self.value(x) for x in inputs]),
            Value("result", result._data, requires_grad=result._requires_grad),
            {key: self._attribute(x) for key, x in (attributes or {}).items()},
            self._module_call(result.call or calls.get()),
            where,
        )
        self._made[id(result)] = step
        self._know(result, step.output)
        self.steps.append(step)

    def copied(self, result: Tensor, source: Any, requires_grad: bool) -> None:
        """`Tensor(source)` was made. It is taken for the source itself, if it may be."""
        if not self.tracing:
            return
        known = self.value(source) if isinstance(source, Tensor) else self._known(source)
        if known is None:
            return
        if requires_grad or known.requires_grad or known.dtype != result.dtype:
            self._alias(result, known, "copy")
        else:
            self._copies.add(id(result))
            self._know(result, known)

    def drew(self, result: Tensor, sample: Any, rng: Any) -> None:
        """Random numbers were drawn."""
        if self.tracing:
            self.draws[id(self.value(result))] = (sample, rng)

    def expect(self, condition: Callable[[], Tensor]) -> None:
        """What was checked in Python must hold at later calls of a compiled function, too."""
        if self.compiles:
            with no_grad():
                self.expected.append((self.value(condition()), len(self.steps)))

    def scheduled(self, schedule: Any) -> None:
        """A schedule changed a learning rate."""
        if self.tracing:
            self.stepped.append((schedule, len(self.steps)))

    def detached(self, result: Tensor, source: Tensor) -> None:
        """`source.detach()` was made."""
        if self.tracing:
            self._alias(result, self.value(source), "detach")

    def seeded(self, g: Any, given: Any) -> Any:
        """`g`, which a backward pass is to begin with, as it is now, if it is the user's."""
        if isinstance(g, np.ndarray):
            g = _copied(g)
        if self.tracing and isinstance(given, Tensor | np.ndarray):
            if given.dtype != g.dtype:
                given = given.astype(g.dtype)
            known = self.value(given) if isinstance(given, Tensor) else self._known(given)
            self._seeds[id(g)] = (g, given if known is None else known)
        return g

    def swept(self, seeds: Sequence[Seeded]) -> None:
        """A backward pass begins."""
        sums: dict[int, list[Value]] = {}
        self._sweeps.append(sums)
        for root, g in seeds:
            self.history(root)
            step = Seed(self.value(root), Value("gradient", np.asarray(g)))
            self.values.append(step.output)
            if id(g) in self._seeds:
                self.given[id(step.output)] = self._seeds[id(g)][1]
            self.steps.append(step)
            sums[id(root)] = [step.output]
            step.of.gradient = step.output

    def flowed(self, t: Tensor, position: int, rule: Any, lifted: Any, flow: Any) -> None:
        """The gradient of `t` gave `flow` to one of its inputs, made to fit what the rule gave."""
        while id(t) not in self._sweeps[-1]:  # a sweep within a rule is over
            self._sweeps.pop()
        sums, x = self._sweeps[-1], t.inputs[position]
        flow = np.asarray(flow)
        flow.setflags(write=False)  # so that whoever is given it makes a copy
        of, before = self._made[id(t)], sums.setdefault(id(x), [])
        to, output = self.value(x), Value("gradient", flow)
        total = Value("gradient", np.asarray(before[-1].array + flow)) if before else output
        g, shapes = sums[id(t)][-1], (rule.shape, lifted.shape)
        step = Contribution(of, position, to, g, output, *shapes, len(before), total)
        if step.summed_over or rule.size != lifted.size:
            step.given = Value("gradient", np.asarray(rule))
            step.given.array.setflags(write=False)
        before.append(total)
        to.gradient = total
        self.values += [output] if output is total else [output, total]
        self.steps.append(step)

    def kept(self, t: Tensor, grad: Tensor | None, before: Tensor | None) -> None:
        """A gradient was handed out, or added to the `grad` there was `before`."""
        sums = self._sweeps[-1].get(id(t)) if self._sweeps else None
        if grad is None or sums is None or not self.tracing:
            return
        self.graded.setdefault(id(t), before)
        if before is None:
            self._know(grad, sums[-1])
            return
        output = Value("gradient", grad._data)
        self.before[id(self.value(before))] = t
        add = Applied(table[np.add], "add", (self.value(before), sums[-1]), output)
        add.phase = "backward"
        self._know(grad, output)
        self.steps.append(add)

    def writing(self, t: Tensor) -> None:
        """A leaf is about to be written: what its memory holds is copied."""
        if not self.tracing:
            return
        target = self.value(t)
        if id(t) in self._copies:  # no longer the same as its source
            self._copies.remove(id(t))
            self._alias(t, target, "copy")
        key = id(owner_of(t._data))
        self._written = []
        others: list[tuple[Tensor, Value]] = []
        for known in self._live.pop(key, []):  # of one memory may be many leaves, each a part
            seen = np.may_share_memory(known[0]._data, t._data)
            (self._written if seen else others).append(known)
        if others:
            self._live[key] = others
        for _, value in self._written:
            value.array = _copied(value.array)

    def wrote(self, t: Tensor, by: Any, source: Any) -> None:
        """A leaf was written, by an optimizer or what is called `by`."""
        if not self.tracing:
            return
        target = self.value(t)
        output = Value(target.kind, t._data, target.name, target.requires_grad)
        known = self._known(source)
        inputs = (self.value(source) if known is None else known,)
        is_name = isinstance(by, str)
        name = by if is_name else type(by).__name__
        settings = {} if is_name else {"lr": by.lr}
        if not is_name:
            self.steps_before.setdefault(id(by), by.steps - 1)
        step = Update(None if is_name else by, name, target, inputs, output, settings)
        step.place = self._users(place(2))
        self.steps.append(step)
        for x, _ in self._written:  # views of the same memory have changed, too
            self._found.pop(id(x), None)
            self._found.pop(id(x._data), None)
            self._stale[id(x)] = output
        self._stale.pop(id(t), None)
        self._know(t, output)

    # ---- values ------------------------------------------------------------------------------

    def value(self, x: Any) -> Any:
        """The Value that stands for a Tensor or an array; a number stands for itself."""
        known = self._known(x)
        if known is not None:
            return known
        if id(x) in self._stale:
            return self._alias(x, self._stale.pop(id(x)), "view")
        if isinstance(x, Tensor) and x.op is not None:  # computed before it was recorded
            self.history(x)
            return self._found[id(x)]
        if isinstance(x, Tensor):
            is_parameter = isinstance(x, Parameter) or x._requires_grad
            kind = "parameter" if is_parameter else "buffer" if isinstance(x, Buffer) else "input"
            value = Value(kind, x._data, requires_grad=x._requires_grad)
            twin = self._found.get(id(x._data))
            if twin is not None:
                return self._alias(x, twin, "detach")
            self._know(x, value)
            return value
        if isinstance(x, list | tuple | np.ndarray):
            return self._constant(x)
        return x

    def _constant(self, x: Any) -> Value:
        """The Value of an array of the user's, as it is now; it may have changed since last."""
        array = np.asarray(x)
        _, value = self._constants.get(id(x), (None, None))
        if value is None or not np.array_equal(
            value.array, array, equal_nan=array.dtype.kind == "f"
        ):
            value = Value("constant", _copied(array))
            self.values.append(value)
            self._constants[id(x)] = (x, value)
        return value

    def constants(self) -> list[tuple[Any, Value]]:
        """Arrays of the user's that were read, each with the Value that it was last."""
        return [*self._constants.values()]

    def history(self, root: Tensor) -> None:
        """Everything that a Tensor was computed from, as it remembers it."""
        reached, seen = [root], {id(root)}
        for t in reached:  # grows on the way
            for x in t.inputs:
                if isinstance(x, Tensor) and id(x) not in seen and id(x) not in self._made:
                    seen.add(id(x))
                    reached.append(x)
        arrays = Counter([id(t._data) for t in reached])
        for t in reached:  # of a leaf and those detached from it, it comes first
            if t.op is None and t._requires_grad and arrays[id(t._data)] > 1:
                self.value(t)
        for t in sorted(reached, key=attrgetter("index")):
            if t.op is not None and id(t) not in self._made:
                self._write_down(t, t.op, t.inputs, t.attributes, self._users(t._place))
                for x in (t, *t.inputs):
                    memory = getattr(x, "_memory", None)
                    if memory is not None and memory.written > t.index:
                        self.value(x).changed = True

    def finish(self) -> None:
        """Copies what may still be written, so that what was written down stays as it is."""
        for known in self._live.values():
            for _, value in known:
                value.array = _copied(value.array)
        self._live.clear()

    def _known(self, x: Any) -> Value | None:
        if isinstance(x, Tensor):
            return self._found.get(id(x))
        if isinstance(x, np.ndarray):
            return self._found.get(id(x)) or (
                self._found.get(id(x.base)) if isinstance(x, ReadOnlyArray) else None
            )
        return None

    def _know(self, t: Tensor, value: Value) -> None:
        """From now on `value` stands for `t`."""
        self._found[id(t)] = self._found[id(t._data)] = value
        self.tensors.append((t, value))
        if value.array is t._data:
            if t.op is None or t._memory is not None:
                self._live[id(owner_of(t._data))].append((t, value))
            self.values.append(value)

    def _alias(self, t: Tensor, source: Value, name: str) -> Value:
        """A leaf that was made of a value without an operation, so that no gradient flows."""
        output = Value("result", t._data, requires_grad=t._requires_grad)
        where = self._users(place(2)) if self.tracing and name != "view" else None
        self._know(t, output)
        self.steps.append(Applied(None, name, (source,), output, place=where))
        return output

    def _attribute(self, x: Any) -> Any:
        """An attribute; an array in it that is known by its Value."""
        if isinstance(x, tuple | list):
            return type(x)([self._attribute(part) for part in x])
        known = self._known(x)
        return snapshot(x) if known is None else known

    def _decides_shape(self, x: Any, kinds: str) -> bool:
        """Whether values that were computed, or given, say how many entries there will be."""
        if isinstance(x, tuple | list):
            return any(self._decides_shape(part, kinds) for part in x)
        if isinstance(x, Tensor):
            return True
        known = self._known(x)
        return known is not None and known.kind != "constant" and known.dtype.kind in kinds

    def _users(self, where: Any) -> SourcePlace:
        """A place in the user's source: what `tl.trace` calls stands where it is called itself."""
        inside = self.asked is not None and where[0].co_filename.startswith(_PACKAGE)
        return SourcePlace(*(self.asked if inside and self.asked is not None else where))

    def _module_call(self, call: Call | None) -> ModuleCall | None:
        if call is None:
            return None
        if id(call) not in self.module_calls:
            module, parent = call.module(), self._module_call(call.parent)
            kind = call.kind.__name__
            summary = f"{kind}()" if module is None else module.summary()
            self.module_calls[id(call)] = (
                call,
                ModuleCall("", kind, summary, parent, self._users(call.place)),
            )
        return self.module_calls[id(call)][1]


def owner_of(array: np.ndarray) -> np.ndarray:
    """The array whose memory it is."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _copied(array: np.ndarray) -> np.ndarray:
    copy = np.array(array)
    copy.setflags(write=False)
    return copy
