"""The errors, and how they are worded: operation, arguments, what was expected, the mend."""

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


def _owner(x: Any, call: "Call | None") -> str:
    """What a Tensor is to the module at work: its parameter, by path, or a name of its own."""
    if getattr(x, "name", None):
        return str(x.name)
    while call is not None:
        module = call.module()
        if module is not None:
            for path, parameter in module.named_parameters():
                if parameter is x:
                    prefix = path_of(call)
                    return path if prefix == type(module).__name__ else f"{prefix}.{path}"
        call = call.parent
    return ""


# ---- what NumPy refused --------------------------------------------------------------------------


_PRODUCTS = ("matmul", "linear")


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
    elif isinstance(error, IndexError):
        kind = BoundsError
    elif isinstance(error, TypeError) or "integer powers" in str(error):
        kind = DtypeError
    elif "read-only" in str(error):
        kind = OperationError
        headline = f"{name} writes into its input, which is read-only: it belongs to a Tensor"
        mend = "  Let the function compute a new array."
    elif name in _PRODUCTS and "must be" not in str(error) and min(map(len, shapes[:2])) > 0:
        names = ("x", "y") if name == "matmul" else ("x", "weight")
        headline, ends, mend = _matmul_mismatch(name, names, shapes[:2])
        marks = [*ends, *marks[2:]]
    elif "broadcast" in str(error) and len(shapes) == 2:
        headline, marks, mend = _broadcast_mismatch(name, shapes)
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
        said = _owner(x, call) or (source if call is None else "")
        dtype = str(x.dtype) if mixed else ""
        yield f"    {label:{wide}}  {shape:{width}}  {dtype}  {said}".rstrip()
        if mark is not None:
            yield "    " + " " * (wide + 2) + _carets(x.shape, mark)


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


# ---- other refusals ------------------------------------------------------------------------------


def unknown_function(name: str, kwargs: dict[str, Any]) -> OperationError:
    if kwargs:
        options = ", ".join(f"{key}=" for key in kwargs)
        return OperationError(f"{name}: {options} isn't supported on Tensors. Use t.astype(…).")
    return OperationError(
        f"{name} has no gradient here, so it isn't applied to Tensors. Compose it of functions "
        f"that have one, declare your own with tl.op, or apply it to t.detach().numpy()."
    )


def read_only(what: str) -> MutationError:
    return MutationError(
        f"{what}: an array read from `.data` is read-only, so that no change goes unnoticed. "
        "Write t.data = new_values, or update the Tensor itself: with tl.no_grad(): t -= …"
    )


def changed(op: Any, position: int, t: Any, user: Any) -> MutationError:
    """A gradient rule needs a value that was written after the forward pass."""
    names = operand_names(user._place, len(user.inputs)) if position >= 0 else [""]
    label = _owner(t, user.call) or (names[position] if position >= 0 else "its output")
    label = f"`{label}`" if label and label != "its output" else label or f"input {position}"
    lines = [
        f"{op.name} needs the value that {label} had in the forward pass, but {label} has changed "
        "since."
    ]
    if user._place is not None:
        lines.append(f"  used     at {SourcePlace(*user._place)}")
    if t._memory.place is not None:
        lines.append(f"  changed  at {SourcePlace(*t._memory.place)}")
    lines.append("  Call backward() before the change, or compute the result again.")
    return MutationError("\n".join(lines))


def bad_rule(user: Any, position: int, g: Any, error: Exception) -> OperationError:
    """A gradient rule that failed, or gave something that is no gradient."""
    names = list(user.op.rules) or ["*inputs"]
    label = names[position] if position < len(names) else f"input {position}"
    return OperationError(
        f"{user.op.name}: its gradient rule for {label} failed: {error}\n"
        f"  A rule is a function of (g, out, {', '.join(names)}) and the operation's attributes; "
        f"here g and out have shape {user.shape}.\n"
        f"  It returns an array of the shape of {label}, {user.inputs[position].shape}, or one "
        f"that broadcasts to or from it."
    )


def in_place_on_leaf(t: Any, name: str) -> MutationError:
    sign = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**"}[name]
    w = t.name or "w"
    return MutationError(
        f"{w} {sign}= … would change a leaf that requires a gradient behind the graph's back.\n"
        f"  To update it in place:  with tl.no_grad(): {w} {sign}= …\n"
        f"  For a new Tensor:       {w} = {w} {sign} …"
    )


def wrong_shape(name: str, rule: str, t: Any, values: Any) -> ShapeError:
    return ShapeError(f"{name}: {rule}, {t.shape}, not {values.shape}.")


def no_number(name: str, t: Any) -> ShapeError:
    return ShapeError(f"{name}: a Tensor of shape {t.shape} is no single number.")


def no_array(t: Any) -> GradientError:
    return GradientError(
        f"{called(t)} requires a gradient, and an array would lose its graph. Use t.detach(), "
        "t.numpy() for a copy, or NumPy's functions on the Tensor itself; np.stack joins a list of "
        "Tensors."
    )


def unsupported_dtype(name: str, dtype: Any, values: Any) -> DtypeError:
    return DtypeError(
        f"{name}: {dtype} values aren't supported, only real numbers and bools: {brief(values)}."
    )


def not_floating(t: Any) -> GradientError:
    return GradientError(
        f"{called(t)} holds {t.dtype}, and only floating-point tensors have gradients. "
        f"Use {t.name or 't'}.astype(np.float32)."
    )


def always_requires_grad(t: Any) -> GradientError:
    return GradientError(
        f"{called(t)} is a result of {t.op.name}, and requires a gradient because its inputs do. "
        "Use t.detach() for its value without history."
    )


def history_stays(t: Any) -> GradientError:
    return GradientError(
        f"{called(t)} is a result of {t.op.name}: its history can't be copied or pickled. "
        "Use t.detach()."
    )


def read_only_result(t: Any) -> MutationError:
    return MutationError(
        f"{called(t)} is a result of {t.op.name}, and results are read-only. Make a new Tensor, "
        "or t.copy()."
    )


def view_of_another(t: Any) -> MutationError:
    return MutationError(
        f"{called(t)} is a view of memory that isn't its own to write. Write the Tensor that it "
        "is a view of, or t.copy()."
    )


def not_reached(t: Any) -> GradientError:
    if not hasattr(t, "requires_grad"):
        return GradientError(f"gradient: give the Tensors themselves, one by one, not {brief(t)}.")
    return GradientError(
        f"gradient: {called(t)}, of shape {t.shape}, isn't among what this result was computed "
        "from with gradients: it requires none, was detached, or came in under no_grad."
    )


def no_single_gradient(t: Any) -> GradientError:
    return GradientError(
        f"backward: a Tensor of shape {t.shape} has no single gradient. Reduce it to a number "
        "first, t.sum() or t.mean(), or say what flows into each entry: t.backward(gradient)."
    )


def without_history(t: Any) -> GradientError:
    name = called(t)
    if t.op is None and t._requires_grad:
        return GradientError(
            f"backward: {name} is a leaf: nothing was computed from it here. Call backward() on a "
            "result of operations on it, such as the loss."
        )
    return GradientError(
        f"backward: {name} has no history: none of what it was computed from requires a gradient, "
        "or it was computed under no_grad. Use Tensor(…, requires_grad=True) for what is to be "
        "trained."
    )
