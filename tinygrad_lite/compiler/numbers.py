"""Python's numbers that are read anew at each call: learning rates, counts of steps."""

import operator
from collections.abc import Callable
from typing import Any

from .program import Node
from .traced import NoForm, Tape, Traced

OPERATORS: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}


class Number:
    """A number that isn't there yet, and remembers how it is computed."""

    __slots__ = ("node", "tape")

    def __init__(self, tape: Tape, node: Node):
        self.tape = tape
        self.node = node

    def __bool__(self) -> bool:
        truth = bool(self.node.example)
        self.tape.nodes.append(
            Node("guard", (self.node, truth), {}, truth, source=self.tape.source)
        )
        return truth

    def _needs_value(self, *_: Any) -> Any:
        raise NoForm("it needs the value of a number that changes")

    __float__ = __int__ = __index__ = _needs_value
    __hash__ = None  # type: ignore[assignment]

    def __neg__(self) -> "Number":
        negative: Number = _applied("*", -1, self)
        return negative

    def __eq__(self, other: object) -> Any:
        return self._needs_value()


def number_times(x: Any, y: Any, source: Any) -> Any:
    """The product of two numbers, each known or a Node."""
    if not isinstance(x, Node) and not isinstance(y, Node):
        return x * y
    values = [each.example if isinstance(each, Node) else each for each in (x, y)]
    return Node("*", (x, y), {}, values[0] * values[1], source=source)


def _applied(sign: str, *operands: Any) -> Any:
    if any(isinstance(x, Traced) for x in operands):
        return NotImplemented
    tape = next(x.tape for x in operands if isinstance(x, Number))
    inputs = tuple([x.node if isinstance(x, Number) else x for x in operands])
    values = [x.example if isinstance(x, Node) else x for x in inputs]
    node = Node(sign, inputs, {}, OPERATORS[sign](*values), source=tape.source)
    tape.nodes.append(node)
    return Number(tape, node)


def _method(sign: str, reflected: bool) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        return _applied(sign, other, self) if reflected else _applied(sign, self, other)

    return method


for _sign, _function in OPERATORS.items():
    _name = _function.__name__
    setattr(Number, f"__{_name}__", _method(_sign, False))
    setattr(Number, f"__r{_name}__", _method(_sign, True))
