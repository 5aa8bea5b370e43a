"""Writes down what a computation does, step by step, as the engine tells it."""

from collections import defaultdict
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from ..autodiff import Seed as Seeded
from ..context import Call, calls, place
from ..errors import OperationError
from ..memory import ReadOnlyArray
from ..nn import Buffer, Parameter
from ..ops import Operation, table
from ..source import SourcePlace
from ..tensor import Tensor
from .steps import Applied, Contribution, ModuleCall, Seed, Step, Update, Value


class Recorder:
    """The steps of a computation, while it runs: `Switch(recorder=…)` has the engine call this.

    Parameters
    ----------
    tracing : bool
        Whether to refuse shapes that depend on values: another run could have others.

    Attributes
    ----------
    steps : list of Step
    values : list of Value
        In the order in which they were first met.
    """

    def __init__(self, tracing: bool = False) -> None:
        self.tracing = tracing
        self.steps: list[Step] = []
        self.values: list[Value] = []
        self.tensors: list[tuple[Tensor, Value]] = []  # keeps them alive, so that ids stay theirs
        self.module_calls: dict[int, tuple[Call, ModuleCall]] = {}
        self._found: dict[int, Value] = {}  # by the identity of Tensors and of their arrays
        self._arrays: list[Any] = []  # kept alive, as are the Tensors
        self._made: dict[int, Applied] = {}  # by the identity of the Tensor
        self._sweeps: list[dict[int, list[Value]]] = []  # gradients so far, sum by sum, by Tensor
        self._live: dict[int, list[Value]] = defaultdict(list)  # by memory that may be written

    # ---- what the engine tells ---------------------------------------------------------------

    def applied(
        self, result: Tensor, op: Operation, inputs: tuple[Any, ...], attributes: Any
    ) -> None:
        """An operation was applied."""
        where, call = result._place or place(2), result.call or calls.get()
        if self.tracing and op.shape_by:
            named = dict(zip(op.rules, inputs, strict=False)) | (attributes or {})
            kinds = "b" if op.shape_by == "index" else "bi"
            if self._decides_shape(named.get(op.shape_by), kinds):
                raise _shape_by_values(op, SourcePlace(*where))
        step = Applied(
            op,
            op.name,
            tuple([self.value(x) for x in inputs]),
            Value("result", result._data, requires_grad=result._requires_grad),
            {key: self._attribute(x) for key, x in (attributes or {}).items()},
            self._module_call(call),
            SourcePlace(*where),
        )
        self._made[id(result)] = step
        self._know(result, step.output)
        self.steps.append(step)

    def copied(self, result: Tensor, source: Any, requires_grad: bool) -> None:
        """`Tensor(source)` was made."""
        known = self._known(source)
        if known is not None and not requires_grad:
            self._know(result, known)
        elif known is not None:
            self._alias(result, known, "copy")

    def swept(self, seeds: Sequence[Seeded]) -> None:
        """A backward pass begins."""
        sums: dict[int, list[Value]] = {}
        self._sweeps.append(sums)
        for root, g in seeds:
            self.history(root)
            step = Seed(self.value(root), Value("gradient", np.asarray(g)))
            self.values.append(step.output)
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
        before.append(total)
        to.gradient = total
        self.values += [output] if output is total else [output, total]
        self.steps.append(step)

    def kept(self, t: Tensor, grad: Tensor | None, before: Tensor | None) -> None:
        """A gradient was handed out, or added to the `grad` there was `before`."""
        sums = self._sweeps[-1].get(id(t)) if self._sweeps else None
        if grad is None or sums is None:
            return
        if before is None:
            self._know(grad, sums[-1])
            return
        output = Value("gradient", grad._data)
        add = Applied(table[np.add], "add", (self.value(before), sums[-1]), output)
        add.phase = "backward"
        self._know(grad, output)
        self.steps.append(add)

    def writing(self, t: Tensor) -> None:
        """A leaf is about to be written: what it holds is copied."""
        self.value(t)
        for value in self._live.pop(id(_memory(t._data)), ()):
            value.array = _copied(value.array)

    def wrote(self, t: Tensor, by: Any, source: Any) -> None:
        """A leaf was written, by an optimizer or what is called `by`."""
        target = self.value(t)
        output = Value(target.kind, t._data, target.name, target.requires_grad)
        known = self._known(source)
        inputs = (self.value(source) if known is None else known,)
        is_name = isinstance(by, str)
        name = by if is_name else type(by).__name__
        step = Update(None if is_name else by, name, target, inputs, output)
        step.place = SourcePlace(*place(2))
        self._know(t, output)
        self.steps.append(step)

    # ---- values ------------------------------------------------------------------------------

    def value(self, x: Any) -> Any:
        """The Value that stands for a Tensor or an array; a number stands for itself."""
        known = self._known(x)
        if known is not None:
            return known
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
            value = Value("constant", _copied(np.asarray(x)))
            self.values.append(value)
            self._found[id(x)] = value
            self._arrays.append(x)
            return value
        return x

    def history(self, root: Tensor) -> None:
        """Everything that a Tensor was computed from, as it remembers it."""
        reached, seen = [root], {id(root)}
        for t in reached:  # grows on the way
            for x in t.inputs:
                if isinstance(x, Tensor) and id(x) not in seen and id(x) not in self._made:
                    seen.add(id(x))
                    reached.append(x)
        for t in sorted(reached, key=attrgetter("index")):
            if t.op is not None and id(t) not in self._made:
                self.applied(t, t.op, t.inputs, t.attributes)
                for x in (t, *t.inputs):
                    memory = getattr(x, "_memory", None)
                    if memory is not None and memory.written > t.index:
                        self.value(x).changed = True

    def finish(self) -> None:
        """Copies what may still be written, so that what was written down stays as it is."""
        for values in self._live.values():
            for value in values:
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
                self._live[id(_memory(t._data))].append(value)
            self.values.append(value)

    def _alias(self, t: Tensor, source: Value, name: str) -> Value:
        """A leaf that was made of a value without an operation, so that no gradient flows."""
        output = Value("result", t._data, requires_grad=t._requires_grad)
        where = SourcePlace(*place(2)) if name == "copy" else None
        self._know(t, output)
        self.steps.append(Applied(None, name, (source,), output, place=where))
        return output

    def _attribute(self, x: Any) -> Any:
        """An attribute; an array in it that is known by its Value."""
        if isinstance(x, tuple | list):
            return type(x)([self._attribute(part) for part in x])
        known = self._known(x)
        return x if known is None else known

    def _decides_shape(self, x: Any, kinds: str) -> bool:
        """Whether values that were computed, or given, say how many entries there will be."""
        if isinstance(x, tuple | list):
            return any(self._decides_shape(part, kinds) for part in x)
        if isinstance(x, Tensor):
            return True
        known = self._known(x)
        return known is not None and known.kind != "constant" and known.dtype.kind in kinds

    def _module_call(self, call: Call | None) -> ModuleCall | None:
        if call is None:
            return None
        if id(call) not in self.module_calls:
            module, parent = call.module(), self._module_call(call.parent)
            kind = call.kind.__name__
            summary = f"{kind}()" if module is None else module.summary()
            self.module_calls[id(call)] = (
                call,
                ModuleCall("", kind, summary, parent, SourcePlace(*call.place)),
            )
        return self.module_calls[id(call)][1]


def _shape_by_values(op: Operation, where: SourcePlace) -> OperationError:
    return OperationError(
        f"{op.name}: the shape of its result depends on values, so that the graph that is being "
        f"traced would hold for this run alone.\n"
        f"  at {where}\n"
        "  Keep the shape, np.where(mask, x, 0) in place of x[mask]; or select before the traced "
        "function."
    )


def _memory(array: np.ndarray) -> Any:
    """The array that owns the memory."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _copied(array: np.ndarray) -> np.ndarray:
    copy = np.array(array)
    copy.setflags(write=False)
    return copy
