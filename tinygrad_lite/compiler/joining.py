"""Memory of several arrays made one: parameters, and what an optimizer remembers of them."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ..nn.module import Structure
from .program import Node


def spans(leaves: Sequence[Node]) -> list[tuple[int, int]]:
    """Where each part begins and ends in a flat array."""
    ends = [*accumulate(x.size for x in leaves)]
    return [(end - x.size, end) for end, x in zip(ends, leaves, strict=True)]


def array_of(leaf: Node) -> Any:
    """The array that a leaf has now."""
    if leaf.function == "tensor":
        return leaf.of._data
    optimizer, which, key = leaf.of
    return optimizer.state[which][key]


def joinable(leaves: Sequence[Node]) -> bool:
    """Whether nobody but these leaves has their memory, so that it may be moved."""
    arrays = [array_of(x) for x in leaves]
    if len({id(array) for array in arrays}) < len(arrays):
        return False
    if _together(leaves) is not None:
        return True
    return all(array.base is None and array.flags.c_contiguous for array in arrays)


def joined(leaves: Sequence[Node]) -> np.ndarray:
    """One array that holds all of them; where they aren't yet together, they are moved."""
    found = _together(leaves)
    if found is not None:
        return found
    arrays = [array_of(x) for x in leaves]
    places = spans(leaves)
    memory: np.ndarray = aligned(places[-1][1] * arrays[0].itemsize).view(arrays[0].dtype)
    for leaf, array, (start, end) in zip(leaves, arrays, places, strict=True):
        part = memory[start:end].reshape(array.shape)
        part[...] = array
        if leaf.function == "tensor":
            part.setflags(write=False)
            leaf.of._data = part
        else:
            optimizer, which, key = leaf.of
            optimizer.state[which][key] = part
    Structure.changes += 1
    return memory


def _together(leaves: Sequence[Node]) -> np.ndarray | None:
    """The flat array that they are already parts of, in this order."""
    arrays = [array_of(x) for x in leaves]
    memory = arrays[0].base
    while isinstance(memory, np.ndarray) and isinstance(memory.base, np.ndarray):
        memory = memory.base
    if not isinstance(memory, np.ndarray) or memory.dtype != np.uint8:
        return None
    dtype = arrays[0].dtype
    begin = _address(arrays[0])
    for array, (start, _) in zip(arrays, spans(leaves), strict=True):
        if _address(array) - begin != start * dtype.itemsize or array.dtype != dtype:
            return None
        if array.base is None or not array.flags.c_contiguous:
            return None
    first = begin - _address(memory)
    size = spans(leaves)[-1][1] * dtype.itemsize
    if first < 0 or first + size > memory.size:
        return None
    found: np.ndarray = memory[first : first + size].view(dtype)
    return found


def writable(array: np.ndarray) -> np.ndarray:
    """A view of a locked array that can be written."""
    locked = not array.flags.writeable
    if locked:
        array.setflags(write=True)
    view = array.view()
    array.setflags(write=not locked)
    return view


def aligned(size: int) -> np.ndarray:
    """Memory that begins where a line of the cache does."""
    raw = np.empty(size + 64, np.uint8)
    start = -_address(raw) % 64
    return raw[start : start + size]


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])
