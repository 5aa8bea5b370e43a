"""The table of operations: every function that has a gradient, and its rule.

`table` finds an operation by the NumPy function that users call; it is the rows of the modules
below and nothing else.
"""

from collections.abc import Callable
from typing import Any

from . import constant, elementwise, functions, indexing, products, reductions, shapes
from .compositions import compositions
from .operation import Operation, fit, op

__all__ = [
    "Operation",
    "compositions",
    "constant",
    "elementwise",
    "fit",
    "functions",
    "indexing",
    "op",
    "products",
    "reductions",
    "shapes",
    "table",
]

table: dict[Callable[..., Any], Operation] = {
    row.function: row
    for room in (elementwise, reductions, products, shapes, indexing, functions, constant)
    for row in vars(room).values()
    if isinstance(row, Operation)
}
for row in table.values():
    row.trusted = True
