"""Numbers that stand where they are used, as `a / 32` does, instead of on a line of their own."""

import numpy as np

from ..ops import signs
from .buffers import Buffer
from .numbers import OPERATORS
from .program import Node, Program, operands

ROUNDED = frozenset((np.power, np.remainder, np.floor_divide))  # otherwise for NumPy's numbers
SIGNS = {f"np.{f.__name__}": sign for f, sign in signs.OPERATORS.items() if f not in ROUNDED}


def inlined(program: Program, found: dict[Node, Buffer]) -> set[Node]:
    """Numbers that are used once: they are computed where they are used."""
    users = program.users()
    wanted = set(program.wanted)
    chosen = set()
    for node in program.nodes:
        if node.ndim or node in found or node in wanted or len(users.get(node, ())) != 1:
            continue
        user = users[node][0]
        is_sign = node.function in OPERATORS or (node.function in SIGNS and not node.options)
        is_reduced = node.function.endswith(".reduce") and node.inputs[0].function == "argument"
        once = sum(x is node for x in operands(user)) == 1
        if not (is_sign or is_reduced) or not once or user.view_of or user.function == "pack":
            continue
        if node.quiet != user.quiet:
            continue
        if all(x.root not in found and (not x.root.ndim or x.is_leaf) for x in operands(node)):
            chosen.add(node)  # what it reads stays as it is until then
    return chosen
