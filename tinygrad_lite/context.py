"""What holds while operations run, per thread: whether they are recorded, and in which module.

Also the place in the source that called an operation, kept as code and instruction, so that
no frame outlives its call.
"""

import os
import sys
import weakref
from collections.abc import Callable
from contextlib import ContextDecorator, ExitStack
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any, Self

import numpy as np

from . import refusals

Place = tuple[CodeType, int]


@dataclass(slots=True, eq=False)
class Call:
    """A module at work: the module, the call it was made within, and the line that made it."""

    module: "weakref.ref[Any]"
    kind: type
    parent: "Call | None"
    line: Place

    @property
    def place(self) -> Place:
        """The user's line: a module of the package's own was called where its caller was."""
        in_package = self.line[0].co_filename.startswith(_PACKAGE)
        return self.parent.place if in_package and self.parent is not None else self.line


@dataclass(slots=True, eq=False)
class State:
    """What every operation asks. Never changed, only replaced."""

    recording: bool = True
    anomaly: bool = False
    deriving: bool = False  # in a function that is being differentiated
    recorder: Any = None  # is told of everything that is done: see `graph`
    leave: Callable[[], None] = lambda: None  # goes back to the state before


current: ContextVar[State] = ContextVar("current", default=State())  # noqa: B039
calls: ContextVar[Call | None] = ContextVar("calls", default=None)

_PACKAGE = str(Path(__file__).parent) + os.sep


def place(depth: int) -> Place:
    """The user's line: the first frame outside the package, or what called the module we are in.

    `depth` frames above this one are the package's own for sure.
    """
    try:
        frame = sys._getframe(depth)
    except ValueError:  # called from no Python code
        frame = sys._getframe(0)
    while (code := frame.f_code).co_filename.startswith(_PACKAGE):
        if code.co_name == "forward" and (call := calls.get()) is not None:
            return call.place
        if frame.f_back is None:
            break
        frame = frame.f_back
    return code, frame.f_lasti


class Switch(ContextDecorator):
    """A context, also a decorator, that changes parts of the state: re-entrant, and per thread."""

    def __init__(self, **changes: Any):
        self._changes = {name: value for name, value in changes.items() if value is not None}

    def __enter__(self) -> Self:
        stack, now = ExitStack(), current.get()
        state = State(now.recording, now.anomaly, now.deriving, now.recorder, stack.close)
        for name, value in self._changes.items():
            setattr(state, name, value)
        stack.callback(current.reset, current.set(state))
        if "anomaly" in self._changes:
            stack.enter_context(np.errstate(all="ignore"))  # NumPy would only warn
        return self

    def _recreate_cm(self) -> "Switch":
        return Switch(**self._changes)

    def __exit__(self, *error: Any) -> None:
        current.get().leave()

    def __call__(self, function: Any) -> Any:
        if (wrong := refusals.suspended(function)) is not None:
            raise wrong
        return super().__call__(function)


def no_grad() -> Switch:
    """Within it, nothing is recorded: results require no gradient, and leaves may be updated.

    A context, or a decorator of a function.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> w = tl.Tensor(3.0, requires_grad=True)
    >>> with tl.no_grad():
    ...     w -= 1.0
    >>> w
    Tensor(2., shape=(), requires_grad=True)
    """
    return Switch(recording=False)
