"""The table of operations: every function that has a gradient, and its rule.

`table` finds an operation by the NumPy function that users call; it is the rows of the modules
below and nothing else.
"""

from collections.abc import Callable
from typing import Any

from . import (
    constant,
    cumulative,
    elementwise,
    functions,
    indexing,
    linalg,
    products,
    reductions,
    shapes,
    special,
    updates,
)
from .compositions import compositions
from .operation import Operation, fit, op

__all__ = ["Operation", "compositions", "fit", "op", "rooms", "table"]

rooms = [
    elementwise,
    reductions,
    cumulative,
    products,
    linalg,
    shapes,
    indexing,
    updates,
    special,
    functions,
    constant,
]
table: dict[Callable[..., Any], Operation] = {
    row.function: row for room in rooms for row in vars(room).values() if isinstance(row, Operation)
}
for row in table.values():
    row.trusted = True
