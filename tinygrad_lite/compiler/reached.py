"""What a compiled program was made for, besides its arguments: modules, optimizers, variables.

If any of it is another at a later call, so is the computation, and the program doesn't fit.
"""

import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from operator import is_
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..errors import OperationError
from ..nn import Module
from ..nn.optim import Optimizer
from ..tensor import Tensor

Check = tuple[Any, Any, Any]  # where to look, under which name, and what was there
SETTINGS = (
    Module,
    Optimizer,
    Tensor,
    np.ndarray,
    *(np.generic, int, float, bool, str, type(None)),
    *(list, tuple, dict),
)
LARGEST = 100  # parts of a list that is looked at: larger ones hold data
OURS = __name__.partition(".")[0]


def variables(fn: Callable[..., Any]) -> list[Check]:
    """The global variables, those of enclosing functions, and the attributes that a function reads.

    Also what the functions read that it calls, as far as they are the user's.
    """
    found: list[Check] = []
    seen: set[int] = set()
    pending: list[Any] = [fn]
    for x in pending:  # grows on the way
        if isinstance(x, MethodType):
            names = set(_names(x.__func__.__code__))
            read = [*_attributes(x.__self__, names)]
            found += read
            pending += [x.__func__, *(value for _, _, value in read)]
        elif isinstance(x, partial):
            pending.append(x.func)
        elif isinstance(x, Module):
            pending += [type(m).forward for _, m in x.named_modules()]
        elif isinstance(x, FunctionType) and _is_users(x) and id(x) not in seen:
            seen.add(id(x))
            for check in _read(x):
                found.append(check)
                pending.append(check[2])
    return found


def gradients(values: list[Any]) -> dict[int, Tensor]:
    """The leaves among values, and in modules, optimizers and containers, that have a `grad`.

    By the identity of that.
    """
    found: dict[int, Tensor] = {}
    seen: set[int] = set()
    for x in values:  # grows on the way
        if id(x) in seen:
            continue
        seen.add(id(x))
        if isinstance(x, Module | Optimizer):
            values += x.parameters() if isinstance(x, Module) else x.parameters
        elif isinstance(x, list | tuple | dict) and len(x) <= LARGEST:
            values += x.values() if isinstance(x, dict) else x
        elif isinstance(x, Tensor) and x._grad is not None:
            found[id(x._grad)] = x
    return found


def afterwards(checks: list[Check]) -> list[Check]:
    """The same after the function has run, which may have changed some: counters, say.

    Raises
    ------
    OperationError
        If it was something to compute with, which the program would go on to take as it was.
    """
    found: list[Check] = []
    for where, name, before in checks:
        value = where.get(name) if isinstance(where, dict) else where.cell_contents
        if value is not before and isinstance(value, Module | Optimizer | Tensor | np.ndarray):
            raise OperationError(
                f"compile: the function binds {name} to another {type(value).__name__} when it "
                "runs, which a program doesn't: at the next call it would still be this one.\n"
                f"  Write the values into it, as with {name}.assign(…), or give and return it."
            )
        found.append((where, name, value))
    return found


def _read(function: FunctionType) -> Iterator[Check]:
    """Variables of settings and functions, and the attributes of objects that are used of those."""
    names = set(_names(function.__code__))
    known: list[Check] = [
        (function.__globals__, name, function.__globals__[name])
        for name in sorted(names)
        if name in function.__globals__
    ]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            known.append((cell, name, cell.cell_contents))
        except ValueError:  # not yet filled
            continue
    for check in known:
        if isinstance(check[2], ModuleType):
            yield from _attributes(check[2], names)
        elif callable(check[2]) or isinstance(check[2], SETTINGS):
            yield check
        if not isinstance(check[2], ModuleType):
            yield from _attributes(check[2], names)


def _attributes(x: Any, names: Iterable[str]) -> Iterator[Check]:
    """Those of an object of the user's, also of a module, that have these names."""
    if isinstance(x, (*SETTINGS, type, FunctionType)) or not _is_users(x):
        return
    attributes = getattr(x, "__dict__", {})
    for name in names:
        if isinstance(attributes, dict) and name in attributes:
            value = attributes[name]
            if isinstance(value, SETTINGS) or callable(value):
                yield attributes, name, value


def _names(code: CodeType) -> Iterator[str]:
    """All names that are looked up, also by functions that are defined within."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_users(x: Any) -> bool:
    """Whether it comes from a file of the user's, and not from a library that we know."""
    name = x.__name__ if isinstance(x, ModuleType) else getattr(x, "__module__", None)
    root = str(name).partition(".")[0]
    return root == "__main__" or root not in (OURS, "numpy", *sys.stdlib_module_names)


class Surroundings:
    """Modules, optimizers and containers as they were when a program was made."""

    def __init__(
        self,
        modules: list[Module],
        optimizers: list[Optimizer],
        leaves: list[Tensor],
        values: list[Any],
    ) -> None:
        self.modules = [(weakref.ref(m), _settings_of(m)) for m in modules]
        self.memory = [(t, t._data) for t in leaves]
        self.optimizers = [(o, _settings(vars(o)), _state(o)) for o in optimizers]
        self.containers: list[tuple[Any, list[Any] | None, list[Any]]] = []
        self.entries = [(entry, len(entry)) for o in optimizers for entry in o.state]
        self.arrays = [
            (entry, key, x)
            for entry, _ in self.entries
            for key, x in entry.items()
            if isinstance(x, np.ndarray)
        ]
        for o in optimizers:
            self.containers.append((o.state, None, [*o.state]))
        for owner in (*modules, *optimizers):
            values = [*values, *_settings(vars(owner)).values()]
        self._look_into(values)

    def _look_into(self, values: list[Any]) -> None:
        """Note what lists and dicts hold: nobody tells when it is changed."""
        seen: set[int] = set()
        for x in values:  # grows on the way
            if isinstance(x, list | tuple | dict) and len(x) <= LARGEST and id(x) not in seen:
                seen.add(id(x))
                parts = [*(x.values() if isinstance(x, dict) else x)]
                values.extend(parts)
                if not isinstance(x, tuple):
                    self.containers.append((x, [*x] if isinstance(x, dict) else None, parts))

    def are_unchanged(self) -> bool:
        """Whether what nobody tells of is as it was."""
        for x, keys, parts in self.containers:
            if len(x) != len(parts) or (keys is not None and [*x] != keys):
                return False
            now = x if keys is None else x.values()
            if not all(map(is_, now, parts)) and not all(map(same, now, parts)):
                return False
        for entry, count in self.entries:
            if len(entry) != count:
                return False
        return all([entry.get(key) is x for entry, key, x in self.arrays])

    def hold(self) -> bool:
        """Whether all else is as it was."""
        for module, known in self.modules:
            m = module()
            if m is None or not _same(_settings_of(m), known):
                return False
        for optimizer, known, state in self.optimizers:
            if not _same(_settings(vars(optimizer)), known) or not _same(_state(optimizer), state):
                return False
        return all(t._data is array for t, array in self.memory)


def _settings_of(module: Module) -> dict[str, Any]:
    return {**_settings(vars(module)), "training": module.training}  # of the class, until it is set


def _settings(attributes: dict[str, Any]) -> dict[str, Any]:
    return {key: x for key, x in attributes.items() if key not in ("_lr", "steps", "state")}


def _state(optimizer: Optimizer) -> dict[Any, Any]:
    """The arrays of a state, and where counts are kept."""
    return {
        (i, key): x if isinstance(x, np.ndarray) else entry
        for i, entry in enumerate(optimizer.state)
        for key, x in entry.items()
    }


def _same(now: dict[Any, Any], before: dict[Any, Any]) -> bool:
    return now.keys() == before.keys() and all(same(now[key], x) for key, x in before.items())


def same(x: Any, y: Any) -> bool:
    """Whether two are the same, or plain values that are equal."""
    if x is y:
        return True
    if type(x) is not type(y):
        return False
    if isinstance(x, tuple):
        return len(x) == len(y) and all(map(same, x, y))
    return isinstance(x, int | float | str | np.generic) and bool(x == y)
