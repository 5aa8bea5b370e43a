"""A Program as a Graph, to be looked at with all that Graphs are looked at with."""

from typing import Any

import numpy as np

from ..graphs import Applied, Graph, Value
from .program import Node, Program, mapped

KINDS = {"argument": "input", "tensor": "parameter", "flat": "parameter", "gradient": "gradient"}


def graph_of(program: Program, names: dict[Any, str]) -> Graph:
    """The statements of a program as the steps of a Graph.

    Parameters
    ----------
    program : Program
    names : dict of Node to str
        What the program as Python calls them.
    """
    values: dict[Node, Value] = {}

    def value(x: Any) -> Any:
        if isinstance(x, Node) and x not in values:
            kind = KINDS.get(x.function, "constant") if x.is_leaf else "result"
            values[x] = Value(kind, np.asarray(x.example), names.get(x) or x.label or kind)
        return values[x] if isinstance(x, Node) else x

    steps = []
    for node in program.nodes:
        if node.function in ("guard", "part"):
            continue
        source = node.source
        given = [x for x in node.inputs if getattr(x, "function", "") != "generator"]
        inputs = tuple([mapped(value, x) for x in given])
        steps.append(
            Applied(
                None,
                node.function,
                inputs,
                value(node),
                {key: mapped(value, x) for key, x in node.options.items()},
                source.call if source is not None else None,
                source.place if source is not None else None,
            )
        )
    outputs = [value(x) for x in program.outputs if isinstance(x, Node)]
    return Graph(steps, list(values.values()), outputs, title=program.name, traced=True)
