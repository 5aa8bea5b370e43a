"""Tensor: an array that remembers the operation and the inputs that made it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import errors
from .anomaly import check_forward
from .context import Call, Place, calls, current, place
from .memory import Memory, ReadOnlyArray, clock
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
from .source import SourcePlace
from .values import NUMBERS, as_array, operand, own_index, unpacked


def apply(
    op: Operation, inputs: tuple[Any, ...], attributes: dict[str, Any] | None = None
) -> "Tensor":
    """Apply an operation: every Tensor that is computed is made here."""
    arrays, sources, has_arrays = [], [], False
    for position, x in enumerate(inputs):
        if isinstance(x, Tensor):
            arrays.append(x._data)
            if x._requires_grad:
                sources.append(position)
        elif type(x) in NUMBERS:
            arrays.append(x)
        else:
            arrays.append(operand(op.name, x))
            has_arrays = True
    try:
        data = op.run(*arrays, **attributes) if attributes else op.run(*arrays)
    except (TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        raise errors.refusal(op.name, inputs, error, attributes, list(op.rules)) from error
    if type(data) is not np.ndarray:
        data = np.asarray(data)
    elif not data.flags.writeable:  # an input's own array, or a view of it
        data = data.view()

    state = current.get()
    result = Tensor.__new__(Tensor)
    result._data = data
    result._grad = None
    result._keeps_grad = False
    result._memory = None
    result.name = None
    result.index = next(clock)
    if sources and state.recording and op.differentiable and data.dtype.kind == "f":
        if has_arrays:  # the user's, who may change them
            inputs = tuple(
                [
                    x if isinstance(x, Tensor) or type(x) in NUMBERS else wrap(np.array(array))
                    for x, array in zip(inputs, arrays, strict=True)
                ]
            )
            arrays = [x._data if isinstance(x, Tensor) else x for x in inputs]
        result._arrays = arrays
        result._requires_grad = True
        result._sources = sources
        result.op = op
        result.inputs = inputs
        result.attributes = attributes
        result.call = calls.get()
        result._place = place(3)
    else:
        result._arrays = ()
        result._requires_grad = False
        result._sources = ()
        result.op = None
        result.inputs = ()
        result.attributes = None
        result.call = None
        result._place = None
    if data.base is not None:
        _share_memory(result, inputs)
    data.setflags(False)  # half the time of write=False
    if state.anomaly:
        check_forward(result, op, inputs)
    return result


def _binary(op: Operation, reflected: bool = False) -> Callable[[Any, Any], Any]:
    """The method of an operator between a Tensor and another operand."""

    def operator(self: "Tensor", other: Any) -> Any:
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        return apply(op, (other, self) if reflected else (self, other))

    return operator


def _in_place(op: Operation) -> Callable[[Any, Any], Any]:
    """The method of `t -= other`: under `no_grad` it writes a leaf, else it makes a new Tensor."""

    def update(self: "Tensor", other: Any) -> Any:
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        recording = current.get().recording
        if self.op is None and not recording:
            value = other._data if isinstance(other, Tensor) else other
            return self._update(op.function, self._data, value)
        if self.op is None and self._requires_grad:
            raise errors.in_place_on_leaf(self, op.name)
        return apply(op, (self, other))

    return update


def _method(op: Operation) -> Callable[..., "Tensor"]:
    """The method of an operation whose first input is the Tensor."""

    def method(self: "Tensor", *args: Any, **kwargs: Any) -> "Tensor":
        if not args and not kwargs:
            return apply(op, (self,))
        result: Tensor = op(self, *args, **kwargs)
        return result

    method.__name__, method.__doc__ = op.name, op.__doc__
    return method


class Tensor:
    """An array that remembers what made it, so that gradients can flow back through it.

    Parameters
    ----------
    data : array_like
        Numbers, nested lists of them, an array or a Tensor. Python floats become float32,
        ints int64, bools bool; arrays keep their dtype. Always copied, unless `copy=False`.
    requires_grad : bool
        Whether `backward` is to compute `grad`; only for floating dtypes.
    dtype : dtype, optional
    name : str, optional
        What drawings and errors call it.
    copy : bool
        False shares the memory of an array. Changes to the array are then changes of the Tensor
        that nothing notices, except `tl.detect_anomaly()`.

    Attributes
    ----------
    data : ndarray
        The values, read-only; `t.data = values` copies values in.
    grad : Tensor or None
        Set by `backward` on leaves: Tensors that no operation made.
    op, inputs, attributes
        The operation that made it, what it was applied to, and its other arguments.
    index : int
        Grows from each Tensor to the next that is made.
    call : Call or None
        The module that made it, within which calls.

    Raises
    ------
    DtypeError
        If the values aren't real numbers or bools.
    GradientError
        If `requires_grad` and the dtype isn't floating.

    Examples
    --------
    >>> from tinygrad_lite import Tensor
    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    Tensor([2., 4., 6.], shape=(3,))
    """

    __slots__ = (
        "__weakref__",
        "_arrays",
        "_data",
        "_grad",
        "_keeps_grad",
        "_memory",
        "_place",
        "_requires_grad",
        "_sources",
        "attributes",
        "call",
        "index",
        "inputs",
        "name",
        "op",
    )

    _arrays: Sequence[Any]  # what the operation computed with: arrays and numbers
    _data: np.ndarray
    _grad: "Tensor | None"
    _keeps_grad: bool
    _memory: Memory | None
    _place: Place | None
    _requires_grad: bool
    _sources: Sequence[int]  # positions of the inputs that require a gradient
    attributes: dict[str, Any] | None
    call: Call | None
    index: int
    inputs: tuple[Any, ...]
    name: str | None
    op: Any  # an Operation, None for a leaf

    def __init__(
        self,
        data: "ArrayLike | Tensor",
        requires_grad: bool = False,
        *,
        dtype: DTypeLike | None = None,
        name: str | None = None,
        copy: bool = True,
    ):
        _fill(self, as_array(data, dtype, copy))
        if not copy:
            _memory_of(self).checksums = {}
        self.name = name
        if requires_grad:
            self.requires_grad = True

    # ---- what it is --------------------------------------------------------------------------

    @property
    def data(self) -> np.ndarray:
        return self._data.view(ReadOnlyArray)

    @data.setter
    def data(self, values: ArrayLike) -> None:
        self.assign(values)

    @property
    def grad(self) -> "Tensor | None":
        return self._grad

    @grad.setter
    def grad(self, value: "ArrayLike | Tensor | None") -> None:
        if value is not None:
            value = Tensor(value, dtype=self.dtype)
            if value.shape != self.shape:
                raise errors.ShapeError(
                    f"grad: a gradient has its Tensor's shape, {self.shape}, not {value.shape}."
                )
        self._grad = value

    @property
    def requires_grad(self) -> bool:
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if self.op is not None and not value:
            raise errors.GradientError(
                f"{errors.called(self)} is a result of {self.op.name}, and requires a gradient "
                "because its inputs do. Use t.detach() for its value without history."
            )
        if value and self._data.dtype.kind != "f":
            raise errors.GradientError(
                f"{errors.called(self)} holds {self.dtype}, and only floating-point tensors have "
                f"gradients. Use {self.name or 't'}.astype(np.float32)."
            )
        self._requires_grad = bool(value)

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
    def place(self) -> "SourcePlace | None":
        """Where in the user's source it was made: file, line, columns; None for a leaf."""
        return None if self._place is None else SourcePlace(*self._place)

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

    # ---- out of the graph --------------------------------------------------------------------

    def numpy(self) -> np.ndarray:
        """A copy of the values, as an array of its own."""
        return self._data.copy()

    def item(self) -> Any:
        """The only entry, as a Python number."""
        if self.size != 1:
            raise errors.ShapeError(f"item: a Tensor of shape {self.shape} has no single entry.")
        return self._data.item()

    def tolist(self) -> Any:
        """The entries as Python numbers, in nested lists."""
        return self._data.tolist()

    def detach(self) -> "Tensor":
        """The same memory, as a Tensor without history that requires no gradient."""
        result = _fill(Tensor.__new__(Tensor), self._data)
        result._memory = _memory_of(self)
        return result

    def copy(self) -> "Tensor":
        """The same values in memory of their own, without history."""
        return Tensor(self._data)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        if self._requires_grad:
            raise errors.GradientError(
                f"{errors.called(self)} requires a gradient, and an array would lose its graph. "
                "Use t.detach(), t.numpy() for a copy, or NumPy's functions on the Tensor itself."
            )
        array = self._data.view()
        array.setflags(write=False)
        if dtype is not None and dtype != array.dtype:
            if copy is False:
                raise ValueError(f"{array.dtype} can't be seen as {dtype} without a copy.")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator["Tensor"]:
        if self.ndim == 0:
            raise TypeError("a Tensor of shape () can't be iterated over.")
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self._data)

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __index__(self) -> int:
        return self._data.__index__()

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    __hash__ = object.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        if self.op is not None:
            raise errors.GradientError(
                f"{errors.called(self)} is a result of {self.op.name}: its history can't be "
                "copied or pickled. Use t.detach()."
            )
        return _rebuild, (type(self), self._data, self._requires_grad, self.name, self._grad)

    # ---- gradients ---------------------------------------------------------------------------

    def backward(
        self, gradient: "ArrayLike | Tensor | None" = None, *, create_graph: bool = False
    ) -> None:
        """Compute the gradient of this Tensor by every leaf, and add each to the leaf's `grad`.

        Parameters
        ----------
        gradient : array_like of this shape, optional
            What flows in from beyond; 1 for a Tensor of one entry.
        create_graph : bool
            Record the sweep itself, so that gradients have gradients. `grad` then holds on to the
            graph: set it to None when done, or prefer `gradient`.

        Raises
        ------
        GradientError
            Without history, or without `gradient` if there is more than one entry.
        MutationError
            If a value that a gradient needs was changed since the forward pass.

        Examples
        --------
        >>> from tinygrad_lite import Tensor
        >>> w = Tensor([3.0, 4.0], requires_grad=True)
        >>> (w ** 2).backward([1.0, 10.0])
        >>> w.grad
        Tensor([ 6., 80.], shape=(2,))
        """
        autodiff.backward(self, gradient, create_graph)

    def gradient(
        self,
        *tensors: "Tensor",
        gradient: "ArrayLike | Tensor | None" = None,
        create_graph: bool = False,
    ) -> Any:
        """The gradients of this Tensor by the given ones; writes no `grad`.

        Parameters
        ----------
        *tensors : Tensor
            Leaves or results that this one was computed from.
        gradient, create_graph
            As for `backward`.

        Returns
        -------
        Tensor, or tuple of Tensor if several were asked for

        Examples
        --------
        >>> from tinygrad_lite import Tensor
        >>> x = Tensor(2.0, requires_grad=True)
        >>> (x ** 3).gradient(x)
        Tensor(12., shape=())
        """
        found = autodiff.gradient(self, tensors, gradient, create_graph)
        return found[0] if len(tensors) == 1 else found

    def retain_grad(self) -> Self:
        """Have `backward` keep the gradient of this result, too. Returns the Tensor."""
        self._keeps_grad = True
        return self

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self._grad = None

    # ---- writing -----------------------------------------------------------------------------

    def assign(self, values: "ArrayLike | Tensor") -> Self:
        """Copy `values` into this leaf's memory; they must have its shape. Returns the Tensor.

        Raises
        ------
        MutationError
            On a result of an operation.
        ShapeError, DtypeError
            If the values don't fit.
        """
        array = as_array(values, None, False)
        if array.shape != self.shape:
            raise errors.ShapeError(
                f"assign: {errors.called(self)} has shape {self.shape}, the values {array.shape}."
            )
        return self._update(np.positive, array)

    def _update(self, ufunc: Any, *values: Any) -> Self:
        """Write what a ufunc makes of `values` into this leaf's memory, and say when and where."""
        array = self._unlock(place(2))
        try:
            ufunc(*values, out=array)
        except (TypeError, ValueError) as error:
            raise errors.refusal(ufunc.__name__, values, error) from error
        finally:
            array.setflags(write=False)
        return self

    def _unlock(self, where: Place) -> np.ndarray:
        """This leaf's array, to be written and then locked again with `setflags(False)`."""
        if self.op is not None:
            raise errors.MutationError(
                f"{errors.called(self)} is a result of {self.op.name}, and results are read-only. "
                "Make a new Tensor, or t.copy()."
            )
        self._data.setflags(write=True)
        _memory_of(self).mark(where)
        return self._data

    # ---- NumPy's functions on Tensors --------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        kwargs = {key: value for key, value in kwargs.items() if value is not None}
        if "out" in kwargs or "where" in kwargs:
            raise errors.OperationError(
                f"{ufunc.__name__}: out= and where= aren't supported on Tensors: an array would "
                "lose the graph. Compute a new Tensor, or give the array t.detach()."
            )
        if method == "reduce" and ufunc in _REDUCTIONS:
            kwargs.setdefault("axis", 0)
            return apply(_REDUCTIONS[ufunc], inputs, kwargs)
        operation = table.get(ufunc)
        if method != "__call__" or operation is None or kwargs:
            call = ufunc.__name__ + ("" if method == "__call__" else "." + method)
            raise errors.unknown_function(call, kwargs if operation else {})
        return apply(operation, inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        operation = table.get(function)
        if operation is not None:
            return operation(*args, **kwargs)
        if function in compositions:
            return compositions[function](*args, **kwargs)
        raise errors.unknown_function(f"{function.__module__}.{function.__name__}", {})

    __apply__ = staticmethod(apply)
    __add__, __radd__ = _binary(elementwise.add), _binary(elementwise.add, reflected=True)
    __sub__, __rsub__ = _binary(elementwise.subtract), _binary(elementwise.subtract, reflected=True)
    __mul__, __rmul__ = _binary(elementwise.multiply), _binary(elementwise.multiply, reflected=True)
    __truediv__ = _binary(elementwise.divide)
    __rtruediv__ = _binary(elementwise.divide, reflected=True)
    __pow__, __rpow__ = _binary(elementwise.power), _binary(elementwise.power, reflected=True)
    __matmul__, __rmatmul__ = _binary(products.matmul), _binary(products.matmul, reflected=True)
    __neg__, __abs__ = _method(elementwise.negative), _method(elementwise.absolute)
    __iadd__, __isub__ = _in_place(elementwise.add), _in_place(elementwise.subtract)
    __imul__, __itruediv__ = _in_place(elementwise.multiply), _in_place(elementwise.divide)

    __eq__ = _binary(constant.equal)
    __ne__ = _binary(constant.not_equal)
    __lt__, __le__ = _binary(constant.less), _binary(constant.less_equal)
    __gt__, __ge__ = _binary(constant.greater), _binary(constant.greater_equal)
    __and__, __rand__ = _binary(constant.bitwise_and), _binary(constant.bitwise_and, reflected=True)
    __or__, __ror__ = _binary(constant.bitwise_or), _binary(constant.bitwise_or, reflected=True)
    __xor__, __invert__ = _binary(constant.bitwise_xor), _method(constant.invert)

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
        return apply(indexing.getitem, (self,), {"index": own_index(index)})

    @property
    def T(self) -> "Tensor":
        return apply(shapes.transpose, (self,))

    @property
    def mT(self) -> "Tensor":
        return apply(shapes.swapaxes, (self,), {"axis1": -1, "axis2": -2})

    def reshape(self, *shape: Any) -> "Tensor":
        """The same entries in another shape, as in NumPy: one length may be -1."""
        return apply(shapes.reshape, (self,), {"shape": unpacked(shape)})

    def flatten(self) -> "Tensor":
        """The entries on one axis."""
        return self.reshape(-1)

    def transpose(self, *axes: Any) -> "Tensor":
        """The axes in another order; reversed by default."""
        return apply(shapes.transpose, (self,), {"axes": unpacked(axes) if axes else None})

    def clip(self, min: Any = None, max: Any = None) -> "Tensor":
        """The entries, but at least `min` and at most `max`."""
        return apply(elementwise.clip, (self, min, max))


def wrap(array: np.ndarray) -> Tensor:
    """A leaf that takes over an array nobody else has."""
    return _fill(Tensor.__new__(Tensor), array)


def _fill(t: Tensor, data: np.ndarray) -> Tensor:
    """Make a leaf of `data`."""
    data.setflags(write=False)
    t._arrays = ()
    t._data = data
    t._grad = None
    t._keeps_grad = False
    t._memory = None
    t._place = None
    t._requires_grad = False
    t._sources = ()
    t.attributes = None
    t.call = None
    t.index = next(clock)
    t.inputs = ()
    t.name = None
    t.op = None
    return t


def _memory_of(t: Tensor) -> Memory:
    if t._memory is None:
        t._memory = Memory()
    return t._memory


def _share_memory(view: Tensor, inputs: tuple[Any, ...]) -> None:
    """A view of an input is changed by whatever changes the input."""
    base = view._data.base
    for x in inputs:
        if isinstance(x, Tensor) and (base is x._data or base is x._data.base):
            view._memory = _memory_of(x)


def _rebuild(
    kind: type[Tensor], data: np.ndarray, requires_grad: bool, name: str | None, grad: Any
) -> Tensor:
    t = _fill(kind.__new__(kind), np.array(data))
    t._requires_grad = requires_grad
    t.name = name
    t._grad = grad
    return t


_OPERANDS = (Tensor, float, int, np.ndarray, np.generic, list)
_REDUCTIONS = {
    np.add: reductions.sum_,
    np.maximum: reductions.max_,
    np.minimum: reductions.min_,
}

from . import autodiff  # noqa: E402  the sweep is written on Tensors, so it comes after them
