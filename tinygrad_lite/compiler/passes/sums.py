"""Sums as products, which BLAS computes."""

from typing import Any

import numpy as np

from ..program import Node, Program

LONGEST = 8192  # entries of a sum: a product adds them up one by one, and rounds more


def sums(program: Program) -> None:
    """Sums as products, which BLAS computes.

    A bias's gradient is `ones.dot(g)`, a sum of squares `e.dot(e)`.
    """
    users = program.users()
    wanted = set(program.wanted)
    for node in program.nodes:
        if node.function != "np.add.reduce" or node.options or node.dtype.char not in "fd":
            continue
        x, axis = node.inputs
        if not isinstance(x, Node) or x.dtype != node.dtype or not isinstance(axis, int):
            continue
        if not 0 < x.shape[axis] <= LONGEST or not 0 < x.ndim <= 2:
            continue
        is_square = x.function == "np.square" and len(users[x]) == 1 and x not in wanted
        if is_square and x.ndim == 1:
            node.function, node.inputs = ".dot", (x.inputs[0], x.inputs[0])
        elif x.ndim == 1 or axis == 0:
            node.function, node.inputs = ".dot", (_ones(x.shape[axis], x.dtype), x)
        else:
            node.function, node.inputs = ".dot", (x, _ones(x.shape[axis], x.dtype))


def _ones(n: int, dtype: Any) -> Node:
    return Node("constant", (), {}, np.ones(n, dtype), label="ones")
