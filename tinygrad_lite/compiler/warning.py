"""What is warned of: a function that gets program after program, and a program that fails."""

import inspect
import warnings
from collections.abc import Callable, Mapping
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from .reached import same
from .version import Version

MANY = 8  # programs of one function, for arrays of the same shapes
NUMBERS = (int, float, np.number)


def warn_of_many(
    fn: Callable[..., Any], name: str, versions: Mapping[Any, list[Version]], key: Any
) -> None:
    """Warn, once, if many programs are for the same shapes: `key` is what the latest is for."""
    kind = _but_for_numbers(key)
    alike = [known for known in versions if _but_for_numbers(known) == kind]
    if sum(len(versions[known]) for known in alike) != MANY + 1:
        return
    names = [*inspect.signature(fn).parameters]
    first, last = (dict(zip(names, k[0], strict=False)) | dict(k[1]) for k in (alike[0], key))
    changing = [x for x in last if first.get(x) != last[x]] or _variables(fn, versions[key][0])
    if changing:
        why = (
            f", one for each value of {changing[0]}.\n  Python's numbers are a part of a program; "
            f"arrays are read at each call.\n  Give np.array({changing[0]}) as an argument."
        )
    else:
        why = (
            ": at each call something that it reads has become another,\n  a list, perhaps, or an "
            "option of the optimizer. Set such things once, before the training."
        )
    warnings.warn(f"compile: {name} has {MANY + 1} programs{why}", UserWarning, stacklevel=3)


def warn_of_failure(name: str, error: Exception) -> None:
    """Warn that a program failed where the function itself goes on."""
    warnings.warn(
        f"compile: the program of {name} failed, with {type(error).__name__}: {error}\n"
        "  The function itself ran in its place, and gave no error. If it catches none, please "
        "report this, with step.source.",
        UserWarning,
        stacklevel=4,
    )


def _but_for_numbers(part: Any) -> Any:
    """A part of a signature, without the values of numbers."""
    if not isinstance(part, tuple):
        return part
    if len(part) == 2 and isinstance(part[0], type) and issubclass(part[0], NUMBERS):
        return part[0]
    return tuple(map(_but_for_numbers, part))


def _variables(fn: Callable[..., Any], version: Version) -> list[str]:
    """Those whose numbers are others than the program was made for."""
    names: dict[int, str] = {}
    if isinstance(fn, FunctionType | MethodType):
        cells = fn.__closure__ or ()
        names = {id(c): x for c, x in zip(cells, fn.__code__.co_freevars, strict=True)}
    now = [(name, where.get(name), value) for where, name, value in version.variables]
    now += [(names.get(id(c), ""), c.cell_contents, value) for c, value in version.cells]
    return [name for name, x, y in now if name and isinstance(y, NUMBERS) and not same(x, y)]
