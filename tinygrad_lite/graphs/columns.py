"""Text for a terminal: made harmless, measured, cut, coloured, and laid out in columns."""

import os
import sys
from collections.abc import Iterable
from unicodedata import combining, east_asian_width

Cell = tuple[int, str, str]  # the column where it begins, the text, its colour
COLORS = {"forward": "34", "backward": "33", "update": "35", "dim": "2"}


class Lines(str):
    """A text that shows itself as it is, also where Python shows what an expression gave."""

    def __repr__(self) -> str:
        return str(self)


def clean(text: str, most: int = 400) -> str:
    """A text on one line, without what would act on a terminal, and no wider than `most`."""
    text = " ".join(text[: 4 * most].split())
    return cut("".join([c for c in text if c.isprintable()]), most)


def width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def cut(text: str, most: int) -> str:
    """The start of a text that takes no more than `most` columns; `…` says that it is cut."""
    if len(text) * 2 <= most or width(text) <= most:
        return text
    text = text[:most]
    while width(text) > most - 1:
        text = text[:-1]
    return text + "…"


def widest(texts: Iterable[str], most: int) -> int:
    """How wide a column must be for all of these texts but those that are wider than `most`."""
    return max((w for w in map(width, texts) if w <= most), default=0)


def lines(cells: Iterable[Cell], color: bool) -> list[str]:
    """Cells in their columns. One that finds its column taken begins a line."""
    found, line, at = [], "", 0
    for column, text, painted in cells:
        if not text:
            continue
        if line and at >= column:
            found.append(line)
            line, at = "", 0
        line += " " * (column - at) + paint(text, painted, color)
        at = column + width(text)
    return [*found, line] if line else found


def paint(text: str, name: str, color: bool) -> str:
    return f"\x1b[{COLORS[name]}m{text}\x1b[0m" if color and name and text else text


def shows_color() -> bool:
    """Whether the output is a terminal that shows colours, and nobody asked it not to."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
