"""Whether what is shown of a computation is true of the numbers as they are shown."""

import ast
import operator
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..ops import table
from .numbers import text

OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
NUMBERS = {"nan": np.nan, "inf": np.inf, "pi": np.pi, "True": True, "False": False}
SUPERSCRIPTS = str.maketrans({power: f"**{i}" for i, power in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")} | {"×": "*"})


def worked_out(
    say: Callable[[int], str], result: np.ndarray, is_exact: Callable[[], bool]
) -> tuple[str, str]:
    """A formula with numbers in it, and the sign that stands between it and its result.

    Numbers are rounded for show, so that a true formula may look false. Where it is a little off,
    the sign is `≈`; where it is far off, as 1 - 1 for what is 2e-05, its numbers get more digits.

    Parameters
    ----------
    say : callable
        The formula with numbers of so many digits.
    result : ndarray
        What it gave.
    is_exact : callable
        Whether the numbers are shown as they are; asked if nobody knows what the formula gives.
    """
    for digits in range(4, 8):
        said = say(digits)
        found = sign(said, result)
        if found is None:
            return said, "=" if is_exact() else "≈"
        if found:
            return said, found
    return say(4), "≈"


def sign(said: str, result: np.ndarray) -> str | None:
    """`=` if the formula gives what is shown of the result, `≈` if nearly, else nothing.

    None if it can't be computed.
    """
    found, shown = value(said), value(text(result))
    if found is None or shown is None:
        return None
    try:
        found = np.broadcast_to(found, shown.shape)
    except ValueError:
        return ""
    if text(found) == text(shown):
        return "="
    return "≈" if np.allclose(found, shown, rtol=0.01, atol=0, equal_nan=True) else ""


def value(said: str) -> np.ndarray | None:
    """What a formula of numbers gives; None for what isn't one, or has unknown functions."""
    try:
        with np.errstate(all="ignore"):
            found = _value(ast.parse(said.translate(SUPERSCRIPTS), mode="eval").body)
            return np.asarray(found) if np.asarray(found).dtype.kind in "fb" else None
    except Exception:  # functions of all kinds, with arguments that they weren't made for
        return None


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(bool(x)):
            return x
        case ast.Constant(int(x) | float(x)):
            return np.float64(x)
        case ast.Name(name):
            return NUMBERS[name]
        case ast.List(parts):
            return np.array([_value(part) for part in parts])
        case ast.UnaryOp(op, x):
            return OPERATORS[type(op)](_value(x))
        case ast.BinOp(x, op, y):
            return OPERATORS[type(op)](_value(x), _value(y))
        case ast.Compare(x, [op], [y]):
            return OPERATORS[type(op)](_value(x), _value(y))
        case ast.Call(function, args, keywords):
            options = {str(k.arg): ast.literal_eval(k.value) for k in keywords}
            return _functions()[ast.unparse(function)](*map(_value, args), **options)
    raise ValueError(f"no number: {ast.unparse(node)}")


@cache
def _functions() -> dict[str, Callable[..., Any]]:
    """What may be called in a formula: the operations, by their names."""
    return {row.name: row.function for row in table.values()}
