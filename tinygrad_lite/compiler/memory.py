"""Where every byte of a program is."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .buffers import Buffer
from .program import Node, Program, operands

WIDTH = 98  # columns of a table


@dataclass(frozen=True)
class Row:
    """A piece of memory of a program.

    Attributes
    ----------
    buffer : str
        The name of its array in the program.
    shape : tuple of int
        Of what it holds first.
    bytes : int
        Of the largest that it holds.
    holds : list of (str, int, int)
        What it holds, from which statement to which; the first is 1.
    is_kept : bool
        Whether it is there from call to call: without it, NumPy makes it at each call anew.
    """

    buffer: str
    shape: tuple[int, ...]
    bytes: int
    holds: list[tuple[str, int, int]]
    is_kept: bool = True


class MemoryTable:
    """The buffers of a program, and what it allocates at each call; `str` is a table.

    Attributes
    ----------
    rows : list of Row
    bytes : int
        Of all buffers together.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> norm = tl.compile(lambda x: np.sum(np.tanh(x) ** 2))
    >>> _ = norm(np.ones(1000))
    >>> norm.memory
    buffer  shape    bytes  holds, statement by statement
    a       (1000,)   8 kB  a 1–2
    8 kB in 1 buffer
    """

    def __init__(self, rows: list[Row]):
        self.rows = rows
        self.bytes = sum(row.bytes for row in rows if row.is_kept)

    def __str__(self) -> str:
        kept = [row for row in self.rows if row.is_kept]
        others = [row for row in self.rows if not row.is_kept]
        lines = _table(kept, "holds, statement by statement")
        lines.append(f"{bytes_of(self.bytes)} in {len(kept)} buffer{'s' * (len(kept) != 1)}")
        if others:
            lines += ["", *_table(others, "made at each call, by statement")]
        return "\n".join(lines)

    __repr__ = __str__


def table(
    program: Program, buffers: dict[Node, Buffer], names: dict[Any, str], places: dict[Node, int]
) -> MemoryTable:
    """What is where, and when: `places` are the numbers of statements."""
    last_read: dict[Node, int] = {}
    for node in program.nodes:
        for x in operands(node):
            last_read[x.root] = max(last_read.get(x.root, 0), places.get(node, 0))
    packs = {buffer: node for node, buffer in buffers.items() if node.function == "pack"}
    rows: dict[Buffer, Row] = {}
    for node, buffer in buffers.items():
        if buffer.leaf is not None or node not in places:
            continue
        name, whole = names.get(node, node.label), buffer.part_of or buffer
        first = packs.get(whole, node)
        row = rows.setdefault(whole, Row(names.get(first, name), first.shape, whole.bytes, []))
        start, end = places[node], max(last_read.get(node, 0), places[node])
        held = node.label.replace(".", "_") or name
        if row.holds and row.holds[-1][0] == held:
            start = row.holds.pop()[1]
        row.holds.append((held, start, end))
    found = [*rows.values()]
    for node, place in places.items():
        if node not in buffers and node.ndim and node.view_of is None:
            name, size = names.get(node, node.label), int(np.asarray(node.example).nbytes)
            found.append(Row(name, node.shape, size, [(name, place, place)], False))
    return MemoryTable(found)


def _table(rows: list[Row], title: str) -> list[str]:
    cells = [("buffer", "shape", "bytes", [title])]
    for row in rows:
        held = [f"{name} {_span(start, end)}" for name, start, end in row.holds]
        cells.append((row.buffer, str(row.shape), bytes_of(row.bytes), held))
    widths = [max(len(str(line[i])) for line in cells) for i in range(3)]
    lines = []
    for name, shape, size, held in cells:
        start = f"{name:{widths[0]}}  {shape:{widths[1]}}  {size:>{widths[2]}}  "
        for k, text in enumerate(held):
            text = text + " ·" * (k < len(held) - 1)
            if len(start) + len(text) > WIDTH and start.strip():
                lines.append(start.rstrip())
                start = " " * (sum(widths) + 6)
            start += f"{text} "
        lines.append(start.rstrip())
    return lines


def _span(start: int, end: int) -> str:
    return str(start) if end <= start else f"{start}–{end}"


def bytes_of(size: int) -> str:
    """`2.5 kB`."""
    for unit, factor in (("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} B"
