"""Reading entries by index, and its transpose: adding entries up at an index."""

from typing import Any

import numpy as np

from .operation import op


@op(x=lambda g, out, x, index: scatter_add(g, index, x.shape))  # type: ignore[has-type]
def getitem(x: Any, index: Any) -> Any:
    """The entries that NumPy's indexing reads; also a single one stays a view of its array."""
    out = x[index]
    if isinstance(out, np.ndarray):
        return out
    return x[(*index, ...) if isinstance(index, tuple) else (index, ...)]


@op(values=lambda g, out, values, index, shape: g[index])
def scatter_add(values: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of the given shape, with `values` added at `index`; repeated indices add up.

    Parameters
    ----------
    values : floating, of the shape of `zeros(shape)[index]`
    index : anything that indexes an array of that shape
    shape : tuple of int

    Returns
    -------
    Tensor or ndarray
        Of the given shape, and the dtype of `values`.

    Raises
    ------
    BoundsError
        If an index is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> tl.f.scatter_add(tl.Tensor([1.0, 2.0, 4.0]), np.array([0, 2, 2]), (3,))
    Tensor([1., 0., 6.], shape=(3,))
    """
    result = np.zeros(shape, values.dtype)
    if is_basic(index):
        result[index] = values
    else:
        np.add.at(result, index, values)
    return result


def is_basic(index: Any) -> bool:
    """Whether an index reads each entry at most once: numbers, slices, None and Ellipsis."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(i is None or i is Ellipsis or isinstance(i, slice) or type(i) is int for i in parts)


def along(indices: Any, shape: tuple[int, ...], axis: int) -> tuple[Any, ...]:
    """The index that reads `indices` along one axis, and every other axis in step with them."""
    index: list[Any] = list(np.indices(shape, sparse=True))
    index[axis] = indices
    return tuple(index)
