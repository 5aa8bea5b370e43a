"""What the steps of a computation are, and the values that they take and make."""

import ast
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import OperationError
from ..formulas import Symbol, call_text, formula
from ..ops import Operation
from ..source import SourcePlace


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

    def rule(self, names: dict[str, str] | None = None) -> str:
        """The gradient rule as text, `g * y`; other names, or numbers, may stand for its own."""
        assert self.of.operation is not None
        attributes = {key: _said(x) for key, x in self.of.attributes.items()}
        try:
            return formula(self.of.operation, self.position, attributes, names)
        except OperationError:  # a rule of the user's that needs values
            return f"the rule of {self.of.name}"


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
    """

    by: Any
    name: str
    target: Value
    inputs: tuple[Any, ...]
    output: Value
    place: SourcePlace | None = None
    number: int = 0
    phase: str = "update"
    call: ModuleCall | None = None


Step = Applied | Seed | Contribution | Update


def _said(x: Any) -> Any:
    """What stands for an input in an expression: its name, or the number itself."""
    return Symbol(ast.Name(x.name)) if isinstance(x, Value) else x
