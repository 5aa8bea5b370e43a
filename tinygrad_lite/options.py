"""Options of NumPy's functions that are as good as none: unknown here, and at NumPy's default."""

from functools import cache
from inspect import signature
from typing import Any

from .ops import Operation, compositions, table
from .refusals import NOT_GIVEN

UFUNC_DEFAULTS: dict[str, Any] = {
    "out": None,
    "where": True,
    "casting": "same_kind",
    "order": "K",
    "subok": True,
    "dtype": None,
    "signature": None,
}


def reached(function: Any) -> Any:
    """What computes a function of NumPy's on Tensors: a composition, or a row of the table."""
    return compositions.get(function) or table.get(function)


def without_defaults(options: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """The options that aren't among `defaults`, or have another value there."""
    if defaults.keys().isdisjoint(options):
        return options
    return {k: v for k, v in options.items() if k not in defaults or not _same(v, defaults[k])}


def _same(value: Any, default: Any) -> bool:
    if value is default or value is NOT_GIVEN:
        return True
    return type(value) is type(default) and bool(value == default)


@cache
def spare(function: Any) -> dict[str, Any]:
    """The options that what computes `function` doesn't know, with NumPy's defaults."""
    call = reached(function)
    known = call.options if isinstance(call, Operation) else signature(call).parameters
    try:
        defaults = {p.name: p.default for p in signature(function).parameters.values()}
    except ValueError:  # a builtin of an older NumPy
        defaults = UFUNC_DEFAULTS
    if "where" in defaults:
        defaults = {**defaults, "where": True}  # a function's signature says "no value"
    return {k: v for k, v in defaults.items() if k not in known or v is NOT_GIVEN}
