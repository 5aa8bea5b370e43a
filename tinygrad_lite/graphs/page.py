"""A Graph as one page that plays it: nothing else is needed to look at it."""

import html
import json
import re
from functools import cache
from importlib.resources import files

from .page_data import data
from .record import Graph

ENGINE = "viz-global.js"


def page(graph: Graph, check: bool = False) -> str:
    """The player of a graph as HTML, with its style, its scripts and the engine that lays it out.

    Parameters
    ----------
    check : bool
        Whether to compare the rule of each operation with central differences.
    """
    found = data(graph, check)
    given = {"title": html.escape(found["title"]), "data": _as_script(found)}
    return re.sub(
        r"\{\{([\w.-]+)\}\}",
        lambda place: given[place[1]] if place[1] in given else _part(place[1]),
        _file("page.html"),
    )


def _as_script(found: object) -> str:
    """JSON that may stand in a script: nothing in it looks like a tag, or ends a line."""
    said = json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for letter in "<\u2028\u2029":
        said = said.replace(letter, f"\\u{ord(letter):04x}")
    return said


@cache
def _part(name: str) -> str:
    """A file of the player's; with the engine the licences that come with it."""
    said = _file(name).strip()
    return f"/*\n{_file('NOTICES.md').strip()}\n*/\n{said}" if name == ENGINE else said


def _file(name: str) -> str:
    return files(__package__).joinpath("player", name).read_text(encoding="utf-8")
