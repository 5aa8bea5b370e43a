"""What a compiled program was made for, besides its arguments: modules, optimizers, variables.

If any of it is another at a later call, so is the computation, and the program doesn't fit.
"""

import weakref
from collections.abc import Callable, Iterator
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from ..nn import Module
from ..nn.optim import Optimizer
from ..tensor import Tensor

Check = tuple[Any, Any, Any]  # where to look, under which name, and what was there
SETTINGS = (Module, Optimizer, Tensor, np.ndarray, int, float, bool, str, type(None))


def variables(fn: Callable[..., Any]) -> list[Check]:
    """The global variables and those of enclosing functions that a function reads.

    Also what the functions read that it calls, of the same file.
    """
    found: list[Check] = []
    seen: set[int] = set()
    pending: list[Any] = [fn]
    for function in pending:  # grows on the way
        if isinstance(function, MethodType):
            pending.append(function.__func__)
        if not isinstance(function, FunctionType) or id(function.__code__) in seen:
            continue
        seen.add(id(function.__code__))
        for where, name, value in _read(function):
            if isinstance(value, SETTINGS):
                found.append((where, name, value))
            elif getattr(value, "__globals__", None) is function.__globals__:
                found.append((where, name, value))
                pending.append(value)
    return found


def _read(function: FunctionType) -> Iterator[Check]:
    for name in function.__code__.co_names:
        if name in function.__globals__:
            yield function.__globals__, name, function.__globals__[name]
    for cell in function.__closure__ or ():
        try:
            yield _Cell(cell), "cell_contents", cell.cell_contents
        except ValueError:  # not yet filled
            continue


class _Cell:
    """A variable of an enclosing function, to be read as those in a dict are."""

    def __init__(self, cell: Any):
        self.cell = cell

    def __getitem__(self, name: str) -> Any:
        return self.cell.cell_contents


class Surroundings:
    """Modules and optimizers as they were when a program was made."""

    def __init__(
        self, modules: list[Module], optimizers: list[Optimizer], leaves: list[Tensor]
    ) -> None:
        self.modules = [(weakref.ref(m), _settings(vars(m))) for m in modules]
        self.memory = [(t, t._data) for t in leaves]
        self.optimizers = [(o, _settings(vars(o)), _state(o)) for o in optimizers]

    def hold(self) -> bool:
        """Whether all is as it was."""
        for module, known in self.modules:
            m = module()
            if m is None or not _same(_settings(vars(m)), known):
                return False
        for optimizer, known, state in self.optimizers:
            if not _same(_settings(vars(optimizer)), known) or not _same(_state(optimizer), state):
                return False
        return all(t._data is array for t, array in self.memory)


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
    if type(x) is not type(y) or isinstance(x, Module | Tensor | np.ndarray | Optimizer):
        return False
    if isinstance(x, list | tuple):
        return len(x) == len(y) and all(map(same, x, y))
    if isinstance(x, dict):
        return _same(x, y)
    return isinstance(x, int | float | str) and x == y
