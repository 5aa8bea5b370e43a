"""Graphviz engines: the programs that lay a drawing out and make it a picture."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import warnings
from collections.abc import Iterator

from ..errors import RenderError

# pygraphviz is a library. In a process of its own it reads and writes as the programs do, and what
# Graphviz says of the drawing can be told from what Python prints.
_PYGRAPHVIZ = """\
import sys, pygraphviz
drawing = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode("utf-8"))
sys.stdout.buffer.write(drawing.draw(format=sys.argv[1], prog="dot"))
"""

_OF_FONTS = re.compile(  # said of every drawing on some machines; nothing that a user could mend
    r"fontconfig|pango|hard-coded metrics|no value for width of", re.IGNORECASE
)


def render(source: str, form: str) -> bytes:
    """A drawing in DOT as a picture, by the first engine there is that can make it.

    Parameters
    ----------
    source : str
        In DOT.
    form : str
        "svg", "png" or "pdf".

    Raises
    ------
    RenderError
        If there is no engine, or none that can draw this: with what each of them said.
    """
    said = []
    for name, command in _engines(form):
        picture, errors = _run(command, source)
        if picture:
            if errors:
                warnings.warn(f"{name}: {errors}", UserWarning, stacklevel=4)
            return picture
        said.append(f"  {name}: {errors or 'it gave no reason'}")
    if not said:
        raise RenderError(f"A .{form} needs Graphviz, and there is none here.\n{_mend(form)}")
    raise RenderError(
        "\n".join([f"There is Graphviz, but it made no .{form}:", *said, _mend(form)])
    )


def _engines(form: str) -> Iterator[tuple[str, list[str]]]:
    """The engines of this machine, the best first: each with the command that draws."""
    dot = shutil.which("dot")
    if dot:
        yield "dot", [dot, f"-T{form}"]
    scripts = [os.path.dirname(sys.executable), sysconfig.get_path("scripts")]
    pure = shutil.which("graphviz-pure", path=os.pathsep.join(scripts))
    pure = pure or shutil.which("graphviz-pure")
    if pure:
        yield "graphviz-pure", [pure, f"-T{form}"]
    if importlib.util.find_spec("pygraphviz") is not None:
        yield "pygraphviz", [sys.executable, "-P", "-c", _PYGRAPHVIZ, form]


def _run(command: list[str], source: str) -> tuple[bytes, str]:
    """What an engine gives, nothing if it failed, and what it says."""
    try:
        done = subprocess.run(
            command,
            input=source.encode("utf-8", "replace"),  # a name may hold half a character
            capture_output=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # Windows has it
        )
    except OSError as error:
        return b"", str(error)
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    lines = [line.strip() for line in lines if line.strip() and not _OF_FONTS.search(line)]
    if done.returncode != 0:
        return b"", "; ".join(lines) or f"it ended with code {done.returncode}"
    return _without_time(done.stdout), "; ".join(lines)


def _without_time(picture: bytes) -> bytes:
    """A PDF says when it was made: the same drawing is to be the same bytes."""
    return re.sub(rb"(/CreationDate \(D:)\d{14}", rb"\g<1>20000101000000", picture)


def _mend(form: str) -> str:
    extra = 'pip install "tinygrad_lite[render]", an engine for .svg and .png that needs no setup'
    if form == "pdf":
        extra = "pip install pygraphviz, which brings Graphviz along"
    return f"""\
  Any of these helps:
    apt install graphviz; brew install graphviz; winget install graphviz; conda install graphviz
    {extra}
    save as .md, which GitHub shows, or .dot, for any viewer of such files: they need no engine"""
