"""The errors, and how they are worded: operation, arguments, what was expected, the mend."""

import re
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .source import SourcePlace, operand_names

if TYPE_CHECKING:
    from .context import Call, Place


class TinygradError(Exception):
    """What every error of this package is."""


class ShapeError(TinygradError, ValueError):
    """Shapes that don't fit each other or the operation."""


class DtypeError(TinygradError, TypeError):
    """Values of a kind that the operation can't take."""


class BoundsError(TinygradError, IndexError, ValueError):
    """An axis, an index or a class that isn't there."""


class ArgumentError(TinygradError, ValueError):
    """An option outside its domain."""


class SingularError(TinygradError, np.linalg.LinAlgError):
    """A matrix that can't be inverted or factored."""


class OperationError(TinygradError, TypeError):
    """A function, or a use of one, that has no gradient here."""


class GradientError(TinygradError, RuntimeError):
    """A gradient asked of something that has none."""


class MutationError(TinygradError, RuntimeError):
    """A value changed that gradients need, or one that is read-only."""


class AnomalyError(TinygradError, FloatingPointError):
    """The first NaN or infinity, under `detect_anomaly`."""


class StateError(TinygradError, KeyError):
    """A state that doesn't fit the module or optimizer it is loaded into."""

    __str__ = Exception.__str__  # KeyError's quotes its message


class DataError(TinygradError, ValueError):
    """A file that isn't what it should be: missing, truncated, corrupt, or of another format."""


class RenderError(TinygradError, RuntimeError):
    """A drawing that can't be made into a picture."""


# ---- how things are called -----------------------------------------------------------------------


def called(t: Any, otherwise: str = "this Tensor") -> str:
    """A Tensor's name in backticks, or `otherwise`."""
    return f"`{t.name}`" if getattr(t, "name", None) else otherwise


def brief(value: Any) -> str:
    """A value's type and the start of its text, on one line."""
    text = " ".join(repr(value).split())
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '…'}"


def path_of(call: "Call") -> str:
    """A module's path below the outermost one at work: `layers.1`."""
    module, outermost = call.module(), call
    while outermost.parent is not None:
        outermost = outermost.parent
    root = outermost.module()
    paths = [] if root is None else [path for path, m in root.named_modules() if m is module]
    return paths[0] if paths and paths[0] else type(module).__name__


def call_lines(call: "Call | None", place: "Place | None") -> Iterator[str]:
    """The module at work, and the user's line that called it."""
    if call is not None and call.module() is not None:
        module = call.module()
        path, kind = path_of(call), str(module.summary())  # type: ignore[union-attr]
        label = kind if kind.startswith(path) else f"{path}: {kind}"
        yield f"  in {label}, called at {SourcePlace(*call.place)}"
    elif place is not None:
        yield f"  at {SourcePlace(*place)}"


def owner(x: Any, call: "Call | None") -> str:
    """What a Tensor is to the module at work: its parameter, by path, or a name of its own."""
    if getattr(x, "name", None):
        return str(x.name)
    while call is not None:
        module = call.module()
        try:
            parameters = list(module.named_parameters()) if module is not None else []
        except GradientError:  # of a Tensor that is no Parameter: not what is being reported
            parameters = []
        for path, parameter in parameters:
            if parameter is x:
                prefix = path_of(call)
                return path if prefix == type(module).__name__ else f"{prefix}.{path}"
        call = call.parent
    return ""


# ---- what NumPy refused --------------------------------------------------------------------------


SINGULAR_MEND = "  Add a small multiple of the identity, or use np.linalg.pinv."
_PRODUCTS = ("matmul", "linear")
_OF_SHAPES = re.compile(
    r"shape|broadcast|dimension|ax[ei]s|size|length|align|match|square|core|\dd|d-|"
    "array|operand|split|element|empty|identity|entries|_features"
)


def refusal(
    name: str,
    inputs: tuple[Any, ...],
    error: Exception,
    attributes: Any = None,
    labels: Sequence[str] = "xyz",
) -> TinygradError:
    """The error that says why NumPy refused to apply the operation called `name`."""
    from .context import calls, place

    if isinstance(error, TinygradError):
        return error
    call, where = calls.get(), place(2)
    shapes: list[tuple[int, ...]] = [getattr(x, "shape", ()) for x in inputs]
    marks: list[int | None] = [None] * len(inputs)
    headline, mend = f"{name}: {str(error).rstrip('.')}", ""
    kind: type[TinygradError] = ShapeError
    if isinstance(error, np.exceptions.AxisError) and shapes:
        kind = BoundsError
        headline = f"{name}: {_axis_text(attributes)} is out of range"
        ndim = len(shapes[0])
        mend = f"  x has {ndim} ax{'i' if ndim == 1 else 'e'}s: {_axes_of(ndim)}."
    elif isinstance(error, np.linalg.LinAlgError) and "imension" not in str(error):
        kind = SingularError
        mend = SINGULAR_MEND
    elif isinstance(error, IndexError) or "out of bounds" in str(error):
        kind = BoundsError
    elif isinstance(error, TypeError) or "integer powers" in str(error):
        kind = DtypeError
    elif "read-only" in str(error):
        kind = OperationError
        headline = f"{name} writes into its input, which is read-only: it belongs to a Tensor"
        mend = "  Let the function compute a new array."
    elif name == "matmul" and () in shapes:
        headline = f"matmul: {labels[shapes.index(())]} is a number; the product with it is x * y"
    elif name in _PRODUCTS and "must be" not in str(error) and min(map(len, shapes[:2])) > 0:
        names = ("x", "y") if name == "matmul" else ("x", "weight")
        headline, ends, mend = _matmul_mismatch(name, names, shapes[:2])
        marks = [*ends, *marks[2:]]
    elif "broadcast" in str(error) and len(shapes) == 2:
        headline, marks, mend = _broadcast_mismatch(name, shapes)
    elif isinstance(error, ValueError) and not _OF_SHAPES.search(str(error)):
        kind = ArgumentError
    lines = [headline]
    lines += operand_lines(inputs, labels, marks, call, where)
    lines += call_lines(call, where)
    if marks and marks[0] is not None and name in _PRODUCTS:
        mend = _skipped_layer(call, shapes[0][-1]) or (mend if call is None else "")
    return kind("\n".join([*lines, mend] if mend else lines))


def operand_lines(
    inputs: Sequence[Any],
    labels: Sequence[str],
    marks: Sequence[int | None],
    call: "Call | None",
    where: "Place | None",
) -> Iterator[str]:
    """A line for each operand: label, shape, dtype if they differ, name; carets under an axis."""
    if len(labels) < len(inputs):
        labels = [str(i) for i in range(len(inputs))]
    sources = operand_names(where, len(inputs))
    shapes = [str(getattr(x, "shape", "")) for x in inputs]
    mixed = len({str(x.dtype) for x in inputs if hasattr(x, "dtype")}) > 1
    wide, width = max(map(len, labels[: len(inputs)]), default=0), max(map(len, shapes), default=0)
    for x, label, shape, mark, source in zip(inputs, labels, shapes, marks, sources, strict=False):
        if not hasattr(x, "shape"):
            yield f"    {label:{wide}}  {brief(x)}"
            continue
        said = owner(x, call) or (source if call is None else _input_of(call, x))
        dtype = str(x.dtype) if mixed else ""
        yield f"    {label:{wide}}  {shape:{width}}  {dtype}  {said}".rstrip()
        if mark is not None:
            yield "    " + " " * (wide + 2) + _carets(x.shape, mark)


def _input_of(call: "Call", x: Any) -> str:
    """`layers.1 input`, if `x` was given to the module that is at work."""
    frame, module = sys._getframe(), call.module()
    while frame.f_back is not None:
        frame = frame.f_back
        code, values = frame.f_code, frame.f_locals
        if code.co_name == "forward" and values.get("self") is module:
            given = code.co_varnames[1 : code.co_argcount]
            return f"{path_of(call)} input" if any(values.get(n) is x for n in given) else ""
    return ""


def _carets(shape: tuple[int, ...], axis: int) -> str:
    """Carets under one number of a shape."""
    before = "(" + "".join(f"{n}, " for n in shape[: axis % len(shape)])
    return " " * len(before) + "^" * len(str(shape[axis]))


def _matmul_mismatch(
    name: str, names: tuple[str, str], shapes: list[tuple[int, ...]]
) -> tuple[str, list[int | None], str]:
    x, y = shapes
    inner = -2 if len(y) > 1 else -1
    if x[-1] == y[inner]:
        text = f"{name}: the other axes of {names[0]} and {names[1]} can't be broadcast together"
        return text, [None, None], ""
    which = "second-to-last" if inner == -2 else "only"
    mend = ""
    if len(y) > 1 and x[-1] == y[-1]:
        mend = f"  {names[0]} @ {names[1]}.mT would fit."
    elif len(x) > 1 and x[-2] == y[inner]:
        mend = f"  {names[0]}.mT @ {names[1]} would fit."
    text = f"{name}: the last axis of {names[0]} must match the {which} axis of {names[1]}"
    return text, [-1, inner], mend


def _broadcast_mismatch(
    name: str, shapes: list[tuple[int, ...]]
) -> tuple[str, list[int | None], str]:
    x, y = shapes
    bad = [
        i for i in range(1, min(len(x), len(y)) + 1) if x[-i] != y[-i] and 1 not in (x[-i], y[-i])
    ]
    marks: list[int | None] = [-bad[0], -bad[0]] if bad else [None, None]
    mend = ""
    for label, long, short in (("y", x, y), ("x", y, x)):
        if len(short) == 1 and len(long) == 2 and short[0] == long[0]:
            mend = f"  {label}.reshape({short[0]}, 1) would broadcast along the rows."
    return f"{name}: x and y can't be broadcast together", marks, mend


def _skipped_layer(call: "Call | None", size: int) -> str:
    """Whether the input has the size that another layer of the model expects."""
    outermost = call
    while outermost is not None and outermost.parent is not None:
        outermost = outermost.parent
    root = outermost.module() if outermost is not None else None
    for path, module in root.named_modules() if root is not None else ():
        if path and getattr(module, "in_features", None) == size:
            return f"  {size} is the number of input features of {path}: was {path} skipped?"
    return ""


def _axis_text(attributes: Any) -> str:
    axes = {k: v for k, v in (attributes or {}).items() if k.startswith("ax")}
    return ", ".join(f"{key}={value}" for key, value in axes.items()) or "an axis"


def _axes_of(ndim: int) -> str:
    if ndim == 0:
        return "none to name"
    from_end = ", ".join(map(str, range(-ndim, 0)))
    return f"{', '.join(map(str, range(ndim)))}, or {from_end} from the end"
