"""Memory that Tensors share: when it was last written, and how it is read from outside."""

from itertools import count
from typing import Any

import numpy as np

from .context import Place
from .errors import read_only

clock = count(1)  # ticks when a Tensor is made or written: tells what came after what


class Memory:
    """When and where memory that Tensors share was last written through this package."""

    __slots__ = ("checksums", "place", "written")
    latest = 0  # the last write of all

    def __init__(self) -> None:
        self.written = 0
        self.place: Place | None = None
        # For an array of the user's, under `detect_anomaly`: its checksum at each use.
        self.checksums: dict[int, int] | None = None

    def mark(self, place: Place) -> None:
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
        for array in kwargs.get("out", ()):
            if isinstance(array, ReadOnlyArray) and not array.flags.writeable:
                raise read_only(f"{ufunc.__name__} into t.data (as by t.data -= …)")
        plain = [x.view(np.ndarray) if isinstance(x, ReadOnlyArray) else x for x in inputs]
        return getattr(ufunc, method)(*plain, **kwargs)
