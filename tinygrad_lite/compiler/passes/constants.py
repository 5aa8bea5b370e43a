"""Compute what is the same at each call when the program is made."""

from typing import Any

import numpy as np

from ..buffers import is_ufunc
from ..program import Node, Program, operands


def constants(program: Program) -> None:
    """Compute what is the same at each call when the program is made.

    The gradient that a backward pass begins with is 1, so that much of what follows is known. An
    array of equal entries becomes a number, wherever NumPy would give the same for it.
    """
    known: dict[Node, Any] = {}
    for node in program.nodes:
        if node.function in ("guard", "part") or not all(
            x.function == "constant" or x in known for x in operands(node)
        ):
            continue
        if isinstance(node.example, np.ndarray | np.generic):
            known[node] = Node("constant", (), {}, np.asarray(node.example), source=node.source)
    program.replace(known)
    for node in program.nodes:
        if is_ufunc(node) and len(node.inputs) == 2:
            node.inputs = _with_numbers(node)


def _with_numbers(node: Node) -> tuple[Any, ...]:
    """The inputs, a number in place of an array of equal entries."""
    numbers = [_number(x) for x in node.inputs]
    for i, number in enumerate(numbers):
        other = node.inputs[1 - i]
        if number is None or not isinstance(other, Node) or other.function == "number":
            continue
        same = node.inputs[i].dtype == other.dtype and other.shape == node.shape and node.ndim
        if same and numbers[1 - i] is None:
            return (number, other) if i == 0 else (other, number)
    return node.inputs


def _number(x: Any) -> float | int | None:
    """The entry of a constant whose entries are all the same, as Python's number."""
    if not isinstance(x, Node) or x.function != "constant" or x.dtype.kind not in "fi":
        return None
    entries = x.example.reshape(-1)
    if x.dtype.itemsize > 8 or not entries.size or not (entries == entries[0]).all():
        return None
    return None if np.signbit(entries[0]) and entries[0] == 0 else entries[0].item()
