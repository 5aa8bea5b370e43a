"""What is wrong with the declaration of an operation, or with a gradient rule, worded."""

from collections.abc import Sequence
from inspect import CO_VARARGS, isfunction, signature
from typing import Any

import numpy as np

from .errors import (
    SINGULAR_MEND,
    GradientError,
    MutationError,
    OperationError,
    SingularError,
    TinygradError,
    brief,
    call_lines,
    operand_lines,
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
    if isfunction(function) and function.__code__.co_flags & CO_VARARGS:
        return OperationError(
            f"{name} takes any number of inputs, {signature(function)}. Let it take one list of "
            "them, arrays, and give one rule for all: each=lambda g, out, *arrays, position: …"
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
    attributes = signature(function).parameters if isfunction(function) else {}
    for key, rule in {**rules, "any input": each}.items():
        for p in signature(rule).parameters.values() if isfunction(rule) else ():
            default = attributes[p.name].default if p.name in attributes else p.empty
            if default is not p.empty and not _same(default, p.default):
                return OperationError(
                    f"{name}: in {name} the default of {p.name} is {default!r}, so it must be in "
                    f"the rule of {key}, too: lambda g, out, …, {p.name}={default!r}: …"
                )
    return None


def _same(x: Any, y: Any) -> bool:
    return x is y or np.array_equal(x, y)


def _parameters(function: Any, start: int, like: Sequence[str] | None = None) -> list[str]:
    """The names of a function's positional parameters from `start`; as many as `like` has."""
    names = list(function.__code__.co_varnames[: function.__code__.co_argcount])[start:]
    return names if like is None else names[: len(like)]


def tells_enough(error: Exception, op: Any, on_tensors: bool) -> bool:
    """Whether an error needs no word on the rule that it happened in."""
    if op.trusted or not on_tensors or not isinstance(error, _OF_TENSORS):
        return isinstance(error, TinygradError)
    return "has changed since" in str(error)


_OF_TENSORS = (GradientError, MutationError, OperationError)


def bad_rule(user: Any, position: int, on_tensors: bool, error: Exception) -> TinygradError:
    """A gradient rule that failed, or gave something that is no gradient."""
    op = user.op
    names = list(op.rules) or ["*inputs"]
    label = names[position] if position < len(names) else f"input {position}"
    if op.trusted:
        return _no_gradient_here(user, label, error)
    if on_tensors:
        return OperationError(
            f"{op.name}: its gradient rule for {label} failed on Tensors: {error}\n"
            "  The rule ran on Tensors, not on arrays, since gradients of gradients were asked for "
            "(create_graph=True, or order=2).\n"
            "  Write it with NumPy's functions alone, np.where(x > 0, …) for r[x > 0] = …; or ask "
            "for first derivatives only (order=1 in check_gradients)."
        )
    return OperationError(
        f"{op.name}: its gradient rule for {label} failed: {error}\n"
        f"  A rule is a function of (g, out, {', '.join(names)}) and the operation's attributes, "
        f"with their defaults;\n  here g and out have shape {user.shape}.\n"
        f"  It returns an array of the shape of {label}, {user.inputs[position].shape}, or one "
        f"that broadcasts to or from it."
    )


def _no_gradient_here(user: Any, label: str, error: Exception) -> TinygradError:
    """A rule of the table that can't be computed at these inputs."""
    is_singular = isinstance(error, np.linalg.LinAlgError)
    lines = [f"the gradient of {user.op.name} by {label}: {str(error).rstrip('.')}"]
    labels = list(user.op.rules)
    lines += operand_lines(user.inputs, labels, [None] * len(user.inputs), user.call, user._place)
    lines += [*call_lines(user.call, user._place), *[SINGULAR_MEND] * is_singular]
    return (SingularError if is_singular else OperationError)("\n".join(lines))


def refuse(flow: Any, g: Any, x: Any) -> None:
    """Refuse what a rule returned, if it can't be the gradient of the input `x`."""
    if flow is None:
        raise TypeError("it returned None. Did it forget `return`? For a gradient of zero, x=None")
    if isinstance(flow, tuple | list):
        raise TypeError(
            f"it returned a {type(flow).__name__} of {len(flow)}. A rule returns the gradient of "
            "one input; each input has a rule of its own"
        )
    shape, extra = np.shape(flow), np.ndim(flow) - len(x.shape)
    if len(shape) > len(g.shape) and extra > 0 and shape[:extra] != g.shape[:extra]:
        raise ValueError(
            f"it returned shape {shape}, with more axes than the gradient of the output, "
            f"{g.shape}, and the input, {x.shape}, can explain"
        )
