"""Drop what nothing wanted is computed from."""

from ..program import Node, Program, operands


def dead(program: Program) -> None:
    """Drop what nothing wanted is computed from.

    Rules that are told of more than they read, gradients that no update uses, and what other passes
    have left over are among it.
    """
    reached: set[Node] = set()
    pending = program.wanted
    for node in pending:  # grows on the way
        if node not in reached:
            reached.add(node)
            pending += operands(node)
    program.nodes = [node for node in program.nodes if node in reached]
