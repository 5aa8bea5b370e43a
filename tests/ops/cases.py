"""One line for each operation: how it is called, and what it is checked on."""

from . import (
    cases_elementwise,
    cases_indexing,
    cases_linalg,
    cases_products,
    cases_reductions,
    cases_shapes,
)

ROOMS = [
    cases_elementwise,
    cases_reductions,
    cases_products,
    cases_linalg,
    cases_shapes,
    cases_indexing,
]
CASES = [case for room in ROOMS for case in room.CASES]
