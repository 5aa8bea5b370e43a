"""Compute once what is computed twice."""

from typing import Any

import numpy as np

from ..program import EFFECTS, Node, Program, operands


def common(program: Program) -> None:
    """Compute once what is computed twice: the same call, of the same arrays.

    A gradient rule often begins as the operation did: that of `cross_entropy` with a softmax.
    """
    found: dict[Any, Node] = {}
    twins: dict[Node, Any] = {}

    def key(x: Any) -> Any:
        if isinstance(x, Node):
            while x in twins:
                x = twins[x]
            return _content(x) if x.function == "constant" else x
        if isinstance(x, tuple | list):
            return type(x), tuple([key(part) for part in x])
        if isinstance(x, slice):
            return slice, key(x.start), key(x.stop), key(x.step)
        if isinstance(x, np.ndarray):
            return "array", x.tobytes(), x.shape, x.dtype
        return type(x), repr(x)

    constants: dict[Any, Node] = {}
    for node in program.nodes:
        for x in operands(node):
            if x.function == "constant":
                twin = constants.setdefault(_content(x), x)
                if twin is not x:
                    twins[x] = twin
    for node in program.nodes:
        if node.function in EFFECTS and node.function != "guard":  # two draws are two
            continue
        options = tuple([(name, key(x)) for name, x in sorted(node.options.items())])
        call = (node.function, key(node.inputs), options, str(getattr(node.example, "dtype", "")))
        twin = found.setdefault(call, node)
        if twin is not node:
            twins[node] = twin
            twin.quiet &= node.quiet
    program.replace(twins)


def _content(x: Node) -> Any:
    return "constant", x.example.tobytes(), x.shape, x.dtype, x.example.strides
