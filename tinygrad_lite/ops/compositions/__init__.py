"""Functions of NumPy that are made of others, and so need no rule of their own.

Each is written as NumPy's own, by its name; what they call may be a Tensor's. `compositions` finds
one by the NumPy function that users call.
"""

import re
from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any

import numpy as np

from ...errors import TinygradError, refusal
from . import elementwise, indexing, linalg, products, reductions, shapes

_NUMPY = {
    elementwise: np,
    reductions: np,
    products: np,
    linalg: np.linalg,
    shapes: np,
    indexing: np,
}


def named(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose errors bear the name of what the user called, whoever raised them."""

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except TinygradError as error:
            error.args = (re.sub(r"^\w+: ", f"{name}: ", str(error)),)
            raise
        except (IndexError, TypeError, ValueError) as error:
            given = signature(function).bind(*args, **options).arguments
            inputs = tuple([x for x in given.values() if hasattr(x, "shape")])
            raise refusal(name, inputs, error, given) from error

    return call


compositions: dict[Callable[..., Any], Callable[..., Any]] = {
    getattr(numpy, name): named(name, function)
    for room, numpy in _NUMPY.items()
    for name, function in vars(room).items()
    if getattr(function, "__module__", None) == room.__name__ and hasattr(numpy, name)
}
