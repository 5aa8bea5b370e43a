"""What a Tensor refuses, worded: each function makes the error for one mistake."""

from typing import Any

from .errors import (
    DtypeError,
    GradientError,
    MutationError,
    OperationError,
    ShapeError,
    brief,
    called,
    owner,
)
from .source import SourcePlace, operand_names


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
    label = owner(t, user.call) or (names[position] if position >= 0 else "its output")
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


def history_lost(t: Any) -> GradientError:
    return GradientError(
        f"Tensor: {called(t)} is a result of {t.op.name}, and a Tensor made of it would lose its "
        "history. Use it as it is, or t.detach() for its value alone."
    )


def no_item_assignment() -> MutationError:
    return MutationError(
        "t[…] = … isn't supported: entries of a Tensor aren't written one by one. Use np.where for "
        "a new Tensor, or write a whole array: t.data = values."
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
