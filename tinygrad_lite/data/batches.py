"""Batches: a dataset, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from ..random import generator


class batches:  # in lower case, as `range` is: what one writes in a `for`
    """The rows of `x` and `y`, `batch_size` at a time.

    Each iteration is one epoch: every row comes once, in a new order if `shuffle`. So the same
    object serves all epochs; `len()` is the number of batches in one.

    Parameters
    ----------
    x, y : (rows, ...), any dtype
        Arrays with the same number of rows, at least 1.
    batch_size : int
        Rows in a batch, at least 1. The last batch has what is left.
    shuffle : bool
        Whether to take the rows in random order, and copy them. If not, batches are views.
    rng : numpy.random.Generator, int or None
        Where the order comes from: a generator; a seed, which gives the same epochs every time; or
        None, for the generator that `tinygrad_lite.seed` seeds.
    drop_last : bool
        Whether to leave out the last batch if it is smaller than the others.

    Yields
    ------
    x_batch, y_batch : (at most batch_size, ...), the dtypes of `x` and `y`

    Raises
    ------
    ArgumentError
        If `x` or `y` isn't an array with rows, if one has more rows than the other, or if
        `batch_size` isn't a positive integer. It is raised here, before the first batch.

    Examples
    --------
    >>> from tinygrad_lite.data import batches, iris
    >>> x, y = iris()
    >>> epoch = batches(x, y, 64, rng=0)
    >>> len(epoch)
    3
    >>> for x_batch, y_batch in epoch:
    ...     print(x_batch.shape, y_batch.shape)
    (64, 4) (64,)
    (64, 4) (64,)
    (22, 4) (22,)
    """

    def __init__(
        self,
        x: NDArray[Any],
        y: NDArray[Any],
        batch_size: int,
        *,
        shuffle: bool = True,
        rng: np.random.Generator | int | None = None,
        drop_last: bool = False,
    ) -> None:
        for name, array in (("x", x), ("y", y)):
            if not hasattr(array, "shape"):
                kind = type(array).__name__
                raise ArgumentError(f"batches: {name} must be an array, not {kind}: np.asarray?")
            if not array.shape or array.shape[0] == 0:
                raise ArgumentError(f"batches: {name} has no rows: its shape is {array.shape}")
        if x.shape[0] != y.shape[0]:
            raise ArgumentError(
                "batches: x and y must have the same number of rows\n"
                f"  x  {x.shape}\n"
                f"  y  {y.shape}"
            )
        whole = isinstance(batch_size, int | np.integer) and not isinstance(batch_size, bool)
        if not whole or batch_size < 1:
            raise ArgumentError(f"batches: batch_size must be a positive int, not {batch_size!r}")
        self._x, self._y = x, y
        self._rows: int = x.shape[0]
        self._batch_size = int(batch_size)
        self._shuffle = shuffle
        # None stays None: the package's generator may be seeded anew between two epochs.
        self._rng = None if rng is None else generator(rng)
        self._drop_last = drop_last

    def __len__(self) -> int:
        full, left = divmod(self._rows, self._batch_size)
        return full + (left > 0 and not self._drop_last)

    def __iter__(self) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        order = generator(self._rng).permutation(self._rows) if self._shuffle else None
        for start in range(0, len(self) * self._batch_size, self._batch_size):
            rows = slice(start, start + self._batch_size)
            at = rows if order is None else order[rows]
            yield self._x[at], self._y[at]
