"""What a Tensor refuses, worded: each function makes the error for one mistake."""

import sys
from collections.abc import Iterable, Sequence
from inspect import (
    CO_ASYNC_GENERATOR,
    CO_COROUTINE,
    CO_GENERATOR,
    Signature,
    isfunction,
    signature,
    unwrap,
)
from typing import Any

import numpy as np

from .errors import (
    ArgumentError,
    DtypeError,
    GradientError,
    MutationError,
    OperationError,
    ShapeError,
    TinygradError,
    brief,
    called,
    owner,
)
from .source import READING, STORING, SourcePlace, numpys_caller, operand_names

NOT_GIVEN = signature(np.sum).parameters["initial"].default  # NumPy's "<no value>"

# ---- contexts ------------------------------------------------------------------------------------


def suspended(function: Any) -> ArgumentError | None:
    """A context as a decorator of what runs piece by piece."""
    if not runs_in_pieces(function):
        return None
    return ArgumentError(
        f"{function!r} is a generator or a coroutine, which would leave this context when it is "
        "first suspended. Use `with` inside it."
    )


def runs_in_pieces(function: Any) -> bool:
    """Whether a call of it only makes a generator, or a coroutine."""
    return bool(getattr(getattr(function, "__code__", None), "co_flags", 0) & _SUSPENDS)


_SUSPENDS = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR

# ---- functions, operations and their rules -------------------------------------------------------


def unknown_function(name: str, known: Sequence[Any]) -> OperationError:
    """`known` are the functions that have a gradient."""
    last = name.rpartition(".")[2]
    close = [f for f in known if _alike(f.__name__, last)]
    close.sort(key=lambda f: (abs(len(f.__name__) - len(last)), len(_dotted(f))))
    near = f" The nearest that has one: {_dotted(close[0])}." if close else ""
    user = numpys_caller(sys._getframe(1)).replace("numpy.", "np.")
    name = f"{user} calls {name}, which" if user else name
    return OperationError(
        f"{name} has no gradient here, so it isn't applied to Tensors. Compose it of functions "
        f"that have one, declare your own with tl.op, or apply it to t.numpy().{near}"
    )


def _alike(*names: str) -> bool:
    """Whether two names differ by an ending: eig and eigh, but not isin and isinf."""
    short, long = sorted(names, key=len)
    return long.startswith(short) and len(long) <= len(short) + 2 and short[:2] != "is"


def full_name(function: Any) -> str:
    """`numpy.linalg.eigh`, as it calls itself."""
    return f"{function.__module__}.{function.__name__}"


def _dotted(function: Any) -> str:
    """`np.linalg.eigh`, as users type it."""
    module = "" if isinstance(function, np.ufunc) else function.__module__.removeprefix("numpy")
    return f"np{module}.{function.__name__}" if not module[:1].isalpha() else function.__name__


def no_operand(name: str, x: Any) -> DtypeError:
    return DtypeError(
        f"{name}: an operand must be a Tensor, an array of real numbers or bools, or a number, not "
        f"{brief(x)}."
    )


def no_result(name: str, data: Any) -> OperationError:
    return OperationError(
        f"{name} returned a {type(data).__name__}, but the function of an operation returns one "
        "array."
    )


def ufunc_option(name: str, option: str) -> OperationError:
    mend = {
        "out": "an array would lose the graph, also in array += t. Compute a new Tensor, "
        "array + t; or without gradient write t.numpy() into the array.",
        "where": "some entries would have no value. Use np.where(condition, x, y).",
        "dtype": "use t.astype(…).",
    }.get(option, "leave it out.")
    return OperationError(f"{name}: {option}= isn't supported on Tensors: {mend}")


def wrong_call(
    name: str, error: TypeError | str, taken: Signature, known: Iterable[str] = ()
) -> OperationError:
    """Arguments that don't fit a signature; it is shown with the options that are supported."""
    shown = [
        p for p in taken.parameters.values() if not known or p.default is p.empty or p.name in known
    ]
    takes = ", ".join(
        f"{p.name}=…" if p.default is NOT_GIVEN else str(p.replace(annotation=p.empty))
        for p in shown
    )
    return OperationError(f"{name}: {error}, in {name}({takes}).{_habit(str(error))}")


def _habit(error: str) -> str:
    """What PyTorch's keywords are in NumPy."""
    for torch, numpy in {"dim": "axis", "keepdim": "keepdims", "unbiased": "ddof"}.items():
        if error.endswith(f"'{torch}'"):
            return f" Did you mean {numpy}=?"
    return ""


def misfit(
    call: Any, name: str, args: Any, options: Any, error: TypeError
) -> OperationError | None:
    """What was wrong with a call of a composition, if it was its arguments."""
    if not isinstance(error, TinygradError):
        try:
            signature(call).bind(*args, **options)
        except TypeError as wrong:
            return wrong_call(name, wrong, signature(call))
    return None


def unknown_option(op: Any, unknown: Sequence[str]) -> OperationError:
    options = ", ".join(unknown)
    mend = "Leave it out."
    if not op.trusted:
        mend = (
            f"Leave it out; or give it to the rules of {op.name}: an input needs a rule of its "
            f"name, and an attribute is a parameter of the rules, lambda g, out, …, {options}."
        )
    return OperationError(
        f"{op.name}: {options}= isn't supported on Tensors, since no gradient rule knows it. {mend}"
    )


def no_rule_for(op: Any, key: str, value: Any) -> OperationError:
    """A floating Tensor where an operation takes an attribute."""
    name = op.name
    mend = f"Give {key}.numpy()."
    if op.trusted and op.each is not None:
        mend = f"If it is one of the arrays, give them as one list: {name}([x, y])."
    elif not op.trusted:
        mend = (
            f"Declare one, op(…, {key}=lambda g, out, …, {key}: …), or {key}=None if its gradient "
            f"is zero; or give {key}.numpy()."
        )
    return OperationError(
        f"{name}: {key} is a {type(value).__name__}, but {name} has no gradient rule for it. {mend}"
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


def in_place_on_leaf(t: Any, sign: str) -> MutationError:
    w = t.name or "w"
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


def no_array(t: Any, user: str) -> GradientError | OperationError:
    """`user` is who would take the values, as `source.taker` tells."""
    if user == READING:
        return _no_index(t)
    if user == STORING:
        return _into_array(t)
    function: Any = getattr(np, user.removeprefix("numpy."), None)
    name = user.replace("numpy.", "np.")
    mend = (
        "Use t.detach(), t.numpy() for a copy, or NumPy's functions on the Tensor itself; np.stack "
        "joins a list of Tensors."
    )
    if isfunction(unwrap(function)) and "axis" in signature(function).parameters:
        mend = f"Join a list of Tensors first, {name}(np.stack(tensors)); or use t.numpy()."
    said = f"{name}: " if function else ""
    return GradientError(
        f"{said}{called(t)} requires a gradient, and an array would lose its graph. {mend}"
    )


def constant_in_derivative(t: Any) -> GradientError:
    return GradientError(
        f"as a plain number {called(t)} would count as constant in the derivative.\n"
        "  Use NumPy's functions, np.exp(x) for math.exp(x), or x.item() if a constant is meant."
    )


def _into_array(t: Any) -> GradientError:
    return GradientError(
        f"array[…] = …: {called(t)} requires a gradient, and an array would lose its graph. "
        "Collect Tensors in a list, and np.stack them; or write the value alone, t.numpy()."
    )


def _no_index(t: Any) -> OperationError:
    return OperationError(
        f"array[t]: {called(t, 'the index')} is a Tensor, and what it reads would be an array. "
        "Use Tensor(array)[t] for a Tensor, or array[t.numpy()] for an array."
    )


def leaves_trace(t: Any, by: str, where: Any) -> OperationError:
    """A value taken while a computation is traced: whatever comes of it would look constant."""
    mend = (
        "Compute with NumPy's functions on the Tensor itself, np.where(t > 0, …) for an `if`, or "
        "return it\n  from the traced function, and take its value there."
    )
    if by == "t.data":
        mend = (
            "Update a Tensor by `with tl.no_grad(): t -= lr * t.grad`, or t.data = t - lr * t.grad."
        )
    return OperationError(
        f"{by} takes the value of {called(t)} out of the computation that is being traced, so that "
        f"the graph would not know where it went.\n"
        f"  at {SourcePlace(*where)}\n  {mend}"
    )


def shape_by_values(name: str, where: Any) -> OperationError:
    """A shape that another run could have otherwise, while a computation is traced."""
    return OperationError(
        f"{name}: the shape of its result depends on values, so that the graph that is being "
        f"traced would hold for this run alone.\n"
        f"  at {where}\n"
        "  Keep the shape, np.where(mask, x, 0) in place of x[mask]; or select before the traced "
        "function."
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
        "or t.detach().copy()."
    )


def view_of_another(t: Any) -> MutationError:
    return MutationError(
        f"{called(t)} is a view of memory that isn't its own to write. Write the Tensor that it "
        "is a view of, or t.detach().copy()."
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
