"""What users see of the compiler: `compile`, and the step that it gives."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from ..context import State, current
from ..errors import ArgumentError, GradientError, OperationError, brief
from ..graphs import Graph
from ..nn import Module
from ..tensor import Tensor
from .passes import PASSES
from .version import Version


@dataclass(frozen=True)
class Options:
    exact: bool
    grads: bool
    passes: frozenset[str] | None


def compile(
    fn: Callable[..., Any] | None = None,
    *,
    exact: bool = False,
    grads: bool = False,
    passes: Iterable[str] | None = None,
) -> Any:
    """Turn a function, such as a whole training step, into one short NumPy program."""
    if passes is not None:
        passes = frozenset(passes)
        if unknown := passes - PASSES.keys():
            raise ArgumentError(
                f"compile: there is no pass {min(unknown)!r}. There are {', '.join(PASSES)}."
            )
    options = Options(exact, grads, passes)
    if fn is None:
        return lambda fn: Compiled(fn, options)
    return Compiled(fn, options)


class Compiled:
    """A function that runs as a NumPy program; made by `compile`, called like the function."""

    def __init__(self, fn: Callable[..., Any], options: Options):
        if not callable(fn):
            raise ArgumentError(f"compile: give a function, not {brief(fn)}.")
        self.fn = fn
        self.options = options
        self.versions: dict[Any, list[Version]] = {}
        self._latest: Version | None = None
        self._running = Lock()  # programs have one set of buffers
        self.__doc__ = fn.__doc__
        self.__name__ = getattr(fn, "__name__", type(fn).__name__)

    def __repr__(self) -> str:
        count = sum(map(len, self.versions.values()))
        return f"<compiled {self.__name__}: {count} program{'' if count == 1 else 's'}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        state = current.get()
        if state.recorder is not None or state.anomaly:  # these look at operations
            return self.fn(*args, **kwargs)
        arrays: list[Any] = []
        key = _signature(args, kwargs, arrays, state)
        with self._running:
            version = next((v for v in self.versions.get(key, ()) if v.fits()), None)
            if version is None:
                version = Version(self.fn, args, kwargs, sys._getframe(1), self.options)
                self.versions.setdefault(key, []).append(version)
                self._latest = version
                return version.returned
            self._latest = version
            caller = sys._getframe(1)
            return version.run(arrays, (caller.f_code, caller.f_lasti))

    @property
    def latest(self) -> Version:
        if self._latest is None:
            raise OperationError(
                f"compile: {self.__name__} has no program yet: the first call makes it."
            )
        return self._latest

    @property
    def source(self) -> str:
        """The program of the latest call, as Python."""
        return self.latest.source

    @property
    def graph(self) -> Graph:
        """The Graph of the function, as it was traced for the latest call."""
        return self.latest.graph


def _signature(args: Any, kwargs: Any, arrays: list[Any], state: State) -> Any:
    """What a program is made for; the arrays that it is given are put into `arrays`."""

    def part(x: Any) -> Any:
        if isinstance(x, Tensor):
            if x._requires_grad:
                raise GradientError(
                    "compile: an argument requires a gradient, and no gradient flows out of a "
                    "program. Compile what computes the gradient, too; or give t.detach()."
                )
            arrays.append(x._data)
            return x._data.shape, x._data.dtype
        if isinstance(x, np.ndarray) and x.dtype.kind in "fiub":
            arrays.append(x)
            return x.shape, x.dtype
        if isinstance(x, dict):
            return dict, tuple([(key, part(value)) for key, value in x.items()])
        if isinstance(x, list | tuple):
            return type(x), tuple([part(value) for value in x])
        if isinstance(x, Module) or x.__hash__ is None:
            return type(x), id(x)
        return type(x), x

    found = [part(x) for x in args], [(key, part(x)) for key, x in kwargs.items()]
    return tuple(found[0]), tuple(found[1]), state.recording, state.deriving
