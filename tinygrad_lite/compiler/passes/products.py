"""Call BLAS as directly as can be."""

from typing import Any

import numpy as np

from ..program import Node, Program

SMALL = 8192  # entries of a matrix


def products(program: Program) -> None:
    """Call BLAS as directly as can be.

    To call `x.dot(w)` takes a quarter of the time that `np.matmul` takes. A matrix of one column is
    a vector; and `x.T @ v` is `v @ x`, without a transpose. A small second factor that is a
    transpose is sooner copied than gone through by columns.
    """
    found: dict[Node, Any] = {}
    nodes: list[Node] = []
    for node in program.nodes:
        if node.function == "np.matmul" and _is_plain(node):
            x, y = node.inputs
            if x.ndim == 2 and y.ndim == 2 and y.shape[1] == 1:
                vector = _reshaped(y, (y.shape[0],), nodes)
                is_turned = x.function == ".transpose" and x.inputs[0].ndim == 2
                factors = (vector, x.inputs[0]) if is_turned else (x, vector)
                made = Node(
                    ".dot", factors, {}, np.empty(x.shape[0], node.dtype), source=node.source
                )
                made.label = node.label
                nodes.append(made)
                found[node] = _reshaped(made, node.shape, nodes)
                continue
            node.function = ".dot"
            if x.ndim == y.ndim == 2 and y.function == ".transpose" and y.size <= SMALL:
                node.inputs = (x, _in_rows(y, nodes))
        nodes.append(node)
    program.nodes = nodes + [node for node in found if node not in nodes]
    program.replace(found)


def _is_plain(node: Node) -> bool:
    """Whether it is a product of vectors or matrices that BLAS knows."""
    if node.options or node.dtype.char not in "fd":
        return False
    return all(
        isinstance(x, Node) and 0 < x.ndim <= 2 and x.dtype == node.dtype and x.size
        for x in node.inputs
    )


def _in_rows(x: Node, nodes: list[Node]) -> Node:
    """A copy whose rows lie one after the other."""
    copy = Node(
        ".copy", (x,), {}, x.example.copy(), source=x.source, label=f"{x.inputs[0].label}_turned"
    )
    nodes.append(copy)
    return copy


def _reshaped(x: Node, shape: tuple[int, ...], nodes: list[Node]) -> Node:
    """A view of `x` in another shape; `x` itself, if it is one in that shape already."""
    if x.function == ".reshape" and x.view_of is not None and x.view_of.shape == shape:
        return x.view_of
    example = x.example.reshape(shape)
    view = Node(".reshape", (x, shape), {}, example, view_of=x, source=x.source)
    nodes.append(view)
    return view
