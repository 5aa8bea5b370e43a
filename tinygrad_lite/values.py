"""What users hand over, made ready: arrays, operands, indices."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .errors import DtypeError, brief
from .refusals import no_operand, no_result, unsupported_dtype

NUMBERS = frozenset((float, int, bool, type(None)))  # given to NumPy as they are: weak dtypes


def as_array(data: Any, dtype: DTypeLike | None, copy: bool) -> np.ndarray:
    if hasattr(data, "__apply__"):  # a Tensor
        data = data._data
    is_array = isinstance(data, np.ndarray | np.generic)
    try:
        array = np.array(data, dtype) if copy or not is_array else np.asarray(data, dtype).view()
    except (TypeError, ValueError) as error:
        raise DtypeError(f"Tensor: {error}: {brief(data)}.") from error
    if array.dtype.kind not in "fiub":
        raise unsupported_dtype("Tensor", array.dtype, data)
    if dtype is None and array.dtype == np.float64 and not is_array and _only_python(data):
        return array.astype(np.float32)
    return array


def _only_python(data: Any) -> bool:
    """Whether nested lists hold Python's own numbers alone: those make float32."""
    if isinstance(data, list | tuple):
        return all(_only_python(entry) for entry in data)
    return type(data) in NUMBERS


def operand(name: str, x: Any, others: tuple[Any, ...]) -> Any:
    """What an operation may be applied to, besides Tensors and Python's numbers.

    Lists of Python's floats take on the dtype of the others, as Python's floats do.
    """
    if isinstance(x, list | tuple):
        floats = [t.dtype for t in others if getattr(t, "dtype", np.dtype(int)).kind == "f"]
        is_weak = floats and _only_python(x) and np.array(x).dtype.kind == "f"
        x = as_array(x, np.result_type(*floats) if is_weak else None, True)
    if isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "fiub":
        return x
    raise no_operand(name, x)


def as_result(name: str, data: Any) -> np.ndarray:
    """What an operation returned, as an array: NumPy gives numbers in place of 0-d arrays."""
    if isinstance(data, np.generic | np.ndarray | float | int):
        return np.asarray(data)
    raise no_result(name, data)


def snapshot(attribute: Any) -> Any:
    """An attribute as it is now, which nobody else can change."""
    if isinstance(attribute, tuple | list):
        parts = [snapshot(part) for part in attribute]
        return parts if isinstance(attribute, list) else tuple(parts)
    if isinstance(attribute, slice):
        parts = [snapshot(i) for i in (attribute.start, attribute.stop, attribute.step)]
        return slice(*parts)
    return np.array(attribute) if isinstance(attribute, np.ndarray) else attribute


def unpacked(numbers: tuple[Any, ...]) -> Any:
    """`(2, 3)` whether it was given as two arguments or as a tuple."""
    return numbers[0] if len(numbers) == 1 and not isinstance(numbers[0], int) else numbers
