"""What the steps of a computation are, and the values that they take and make."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import OperationError
from ..formulas import Symbol, call_text, formula
from ..ops import Operation
from ..source import SourcePlace
from .columns import cut
from .numbers import number

LONGEST = 24  # columns of a name in a rule


@dataclass(eq=False, slots=True)
class Value:
    """An array that a computation was given, or that one of its steps made.

    Attributes
    ----------
    kind : str
        "parameter" (a leaf that requires a gradient, or an `nn.Parameter`), "buffer", "input" (any
        other leaf), "constant" (an array that is no Tensor), "result", or "gradient".
    array : ndarray
        What it held when the graph was made, or, if it was written since, just before that.
    name : str
        Unique in its graph.
    requires_grad : bool
    gradient : Value or None
        All that flowed to it in the last backward pass, added up.
    changed : bool
        Whether it was written between the forward pass and the making of the graph: what `array`
        holds is then not what the forward pass computed with.
    """

    kind: str
    array: np.ndarray
    name: str = ""
    requires_grad: bool = False
    gradient: "Value | None" = None
    changed: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name or '?'} {self.dtype} {self.shape}>"


@dataclass(eq=False, slots=True)
class ModuleCall:
    """A module at work.

    Attributes
    ----------
    path : str
        Below the outermost module at work, `layers.1`; of the outermost itself, "".
    kind, summary : str
        `Linear`, and `Linear(784 → 128)`.
    parent : ModuleCall or None
        The call that it was made within.
    place : SourcePlace
        The user's line that called it.
    """

    path: str
    kind: str
    summary: str
    parent: "ModuleCall | None"
    place: SourcePlace

    @property
    def chain(self) -> "tuple[ModuleCall, ...]":
        """The calls around it, the outermost first, and itself."""
        return (*(self.parent.chain if self.parent is not None else ()), self)

    def __repr__(self) -> str:
        return f"<call of {self.path or 'the model'}: {self.summary}>"


@dataclass(eq=False, slots=True)
class Applied:
    """A step that applies an operation.

    Attributes
    ----------
    operation : Operation or None
        None for what is no operation: "detach", and "copy", which `Tensor(t)` makes.
    name : str
        The operation's.
    inputs : tuple of Value or number
        Python's own numbers stand for themselves; None is an argument that wasn't given.
    output : Value
    attributes : dict of str to Any
        Its other arguments, such as `axis`; an array that the graph knows is its Value.
    call : ModuleCall or None
        The module that it ran in.
    place : SourcePlace or None
        The user's line.
    number : int
        Counts the steps of a graph, from 1.
    """

    operation: Operation | None
    name: str
    inputs: tuple[Any, ...]
    output: Value
    attributes: dict[str, Any] = field(default_factory=dict)
    call: ModuleCall | None = None
    place: SourcePlace | None = None
    number: int = 0
    phase: str = "forward"

    @property
    def expression(self) -> str:
        """What it computes, as a line of NumPy on names: `h @ w`."""
        inputs = [_said(x) for x in self.inputs]
        if self.operation is None:
            return f"{self.name}({', '.join(map(str, inputs))})"
        return call_text(
            self.operation, inputs, {key: _said(x) for key, x in self.attributes.items()}
        )


@dataclass(eq=False, slots=True)
class Seed:
    """The step that begins a backward pass: the gradient of a result by itself, 1.

    Attributes
    ----------
    of : Value
        The result.
    output : Value
        What flows in.
    """

    of: Value
    output: Value
    place: SourcePlace | None = None
    number: int = 0
    phase: str = "backward"
    call: ModuleCall | None = None
    name: str = "seed"

    @property
    def inputs(self) -> tuple[Any, ...]:
        return ()


@dataclass(eq=False, slots=True)
class Contribution:
    """A step of the backward pass: what one use of a value gives to that value's gradient.

    Attributes
    ----------
    of : Applied
        The forward step through which it flows.
    position : int
        Which of the inputs of `of` it flows to.
    to : Value
        That input.
    g : Value
        The gradient of the output of `of`, complete.
    output : Value
        The contribution, in the shape and dtype of `to`.
    rule_shape : tuple of int
        The shape of what the rule gave, before it was summed over axes that `to` was broadcast
        over, or spread over those that the rule left out.
    lifted_shape : tuple of int
        The shape in which the rule knows `to`: its own, but for operations that `lift` inputs, as
        `matmul` does those with one axis.
    earlier : int
        How many contributions to the same gradient came before.
    total : Value
        The gradient of `to` so far, this contribution added.
    given : Value or None
        What the rule gave, if it had to be summed or spread to fit.
    """

    of: Applied
    position: int
    to: Value
    g: Value
    output: Value
    rule_shape: tuple[int, ...]
    lifted_shape: tuple[int, ...]
    earlier: int
    total: Value
    number: int = 0
    phase: str = "backward"
    given: Value | None = None

    @property
    def name(self) -> str:
        return f"{self.of.name} → {self.to.name}"

    @property
    def inputs(self) -> tuple[Any, ...]:
        return (self.g,)

    @property
    def place(self) -> SourcePlace | None:
        return self.of.place

    @property
    def call(self) -> ModuleCall | None:
        return self.of.call

    @property
    def summed_over(self) -> tuple[int, ...]:
        """The axes of the rule's result that were summed, since `to` was broadcast over them."""
        extra = len(self.rule_shape) - len(self.lifted_shape)
        longer = [i for i, n in enumerate(self.rule_shape) if n != 1]
        return tuple([i for i in longer if i < extra or self.lifted_shape[i - extra] == 1])

    def rule(self, names: Mapping[str, str] | None = None) -> str:
        """The gradient rule as text, `g * y`; other texts may stand for its own names."""
        standing, said = {}, {}
        for i, (name, text) in enumerate((names or {}).items()):
            is_negative = re.fullmatch(rf"-{_PLAIN}", text) is not None  # `x**2` needs brackets
            standing[name] = "-" * is_negative + f"said_{i}_"
            is_plain = re.fullmatch(rf"{_PLAIN}|\[[^]]*\]", text) is not None
            said[f"said_{i}_"] = text[1:] if is_negative else text if is_plain else f"({text})"
        rule = _rule(self.of, self.position, standing)
        rule = re.sub(r"said_\d+_", lambda found: said.get(found[0], found[0]), rule)
        return re.sub(r"\*\*\((-?\d+) - 1\)", lambda found: _power(int(found[1]) - 1), rule)

    def named_rule(self) -> str:
        """The rule with the names that the operands have within their module: `g * weight`.

        `g`, the gradient that comes in, stays; `n`, of how many entries a mean is, is a number.
        """
        operation, path = self.of.operation, self.call.path if self.call is not None else ""
        assert operation is not None
        if operation.each is not None:  # of any number of inputs
            return self.rule()
        inputs = {**dict(zip(operation.rules, self.of.inputs, strict=False)), "out": self.of.output}
        used = sorted(set(re.findall(r"\w+", self.rule())) & inputs.keys())
        names = {name: _operand(inputs[name], path) for name in used}
        names = {name: said for name, said in names.items() if said}
        if len(names.get("out", "")) > LONGEST // 2:
            del names["out"]
        letters = set(used) - names.keys()
        if letters & set(names.values()):  # a letter would be taken for that operand
            return self.rule()
        if "g" in names.values():
            names["g"] = _operand(self.g, path)
        if operation.trusted and "n" not in inputs and self.g.array.size:  # see `ops.reductions`
            names["n"] = str(self.to.array.size // self.g.array.size)
        return self.rule(names)


@dataclass(eq=False, slots=True)
class Update:
    """A step that writes a leaf.

    Attributes
    ----------
    by : Any
        The optimizer; or None for `w -= …` and for assignments.
    name : str
        `SGD`, `subtract`, `assign`.
    target, output : Value
        The leaf before and after.
    inputs : tuple of Value or number
        What it was written by: the gradient, for an optimizer.
    attributes : dict of str to Any
        The optimizer's learning rate then, `lr`.
    """

    by: Any
    name: str
    target: Value
    inputs: tuple[Any, ...]
    output: Value
    attributes: dict[str, Any] = field(default_factory=dict)
    place: SourcePlace | None = None
    number: int = 0
    phase: str = "update"
    call: ModuleCall | None = None


Step = Applied | Seed | Contribution | Update


# ---- words ---------------------------------------------------------------------------------------

_PLAIN = r"(?:[^\W\d][\w.#]*…?|[\d.]+(?:e[-+]?\d+)?)"  # names and numbers


def within(said: str, path: str) -> str:
    """A text with names as they are within a module: `weight` for `layers.0.weight`."""
    if not path:
        return said
    return re.sub(rf"(?<![\w.]){re.escape(path)}\.(?=\w)", "", said)


def _said(x: Any) -> Any:
    """What stands for an input in an expression: its name, or the number itself."""
    return Symbol(ast.Name(x.name)) if isinstance(x, Value) else x


def _operand(x: Any, path: str) -> str:
    """What an operand is called in a rule; empty if that couldn't be read there."""
    if isinstance(x, Value):
        name = within(x.name, path)
        return "" if name[:1].isdigit() or not name.isprintable() else cut(name, LONGEST)
    if isinstance(x, int | float):
        exact = repr(x).removesuffix(".0")
        return exact if len(exact) <= LONGEST // 2 else number(x)
    return "None" if x is None else ""


def _power(n: int) -> str:
    """`x` for `x**(2 - 1)`, `x**2` for `x**(3 - 1)`: as the power rule is known."""
    return "" if n == 1 else f"**{n}"


def _rule(of: Applied, position: int, names: dict[str, str]) -> str:
    """The rule with names that are Python's."""
    assert of.operation is not None
    if of.operation.trusted and not of.attributes:
        return _rule_of_table(of.operation, position, tuple(names.items()))
    attributes = {key: _said(x) for key, x in of.attributes.items()}
    return _written(of.operation, position, attributes, names)


@lru_cache(1000)
def _rule_of_table(operation: Operation, position: int, names: tuple[tuple[str, str], ...]) -> str:
    return _written(operation, position, {}, dict(names))


def _written(
    operation: Operation, position: int, attributes: dict[str, Any], names: dict[str, str]
) -> str:
    is_text = operation.each is None and [*operation.rules][position] in operation.formulas
    if is_text and "n" in names:
        attributes = {"n": Symbol(names["n"])} | attributes
    try:
        return formula(operation, position, attributes, names)
    except OperationError:  # a rule of the user's that needs values
        return f"the rule of {operation.name}"
