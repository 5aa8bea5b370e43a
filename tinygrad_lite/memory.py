"""Memory that Tensors share: when it was last written, and how it is read from outside."""

from itertools import count
from threading import Lock
from typing import Any, NoReturn

import numpy as np

from .context import Place
from .refusals import changed, read_only

_marking = Lock()  # so that `latest` never goes back
clock = count(1)  # ticks when a Tensor is made or written: tells what came after what


class Memory:
    """When and where memory that Tensors share was last written through this package."""

    __slots__ = ("is_shared", "place", "written")
    latest = 0  # the last write of all

    def __init__(self) -> None:
        self.written = 0
        self.place: Place | None = None
        self.is_shared = False  # with an array of the user's

    def mark(self, place: Place) -> None:
        with _marking:
            self.written = Memory.latest = next(clock)
            self.place = place


class ReadOnlyArray(np.ndarray):
    """What `Tensor.data` reads: an array whose refusal to be written says what to do instead.

    Everything computed from it is a plain array.
    """

    def __setitem__(self, index: Any, value: Any) -> None:
        if not self.flags.writeable:
            raise read_only("t.data[…] = …")
        super().__setitem__(index, value)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        outs = kwargs.get("out", ())
        for array in outs:
            if isinstance(array, ReadOnlyArray) and not array.flags.writeable:
                raise read_only(f"{ufunc.__name__} into t.data (as by t.data -= …)")
        if outs:
            kwargs["out"] = tuple(_plain(array) for array in outs)
        result = getattr(ufunc, method)(*(_plain(x) for x in inputs), **kwargs)
        return outs[0] if outs else result


def _plain(x: Any) -> Any:
    return x.view(np.ndarray) if isinstance(x, ReadOnlyArray) else x


class Changed(np.lib.mixins.NDArrayOperatorsMixin):
    """Stands for a value that was written since the forward pass: rules may read its shape alone.

    So a rule that needs no value, as that of `add`, still works, and any other is an error.
    """

    def __init__(self, t: Any, user: Any, position: int, shape: Any = None):
        self._who = (t, user, position)
        self.shape = t.shape if shape is None else shape
        self.ndim = len(self.shape)
        self.size, self.dtype = t.size, t.dtype

    def reshape(self, *shape: Any) -> "Changed":
        return Changed(*self._who, shape=self._who[0].data.reshape(*shape).shape)

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        t, user, position = self._who
        raise changed(user.op, position, t, user)

    __array_ufunc__ = __array_function__ = __array__ = __getitem__ = _refuse

    def __getattr__(self, name: str) -> Any:
        return self._refuse()
