"""How NumPy's functions, operators and methods reach the operations of the table."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import refusals
from .context import current
from .ops import Operation, compositions, table
from .ops.signs import OPERATORS, UFUNC_METHODS
from .options import UFUNC_DEFAULTS, reached, spare, without_defaults

if TYPE_CHECKING:
    from .tensor import Tensor


class Dispatch:
    """Answers when NumPy's functions are called on Tensors, by the Tensor's `__apply__`."""

    __slots__ = ()

    __apply__: Callable[..., "Tensor"]

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        for x in inputs:
            if not isinstance(x, OPERANDS):
                return NotImplemented
        operation = table.get(ufunc)
        if operation is not None and method == "__call__" and not options:
            return self.__apply__(operation, inputs)
        name, function = ufunc.__name__, ufunc
        options = without_defaults(options, UFUNC_DEFAULTS)
        refused = options.keys() & UFUNC_DEFAULTS.keys()
        if method != "__call__":
            name, function = f"{name}.{method}", UFUNC_METHODS.get((ufunc, method))
            refused &= {"out"}
            options.setdefault("axis", 0)
        if refused:
            raise refusals.ufunc_option(name, min(refused))
        return _call(function, name, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return _call(function, "", args, options)


def _call(function: Any, name: str, args: Any, options: Any) -> Any:
    """Call what `function` reaches; an unknown option at its default is as good as none."""
    call = reached(function)
    try:
        if call is not None:
            return call(*args, **(options and without_defaults(options, spare(function))))
    except TypeError as error:
        said = name or refusals.full_name(function)
        if (wrong := refusals.misfit(call, said, args, options, error)) is None:
            raise
        raise wrong from None
    raise refusals.unknown_function(name or refusals.full_name(function), [*compositions, *table])


# ---- what makes operators and methods ------------------------------------------------------------


def binary(function: Any, reflected: bool = False) -> Callable[[Any, Any], "Tensor"]:
    """The method of an operator between a Tensor and another operand."""
    op = table[function]

    def operator(self: Any, other: Any) -> Any:
        if not isinstance(other, OPERANDS):
            return NotImplemented
        return self.__apply__(op, (other, self) if reflected else (self, other))

    return operator


def both(function: Any) -> tuple[Callable[[Any, Any], "Tensor"], Callable[[Any, Any], "Tensor"]]:
    """The methods of an operator, for a Tensor on its left and on its right."""
    return binary(function), binary(function, reflected=True)


def in_place(function: Any) -> Callable[[Any, Any], "Tensor"]:
    """The method of `t -= other`: under `no_grad` it writes a leaf, else it makes a new Tensor."""
    op = table[function]

    def update(self: Any, other: Any) -> Any:
        if not isinstance(other, OPERANDS):
            return NotImplemented
        if self.op is None and not current.get().recording:
            value = getattr(other, "_data", other)
            return self._write(op.name, lambda array: op.function(array, value, out=array), other)
        if self.op is None and self._requires_grad:
            raise refusals.in_place_on_leaf(self, OPERATORS[function].split()[1])
        return self.__apply__(op, (self, other))

    return update


def method(function: Any) -> Callable[..., "Tensor"]:
    """The method that calls a function, NumPy's or a row of the table, on a Tensor."""
    call = function if isinstance(function, Operation) else reached(function)
    name = call.name if isinstance(call, Operation) else function.__name__
    own = isinstance(call, Operation) and str(call.__module__).startswith(str(__package__))

    def method(self: Any, *args: Any, **options: Any) -> Any:
        if not args and not options and isinstance(call, Operation):
            return self.__apply__(call, (self,))
        if own:
            return call(self, *args, **options)
        return _call(function, name, (self, *args), options)

    method.__name__, method.__qualname__ = name, f"Tensor.{name}"
    method.__doc__ = call.__doc__ if own else f"`np.{name}` of this Tensor, with its gradient."
    return method


OPERANDS = (Dispatch, float, int, np.ndarray, np.generic, list, tuple)
