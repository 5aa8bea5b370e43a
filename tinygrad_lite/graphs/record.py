"""Graph: the record of a computation, step by step."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from ..errors import ArgumentError, BoundsError, brief
from ..tensor import Tensor
from .steps import Step, Value

if TYPE_CHECKING:
    import os
    from pathlib import Path

    import graphviz

    from .notebook import Player

PHASES = ("forward", "backward", "update")


class Graph(Sequence[Step]):
    """The steps of a computation in the order in which they were done; made by `graph`, `trace`.

    Attributes
    ----------
    steps : tuple of Step
        Each is an `Applied`, `Seed`, `Contribution` or `Update`, with a `number`, which counts from
        1, and a `phase`: "forward", "backward" or "update".
    values : tuple of Value
        All that these steps take and make, in the order in which they were met.
    outputs : tuple of Value
        What the computation was for: the result, or what a traced function returned.
    title : str
        The name of the traced function, or of the result.
    traced : bool
        Whether it is of a function that was traced, so that it has whatever that did.
    backward_error : str
        Why there is no backward pass in it, if somebody might look for one.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> x = tl.Tensor(3.0, requires_grad=True)
    >>> y = x * x
    >>> graph = tl.graph(y)
    >>> [step.name for step in graph]
    ['multiply', 'seed', 'multiply → x', 'multiply → x']
    >>> graph["x"].gradient.array
    array(6., dtype=float32)
    """

    def __init__(
        self,
        steps: Sequence[Step],
        values: Sequence[Value],
        outputs: Sequence[Value],
        tensors: Sequence[tuple[Tensor, Value]] = (),
        title: str = "",
        traced: bool = False,
        backward_error: str = "",
    ):
        self.steps = tuple(steps)
        self.values = tuple(values)
        self.outputs = tuple(outputs)
        self.title = title or ", ".join(value.name for value in outputs) or "a computation"
        self.traced = traced
        self.backward_error = backward_error
        self._tensors = tuple(tensors)
        for number, step in enumerate(self.steps, 1):
            step.number = number

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    @overload
    def __getitem__(self, key: str) -> Value: ...
    @overload
    def __getitem__(self, key: int) -> Step: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Step, ...]: ...
    def __getitem__(self, key: Any) -> Any:
        """A step by its position, from 0, or a value by its name.

        Raises
        ------
        BoundsError
            If there is none.
        """
        if not isinstance(key, str):
            try:
                return self.steps[key]
            except IndexError:
                raise BoundsError(f"graph[{key}]: there are {len(self)} steps.") from None
        found = [value for value in self.values if value.name == key]
        found = found or [value for value in self.values if value.name.partition("#")[0] == key]
        if not found:
            close = [value.name for value in self.values if value.kind != "gradient"]
            known = ", ".join(close[:20]) + (", …" if len(close) > 20 else "")
            raise BoundsError(f"graph[{key!r}]: there is no value of this name. There are {known}.")
        return found[-1]

    def value(self, x: "Tensor | str") -> Value | None:
        """The Value of a Tensor, or of a name; None if the Tensor isn't in the graph."""
        if isinstance(x, str):
            return self[x]
        if not isinstance(x, Tensor):
            raise ArgumentError(f"graph: give a Tensor or its name, not {brief(x)}.")
        found = [value for t, value in self._tensors if t is x]
        return found[0] if found else None

    def phase(self, name: str) -> tuple[Step, ...]:
        """The steps of one phase: "forward", "backward" or "update".

        Raises
        ------
        ArgumentError
            If the name is none of these.
        """
        if name not in PHASES:
            raise ArgumentError(f"graph.phase: there are {', '.join(PHASES)}, but no {name!r}.")
        return tuple(step for step in self.steps if step.phase == name)

    def __repr__(self) -> str:
        counts = [(len(self.phase(name)), name) for name in PHASES]
        said = ", ".join(f"{n} {name}" for n, name in counts if n)
        return f"<Graph of {self.title}: {said or 'no'} step{'' if len(self) == 1 else 's'}>"

    # ---- to look at --------------------------------------------------------------------------

    def draw(
        self,
        phase: str = "both",
        *,
        shapes: bool = True,
        dtypes: bool = False,
        values: bool = True,
        gradients: bool = True,
        memory: bool = False,
        depth: int | None = None,
        fold: bool = True,
    ) -> "graphviz.Source":
        """A drawing, to be laid out by Graphviz.

        Parameters
        ----------
        phase : str
            "forward", "backward", or "both" on one picture.
        shapes, dtypes, values, gradients, memory : bool
            What to say of each value; `memory` is its size in bytes.
        depth : int, optional
            How deep to look into modules: 0 draws each outermost module as one box, 1 what is
            directly within it, and so on. By default all, or as much as can be drawn.
        fold : bool
            Whether layers that repeat each other are drawn once, with `×12`.

        Returns
        -------
        graphviz.Source
            In a notebook it shows itself; its `source` is the text in DOT.

        Raises
        ------
        ArgumentError
            If an option isn't one of these; or nothing of the phase is in the graph.

        Examples
        --------
        >>> import tinygrad_lite as tl
        >>> x = tl.Tensor(3.0, requires_grad=True)
        >>> print(tl.graph(x * x).draw("forward").source.splitlines()[0])
        digraph {
        """
        from .dot import drawing

        return drawing(self, **_options(locals()))

    def save(self, path: "str | os.PathLike[str]", phase: str = "both", **options: Any) -> "Path":
        """Write a file, in the form that its suffix names: the player, a drawing, or the data.

        Parameters
        ----------
        path : path
            `.html`: the player, a page that steps through all that was computed, beside the source.
            `.svg`, `.png`, `.pdf`: a picture, which needs a Graphviz engine. `.dot`: the drawing as
            text. `.md`: a Mermaid diagram, which GitHub shows. `.json`: all steps and values.
        phase, **options
            As for `draw`; a `.json` has no options. An `.html` has `check=True`, which compares the
            rule of each operation with central differences, at these very numbers.

        Returns
        -------
        Path
            Of the file that was written: all of it, or none.

        Raises
        ------
        ArgumentError
            If the suffix is none of these.
        RenderError
            If there is no Graphviz engine that can draw such a picture: says how to get one.

        Examples
        --------
        >>> import tinygrad_lite as tl
        >>> x = tl.Tensor(3.0, requires_grad=True)
        >>> tl.graph(x * x).save("square.dot").name
        'square.dot'
        """
        from .files import save

        return save(self, path, phase, options)

    def show(self, *, check: bool = False) -> "Path":
        """Open the player in the browser, from a file among the system's temporary ones.

        Parameters
        ----------
        check : bool
            As for `save`.

        Returns
        -------
        Path
            Of that file.

        Examples
        --------
        >>> import tinygrad_lite as tl
        >>> x = tl.Tensor(3.0, requires_grad=True)
        >>> path = tl.graph(x * x).show()  # doctest: +SKIP
        """
        from .files import show

        return show(self, check)

    def player(self, *, check: bool = False, height: int = 640) -> "Player":
        """The player within a notebook: leave it as the last line of a cell.

        Parameters
        ----------
        check : bool
            As for `save`.
        height : int
            Of the player, in pixels.

        Returns
        -------
        Player
            Shows itself. The notebook that is saved holds it, with about 1.5 MB.

        Examples
        --------
        >>> import tinygrad_lite as tl
        >>> x = tl.Tensor(3.0, requires_grad=True)
        >>> tl.graph(x * x).player()
        <Player of a: 1 forward, 3 backward steps>
        """
        from .notebook import Player

        return Player(self, check, height)

    def explain(self, *, places: bool = True, color: bool | None = None) -> str:
        """The computation as text, a line for each step, to be printed.

        Parameters
        ----------
        places : bool
            Whether to say, above the steps, which source line and module they come from.
        color : bool, optional
            By default whether the output is a terminal that shows colours.

        Examples
        --------
        >>> import tinygrad_lite as tl
        >>> x = tl.Tensor(3.0, requires_grad=True)
        >>> y = x * x
        >>> print(tl.graph(y).explain(places=False))
        forward
          1  y = x * x          multiply   3 × 3 = 9
        backward
          2  y                             ∂y/∂y = 1
          3  y = x * x   → x    g * x   1 × 3    = 3
          4              → x    g * x   1 × 3    = 3
                                        adds to 1 earlier contribution: 3 + 3 = 6
        gradients: x 6
        """
        from .explain import explanation

        return explanation(self, places, color)

    def why(self, tensor: "Tensor | str") -> str:
        """Why a Tensor got no gradient; or along which paths its gradient came.

        Parameters
        ----------
        tensor : Tensor or str
            Any Tensor, also one that isn't in the graph, or the name of a value that is.

        Examples
        --------
        >>> import tinygrad_lite as tl
        >>> x = tl.Tensor(3.0, requires_grad=True)
        >>> n = tl.Tensor(2.0)
        >>> y = x * n
        >>> print(tl.graph(y).why(n))  # doctest: +ELLIPSIS
        n has no gradient...
        """
        from .why import reason

        return reason(self, tensor)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from .notebook import bundle

        return bundle(self)


def _options(given: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key not in ("self", "drawing")}
