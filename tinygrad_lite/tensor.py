"""Tensor: an array that remembers the operation and the inputs that made it."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import errors, refusals
from .anomaly import check_forward
from .context import Call, Place, calls, current, place
from .conversions import Conversions
from .memory import Memory, ReadOnlyArray, clock
from .operators import Operators
from .ops import Operation
from .values import NUMBERS, as_array, as_result, operand, snapshot


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
            arrays.append(operand(op.name, x, inputs))
            has_arrays = True
    try:
        data = op.run(*arrays, **attributes) if attributes else op.run(*arrays)
    except (TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        raise errors.refusal(op.name, inputs, error, attributes, list(op.rules)) from error
    if type(data) is not np.ndarray:
        data = as_result(op.name, data)
    elif not data.flags.writeable:  # an input's own array, or a view of it
        data = data.view()
    elif not op.trusted:  # a function of the user's, who may keep the array
        data = data.copy()
    elif has_arrays and (data.base is not None or any(data is array for array in arrays)):
        data = data.copy()  # memory of the user's

    kind = data.dtype.kind
    if kind not in "fiub":
        raise refusals.unsupported_dtype(op.name, data.dtype, data)

    state, given = current.get(), inputs
    result = Tensor.__new__(Tensor)
    result._data = data
    result._grad = None
    result._keeps_grad = False
    result._memory = None
    result.name = None
    result.index = next(clock)
    if sources and op.has_zero_rules:
        sources = [position for position in sources if op.rule(position) is not None]
    if sources and state.recording and kind == "f":
        if has_arrays:  # the user's, who may change them
            inputs = tuple(
                x if isinstance(x, Tensor) or type(x) in NUMBERS else wrap(np.array(array))
                for x, array in zip(inputs, arrays, strict=True)
            )
            arrays = [x._data if isinstance(x, Tensor) else x for x in inputs]
        result._arrays = arrays
        result._requires_grad = True
        result._sources = sources
        result.op = op
        result.inputs = inputs
        result.attributes = attributes and {key: snapshot(v) for key, v in attributes.items()}
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
    if state.recorder is not None:
        state.recorder.applied(result, op, given, attributes)
    return result


class Tensor(Operators, Conversions):
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
    index, call
        Its number, which grows from each Tensor to the next; the module call that made it.

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
        "_checksums",
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
    _checksums: dict[int, int]  # under `detect_anomaly`: of inputs that share a user's array
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

    __apply__ = staticmethod(apply)

    def __init__(
        self,
        data: "ArrayLike | Tensor",
        requires_grad: bool = False,
        *,
        dtype: DTypeLike | None = None,
        name: str | None = None,
        copy: bool = True,
    ):
        if isinstance(data, Tensor) and data.op is not None and current.get().recording:
            raise refusals.history_lost(data)
        _fill(self, as_array(data, dtype, copy))
        if (recorder := current.get().recorder) is not None:
            recorder.copied(self, data, requires_grad)
        if not copy and isinstance(data, Tensor):
            self._memory = _memory_of(data)
        elif not copy:
            _memory_of(self).is_shared = True
        self.name = name
        self.requires_grad = requires_grad

    # ---- what it is --------------------------------------------------------------------------

    @property
    def data(self) -> np.ndarray:
        return self._read("t.data").view(ReadOnlyArray)

    @data.setter
    def data(self, values: ArrayLike) -> None:
        self.assign(values)

    @property
    def grad(self) -> "Tensor | None":
        return self._grad

    @grad.setter
    def grad(self, value: "ArrayLike | Tensor | None") -> None:
        if value is not None:
            value = Tensor(getattr(value, "_data", value), dtype=self.dtype)
            if value.shape != self.shape:
                raise refusals.wrong_shape("grad", "a gradient has its Tensor's shape", self, value)
        self._grad = value

    @property
    def requires_grad(self) -> bool:
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if self.op is not None and not value:
            raise refusals.always_requires_grad(self)
        if value and self._data.dtype.kind != "f":
            raise refusals.not_floating(self)
        self._requires_grad = bool(value)

    def detach(self) -> "Tensor":
        """The same memory, as a Tensor without history that requires no gradient."""
        result = _fill(Tensor.__new__(Tensor), self._data)
        result._memory = _memory_of(self)
        if (recorder := current.get().recorder) is not None:
            recorder.detached(result, self)
        return result

    __hash__ = object.__hash__

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
        """Have `backward` keep this result's gradient, too. Returns the Tensor."""
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
            raise refusals.wrong_shape("assign", "values need the Tensor's shape", self, array)
        return self._write("assign", lambda memory: np.copyto(memory, array), values)

    def _write(self, name: str, write: Callable[[np.ndarray], Any], values: Any) -> Self:
        """Have `write` change this leaf's memory by `values`, and remember when and where."""
        memory, refused = self._unlock(), False
        try:
            write(memory)
        except (TypeError, ValueError) as error:  # NumPy refuses before it writes
            refused = True
            raise errors.refusal(name, (self,), error) from error
        finally:
            memory.setflags(write=False)
            if not refused:
                _memory_of(self).mark(place(2))
        if (recorder := current.get().recorder) is not None:
            recorder.wrote(self, name, values)
        return self

    def _unlock(self) -> np.ndarray:
        """This leaf's array, to be written, and then locked and marked again."""
        if self.op is not None:
            raise refusals.read_only_result(self)
        if (recorder := current.get().recorder) is not None:
            recorder.writing(self)
        try:
            self._data.setflags(write=True)
        except ValueError:
            raise refusals.view_of_another(self) from None
        return self._data

    def _lock(self, where: Place) -> None:
        """Lock this leaf's array, and remember that it was written."""
        self._data.setflags(write=False)
        _memory_of(self).mark(where)


def wrap(array: np.ndarray) -> Tensor:
    """A leaf that takes over an array nobody else has."""
    return _fill(Tensor.__new__(Tensor), array)


def _fill(t: Tensor, data: Any) -> Tensor:
    """Make a leaf of `data`."""
    data.setflags(False)
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
    for x in inputs:
        if isinstance(x, Tensor) and np.may_share_memory(view._data, x._data):
            view._memory = _memory_of(x)


from . import autodiff  # noqa: E402  the sweep is written on Tensors, so it comes after them
