"""How operators, methods and NumPy's functions reach the operations of the table."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .context import current
from .errors import OperationError
from .ops import (
    Operation,
    compositions,
    constant,
    elementwise,
    functions,
    indexing,
    products,
    reductions,
    shapes,
    table,
)
from .refusals import in_place_on_leaf, unknown_function
from .values import plain, unpacked

if TYPE_CHECKING:
    from .tensor import Tensor


def _binary(op: Operation, reflected: bool = False) -> Callable[[Any, Any], "Tensor"]:
    """The method of an operator between a Tensor and another operand."""

    def operator(self: Any, other: Any) -> Any:
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        return self.__apply__(op, (other, self) if reflected else (self, other))

    return operator


def _in_place(op: Operation) -> Callable[[Any, Any], "Tensor"]:
    """The method of `t -= other`: under `no_grad` it writes a leaf, else it makes a new Tensor."""

    def update(self: Any, other: Any) -> Any:
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        if self.op is None and not current.get().recording:
            value = getattr(other, "_data", other)
            return self._write(op.name, lambda array: op.function(array, value, out=array))
        if self.op is None and self._requires_grad:
            raise in_place_on_leaf(self, op.name)
        return self.__apply__(op, (self, other))

    return update


def _method(op: Operation) -> Callable[..., "Tensor"]:
    """The method of an operation whose first input is the Tensor."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not args and not kwargs:
            return self.__apply__(op, (self,))
        return op(self, *args, **kwargs)

    own = str(getattr(op.function, "__module__", "")).startswith(str(__package__))
    method.__name__, method.__qualname__ = op.name, f"Tensor.{op.name}"
    method.__doc__ = op.__doc__ if own else f"`np.{op.name}` of this Tensor, with its gradient."
    return method


class Operators:
    """What a Tensor can be asked to compute; all of it goes through its `__apply__`."""

    __slots__ = ()

    __apply__: Callable[..., "Tensor"]

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if kwargs.get("out") is not None or kwargs.get("where", True) is not True:
            raise OperationError(
                f"{ufunc.__name__}: out= and where= aren't supported on Tensors: an array would "
                "lose the graph. Compute a new Tensor, or give the array t.detach()."
            )
        if method == "reduce" and ufunc in _REDUCTIONS:
            kwargs.setdefault("axis", 0)
            return _REDUCTIONS[ufunc](*inputs, **kwargs)
        operation = table.get(ufunc)
        if method != "__call__" or operation is None or kwargs:
            call = ufunc.__name__ + ("" if method == "__call__" else "." + method)
            raise unknown_function(call, kwargs if operation else {})
        if not all(isinstance(x, _OPERANDS) for x in inputs):
            return NotImplemented
        return self.__apply__(operation, inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        reached = compositions.get(function) or table.get(function)
        if reached is not None:
            return reached(*args, **kwargs)
        raise unknown_function(f"{function.__module__}.{function.__name__}", {})

    __add__, __radd__ = _binary(elementwise.add), _binary(elementwise.add, reflected=True)
    __sub__, __rsub__ = _binary(elementwise.subtract), _binary(elementwise.subtract, reflected=True)
    __mul__, __rmul__ = _binary(elementwise.multiply), _binary(elementwise.multiply, reflected=True)
    __truediv__ = _binary(elementwise.divide)
    __rtruediv__ = _binary(elementwise.divide, reflected=True)
    __pow__, __rpow__ = _binary(elementwise.power), _binary(elementwise.power, reflected=True)
    __matmul__, __rmatmul__ = _binary(products.matmul), _binary(products.matmul, reflected=True)
    __neg__, __abs__ = _method(elementwise.negative), _method(elementwise.absolute)
    __pos__ = _method(elementwise.positive)
    __iadd__, __isub__ = _in_place(elementwise.add), _in_place(elementwise.subtract)
    __imul__, __itruediv__ = _in_place(elementwise.multiply), _in_place(elementwise.divide)
    __ipow__ = _in_place(elementwise.power)

    __eq__ = _binary(constant.equal)  # type: ignore[assignment]
    __ne__ = _binary(constant.not_equal)  # type: ignore[assignment]
    __lt__, __le__ = _binary(constant.less), _binary(constant.less_equal)
    __gt__, __ge__ = _binary(constant.greater), _binary(constant.greater_equal)
    __and__, __rand__ = _binary(constant.bitwise_and), _binary(constant.bitwise_and, reflected=True)
    __or__, __ror__ = _binary(constant.bitwise_or), _binary(constant.bitwise_or, reflected=True)
    __xor__, __rxor__ = _binary(constant.bitwise_xor), _binary(constant.bitwise_xor, reflected=True)
    __invert__ = _method(constant.invert)

    exp, log, sqrt = _method(elementwise.exp), _method(elementwise.log), _method(elementwise.sqrt)
    square, abs = _method(elementwise.square), _method(elementwise.absolute)
    sin, cos, tanh = _method(elementwise.sin), _method(elementwise.cos), _method(elementwise.tanh)
    relu, sigmoid = _method(functions.relu), _method(functions.sigmoid)
    softmax, log_softmax = _method(functions.softmax), _method(functions.log_softmax)
    logsumexp = _method(functions.logsumexp)

    sum, mean, var = _method(reductions.sum_), _method(reductions.mean), _method(reductions.var)
    max, min = _method(reductions.max_), _method(reductions.min_)
    argmax, argmin = _method(constant.argmax), _method(constant.argmin)
    all, any = _method(constant.all_), _method(constant.any_)

    squeeze, swapaxes = _method(shapes.squeeze), _method(shapes.swapaxes)
    expand_dims = _method(shapes.expand_dims)
    astype = _method(shapes.astype)

    def __getitem__(self, index: Any) -> "Tensor":
        return self.__apply__(indexing.getitem, (self,), {"index": plain(index)})

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


_OPERANDS = (Operators, float, int, np.ndarray, np.generic, list, tuple)
_REDUCTIONS = {
    np.add: reductions.sum_,
    np.maximum: reductions.max_,
    np.minimum: reductions.min_,
}
