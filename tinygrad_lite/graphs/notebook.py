"""How Graphs, Tensors and Modules show themselves in a notebook."""

import html
import sys
import warnings
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from ..errors import ArgumentError, RenderError, brief
from ..nn import Module
from ..tensor import Tensor
from .columns import clean
from .record import Graph

MOST_OPERATIONS = 1000  # of a Tensor's history that is looked at just because it is displayed
MOST_BOXES = 40  # in the drawing beside a Tensor
MOST_ENTRIES = 1_000_000  # of all arrays in a history whose values are said
MOST_ROWS = 200  # of what one module holds
INSTEAD = (  # of the player, where frames are taken out: in a notebook that isn't trusted
    "The player is not shown, as this notebook is not trusted. Run the cell again to see it."
)

_DIM = 'style="opacity: 0.65"'


def register() -> None:
    """Have the IPython that runs this, if one does, display Tensors and Modules. Never raises."""
    try:
        shell = sys.modules["IPython"].get_ipython()
        formatter = shell.display_formatter.formatters["text/html"]
        formatter.for_type(Tensor, tensor_html)
        formatter.for_type(Module, module_html)
    except Exception:
        return  # no IPython, or none that shows HTML


def bundle(graph: Graph) -> dict[str, str]:
    """A Graph by MIME type: always as text, and as a picture if it can be drawn. Never raises."""
    from .files import svg

    said = _repr(graph)
    try:
        return {"text/plain": said, "image/svg+xml": _quietly(svg, graph, {"phase": "both"})}
    except RenderError as error:
        return {"text/plain": f"{said}\n{error}"}
    except Exception as error:
        return {"text/plain": f"{said}\nIt can't be drawn: {type(error).__name__}."}


class Player:
    """The page of a Graph in a frame, which a notebook shows; made by `Graph.player`."""

    def __init__(self, graph: Graph, check: bool, height: int):
        from .page import page

        if isinstance(height, bool) or not isinstance(height, int) or height < 100:
            raise ArgumentError(
                f"player: height is a number of pixels, 100 or more, not {brief(height)}."
            )
        self.page, self.height = page(graph, check), height
        self._title = graph.title
        self._said = f"<Player{_repr(graph).removeprefix('<Graph')}"

    def __repr__(self) -> str:
        return self._said

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self._said, "text/html": self._html()}

    def _html(self) -> str:
        """The whole page as an attribute: a frame has no file to load, wherever it is shown.

        It may run scripts, but is a stranger to the notebook around it.
        """
        written = self.page.encode("utf-8", "replace").decode()
        written = written.replace("&", "&amp;").replace('"', "&quot;")
        title = f"The player of {clean(self._title, 80)}"
        return (
            f'<iframe title="{html.escape(title)}" sandbox="allow-scripts" width="100%" '
            f'height="{self.height}" style="border: 0" srcdoc="{written}">'
            f"{INSTEAD}</iframe>"
        )


def tensor_html(t: Tensor) -> str | None:
    """A Tensor as its text and a small drawing of how it was computed.

    None, for the text alone, if nothing was recorded, or if it can't be drawn. Runs no backward
    pass. Never raises.
    """
    from .files import svg

    try:
        if t.op is None:
            return None
        said = f'<pre style="font-family: monospace">{html.escape(repr(t))}</pre>'
        if not _is_short(t):
            return (
                f"{said}<div {_DIM}>Computed by more than {MOST_OPERATIONS:,} operations: "
                "<code>tl.graph</code> has them all.</div>"
            )
        graph = _history(t)
        options = {"phase": "forward", "limit": MOST_BOXES}
        options["values"] = sum(value.array.size for value in graph.values) <= MOST_ENTRIES
        picture = b64encode(_quietly(svg, graph, options).encode()).decode()
        alt = 'alt="how it was computed" style="max-width: 100%"'
        return f'{said}<img {alt} src="data:image/svg+xml;base64,{picture}">'
    except Exception:
        return None


def module_html(module: Module) -> str | None:
    """A Module as a tree, to be opened and closed; None, for its text, if it can't be read.

    Never raises.
    """
    try:
        return _tree(module)
    except Exception:
        return None


# ---- Tensors -------------------------------------------------------------------------------------


def _is_short(t: Tensor) -> bool:
    """Whether few operations computed it; looks at no more than that."""
    reached, seen = [t], {id(t)}
    for one in reached:  # grows on the way
        for x in one.inputs:
            if isinstance(x, Tensor) and x.op is not None and id(x) not in seen:
                seen.add(id(x))
                reached.append(x)
        if len(reached) > MOST_OPERATIONS:
            return False
    return True


def _history(t: Tensor) -> Graph:
    """What `tl.graph` makes of it, without the backward pass, or copies of what might change."""
    from .recorder import Recorder
    from .tracing import named

    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    variables = dict(getattr(shell, "user_ns", {}))
    recorder = Recorder()
    recorder.history(t)
    return named(recorder, [t], None, variables)


# ---- Modules -------------------------------------------------------------------------------------


def _tree(root: Module) -> str:
    """Nested `<details>`: modules, and what each holds itself."""
    modules = dict(root.named_modules())
    sizes: dict[str, int] = defaultdict(int)
    rows: dict[str, list[tuple[str, str]]] = defaultdict(list)  # by the path of the owner
    for path, parameter in root.named_parameters():
        owner = _owner(path, modules)
        rows[owner].append((path, _leaf(path, owner, parameter, "")))
        while True:
            sizes[owner] += parameter.size
            if not owner:
                break
            owner = _owner(owner, modules)
    for path, buffer in root.named_buffers():
        owner = _owner(path, modules)
        rows[owner].append((path, _leaf(path, owner, buffer, " · buffer")))
    within: dict[str, list[str]] = defaultdict(list)
    for path in modules:
        if path:
            within[_owner(path, modules)].append(path)
    opened = len(modules) <= 20
    written: dict[str, str] = {}
    for path in reversed(modules):  # those below come first
        parts = [text for _, text in rows[path]] + [written.pop(p) for p in within[path]]
        written[path] = _details(path, modules[path], sizes[path], parts, opened or not path)
    return written[""]


def _owner(path: str, modules: dict[str, Module]) -> str:
    """The path of the module that holds what is at a path."""
    path = path.rpartition(".")[0]
    while path and path not in modules:  # a list, or a dict, among its attributes
        path = path.rpartition(".")[0]
    return path


def _details(path: str, module: Module, size: int, parts: list[str], opened: bool) -> str:
    name = f"<code>{_text(path)}</code> " if path else ""
    counted = f"{size:,} parameter{'' if size == 1 else 's'}" if size else ""
    head = f"{name}{_text(module.summary())} <span {_DIM}>{counted}</span>"
    if not parts:
        return f'<div style="margin-left: 2.2em">{head}</div>'
    if len(parts) > MOST_ROWS:
        parts = [*parts[:MOST_ROWS], f"<div>… and {len(parts) - MOST_ROWS:,} more</div>"]
    inside = "".join(parts)
    return (
        f'<details style="margin-left: 1.1em"{" open" if opened else ""}>'
        f"<summary>{head}</summary>{inside}</details>"
    )


def _leaf(path: str, owner: str, t: Tensor, note: str) -> str:
    name = path[len(owner) + 1 :] if owner else path
    frozen = "" if t.requires_grad or note else " · frozen"
    said = f"{t.shape} {t.dtype}{note}{frozen}"
    return (
        f'<div style="margin-left: 2.2em"><code>{_text(name)}</code> '
        f"<span {_DIM}>{_text(said)}</span></div>"
    )


# ---- text ----------------------------------------------------------------------------------------


def _text(said: str) -> str:
    return html.escape(clean(said, 300))


def _repr(graph: Graph) -> str:
    try:
        return repr(graph)
    except Exception:
        return object.__repr__(graph).partition(" at ")[0] + ">"


def _quietly(draw: Callable[..., str], *args: Any) -> str:
    """Warnings are shown, and not made errors: those that draw are told of them otherwise."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        return draw(*args)
