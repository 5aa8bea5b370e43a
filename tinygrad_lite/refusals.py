"""What a Tensor refuses, worded: each function makes the error for one mistake."""

from collections.abc import Sequence
from difflib import get_close_matches
from inspect import Signature, isfunction, signature
from typing import Any

import numpy as np

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

# ---- functions, operations and their rules -------------------------------------------------------


def unknown_function(name: str, known: Sequence[str]) -> OperationError:
    close = get_close_matches(name.rpartition(".")[2], known, 1, 0.8)
    near = f" The nearest that has one: {close[0]}." if close else ""
    return OperationError(
        f"{name} has no gradient here, so it isn't applied to Tensors. Compose it of functions "
        f"that have one, declare your own with tl.op, or apply it to t.numpy().{near}"
    )


UFUNC_OPTIONS = {  # with the defaults, as text, that may be given
    "out": "()",
    "where": "True",
    "casting": "same_kind",
    "order": "K",
    "subok": "True",
    "dtype": "None",
    "signature": "None",
}


def ufunc_option(name: str, option: str) -> OperationError:
    mend = {
        "out": "an array would lose the graph, also in array += t. Compute a new Tensor, "
        "array + t; or without gradient write t.numpy() into the array.",
        "where": "some entries would have no value. Use np.where(condition, x, y).",
        "dtype": "use t.astype(…).",
    }.get(option, "leave it out.")
    return OperationError(f"{name}: {option}= isn't supported on Tensors: {mend}")


def wrong_call(name: str, error: TypeError | str, taken: Signature) -> OperationError:
    takes = ", ".join(
        p.name if p.default is p.empty else f"{p.name}={p.default!r}"
        for p in taken.parameters.values()
    )
    return OperationError(f"{name}: {error}, in {name}({takes}).")


def misfit(call: Any, name: str, args: Any, options: Any, error: TypeError) -> TypeError:
    """What was wrong with a call of a composition: its arguments, or what it did with them."""
    if not isinstance(error, OperationError):
        try:
            signature(call).bind(*args, **options)
        except TypeError as wrong:
            return wrong_call(name, wrong, signature(call))
    return error


def unknown_option(name: str, unknown: Sequence[str]) -> OperationError:
    options = ", ".join(unknown)
    return OperationError(
        f"{name}: {options}= isn't supported on Tensors, since no gradient rule knows it. Leave it "
        f"out; or, if {name} is your own: an input needs a rule of its name, and an attribute is a "
        f"parameter of the rules, lambda g, out, …, {options}."
    )


def no_rule_for(name: str, key: str, value: Any) -> OperationError:
    """A floating Tensor where an operation takes an attribute."""
    return OperationError(
        f"{name}: {key} is a {type(value).__name__}, but {name} has no gradient rule for it. "
        f"Declare one, op(…, {key}=lambda g, out, …, {key}: …), or {key}=None if its gradient is "
        f"zero; or give {key}.numpy()."
    )


def misdeclared(
    name: str, function: Any, run: Any, each: Any, rules: dict[str, Any]
) -> OperationError | None:
    """What is wrong with the declaration of an operation, if anything is."""
    inputs = list(rules)
    if not callable(function):
        return OperationError(f"op takes a function of arrays, not {brief(function)}.")
    if not rules and each is None:
        return OperationError(
            f"{name}: no gradient rule was given. Give one for each input, by its name: "
            f"op({name}, x=lambda g, out, x: …), or x=None if its gradient is zero."
        )
    for key, rule in rules.items():
        if rule is not None and not callable(rule):
            return OperationError(
                f"{name}: the rule of {key} must be a function of (g, out, *inputs), or None for a "
                f"gradient of zero, not {rule!r}."
            )
    if run is None and isfunction(function) and _parameters(function, 0, inputs) != inputs:
        return OperationError(
            f"{name}: there are rules for {', '.join(inputs)}, but the first parameters of {name} "
            f"are {', '.join(signature(function).parameters)}. Rules go by the names of the "
            "inputs, in order."
        )
    for key, rule in rules.items():
        if isfunction(rule) and _parameters(rule, 2, inputs) != inputs:
            return OperationError(
                f"{name}: the rule of {key} must take (g, out, {', '.join(inputs)}), in this "
                f"order, and then attributes, not ({', '.join(_parameters(rule, 0))})."
            )
    return None


def _parameters(function: Any, start: int, like: Sequence[str] | None = None) -> list[str]:
    """The names of a function's positional parameters from `start`; as many as `like` has."""
    names = list(function.__code__.co_varnames[: function.__code__.co_argcount])[start:]
    return names if like is None else names[: len(like)]


def bad_rule(user: Any, position: int, g: Any, error: Exception) -> OperationError:
    """A gradient rule that failed, or gave something that is no gradient."""
    names = list(user.op.rules) or ["*inputs"]
    label = names[position] if position < len(names) else f"input {position}"
    return OperationError(
        f"{user.op.name}: its gradient rule for {label} failed: {error}\n"
        f"  A rule is a function of (g, out, {', '.join(names)}) and the operation's attributes, "
        f"with their defaults;\n  here g and out have shape {user.shape}.\n"
        f"  It returns an array of the shape of {label}, {user.inputs[position].shape}, or one "
        f"that broadcasts to or from it."
    )


# ---- values that changed, and writing ------------------------------------------------------------


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


_SIGNS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "floor_divide": "//",
    "remainder": "%",
    "power": "**",
}


def in_place_on_leaf(t: Any, name: str) -> MutationError:
    w, sign = t.name or "w", _SIGNS[name]
    return MutationError(
        f"{w} {sign}= … would change a leaf that requires a gradient behind the graph's back.\n"
        f"  To update it in place:  with tl.no_grad(): {w} {sign}= …\n"
        f"  For a new Tensor:       {w} = {w} {sign} …"
    )


# ---- what a Tensor is made of, and looked at as --------------------------------------------------


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


def into_array(t: Any) -> GradientError:
    return GradientError(
        f"array[…] = …: {called(t)} requires a gradient, and an array would lose its graph. "
        "Collect Tensors in a list, and np.stack them; or write the value alone, t.numpy()."
    )


def no_index(t: Any) -> OperationError:
    return OperationError(
        f"array[t]: {called(t, 'the index')} is a Tensor, and what it reads would be an array. "
        "Use Tensor(array)[t] for a Tensor, or array[t.numpy()] for an array."
    )


def leaves_graph(t: Any, function: str) -> str:
    """A warning, not an error: somebody may want the number."""
    name = function.rpartition(".")[2]
    use = f"Use np.{name}, or {name}(t.item())" if hasattr(np, name) else f"Use {name}(t.item())"
    return (
        f"{function} takes the value of {called(t)}, which requires a gradient, out of the graph. "
        f"{use} if the value alone is meant."
    )


def no_truth(t: Any) -> ShapeError:
    return ShapeError(
        f"bool: a Tensor of shape {t.shape} is neither true nor false. Use t.any() or t.all()."
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
        "t[…] = … isn't supported: entries of a Tensor aren't written one by one. Make a new one, "
        "t = t.at[…].set(…), or write a whole array: t.data = values."
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


# ---- gradients -----------------------------------------------------------------------------------


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
