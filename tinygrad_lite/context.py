"""What holds while operations run, per thread: whether they are recorded, and in which module.

Also the place in the source that called an operation, kept as code and instruction, so that
no frame outlives its call.
"""

import inspect
import os
import sys
import weakref
from collections.abc import Callable
from contextlib import ContextDecorator, ExitStack
from contextvars import ContextVar
from pathlib import Path
from types import CodeType
from typing import Any, Self

import numpy as np

from .errors import ArgumentError

Place = tuple[CodeType, int]


class Call:
    """A module at work: the module, the call it was made within, and the line that made it."""

    __slots__ = ("line", "module", "parent")

    def __init__(self, module: "weakref.ref[Any]", parent: "Call | None", line: Place):
        self.module = module
        self.parent = parent
        self.line = line

    @property
    def place(self) -> Place:
        """The user's line: a module of the package's own was called where its caller was."""
        in_package = self.line[0].co_filename.startswith(_PACKAGE)
        return self.parent.place if in_package and self.parent is not None else self.line


class State:
    """What every operation asks. Never changed, only replaced."""

    __slots__ = ("anomaly", "deriving", "leave", "recording")

    def __init__(self, recording: bool, anomaly: bool, deriving: bool, leave: Callable[[], None]):
        self.recording = recording
        self.anomaly = anomaly
        self.deriving = deriving  # in a function that is being differentiated
        self.leave = leave  # goes back to the state before


current: ContextVar[State] = ContextVar("current", default=State(True, False, False, lambda: None))  # noqa: B039
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
    """A context, also a decorator, that changes the state: re-entrant, and per thread."""

    def __init__(
        self, *, recording: bool | None = None, anomaly: bool = False, deriving: bool = False
    ):
        self._recording = recording
        self._anomaly = anomaly
        self._deriving = deriving

    def __enter__(self) -> Self:
        now = current.get()
        recording = now.recording if self._recording is None else self._recording
        anomaly, deriving = now.anomaly or self._anomaly, now.deriving or self._deriving
        stack = ExitStack()
        state = State(recording, anomaly, deriving, stack.close)
        stack.callback(current.reset, current.set(state))
        if self._anomaly:
            stack.enter_context(np.errstate(all="ignore"))  # NumPy would only warn
        return self

    def _recreate_cm(self) -> "Switch":
        return Switch(recording=self._recording, anomaly=self._anomaly, deriving=self._deriving)

    def __exit__(self, *error: Any) -> None:
        current.get().leave()

    def __call__(self, function: Any) -> Any:
        if getattr(getattr(function, "__code__", None), "co_flags", 0) & _SUSPENDS:
            raise ArgumentError(
                f"{function!r} is a generator or a coroutine, which would leave this context when "
                "it is first suspended. Use `with` inside it."
            )
        return super().__call__(function)


_SUSPENDS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


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


def detect_anomaly() -> Switch:
    """Within it, the first NaN or infinity that an operation or a gradient makes is an error.

    It also finds arrays shared with `Tensor(array, copy=False)` that were changed between
    forward and backward. Slow: for finding a mistake, not for training.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> with tl.detect_anomaly():  # doctest: +ELLIPSIS
    ...     np.log(tl.Tensor([1.0, 0.0]))
    Traceback (most recent call last):
    ...
    tinygrad_lite.errors.AnomalyError: log made 1 infinity (of 2 entries) from finite inputs...
    """
    return Switch(anomaly=True)
