"""What the backward pass needs of the forward pass: which arrays, and until when."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from ..errors import OperationError
from ..formulas import formula
from ..ops import Operation
from .record import Graph
from .recorder import owner_of
from .steps import Applied, Contribution, Value

OUTLINE = {"shape", "ndim", "size", "dtype"}  # of an array that needn't be there any more


class Saved(NamedTuple):
    """An array that rules read: its bytes, and from 0 the first and the last step that keep it."""

    value: Value
    bytes: int
    start: int
    end: int


def saved(graph: Graph) -> list[Saved]:
    """The arrays that the rules of the backward pass read, in the order in which they were made.

    A result is kept from the step that makes it, a leaf from the first step that takes it, both to
    the last step of the backward pass that reads them. What shares its memory counts once.
    """
    arrays = {id(value): t._data for t, value in graph._tensors}  # before they were copied

    def memory(x: Value) -> int:
        return id(owner_of(arrays.get(id(x), x.array)))

    starts: dict[int, int] = {}  # by memory
    found: dict[int, Saved] = {}
    for index, step in enumerate(graph):
        if isinstance(step, Applied):
            for x in step.inputs:
                if isinstance(x, Value):
                    starts.setdefault(memory(x), index)
            starts.setdefault(memory(step.output), index)
        elif isinstance(step, Contribution):
            for x in read_by(step):
                key = memory(x)
                size, start = _bytes(arrays.get(id(x), x.array)), starts.get(key, 0)
                if key in found:  # seen whole, or in part
                    size = max(size, found[key].bytes)
                    x = found[key].value
                found[key] = Saved(x, size, start, index)
    return sorted(found.values(), key=lambda one: one.start)


def kept_during(arrays: list[Saved], count: int) -> list[int]:
    """At each of so many steps, the bytes that are kept, those that it reads last among them."""
    changes = [0] * (count + 1)
    for one in arrays:
        changes[one.start] += one.bytes
        changes[one.end + 1] -= one.bytes
    return list(accumulate(changes))[:count]


def read_by(step: Contribution) -> list[Value]:
    """The output and the inputs of a forward step whose entries a rule reads, `g` aside."""
    of, operation = step.of, step.of.operation
    assert operation is not None
    used = _used(step)
    named: list[tuple[str, Any]] = [("out", of.output)]
    if operation.each is not None:
        named += [("xs", x) for x in of.inputs]
    else:
        named += zip(operation.rules, of.inputs, strict=False)
    is_read = (x for name, x in named if isinstance(x, Value) and (used is None or name in used))
    return list({id(x): x for x in is_read}.values())


def _used(step: Contribution) -> set[str] | None:
    """The names that a rule uses: of what it does, not of the text that is shown in its place."""
    operation = step.of.operation
    assert operation is not None
    if operation.trusted and operation.formulas:
        used = _of_table(operation, step.position)
        used = _names(step.rule()) if used is None else used
    else:
        used = _names(step.rule())
    return used if used is None or operation.lift is None else used | _by_lift(step)


def _by_lift(step: Contribution) -> set[str]:
    """The inputs that are read to lift `g`, as `solve` does: with others it is another."""
    of, operation = step.of, step.of.operation
    assert operation is not None
    arrays = [x.array if isinstance(x, Value) else x for x in of.inputs]
    found = set()
    for i, name in enumerate(operation.rules):
        if isinstance(of.inputs[i], Value):
            others = [*arrays[:i], np.zeros_like(arrays[i]), *arrays[i + 1 :]]
            try:
                ours, theirs = (_lifted(step, given) for given in (arrays, others))
            except np.linalg.LinAlgError:  # zeros can't be solved by
                found.add(name)
                continue
            if not np.array_equal(ours, theirs, equal_nan=True):
                found.add(name)
    return found


def _lifted(step: Contribution, inputs: list[Any]) -> Any:
    """The gradient of the output, as the rules are given it."""
    of, operation = step.of, step.of.operation
    assert operation is not None and operation.lift is not None
    return operation.lift(step.g.array, of.output.array, inputs, **of.attributes)[0]


@lru_cache(1000)
def _of_table(operation: Operation, position: int) -> set[str] | None:
    if operation.each is not None:
        position = min(position, 1)  # the same rule for all; its text grows with the position
    try:
        return _names(formula(replace(operation, formulas={}), position))
    except OperationError:  # it needs values
        return None


def _names(rule: str) -> set[str] | None:
    """What a rule reads; None, for all there is, if it can't be read itself."""
    try:
        tree = ast.parse(rule, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return set(_read(tree.body))


def _read(tree: ast.AST) -> Iterator[str]:
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Attribute) and node.attr in OUTLINE:
            continue
        if isinstance(node, ast.Call):
            pending += [] if isinstance(node.func, ast.Name) else [node.func]
            pending += node.args
            pending += [k.value for k in node.keywords]
            continue
        if isinstance(node, ast.Name):
            yield node.id
        pending += ast.iter_child_nodes(node)


def _bytes(array: np.ndarray) -> int:
    """The memory that an array takes, which for one that was broadcast is that of few entries."""
    counts = [n if stride else 1 for n, stride in zip(array.shape, array.strides, strict=True)]
    return int(np.prod(counts, dtype=np.int64)) * array.itemsize if array.size else 0
