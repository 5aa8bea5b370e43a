"""What a compiled program was made for, besides its arguments: modules, optimizers, variables.

If any of it is another at a later call, so is the computation, and the program doesn't fit.
"""

import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from operator import is_
from types import CellType, CodeType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from ..errors import OperationError
from ..nn import Module
from ..nn.optim import Optimizer
from ..tensor import Tensor

Check = tuple[Any, Any, Any]  # where to look, under which name, and what was there
CONTAINERS = (list, tuple, dict, set, frozenset)
PLAIN = (int, float, complex, str, bytes, type(None))
LARGEST = 100  # parts of a list that is looked at: larger ones hold data
OURS = __name__.partition(".")[0]
SLOT = MemberDescriptorType
CALLED = ("forward", "__call__", "update")  # methods that are called under no name of theirs


def variables(fn: Callable[..., Any], given: Iterable[Any] = ()) -> list[Check]:
    """The global variables, those of enclosing functions, and the attributes that a function reads.

    Also what the functions read that it calls, as far as they are the user's. Of objects, among
    them those that are `given` as arguments, attributes count that have a name that is read.
    """
    return [*_Reading([fn, *given]).checks()]


def objects(nest: Any) -> list[Any]:
    """Whatever is neither an array nor plain, in tuples, lists and dicts."""
    if isinstance(nest, dict | list | tuple):
        parts = nest.values() if isinstance(nest, dict) else nest
        return [x for part in parts for x in objects(part)]
    return [] if isinstance(nest, (Tensor, np.ndarray, np.generic, *PLAIN)) else [nest]


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
        elif isinstance(x, CONTAINERS):
            values += _parts(x)
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
        value = where.cell_contents if isinstance(where, CellType) else where.get(name)
        if value is not before and isinstance(value, Module | Optimizer | Tensor | np.ndarray):
            raise OperationError(
                f"compile: the function binds {name} to another {type(value).__name__} when it "
                "runs, which a program doesn't: at the next call it would still be this one.\n"
                f"  Write the values into it, as with {name}.assign(…), or give and return it."
            )
        found.append((where, name, value))
    return found


def rates(checks: list[Check]) -> list[tuple[Optimizer, float]]:
    """Optimizers, each with its learning rate as it is now."""
    return [(x, x.lr) for _, _, x in checks if isinstance(x, Optimizer)]


def check_rates(before: list[tuple[Optimizer, float]], scheduled: Iterable[Any]) -> None:
    """Refuse a function that sets a learning rate itself, which a program wouldn't do.

    Raises
    ------
    OperationError
        If one is another now, and no schedule stepped.
    """
    known = {id(schedule.optimizer) for schedule in scheduled}
    for optimizer, lr in before:
        if optimizer.lr != lr and id(optimizer) not in known:
            raise OperationError(
                f"compile: the function sets the lr of {optimizer!r} when it runs, which a program "
                "doesn't.\n  Set it between calls, or have a schedule of nn.optim step in it."
            )


class _Reading:
    """Functions and objects that are come by, and the names that are read in them."""

    def __init__(self, reached: list[Any]) -> None:
        self.reached: list[Any] = []
        self.names: set[str] = {*CALLED}
        self._seen: set[int] = set()
        self._places: dict[int, Any] = {}  # where to look for what has no dict, by identity
        for x in reached:
            self._reach(x)

    def checks(self) -> Iterator[Check]:
        found: dict[tuple[int, Any], Check] = {}
        size = -1
        while size != (size := len(self.names) + len(self.reached)):  # names are read of objects
            for x in self.reached:  # grows on the way
                for check in self._looked_into(x):
                    self._reach(check[2])
                    if not isinstance(check[2], ModuleType):
                        found.setdefault((id(check[0]), check[1]), check)
        return iter(found.values())

    def _reach(self, x: Any) -> None:
        if id(x) in self._seen or isinstance(x, (Tensor, np.ndarray, *PLAIN)):
            return
        self._seen.add(id(x))
        self.reached.append(x)
        if isinstance(x, FunctionType) and _is_users(x):
            self.names.update(_names(x.__code__))

    def _looked_into(self, x: Any) -> Iterator[Check]:
        """What is found in it under names that are read."""
        if isinstance(x, MethodType):
            self._reach(x.__func__)
            self._reach(x.__self__)
        elif isinstance(x, partial):
            yield from self._fixed(x, ("func", "args", "keywords"))
        elif isinstance(x, property):
            self._reach(x.fget)
        elif isinstance(x, staticmethod | classmethod):
            self._reach(x.__func__)
        elif isinstance(x, CONTAINERS):
            for part in _parts(x):
                self._reach(part)
        elif isinstance(x, FunctionType):
            if _is_users(x):
                yield from _variables_of(x)
                yield from self._fixed(x, ("__defaults__", "__kwdefaults__"))
        elif isinstance(x, ModuleType):
            if _is_users(x):
                yield from self._named(vars(x))
        elif hasattr(x, "__wrapped__"):  # another compiled function
            self._reach(x.__wrapped__)
        else:
            yield from self._attributes(x)

    def _attributes(self, x: Any) -> Iterator[Check]:
        """Those of an object, and of its class; a module's own are looked at with all modules."""
        if isinstance(x, Module):
            for _, module in x.named_modules():
                self._reach(module)
        owners = x.__mro__ if isinstance(x, type) else type(x).__mro__
        users = [owner for owner in owners if _is_users(owner)]
        if not isinstance(x, Module | Optimizer | type):
            own = getattr(x, "__dict__", {})
            yield from self._named(own)
            hidden = {name for owner in users for name in vars(owner).keys() & self.names}
            yield from [(own, name, None) for name in sorted(hidden - own.keys())]
        for owner in users:
            members = self._places.setdefault(id(owner), vars(owner))
            yield from self._named(members)
            if owner is not x and not isinstance(x, type):
                slots = [name for name in self.names if isinstance(members.get(name), SLOT)]
                yield from self._fixed(x, sorted(slots))

    def _named(self, attributes: Any) -> Iterator[Check]:
        for name in sorted(self.names & attributes.keys()):
            yield attributes, name, attributes[name]

    def _fixed(self, x: Any, names: Iterable[str]) -> Iterator[Check]:
        """Attributes that are in no dict, if there are any."""
        where = self._places.setdefault(id(x), _Slots(x))
        for name in names:
            if (value := where.get(name)) is not None:
                yield where, name, value


class _Slots(NamedTuple):
    """Finds attributes that are in no dict as if they were."""

    owner: Any

    def get(self, name: str) -> Any:
        return getattr(self.owner, name, None)


def _variables_of(function: FunctionType) -> Iterator[Check]:
    """Global ones, and those of enclosing functions."""
    attributes = function.__globals__
    for name in sorted({*_names(function.__code__)} & attributes.keys()):
        yield attributes, name, attributes[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield cell, name, cell.cell_contents
        except ValueError:  # not yet filled
            continue


def _parts(x: Any) -> list[Any]:
    """What a container holds, unless it is so large that it holds data."""
    return [*(x.values() if isinstance(x, dict) else x)] if len(x) <= LARGEST else []


def _names(code: CodeType) -> Iterator[str]:
    """All names that are looked up, also by functions that are defined within."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
        elif isinstance(constant, str) and "getattr" in code.co_names:
            yield constant


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
            if isinstance(x, CONTAINERS) and len(x) <= LARGEST and id(x) not in seen:
                seen.add(id(x))
                parts = _parts(x)
                values.extend(parts)
                if not isinstance(x, tuple | frozenset):
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
        return not self.arrays or all([entry.get(key) is x for entry, key, x in self.arrays])

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
