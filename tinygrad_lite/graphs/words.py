"""Each step in a sentence, for somebody who doesn't know what a gradient is."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .columns import clean, cut
from .factors import factor
from .numbers import number
from .record import Graph
from .stages import stages
from .steps import Applied, Contribution, Seed, Step, Update, Value

LONGEST = 190  # characters of a sentence
NAME = 26  # columns of a name in it


def sentences(graph: Graph) -> Iterator[str]:
    """A sentence for each stage of the steps, in order."""
    result = ""  # what the backward pass is of
    for step, part in stages(graph):
        if isinstance(step, Seed):
            result = _name(step.of)
        yield cut(_sentence(step, part, result), LONGEST)


def _sentence(step: Step, part: str, result: str) -> str:
    if isinstance(step, Contribution):
        return _by_rule(step, result) if part == "rule" else _contribution(step, result)
    if isinstance(step, Seed):
        return _seed(step)
    if isinstance(step, Update):
        return _update(step)
    if step.phase == "backward":
        return (
            f"{_name(step.inputs[0])} was there from an earlier backward pass: the new gradient "
            "is added to it."
        )
    return _applied(step)


# ---- forward -------------------------------------------------------------------------------------

WORDS = {  # of operations, by name: {0}, {1}, … are the inputs
    "add": "{0} plus {1}",
    "subtract": "{0} minus {1}",
    "multiply": "{0} times {1}",
    "divide": "{0} divided by {1}",
    "negative": "{0} with its sign turned",
    "power": "{0} to the power of {1}",
    "square": "{0} times itself",
    "sqrt": "the square root of {0}",
    "exp": "e to the power of {0}",
    "log": "the logarithm of {0}",
    "absolute": "{0} without its sign",
    "maximum": "the larger of {0} and {1}, entry by entry",
    "minimum": "the smaller of {0} and {1}, entry by entry",
    "clip": "{0}, kept between {1} and {2}",
    "where": "{1} where {0} holds, else {2}",
    "relu": "{0} where it is positive, else 0",
    "sigmoid": "{0} squeezed between 0 and 1",
    "softmax": "{0} as shares that add up to 1",
    "matmul": "the matrix product of {0} and {1}",
    "linear": "the matrix product of {0} and {1}, plus {2}",
    "cross_entropy": "how badly {0} miss the true classes {1}, one number a row",
    "reshape": "the entries of {0} in another shape",
    "expand_dims": "{0} with one more axis",
    "squeeze": "{0} without its axes of length 1",
    "transpose": "{0} with its axes in another order",
    "swapaxes": "{0} with two axes swapped",
    "broadcast_to": "{0}, repeated to fill a larger shape",
    "getitem": "a part of {0}",
    "astype": "{0} in another number format",
    "equal": "where {0} equals {1}",
    "not_equal": "where {0} differs from {1}",
    "less": "where {0} is less than {1}",
    "less_equal": "where {0} is at most {1}",
    "greater": "where {0} is greater than {1}",
    "greater_equal": "where {0} is at least {1}",
}
OVER = {  # of operations that make one number of many
    "sum": "the sum",
    "mean": "the mean",
    "max": "the largest",
    "min": "the smallest",
    "prod": "the product",
    "argmax": "the position of the largest",
    "argmin": "the position of the smallest",
}
JOINED = {"concatenate": "joined end to end", "stack": "stacked on each other"}
ASIDE = {
    "detach": "{0} is {1}, cut off from how it was computed: no gradient comes back through it.",
    "copy": "{0} is a copy of {1}, and begins anew: no gradient comes back from it to {1}.",
    "view": "{0} shows the memory of {1} after that was written: no gradient comes back to before.",
}


def _applied(step: Applied) -> str:
    name, inputs = _name(step.output), [_said(x) for x in step.inputs]
    if step.operation is None:
        form = ASIDE.get(step.name, "{0} is made of {1}: no gradient comes back through it.")
        return form.format(name, inputs[0])
    what = _what(step, inputs)
    if step.output.array.ndim == 0:
        return f"{name} is computed: {what}, which is {number(step.output.array.item())}."
    return f"{name} is computed: {what}, {_many(step.output.shape)}."


def _what(step: Applied, inputs: list[str]) -> str:
    operation = step.operation
    assert operation is not None
    if operation.trusted and step.name in JOINED:
        return f"{_listed(inputs)}, {JOINED[step.name]}"
    if operation.trusted and step.name in OVER:
        axis = step.attributes.get("axis")
        along = "" if axis is None else f" along {_axes(axis)}"
        return f"{OVER[step.name]} of {inputs[0]}{along}"
    if operation.trusted and step.name == "linear" and step.inputs[-1] is None:
        return f"the matrix product of {inputs[0]} and {inputs[1]}"
    if operation.trusted and step.name in WORDS:
        return WORDS[step.name].format(*inputs)
    given = [said for said, x in zip(inputs, step.inputs, strict=True) if x is not None]
    return f"{clean(step.name, NAME)} of {_listed(given)}" if given else clean(step.name, NAME)


# ---- backward ------------------------------------------------------------------------------------


def _seed(step: Seed) -> str:
    name = _name(step.of)
    if step.output.array.size == 1 and step.output.array.item() == 1:
        return (
            f"The way back begins. The gradient ∂ of a value is how fast {name} changes when that "
            f"value does: a derivative. That of {name} itself is 1."
        )
    return (
        f"The way back begins at {name}, with a weight given for each entry. The gradient ∂ of a "
        "value is how fast their weighted sum changes when that value does."
    )


def _by_rule(step: Contribution, result: str) -> str:
    """What a rule gives, which doesn't fit yet."""
    said, shape, has = _flow(step, result), step.output.shape, step.to.shape
    size, to = _many(shape) if shape else "one number", _name(step.to)
    if math.prod(shape) > math.prod(has):
        then = f"That is {size}, but {to} {_holds(has)}: the next step sums them."
    else:
        then = f"That is {size}, but {to} {_holds(has)}: the next step repeats it."
    both = f"{said} {then}"
    return both if len(both) <= LONGEST else said


def _contribution(step: Contribution, result: str) -> str:
    said = _flow(step, result)
    if not step.earlier:
        return said
    again = (
        f"{_name(step.to)} was used more than once; the effects add up, so this is added to "
        + ("the first." if step.earlier == 1 else f"the {step.earlier:,} before.")
    )
    both = f"{again} {said}"
    return both if len(both) <= LONGEST else again


def _flow(step: Contribution, result: str) -> str:
    """What comes back to one input, by which rule."""
    to, out, name = _name(step.to), _name(step.of.output), clean(step.of.name, NAME)
    if step.summed_over:
        return _summed(step, to, name)
    if math.prod(step.rule_shape) < math.prod(step.lifted_shape):
        return _spread(step, to, out)
    rule = step.named_rule()
    is_ours = step.of.operation is not None and step.of.operation.trusted
    if is_ours and name in MOVED:
        return f"{MOVED[name].format(to=to, out=out)}"
    if is_ours and name in PRODUCTS and step.position < 2 and rule not in ("g", "-g"):
        return _product(step, to, out, rule)
    to = _which(step)
    if rule == "g":
        return f"{out} grows as much as {to} does, so {to} gets the gradient of {out}{_that(step)}."
    if rule == "-g":
        return (
            f"{out} falls as much as {to} grows, so {to} gets the gradient of {out} with its sign "
            f"turned{_that(step)}."
        )
    times = factor(rule)
    if times:
        by = f"{out} changes {times} times as fast as {to}"
        said = (
            f"{by}, and g is how fast {result} changes with {out}. By the chain rule the two are "
            f"multiplied{_that(step)}."
        )
        if len(said) <= LONGEST and out != result and not step.earlier:
            return said
        return cut(f"{by}. By the chain rule that is multiplied with g{_that(step)}.", LONGEST)
    said = (
        f"How fast does {result} change with {to}? {name}'s rule says: {rule}, where g is how fast "
        f"it changes with {out}{_that(step)}."
    )
    if len(said) <= LONGEST:
        return said
    return f"{name}'s rule turns how fast {result} changes with {out} into how fast with {to}."


def _which(step: Contribution) -> str:
    """The input, or which of those that it is, or that it is each entry of it."""
    to, inputs = _name(step.to), step.of.inputs
    if math.prod(step.output.shape) < math.prod(step.to.shape):
        return f"each entry of {to}"
    same = [i for i, x in enumerate(inputs) if x is step.to]
    if len(same) != 2 or step.position not in same:
        return to
    return f"its {'second' if step.position == same[1] else 'first'} {to}"


SHAPED = "{out} holds the entries of {to} in another shape: the gradient gets the shape of {to}."
MOVED = {  # how a gradient follows entries that only moved
    "reshape": SHAPED,
    "expand_dims": SHAPED,
    "squeeze": SHAPED,
    "transpose": "{out} is {to} with its axes in another order: the gradient is turned back.",
    "swapaxes": "{out} is {to} with two axes swapped: the gradient is swapped back.",
    "getitem": "{out} is a part of {to}: its gradient goes back to that part, 0 elsewhere.",
    "concatenate": "{to} is a part of {out}: it gets that part of the gradient.",
    "stack": "{to} is a part of {out}: it gets that part of the gradient.",
    "where": "{to} gets the gradient of {out} where it was chosen, and 0 elsewhere.",
    "relu": "{to} gets the gradient of {out} where it was positive, and 0 where relu made it 0.",
    "maximum": "{to} gets the gradient of {out} where it was the larger, half where both were "
    "equal, 0 elsewhere.",
    "minimum": "{to} gets the gradient of {out} where it was the smaller, half where both were "
    "equal, 0 elsewhere.",
    "max": "Only what is largest decides {out}: it gets the gradient, all else in {to} gets 0.",
    "min": "Only what is smallest decides {out}: it gets the gradient, all else in {to} gets 0.",
    "cross_entropy": "Softmax makes {to} probabilities. Each entry gets its probability, less 1 "
    "at the true class, times the gradient of {out}.",
}
PRODUCTS = {"matmul", "linear"}  # of their first two inputs


def _product(step: Contribution, to: str, out: str, rule: str) -> str:
    """Why the gradient of a factor of a matrix product is one, too."""
    inner = np.shape(getattr(step.of.inputs[0], "array", step.of.inputs[0]))[-1]
    uses = math.prod(step.of.output.shape) * inner // max(math.prod(step.to.shape), 1)
    other = _said(step.of.inputs[1 - step.position])
    if uses < 2:
        return (
            f"Each entry of {to} went into {out} once, multiplied with one of {other}, so it gets "
            "g times that one."
        )
    return (
        f"Each entry of {to} went into {uses:,} entries of {out}, each time multiplied with one of "
        f"{other}. These effects add up, all at once by {rule}."
    )


USED = {
    "add": "added to",
    "subtract": "used in",
    "multiply": "multiplied with",
    "linear": "added to",
}


def _summed(step: Contribution, to: str, name: str) -> str:
    """Why a gradient is a sum over copies."""
    axes, shape = step.summed_over, step.rule_shape
    verb = (
        USED.get(name, "used for")
        if step.of.operation and step.of.operation.trusted
        else "used for"
    )
    count = math.prod(shape[i] for i in axes)
    if axes == (0,) and len(shape) == 2:
        what = f"each of {count:,} rows"
        sum_of = f"the {count:,} rows"
    elif axes == (1,) and len(shape) == 2:
        what, sum_of = f"each of {count:,} columns", f"the {count:,} columns"
    elif len(axes) == len(shape):
        what, sum_of = f"each of {count:,} entries", f"all {count:,}"
    else:
        what = f"each of {count:,} places along {_axes(axes)}"
        sum_of = f"these {count:,}"
    return (
        f"The same {to} was {verb} {what}. The effects add up: its gradient is the sum over "
        f"{sum_of}."
    )


def _spread(step: Contribution, to: str, out: str) -> str:
    """Why many entries get the same."""
    count = math.prod(step.lifted_shape) // max(math.prod(step.rule_shape), 1)
    trusted = step.of.operation is not None and step.of.operation.trusted
    if trusted and step.of.name == "mean":
        return (
            f"{out} is the mean of {count:,} entries of {to}, so each of them gets 1/{count:,} of "
            f"the gradient of {out}."
        )
    if trusted and step.of.name == "sum":
        return (
            f"{out} grows as much as any of {count:,} entries of {to} does, so each of them gets "
            f"the gradient of {out}."
        )
    return f"{out} is made of {count:,} entries of {to} alike, so each of them gets the same."


def _that(step: Contribution) -> str:
    """The number that comes out."""
    array = step.output.array
    return f": {number(array.item())}" if array.ndim == 0 else ""


# ---- update --------------------------------------------------------------------------------------

WRITTEN = {
    "assign": "{0} is given new values, those of {1}.",
    "add": "{1} is added to {0}, in place.",
    "subtract": "{1} is subtracted from {0}, in place.",
    "multiply": "{0} is multiplied by {1}, in place.",
    "divide": "{0} is divided by {1}, in place.",
}


def _update(step: Update) -> str:
    name, by = _name(step.target), [_said(x) for x in step.inputs]
    if step.by is None:
        form = WRITTEN.get(step.name, "{0} is written by " + clean(step.name, NAME) + ", with {1}.")
        return form.format(name, _listed(by) or "nothing else")
    rule, lr = clean(step.name, NAME), step.attributes.get("lr")
    if isinstance(lr, int | float) and step.name == "SGD" and _is_plain(step, float(lr)):
        return (
            f"{rule} moves {name} against its gradient, downhill: by {number(lr)}, the learning "
            f"rate, times it.{_moved(step)}"
        )
    pace = f", at a learning rate of {number(lr)}" if isinstance(lr, int | float) else ""
    return f"{rule} works out from the gradient of {name} how to move it{pace}.{_moved(step)}"


def _is_plain(step: Update, lr: float) -> bool:
    """Whether a leaf moved by the rate times its gradient, and nothing else."""
    gradient = step.inputs[0] if step.inputs else None
    if not isinstance(gradient, Value) or gradient.shape != step.target.shape:
        return False
    old = step.target.array
    with np.errstate(all="ignore"):
        expected = old - lr * gradient.array
    return bool(np.allclose(step.output.array, expected, rtol=1e-4, atol=1e-12, equal_nan=True))


def _moved(step: Update) -> str:
    old, new = step.target.array, step.output.array
    return f" From {number(old.item())} to {number(new.item())}." if old.ndim == 0 else ""


# ---- names and counts ----------------------------------------------------------------------------


def _name(x: Value) -> str:
    return clean(x.name, NAME) or "a value"


def _said(x: Any) -> str:
    if isinstance(x, Value):
        return _name(x)
    return number(x) if isinstance(x, int | float | np.number) else clean(str(x), NAME)


def _listed(names: list[str]) -> str:
    if len(names) > 4:
        names = [*names[:3], f"{len(names) - 3:,} more"]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _many(shape: tuple[int, ...]) -> str:
    """`64 × 10 numbers`"""
    sides = " × ".join(f"{n:,}" for n in shape)
    return f"{sides} number{'' if shape == (1,) else 's'}"


def _holds(shape: tuple[int, ...]) -> str:
    return f"has {_many(shape)}" if shape else "is one number"


def _axes(axes: Any) -> str:
    return (
        f"axis {axes}"
        if isinstance(axes, int)
        else (f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}")
    )
