"""What a Tensor looks like from outside: shape, text, numbers, arrays."""

import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from . import errors, refusals
from .context import current, place
from .source import READING, STORING, SourcePlace, taker


class Conversions:
    """How to look at a Tensor's values."""

    __slots__ = ()

    _data: np.ndarray
    _grad: Any
    _place: Any
    _requires_grad: bool
    call: Any
    name: str | None
    op: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return self._data.shape

    @property
    def ndim(self) -> int:
        return self._data.ndim

    @property
    def size(self) -> int:
        return self._data.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._data.dtype

    @property
    def is_leaf(self) -> bool:
        """Whether no operation made it."""
        return self.op is None

    @property
    def place(self) -> SourcePlace | None:
        """Where in the user's source it was made: file, line, columns; None for a leaf."""
        return None if self._place is None else SourcePlace(*self._place)

    @property
    def module_path(self) -> str:
        """The path of the module that made it, below the outermost at work; '' outside of any."""
        return "" if self.call is None else errors.path_of(self.call)

    def __repr__(self) -> str:
        kind = type(self).__name__
        values = np.array2string(
            self._data, separator=", ", precision=4, threshold=100, prefix=f"{kind}("
        )
        parts = [values, f"shape={self.shape}"]
        if self.dtype.name not in ("float32", "int64", "bool"):
            parts.append(f"dtype={self.dtype}")
        if self.op is not None:
            parts.append(f"op={self.op.name}")
        elif self._requires_grad:
            parts.append("requires_grad=True")
        if self.name is not None:
            parts.append(f"name={self.name!r}")
        return f"{kind}({', '.join(parts)})"

    def numpy(self) -> np.ndarray:
        """A copy of the values, as an array of its own."""
        return self._read("t.numpy()").copy()

    def _read(self, by: str) -> np.ndarray:
        """The values, to be handed out: not while a recorder would lose sight of them."""
        if (recorder := current.get().recorder) is not None and recorder.tracing:
            raise refusals.leaves_trace(self, by, place(2))
        return self._data

    def item(self) -> Any:
        """The only entry, as a Python number."""
        if self.size != 1:
            raise refusals.no_number("item", self)
        return self._read("t.item()").item()

    def tolist(self) -> Any:
        """The entries as Python numbers, in nested lists."""
        return self._read("t.tolist()").tolist()

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        user = taker(sys._getframe(1))
        if self._requires_grad or user == READING:
            raise refusals.no_array(self, user)
        array = self._read("np.asarray(t)").view()
        array.setflags(write=False)
        if dtype is not None and dtype != array.dtype:
            if copy is False:
                raise ValueError(f"{array.dtype} can't be seen as {dtype} without a copy.")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __len__(self) -> int:
        return len(self._data)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise refusals.no_item_assignment()

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("a Tensor of shape () can't be iterated over.")
        return (self[i] for i in range(len(self)))  # type: ignore[index]

    def __bool__(self) -> bool:
        if self.size != 1:
            raise refusals.no_truth(self)
        return bool(self._read("bool(t)"))

    def __int__(self) -> int:
        return int(self._number())

    def __float__(self) -> float:
        return float(self._number())

    def _number(self) -> Any:
        """The only entry. An array may not have it if it requires a gradient; others are warned."""
        self._read("float(t)")
        user = taker(sys._getframe(2)) if self._requires_grad else ""
        if user == STORING or user.startswith("numpy"):
            raise refusals.no_array(self, user)
        state = current.get()
        if state.deriving and state.recording and self._requires_grad and user[:7] != "math.is":
            raise refusals.constant_in_derivative(self)
        if user and not user.startswith("math.is") and state.recording:
            warnings.warn(refusals.leaves_graph(self, user), UserWarning, stacklevel=3)
        return self.item()

    def __index__(self) -> int:
        return self._read("index(t)").__index__()

    def __format__(self, spec: str) -> str:
        if spec and self.size != 1:
            raise refusals.no_number(f"format {spec!r}", self)
        return format(self._data.item(), spec) if spec else repr(self)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.op is not None:
            raise refusals.history_stays(self)
        data = self._read("copy.deepcopy(t), or pickle,")
        return _rebuild, (type(self), data, self._requires_grad, self.name, self._grad)


def _rebuild(kind: Any, data: np.ndarray, requires_grad: bool, name: str | None, grad: Any) -> Any:
    t = kind(data, requires_grad, name=name)
    t.grad = grad
    return t
