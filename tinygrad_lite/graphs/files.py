"""Graphs as files, in the form that the suffix names."""

import html
import inspect
import os
import re
import tempfile
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, brief
from .columns import clean
from .record import Graph

PICTURES = (".svg", ".png", ".pdf")
SUFFIXES = (".html", ".dot", *PICTURES, ".json", ".md")


def save(graph: Graph, path: str | os.PathLike[str], phase: str, options: dict[str, Any]) -> Path:
    """Write a drawing; `Graph.save` says how. The file is replaced in one go, or left as it is."""
    if not isinstance(path, str | os.PathLike):
        raise ArgumentError(f"save: give the path of a file, not {brief(path)}.")
    path = Path(os.fsdecode(path))
    form = path.suffix.lower()
    if form not in SUFFIXES:
        raise ArgumentError(
            f"save: {path.name} ends in none of {', '.join(SUFFIXES)}, which say what to write."
        )
    _check(options, form, phase)
    if not path.parent.is_dir():
        raise ArgumentError(f"save: there is no folder {path.parent} to write {path.name} into.")
    content = _contents(form)(graph, {"phase": phase, **options})
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def show(graph: Graph, check: bool) -> Path:
    """Open the player in the browser, from a file of its own; `Graph.show` says how."""
    name = re.sub(r"[^\w-]+", "_", graph.title, flags=re.ASCII)[:60].strip("_") or "graph"
    path = Path(tempfile.mkdtemp(prefix="tinygrad_lite_")) / f"{name}.html"
    save(graph, path, "both", {"check": check})
    webbrowser.open(path.as_uri())
    return path


def svg(graph: Graph, options: dict[str, Any]) -> str:
    """A drawing to be shown alone, as an image, or within a page, in its light or dark mode."""
    from .dot import drawing
    from .engines import render

    return for_browsers(render(drawing(graph, **options).source, "svg").decode(), graph.title)


def for_browsers(picture: str, title: str) -> str:
    """Graphviz's SVG, made fit for browsers.

    It loses what names Graphviz's version and what it calls the boxes, gets a title, a size that
    follows the room there is, and the colours for dark mode.
    """
    from .palette import dark_style

    picture = picture[picture.index("<svg") :]
    picture = re.sub(r"<!--.*?-->\n?", "", picture, flags=re.DOTALL)
    picture = re.sub(r'<title>[^<]*</title>\n?| xlink:title=" "', "", picture)
    return re.sub(
        r'<svg width="([\d.]+)pt" height="([\d.]+)pt"([^>]*)>',
        lambda found: (
            _opening(float(found[1]), float(found[2]), found[3])
            + f"\n<title>{html.escape(clean(title, 200))}</title>"
            + f"\n<style>{_scoped(dark_style())}</style>"
        ),
        picture,
        count=1,
    )


def _scoped(style: str) -> str:
    """Rules that hold for our drawings only, and not for others on the same page."""
    return re.sub(r"^(\s*)\[", r"\1.tinygrad_lite [", style, flags=re.MULTILINE)


def _opening(width: float, height: float, others: str) -> str:
    """As large as it is on paper, or as wide as the page; at least half of it, to be scrolled."""
    width, height = round(width * 4 / 3), round(height * 4 / 3)  # a pixel is 3/4 of a point
    style = f"max-width: 100%; min-width: {width // 2}px; height: auto"
    size = f'width="{width}" height="{height}" style="{style}"'
    return f'<svg class="tinygrad_lite" {size}{others}>'


def _check(options: dict[str, Any], form: str, phase: str) -> None:
    if form == ".html":
        return _check_page(options, phase)
    parameters = inspect.signature(Graph.draw).parameters.values()
    known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    if "check" in options:
        raise ArgumentError("save: check is an option of the player, an .html file.")
    unknown = [name for name in options if name not in known]
    if unknown:
        raise ArgumentError(
            f"save: there is no option {unknown[0]}. There are phase, {', '.join(known)}."
        )
    if form == ".json" and (options or phase != "both"):
        given = next(iter(options), "phase")
        raise ArgumentError(f"save: a .json has all there is, and no option {given}.")


def _check_page(options: dict[str, Any], phase: str) -> None:
    unknown = [name for name in options if name != "check"]
    if unknown or phase != "both":
        given = unknown[0] if unknown else "phase"
        raise ArgumentError(f"save: an .html plays all there is, and has no option {given}: check.")
    if not isinstance(options.get("check", False), bool):
        raise ArgumentError(f"save: check must be True or False, not {brief(options['check'])}.")


def _contents(form: str) -> Callable[[Graph, dict[str, Any]], bytes]:
    """What writes the bytes of a file."""
    return {".html": _html, ".dot": _dot, ".svg": _svg, ".json": _json, ".md": _markdown}.get(
        form, lambda graph, options: _picture(graph, options, form[1:])
    )


def _html(graph: Graph, options: dict[str, Any]) -> bytes:
    from .page import page

    return _encoded(page(graph, options.get("check", False)))


def _dot(graph: Graph, options: dict[str, Any]) -> bytes:
    from .dot import drawing

    return _encoded(drawing(graph, **options).source)


def _svg(graph: Graph, options: dict[str, Any]) -> bytes:
    return _encoded(svg(graph, options))


def _picture(graph: Graph, options: dict[str, Any], form: str) -> bytes:
    from .dot import drawing
    from .engines import render

    return render(drawing(graph, **options).source, form)


def _json(graph: Graph, options: dict[str, Any]) -> bytes:
    from .as_json import text

    return _encoded(text(graph))


def _markdown(graph: Graph, options: dict[str, Any]) -> bytes:
    from .mermaid import markdown

    return _encoded(markdown(graph, **options))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # a name may hold half a character
