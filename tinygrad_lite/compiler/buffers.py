"""Where every array of a program lives: buffers that are used again when what they held is done.

Nothing is allocated while a program runs, but for what it returns and what NumPy can't compute into
an array that it is given.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from .joining import spans
from .program import Node, Program, nodes_in, operands

IN_PLACE = frozenset(("[]=", "[]-="))  # with entries of its first input: into that one's memory
DRAWS = frozenset((".random", ".standard_normal"))
COPIES = frozenset((".copy", ".astype"))  # made by np.copyto


@dataclass(eq=False, slots=True)
class Buffer:
    """Memory that is there from the beginning.

    Attributes
    ----------
    bytes : int
    leaf : Node or None
        The leaf whose own memory it is.
    part_of, start : Buffer or None, int
        The one that it is a part of, and from which byte on.
    """

    bytes: int
    leaf: Node | None = None
    part_of: "Buffer | None" = None
    start: int = 0


def buffers(program: Program) -> dict[Node, Buffer]:
    """The buffer of each Node that gets one, and of each leaf that is written."""
    return _Planner(program).plan()


def is_ufunc(node: Node) -> bool:
    """Whether it computes each entry from those at the same place."""
    ufunc = getattr(np, node.function.removeprefix("np."), None)
    return isinstance(ufunc, np.ufunc) and ufunc.signature is None and ufunc.nout == 1


def takes_out(node: Node) -> bool:
    """Whether it can be computed into an array that is given."""
    if node.view_of is not None or not isinstance(node.example, np.ndarray) or not node.ndim:
        return False
    if node.dtype == object:
        return False
    name = node.function.removeprefix("np.").partition(".")[0]
    ufunc = getattr(np, name, None)
    if isinstance(ufunc, np.ufunc):
        return ufunc.nout == 1 and not node.function.endswith((".outer", ".reduceat"))
    return node.function in (".clip", ".dot", "np.concatenate", "np.stack", "np.where") or (
        node.function in COPIES | IN_PLACE | DRAWS
    )


class _Planner:
    def __init__(self, program: Program):
        self.program = program
        self.found: dict[Node, Buffer] = {}
        self.free: list[Buffer] = []
        end = len(program.nodes)
        self.last: dict[Node, int] = {}  # where the memory of a Node is used last
        for position, node in enumerate(program.nodes):
            for x in operands(node):
                self.last[x.root] = position
        for x in program.wanted:
            self.last[x.root] = end
        self.returned = {x.root for x in program.outputs if isinstance(x, Node)}
        self.returned |= {g.root for g in program.gradients}
        self.written: dict[Node, Node] = {}  # leaves by what they become
        self.reserved: set[Buffer] = set()
        self.owner: dict[Buffer, Node] = {}  # what a buffer holds now
        guards = [i for i, node in enumerate(program.nodes) if _may_end(node)]
        self.safe = max(guards, default=-1)  # until there, nothing of the user's is written
        for write in program.writes:
            if isinstance(write.target.example, np.ndarray):
                buffer = Buffer(write.target.example.nbytes, write.target)
                self.found[write.target] = buffer
                self.owner[buffer] = write.target
                self.written[write.value] = write.target

        self.parts: dict[Node, Buffer] = {}  # what is computed right into its place
        for position, node in enumerate(program.nodes):
            if node.function == "pack":
                self._pack(node, position)

    def _pack(self, node: Node, position: int) -> None:
        """The memory of several arrays that are to be one; those are computed into it, if they
        can."""
        whole = self.found[node] = Buffer(node.example.nbytes)
        for x, (start, _) in zip(node.inputs, spans(node.inputs), strict=True):
            root = x.root
            is_whole = root.size == x.size and root.dtype == node.dtype
            can = takes_out(root) or (root.ndim == 0 and is_ufunc(root))
            if is_whole and not root.is_leaf and can and root not in self.returned:
                flat = all(y.flags.c_contiguous for y in (x.example, root.example))
                if flat and self.last[root] <= position and root not in self.parts:
                    part = Buffer(root.example.nbytes, None, whole, start * node.dtype.itemsize)
                    self.parts[root] = part
                    self.reserved.add(part)

    def plan(self) -> dict[Node, Buffer]:
        for position, node in enumerate(self.program.nodes):
            if node.function == "pack":
                self.owner[self.found[node]] = node
            elif (takes_out(node) or node in self.parts) and node not in self.returned:
                buffer = self._choose(node, position)
                self.found[node] = buffer
                self.owner[buffer] = node
            self._release(position)
        return self.found

    def _choose(self, node: Node, position: int) -> Buffer:
        if node in self.parts:
            return self.parts[node]
        own = self.found.get(self.written.get(node, node))
        if own is not None and own.leaf is not None and self._is_open(own, node, position):
            return own
        for x in dict.fromkeys(operands(node)):
            buffer = self.found.get(x.root)
            if buffer is not None and self._in_place(buffer, x, node, position):
                return buffer
        size = node.example.nbytes
        fitting = [b for b in self.free if b.bytes >= size]
        best = min(fitting, key=lambda b: b.bytes, default=None)
        if best is None and self.free:
            best = max(self.free, key=lambda b: b.bytes)
            best.bytes = size
        if best is not None:
            self.free.remove(best)
            return best
        return Buffer(size)

    def _is_open(self, own: Buffer, node: Node, position: int) -> bool:
        """Whether a leaf's memory can take what the leaf becomes."""
        if position <= self.safe or not _alike(own.leaf, node):
            return False
        holder = self.owner[own]
        if self.last.get(holder, -1) < position:
            return True
        return self._in_place(own, holder, node, position)

    def _in_place(self, buffer: Buffer, x: Node, node: Node, position: int) -> bool:
        """Whether `node` can be computed into the memory of its input `x`, a whole array."""
        root = x.root
        if self.owner.get(buffer) is not root or self.last[root] != position or not _alike(x, node):
            return False
        if x.size == 1 and not node.function.endswith("="):  # NumPy takes longer where out is x
            return False
        if x.size != root.size or (
            buffer.leaf is not None and (x is not root or position <= self.safe)
        ):
            return False
        if any(y is not x and y.root is root for y in operands(node)):  # in another order, maybe
            return False
        if node.function in IN_PLACE or node.function.endswith(".at"):
            return node.inputs[0] is x
        return is_ufunc(node) or node.function == ".clip"

    def _release(self, position: int) -> None:
        for buffer, holder in list(self.owner.items()):
            if (
                buffer.leaf is None
                and buffer not in self.reserved
                and self.last.get(holder, position) <= position
            ):
                del self.owner[buffer]
                self.free.append(buffer)


def _may_end(node: Node) -> bool:
    """Whether the program may end there, so that the function itself must begin anew."""
    if node.function in ("[]", "[]=", "[]-=") or node.function.endswith(".at"):
        return any(x.function != "constant" for x in nodes_in(node.inputs[1]))  # out of range
    return node.function == "guard" or node.function.startswith("np.linalg.")


def _alike(x: Node | None, y: Node) -> bool:
    """Whether two arrays can take each other's memory: shape, dtype, and order of axes."""
    if x is None or x.shape != y.shape or x.dtype != y.dtype:
        return False
    long = [i for i, n in enumerate(x.shape) if n != 1]
    return all(x.example.strides[i] == y.example.strides[i] for i in long)


def order_of(array: Any) -> tuple[int, ...]:
    """The axes in the order in which they lie in memory, the outermost first."""
    long = [i for i, n in enumerate(array.shape) if n != 1]
    order = sorted(long, key=lambda i: -abs(array.strides[i]))
    return tuple(order)


def laid_out(memory: Any, example: Any) -> Any:
    """An array like `example`, in memory given as bytes."""
    flat = memory[: example.nbytes].view(example.dtype)
    order = [*order_of(example)]
    order = [i for i in range(example.ndim) if i not in order] + order
    shape = [example.shape[i] for i in order]
    inverse = [order.index(i) for i in range(example.ndim)]
    assert prod(shape) == flat.size
    return flat.reshape(shape).transpose(inverse)
