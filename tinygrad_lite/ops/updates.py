"""New arrays that differ from old ones at an index: `t.at[index].set(values)`."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError
from .compositions import named
from .indexing import getitem, plain, reads_once, scatter_add, zeros
from .operation import op


def in_order(index: Any) -> Any:
    """An index whose arrays NumPy goes through from first to last."""
    if isinstance(index, tuple):
        return tuple(in_order(i) for i in index)
    return np.asarray(index, order="C") if isinstance(index, np.ndarray) else index


def last(g: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """`g[index]`, but 0 where the same entry is read again later."""
    if reads_once(index):
        return g[index]
    index, newest = in_order(index), zeros(shape, g, int)
    numbers = np.arange(newest[index].size).reshape(newest[index].shape)
    newest[index] = numbers
    return np.where(newest[index] == numbers, g[index], 0)


def _values_for(x: Any, values: Any, index: Any) -> Any:
    """The values in the shape of the entries; refuse those that the dtype of `x` can't hold."""
    values = np.asarray(values, like=x)
    if not np.can_cast(values.dtype, x.dtype, "same_kind"):
        raise DtypeError(
            f"at: {values.dtype} values don't fit among {x.dtype} ones. Use astype first."
        )
    entries = np.shape(x[index])
    try:
        return np.array(np.broadcast_to(values, entries), x.dtype, order="C", like=x)
    except ValueError:
        text = f"values of shape {values.shape} don't broadcast to the entries, of shape {entries}."
        raise ShapeError(f"at: {text}") from None


@op(
    x=lambda g, out, x, values, index: replaced(g, 0, index),  # type: ignore[has-type]
    values=lambda g, out, x, values, index: last(g, index, g.shape),
)
def replaced(x: Any, values: Any, index: Any) -> Any:
    """A copy of `x` with `values` at `index`; of repeated indices the last counts."""
    out = np.array(x, order="C", like=x)
    out[in_order(index)] = _values_for(x, values, index)
    return out


@op(
    x=lambda g, out, x, values, index: g,
    values=lambda g, out, x, values, index: g[index],
)
def added(x: Any, values: Any, index: Any) -> Any:
    """A copy of `x` with `values` added at `index`; repeated indices add up."""
    return x + scatter_add(_values_for(x, values, index), index, x.shape)


@dataclass(eq=False)
class At:
    """A Tensor whose entries at an index are to be others: `t.at[index].set(values)`.

    Tensors aren't written into, so that gradients stay right; this makes new ones.
    """

    x: Any

    def __getitem__(self, index: Any) -> "Entries":
        return Entries(self.x, plain(index))


@dataclass(eq=False)
class Entries:
    """The entries of a Tensor at an index: `t.at[index]`."""

    x: Any
    index: Any

    def get(self) -> Any:
        """The entries themselves, `t[index]`."""
        return getitem(self.x, self.index)

    def set(self, values: Any) -> Any:
        """A Tensor with these entries replaced; where an index is repeated the last value counts.

        Parameters
        ----------
        values : array_like
            Broadcasts to the shape of `t[index]`; takes on the dtype of `t`.

        Returns
        -------
        Tensor
            Of the shape and dtype of `t`. The gradient of a value is that of its entry, 0 if a
            later value took its place; the gradient of an entry that was replaced is 0.

        Raises
        ------
        BoundsError
            If an index is out of range.
        ShapeError
            If `values` don't broadcast to the entries.
        DtypeError
            If they are floating and `t` holds integers, say.

        Examples
        --------
        >>> import tinygrad_lite as tl
        >>> tl.Tensor([1.0, 2.0, 3.0]).at[1:].set(0.0)
        Tensor([1., 0., 0.], shape=(3,))
        """
        return named("at[…].set", replaced)(self.x, values, self.index)

    def add(self, values: Any) -> Any:
        """A Tensor with `values` added to these entries; where an index is repeated they add up.

        Parameters
        ----------
        values : array_like
            Broadcasts to the shape of `t[index]`; takes on the dtype of `t`.

        Returns
        -------
        Tensor
            Of the shape and dtype of `t`.

        Raises
        ------
        BoundsError, ShapeError, DtypeError
            As for `set`.

        Examples
        --------
        >>> import tinygrad_lite as tl
        >>> tl.Tensor([1.0, 2.0, 3.0]).at[[0, 0, 2]].add(10.0)
        Tensor([21.,  2., 13.], shape=(3,))
        """
        return named("at[…].add", added)(self.x, values, self.index)
