"""What a Tensor can be asked to compute: the list of `methods.py`, and what needs its own form."""

from typing import TYPE_CHECKING, Any

from .methods import Methods
from .ops import elementwise, indexing, shapes, updates
from .values import unpacked

if TYPE_CHECKING:
    from .tensor import Tensor


class Operators(Methods):
    """Indexing, and the methods that aren't called as NumPy's functions are."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> "Tensor":
        return self.__apply__(indexing.getitem, (self,), {"index": indexing.plain(index)})

    def __divmod__(self, other: Any) -> tuple["Tensor", "Tensor"]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple["Tensor", "Tensor"]:
        return other // self, other % self

    @property
    def at(self) -> updates.At:
        """What makes a new Tensor that differs at an index: `t.at[index].set(values)`."""
        return updates.At(self)

    @property
    def T(self) -> "Tensor":
        return self.__apply__(shapes.transpose, (self,))

    @property
    def mT(self) -> "Tensor":
        return self.__apply__(shapes.swapaxes, (self,), {"axis1": -1, "axis2": -2})

    def reshape(self, *shape: Any) -> "Tensor":
        """The same entries in another shape, as in NumPy: one length may be -1."""
        return self.__apply__(shapes.reshape, (self,), {"shape": unpacked(shape)})

    def flatten(self) -> "Tensor":
        """The entries on one axis."""
        return self.reshape(-1)

    def transpose(self, *axes: Any) -> "Tensor":
        """The axes in another order; reversed by default."""
        return self.__apply__(shapes.transpose, (self,), {"axes": unpacked(axes) if axes else None})

    def clip(self, min: Any = None, max: Any = None) -> "Tensor":
        """The entries, but at least `min` and at most `max`."""
        return self.__apply__(elementwise.clip, (self, min, max))
