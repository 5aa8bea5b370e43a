"""From a Program to Python: a function that a person can read, and what its names stand for."""

import keyword
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graphs import Applied, Contribution, Step, Update
from .buffers import COPIES, DRAWS, IN_PLACE, Buffer, is_ufunc, laid_out
from .inlining import SIGNS, inlined
from .joining import aligned, array_of, joined, spans, writable
from .memory import MemoryTable, bytes_of, table
from .numbers import OPERATORS
from .program import LIVE, Node, Program
from .traced import BOUND

BOUND_LEAVES = frozenset(("flat", "tensor", "state", "array", "constant"))
SHORT = {"add.reduce": "sum", "maximum.reduce": "max", "minimum.reduce": "min", "[]": "entries"}
COMMENT = 48  # columns of a source line in a comment
SMALL = 256  # entries of an array in which it matters how a number is given
WIDTH = 64  # columns of a statement, after which its comment stands


@dataclass
class Written:
    """A program as Python.

    Attributes
    ----------
    name, source : str
    namespace : dict of str to Any
        What its global names stand for: NumPy, buffers, leaves, constants.
    numbers : list of Node
        What it takes after its arguments.
    counts : list of Node
        Numbers of whom it returns what they become, after its outputs.
    names : dict of Node to str
    memory : MemoryTable
    """

    name: str
    source: str
    namespace: dict[str, Any]
    numbers: list[Node]
    counts: list[Node]
    names: dict[Any, str]
    memory: MemoryTable


def written(program: Program, found: dict[Node, Buffer]) -> Written:
    """The program as Python, with its buffers made."""
    return _Writer(program, found).written()


class _Writer:
    def __init__(self, program: Program, found: dict[Node, Buffer]):
        self.program = program
        self.buffers = found
        self.names: dict[Any, str] = {}
        self.taken: Counter[str] = Counter(("np", program.name))
        self.namespace: dict[str, Any] = {"np": np}
        self.memory: dict[Buffer, Any] = {}
        self.arrays: dict[Node, Any] = {}  # those that stay where they are
        self.numbers: list[Node] = []
        self.lines: list[str] = []
        self.lasts = {id(node.source): node for node in program.nodes if node.label}
        self.said = ""  # where the last statement came from
        self.quiet: frozenset[str] = frozenset()  # the errors that it didn't warn of
        self.statements = 0
        self.places: dict[Node, int] = {}  # statements, counted from 1
        self.inlined = inlined(program, found)

    def written(self) -> Written:
        program = self.program
        for write in program.writes:
            if write.target.function == "flat":  # before anybody has the arrays that are its parts
                self._named(write.target, write.target.label)
        arguments = [self._named(x, _said(x)) for x in program.arguments]
        phase = ""
        for node in program.nodes:
            if node.view_of is not None or node in self.inlined:
                continue
            now = node.source.phase if node.source is not None else phase
            if now != phase:
                phase = now
                by = f": {node.source.name}" if isinstance(node.source, Update) else ""
                self.lines.append(f"    # ---- {phase}{by} ".ljust(80, "-"))
            self._statement(node)
        targets = [write for write in program.writes if write.target.function == "number"]
        for write in program.writes:
            if write not in targets:
                self._copied(write.target, write.value)
        results = [self._result(x) for x in program.outputs]
        results += [self._operand(write.value) for write in targets]
        results += [self._result(g) for g in program.gradients]
        arguments += [self.names[x] for x in self.numbers]
        name = _identifier(program.name)
        head = f"def {name}({', '.join(arguments)}):"
        returned = f"    return {', '.join(results)}"
        body = "\n".join([self._header(), head, *self.lines, returned])
        counts = [write.target for write in targets]
        where = table(program, self.buffers, self.names, self.places)
        return Written(name, body, self.namespace, self.numbers, counts, self.names, where)

    def _header(self) -> str:
        """What it is made for, and how large it is."""
        said = [f"{self.names[x]}: {x.dtype} {x.shape}" for x in self.program.arguments]
        size = sum(
            len(m)
            for buffer, m in self.memory.items()
            if m.dtype == np.uint8 and not buffer.part_of
        )
        call = f"{self.program.name}({', '.join(said)})"
        count = f"{self.statements} statement{'s' * (self.statements != 1)}"
        return f"# {call}: {count}, {bytes_of(size)} of buffers\n"

    # ---- statements --------------------------------------------------------------------------

    def _statement(self, node: Node) -> None:
        if node.function == "guard":
            what, truth = node.inputs
            text = f"not {self._operand(what)}" if truth else self._operand(what, alone=True)
            self._add(f"if {text}: return None", node)
            return
        if node.function == "pack":
            self._packed(node)
            return
        buffer = self.buffers.get(node)
        if buffer is None:
            if node.function in IN_PLACE or node.function.endswith(".at"):
                base = self._operand(node.inputs[0])
                out = self._named(node, self._meant(node))
                self._add(f"{out} = np.array({base})", node)
                self._written_into(out, node)
                return
            text = self._call(node)
            self._add(f"{self._named(node, self._meant(node))} = {text}", node)
            return
        base = self._operand(node.inputs[0]) if isinstance(node.inputs[0], Node) else ""
        out = self._named(node, self._meant(node))
        if node.function in DRAWS:
            self._add(f"{base}{node.function}(dtype={self._operand(node.dtype)}, out={out})", node)
        elif node.function in COPIES:
            is_safe = np.can_cast(node.inputs[0].dtype, node.dtype, "same_kind")
            unsafe = "" if is_safe else ", casting='unsafe'"
            self._add(f"np.copyto({out}, {base}{unsafe})", node)
        elif node.function in IN_PLACE or node.function.endswith(".at"):
            if self.buffers.get(node.inputs[0].root) is not buffer:
                self._add(f"np.copyto({out}, {base})", node)
            self._written_into(out, node)
        elif node.function == "np.where":
            choice, x, y = [self._operand(x) for x in node.inputs]
            self._add(f"np.copyto({out}, {y})", node)
            self._add(f"np.copyto({out}, {x}, where={choice})", node)
        else:
            self._add(self._call(node, out), node)

    def _packed(self, node: Node) -> None:
        """Copies to their places what couldn't be computed there."""
        memory, whole = self.buffers[node], self._named(node, node.label)
        for x, (start, end) in zip(node.inputs, spans(node.inputs), strict=True):
            place = self.buffers.get(x.root)
            if place is None or place.part_of is not memory:
                part = self.namespace[whole][start:end].reshape(x.shape)
                name = self._bound(part, f"{whole}_{start}")
                self._add(f"np.copyto({name}, {self._operand(x)})", node)

    def _written_into(self, out: str, node: Node) -> None:
        _, index, *values = node.inputs
        said = [self._operand(x) for x in values]
        if node.function in IN_PLACE:
            at = self._operand(index, is_index=True) or "()"
            self._add(f"{out}[{at}] {node.function[2:]} {said[0]}", node)
        else:
            self._add(f"{node.function}({', '.join([out, self._operand(index), *said])})", node)

    def _call(self, node: Node, out: str = "") -> str:
        name = node.function
        if name in OPERATORS:
            x, y = [self._operand(x) for x in node.inputs]
            return f"{x} {name} {y}"
        if not out and name in SIGNS and not node.ndim and not node.options:
            said = dict(zip("xy", [self._operand(x) for x in node.inputs], strict=False))
            return re.sub("[xy]", lambda found: said[found[0]], SIGNS[name])
        if name == "part":
            return f"{self._operand(node.inputs[0])}[{node.inputs[1]}]"
        if name == "[]":
            index = self._operand(node.inputs[1], is_index=True) or "()"
            return f"{self._operand(node.inputs[0])}[{index}]"
        if name in BOUND:
            self.namespace[name] = BOUND[name]
        inputs = [self._factor(node, x) for x in node.inputs]
        options = [f"{key}={self._operand(x)}" for key, x in node.options.items()]
        if out:
            options.append(f"out={out}")
        if name.startswith("."):
            return f"{inputs[0]}{name}({', '.join(inputs[1:] + options)})"
        return f"{name}({', '.join(inputs + options)})"

    def _factor(self, node: Node, x: Any) -> str:
        """An operand; a number beside a small array as an array, which NumPy takes sooner."""
        if type(x) in (int, float) and node in self.buffers and node.size <= SMALL:
            others = [y for y in node.inputs if isinstance(y, Node) and y.dtype == node.dtype]
            if is_ufunc(node) and node.dtype.kind == "f" and len(others) == 1:
                key = "number", x, type(x), node.dtype
                if key not in self.names:
                    said = f"k{x:g}".replace("-", "minus_").replace("+", "")
                    self.names[key] = self._bound(np.array(x, node.dtype), said.replace(".", "_"))
                return self.names[key]
        return self._operand(x, alone=True)

    def _add(self, text: str, node: Node) -> None:
        self.statements += 1
        self.places.setdefault(node, self.statements)
        if node.quiet != self.quiet:  # as the rule was, or the operation
            self.quiet = node.quiet
            if self.quiet:
                errors = ", ".join(f'{error}="ignore"' for error in sorted(self.quiet))
                self.lines.append(f"    with np.errstate({errors}):")
        text = "    " * (2 if self.quiet else 1) + text
        said = _origin(node.source)
        comment = f"# {said}" if said and said != self.said else ""
        self.said = said
        self.lines.append(text.ljust(WIDTH) + comment if comment else text)

    def _copied(self, target: Node, value: Node) -> None:
        if self.buffers.get(value) is not self.buffers[target]:
            self._add(f"np.copyto({self._operand(target)}, {self._operand(value)})", value)

    def _result(self, x: Any) -> str:
        """What is returned: memory that nobody else has."""
        if not isinstance(x, Node):
            return self._operand(x)
        is_ours = x.root.is_leaf or x.root in self.buffers
        return f"{self._operand(x)}.copy()" if is_ours else self._operand(x)

    # ---- operands ----------------------------------------------------------------------------

    def _operand(self, x: Any, is_index: bool = False, alone: bool = False) -> str:
        if isinstance(x, Node):
            if x in self.names:
                return self.names[x]
            if x in self.inlined:
                text = self._call(x)
                return text if alone or x.function.endswith(".reduce") else f"({text})"
            if x.view_of is not None and not x.is_leaf:
                return self._view(x)
            if x.function in LIVE:
                self.numbers.append(x)
            return self._named(x, _said(x))
        if isinstance(x, slice):
            parts = [x.start, x.stop] + [x.step] * (x.step is not None)
            said = ["None" if p is None else self._operand(p) for p in parts]
            if is_index:
                return ":".join("" if p == "None" else p for p in said)
            return f"slice({', '.join(said)})"
        if isinstance(x, tuple):
            parts = [self._operand(part, is_index) for part in x]
            if is_index and parts:
                return ", ".join(parts) + "," * (len(parts) == 1)
            return f"({', '.join(parts)}{',' * (len(parts) == 1)})"
        if isinstance(x, list):
            return f"[{', '.join(self._operand(part) for part in x)}]"
        if x is ...:
            return "..."
        if isinstance(x, float) and not np.isfinite(x):
            return "np.nan" if x != x else "np.inf" if x > 0 else "-np.inf"
        if isinstance(x, np.dtype) or (isinstance(x, type) and issubclass(x, np.generic)):
            return f"np.{np.dtype(x).name}" if np.dtype(x) != bool else "bool"
        if isinstance(x, np.generic) and x.dtype.kind in "iu":
            return repr(x.item())
        if x is None or type(x) in (int, float, bool, str):
            return repr(x)
        return self._bound(x, "constant")

    def _view(self, x: Node) -> str:
        """A view: made once, if what it is of stays where it is."""
        of = x.view_of
        assert of is not None
        base = self._operand(of)
        if x.function == ".transpose" and x.inputs[1] == tuple(range(x.ndim))[::-1]:
            text, name = f"{base}.T", f"{base}_T"
        elif x.function == ".reshape":
            text, name = self._call(x), f"{base}_{'x'.join(map(str, x.shape)) or 'number'}"
        else:
            text, name = self._call(x), f"{base}_view"
        if of not in self.arrays or any(isinstance(y, Node) for y in x.inputs[1:]):
            return text
        scope = {**self.namespace, base: self.arrays[of]}
        self.arrays[x] = eval(text, scope)
        named = self._named(x, name)
        self.namespace[named] = self.arrays[x]
        return named

    def _named(self, x: Node, name: str) -> str:
        if x in self.names:
            return self.names[x]
        array = self._array(x)
        if array is None:
            self.names[x] = self._unique(name)
            return self.names[x]
        key = (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype)
        if x in self.buffers and key in self.names:  # the same memory again
            self.names[x] = self.names[key]
            self.arrays[x] = self.namespace[self.names[x]]
            return self.names[x]
        self.names[x] = self.names[key] = self._bound(array, name)
        self.arrays[x] = array
        return self.names[x]

    def _array(self, x: Node) -> Any:
        """The array that a Node is in, if that is known before the program runs."""
        buffer = self.buffers.get(x)
        if buffer is not None:
            memory = self._memory(buffer)
            return memory if buffer.leaf is not None else laid_out(memory, x.example)
        return _there(x) if x.function in BOUND_LEAVES else None

    def _memory(self, buffer: Buffer) -> Any:
        if buffer not in self.memory:
            if buffer.leaf is not None:
                made = writable(_there(buffer.leaf))
            elif buffer.part_of is not None:
                made = self._memory(buffer.part_of)[buffer.start : buffer.start + buffer.bytes]
            else:
                made = aligned(buffer.bytes)
            self.memory[buffer] = made
        return self.memory[buffer]

    def _bound(self, value: Any, name: str) -> str:
        name = self._unique(name)
        self.namespace[name] = value
        return name

    def _unique(self, name: str) -> str:
        name = _identifier(name)
        self.taken[name] += 1
        return name if self.taken[name] == 1 else self._unique(f"{name}_{self.taken[name]}")

    def _meant(self, node: Node) -> str:
        """A name for what a statement gives."""
        last = self.lasts.get(id(node.source), node)
        if last.label and self.buffers.get(last.root) is self.buffers.get(node, last):
            node = last if last.size == node.size else node
        if node.label:
            return node.label
        step = node.source
        what = node.function.removeprefix("np.").removeprefix(".")
        what = SHORT.get(what, what.rpartition(".")[2])
        if isinstance(step, Contribution):
            return f"g_{step.of.output.name}_{what}"
        return f"{step.output.name}_{what}" if isinstance(step, Applied) else what


def _there(x: Node) -> Any:
    """The memory of a leaf, to be read and written."""
    if x.function == "flat":
        return joined(x.of)
    if x.function in ("tensor", "state"):
        return array_of(x)
    return x.of if x.function == "array" else x.example


def _said(x: Node) -> str:
    if x.function == "number":
        return str(x.of[2])
    if x.function == "state":
        return f"{x.of[2]}{x.of[1]}"
    return x.label or x.function


def _origin(step: Step | None) -> str:
    """Where a statement comes from: the module, or the line."""
    if step is None:
        return ""
    if step.call is not None:
        path = f"{step.call.path}: " if step.call.path else ""
        return f"{path}{step.call.summary}"
    text = step.place.text if step.place is not None else ""
    text = re.sub(r"^(>>>|\.\.\.) ", "", text)  # of a session that was written down
    text = text.strip()
    return text if len(text) <= COMMENT else text[: COMMENT - 1] + "…"


def _identifier(name: str) -> str:
    name = re.sub(r"\W+", "_", name.replace("'", "")).strip("_") or "x"
    return f"{name}_" if keyword.iskeyword(name) else f"_{name}" if name[0].isdigit() else name
