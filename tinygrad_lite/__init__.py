"""An autograd mini-framework on NumPy: define models in code, and read how autodiff works."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import data, errors, models, nn
from .anomaly import detect_anomaly
from .checking import check_gradients
from .context import no_grad
from .creation import (
    arange,
    eye,
    full,
    full_like,
    ones,
    ones_like,
    rand,
    rand_like,
    randn,
    randn_like,
    zeros,
    zeros_like,
)
from .derivatives import elementwise_grad, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .ops import Operation, op
from .ops import functions as f
from .random import seed
from .state import load, save
from .tensor import Tensor

if TYPE_CHECKING:
    from . import graphs
    from .graphs import graph, trace

__all__ = [
    "Operation",
    "Tensor",
    "arange",
    "check_gradients",
    "data",
    "detect_anomaly",
    "elementwise_grad",
    "errors",
    "eye",
    "f",
    "full",
    "full_like",
    "grad",
    "graph",
    "graphs",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "load",
    "models",
    "nn",
    "no_grad",
    "ones",
    "ones_like",
    "op",
    "rand",
    "rand_like",
    "randn",
    "randn_like",
    "save",
    "seed",
    "trace",
    "value_and_grad",
    "vjp",
    "zeros",
    "zeros_like",
]


def __getattr__(name: str) -> Any:
    """Rooms that are loaded when they are first used."""
    if name not in ("graph", "graphs", "trace"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = import_module(".graphs", __name__)
    globals().update(graph=room.graph, trace=room.trace)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if "IPython" in sys.modules:
    from .graphs import notebook

    notebook.register()
