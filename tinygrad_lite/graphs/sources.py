"""The lines of source that the steps of a Graph are from, for a page that shows them."""

import linecache
import os
from collections.abc import Iterator
from typing import Any

from ..source import SourcePlace
from .record import Graph

FILE = 2_000  # lines up to which a file is there in full
AROUND = 40  # lines of a longer one that are shown around each that is meant
LINE = 400  # characters of a line


class Sources:
    """The lines of the files that places are in: all of a file, or those around what is meant."""

    def __init__(self, graph: Graph):
        self.rows: list[dict[str, Any]] = []
        self._lines: dict[tuple[int, int], tuple[str, int]] = {}
        used: dict[str, set[int]] = {}
        for step in graph:
            if step.place is not None:
                file, line = self._at(step.place)
                used.setdefault(file, set()).add(line)
        self._pieces: dict[str, list[tuple[int, int]]] = {}  # position, and the first line beyond
        for file, lines in used.items():
            self._pieces[file] = [*self._read(file, sorted(lines))]

    def place(self, place: SourcePlace | None) -> list[int] | None:
        if place is None:
            return None
        file, line = self._at(place)
        return [next(position for position, end in self._pieces[file] if line < end), line]

    def _at(self, place: SourcePlace) -> tuple[str, int]:
        instruction = (id(place.code), place.instruction)
        if instruction not in self._lines:  # finding its line takes long
            self._lines[instruction] = (place.file, place.line)
        return self._lines[instruction]

    def _read(self, file: str, used: list[int]) -> Iterator[tuple[int, int]]:
        there = linecache.getlines(file)
        pieces = [(1, max(len(there), used[-1]) + 1)]
        if len(there) > FILE:
            pieces = []
            for line in used:
                if pieces and line - AROUND <= pieces[-1][1]:
                    pieces[-1] = (pieces[-1][0], line + AROUND)
                else:
                    pieces.append((max(line - AROUND, 1), line + AROUND))
        for first, end in pieces:
            lines = [_code(line) for line in there[first - 1 : end - 1]]
            yield len(self.rows), end
            self.rows.append({"file": os.path.basename(file), "first": first, "lines": lines})


def _code(line: str) -> str:
    """A line of source, not too long, and without halves of characters, which no file can hold."""
    line = line.rstrip("\n").expandtabs(4)
    line = line if len(line) <= LINE else line[: LINE - 1] + "…"
    return line.encode("utf-8", "replace").decode()
