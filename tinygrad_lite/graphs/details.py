"""What is said beside a formula: itself with numbers or shapes, and how its result was fitted."""

from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import Any

import numpy as np

from . import arithmetic
from .columns import clean, width
from .numbers import is_few, number, text
from .plugged import names_in, with_matrices, with_numbers, with_shapes
from .steps import Applied, Contribution, Value

CHANGED = "changed since"
LONGEST = 44  # columns of a formula with numbers


def of_applied(step: Applied) -> tuple[str, str]:
    """The expression with numbers, or the shape of what it gave; and the sign that follows."""
    inputs = {f"_{i}": x for i, x in enumerate(step.inputs)}
    standing = tuple(
        [x if x is None else Value("", np.zeros(()), key) for key, x in inputs.items()]
    )
    formula = Applied(step.operation, step.name, standing, step.output, step.attributes).expression
    return _detail(formula, inputs, step) or (_known(formula, inputs, step), "=")


def of_contribution(step: Contribution) -> tuple[str, str, list[str]]:
    """The rule with numbers, or shapes, the sign that follows, and how its result was fitted."""
    of, operation, formula = step.of, step.of.operation, step.rule()
    assert operation is not None
    named = {} if operation.each else dict(zip(operation.rules, of.inputs, strict=False))
    named = {**named, "g": step.g, "out": of.output}
    if operation.trusted and "n" not in named and step.g.array.size:
        named["n"] = step.to.array.size // step.g.array.size  # see `ops.reductions`
    worked = _detail(formula, named, step)
    said, sign = worked or (_known(formula, named, step), "=")
    notes = list(_fitted(step, is_worked=worked is not None))
    if notes and said in ("", str(step.rule_shape)):
        said = notes.pop(0)
    return said, sign, notes


def added(before: Value, output: Value, total: Value) -> str:
    """`3 + 3 = 6`, of numbers."""
    return sum_of([before, output], total, "{sum} {sign} {total}")


def sum_of(parts: list[Value], total: Value, form: str = "{total} {sign} {sum}") -> str:
    """A number and what it is the sum of: `6 = 3 + 3`."""

    def say(digits: int) -> str:
        return " + ".join([text(x.array, digits) for x in parts]).replace("+ -", "- ")

    said, sign = arithmetic.worked_out(say, total.array, lambda: False)
    return form.format(sum=said, sign=sign, total=text(total.array))


# ---- with numbers --------------------------------------------------------------------------------


def _detail(
    formula: str, inputs: Mapping[str, Any], step: Applied | Contribution
) -> tuple[str, str] | None:
    """The formula with numbers in it, if there are few, and the sign between it and its result."""
    used = _used(formula, inputs)
    values = [x for x in used.values() if isinstance(x, Value)]
    if any(x.changed for x in values):
        return None
    of = step.of if isinstance(step, Contribution) else step
    say = _sayable(formula, used, step) if _is_clear(formula, of) else None
    short = say(4) if say is not None else ""
    if say is None or not short or width(short) > LONGEST:
        return None
    output = step.output.array
    if not is_few(output):
        return short, "="
    said, sign = arithmetic.worked_out(say, output, lambda: all(map(_is_exact, values)))
    return (said, sign) if width(said) <= LONGEST else None


def _sayable(
    formula: str, used: Mapping[str, Any], step: Applied | Contribution
) -> Callable[[int], str] | None:
    """How to say a formula with numbers of so many digits; None if they are too many."""
    is_rule = isinstance(step, Contribution)
    of = step.of if isinstance(step, Contribution) else step
    shapes = [x.shape for x in used.values() if isinstance(x, Value)]
    axes = step.summed_over if isinstance(step, Contribution) else ()
    is_lifted = is_rule and of.operation is not None and of.operation.lift is not None
    if "@" in formula and not axes:
        arrays = _arrays(used, step)
        ndim = step.output.array.ndim
        if with_matrices(formula, arrays, ndim):
            return lambda digits: with_matrices(formula, arrays, ndim, digits)
    if any(len(shape) > 1 for shape in shapes) or (is_lifted and any(shapes)):
        return None
    if not all(is_few(x.array) for x in used.values() if isinstance(x, Value)):
        return None
    if axes and isinstance(step, Contribution):
        if len(step.rule_shape) > 1:
            return None
        return lambda digits: f"sum({_plugged(formula, used, digits)})"
    if formula in used and shapes != [()]:  # an array by itself is the result itself
        return None
    return lambda digits: _plugged(formula, used, digits)


def _plugged(formula: str, used: Mapping[str, Any], digits: int) -> str:
    return with_numbers(formula, {key: _number(x, digits) for key, x in used.items()})


def _arrays(used: Mapping[str, Any], step: Applied | Contribution) -> dict[str, np.ndarray]:
    """What stands for the names of a product, with the axes that its rule gives it."""
    arrays = {key: x.array for key, x in used.items() if isinstance(x, Value)}
    if not isinstance(step, Contribution):
        return arrays
    of, operation = step.of, step.of.operation
    given = [x.array for x in of.inputs if isinstance(x, Value)]
    if operation is None or operation.lift is None or len(given) < len(of.inputs):
        return arrays
    if not operation.trusted or of.attributes:
        return {}
    g, out, inputs = operation.lift(step.g.array, of.output.array, given)
    return {"g": g, "out": out, **dict(zip(operation.rules, inputs, strict=False))}


def _is_exact(x: Value) -> bool:
    """Whether its numbers are as they are shown."""
    shown = arithmetic.value(text(x.array))
    return shown is not None and np.array_equal(shown.astype(x.dtype), x.array, equal_nan=True)


def _number(x: Any, digits: int) -> str:
    if isinstance(x, Value):
        return text(x.array, digits)
    return number(x, digits) if isinstance(x, int | float | np.generic) else str(x)


def _is_clear(formula: str, of: Applied) -> bool:
    """Whether its names are those of inputs: the values among the attributes may be called so."""
    found, parts = set(), list(of.attributes.values())
    for part in parts:  # grows on the way
        if isinstance(part, Value):
            found.add(part.name)
        elif isinstance(part, list | tuple):
            parts += part
    return not found or names_in(formula).isdisjoint(found)


# ---- without -------------------------------------------------------------------------------------


def _known(formula: str, inputs: Mapping[str, Any], step: Applied | Contribution) -> str:
    """What was changed; or shapes, where the result doesn't show its own."""
    used = _used(formula, inputs)
    values = [x for x in used.values() if isinstance(x, Value)]
    changed = [clean(x.name, 60) for x in values if x.changed]
    if changed:
        return f"{', '.join(dict.fromkeys(changed))} {CHANGED}"
    of = step.of if isinstance(step, Contribution) else step
    shape = step.rule_shape if isinstance(step, Contribution) else step.output.shape
    shapes = {key: x.shape for key, x in used.items() if isinstance(x, Value)}
    if _is_clear(formula, of) or all(len(known) > 1 for known in shapes.values()):
        said = with_shapes(formula, shapes)
        if said:
            return f"{said} → {shape}"
    return "" if is_few(step.output.array) or not shape else str(shape)


def _used(formula: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    names = names_in(formula)
    return {key: x for key, x in inputs.items() if key in names}


def _fitted(step: Contribution, is_worked: bool) -> Iterator[str]:
    """How what the rule gave was made to fit the input."""
    name, axes, shape = clean(step.to.name, 60), step.summed_over, step.rule_shape
    extra = max(len(shape) - len(step.lifted_shape), 0)
    if axes:
        which = "all axes" if len(axes) == len(shape) > 1 else _axes(axes)
        rows = f"{shape[0]} row{'s' if shape[0] != 1 else ''}"
        size = rows if axes == (0,) and len(shape) == 2 else str(shape)
        yield f"{shape} summed over {which} → {step.to.shape}: {name} was broadcast to {size}."
    summed = tuple([1 if i in axes else n for i, n in enumerate(shape)][extra:])
    lifted = step.lifted_shape
    if prod(summed) != prod(lifted):
        missing = len(lifted) - len(summed)
        copied = [i for i, n in enumerate(lifted) if i < missing or n != summed[i - missing]]
        each = "every entry gets" if prod(summed) == 1 else f"along {_axes(tuple(copied))} it is"
        yield f"{summed} spread over {lifted}: {each} the same."
    elif shape != step.to.shape != () and not axes and not is_worked:
        yield f"reshaped from {shape} to {step.to.shape}."


def _axes(axes: tuple[int, ...]) -> str:
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
