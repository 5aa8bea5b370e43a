"""Subtract from a few entries what would be subtracted from all, as zeros."""

import numpy as np

from ..program import Node, Program


def one_hot(program: Program) -> None:
    """Subtract from a few entries what would be subtracted from all, as zeros.

    `softmax(x) - one_hot(y)`, the gradient of a cross-entropy, is `p = softmax(x)` and
    `p[rows, y] -= 1`: no array is filled with zeros.
    """
    users = program.users()
    for node in program.nodes:
        if node.function != "np.subtract" or not isinstance(node.inputs[1], Node):
            continue
        x, placed = node.inputs
        if placed.function != "[]=" or placed.dtype != node.dtype or len(users[placed]) > 1:
            continue
        zeros, index, values = placed.inputs
        if not isinstance(x, Node) or not x.shape == placed.shape == node.shape:
            continue
        if zeros.function == "constant" and not zeros.example.any():
            node.function, node.inputs = "[]-=", (x, index, values)
            node.example = np.array(x.example, node.dtype, order="K")
