"""Masks of numbers in place of truths."""

from ..program import Node, Program

MANY = 1024  # entries from which on NumPy takes longer to turn truths into numbers bit by bit


def masks(program: Program) -> None:
    """Masks of numbers in place of truths.

    To multiply by truths NumPy turns them into numbers, a few thousand at a time: all at once is
    faster, and where the relu's own output is done with, its memory takes them.
    """
    nodes: list[Node] = []
    made: dict[Node, Node] = {}
    for node in program.nodes:
        if node.function == "np.multiply" and node.dtype.kind == "f" and node.size >= MANY:
            for i, x in enumerate(node.inputs):
                if not isinstance(x, Node) or x.dtype != bool or x.shape != node.shape:
                    continue
                if x not in made:
                    example = x.example.astype(node.dtype)
                    made[x] = Node(".astype", (x, node.dtype), {}, example, source=node.source)
                    nodes.append(made[x])
                if made[x].dtype == node.dtype:
                    node.inputs = (*node.inputs[:i], made[x], *node.inputs[i + 1 :])
        nodes.append(node)
    program.nodes = nodes
