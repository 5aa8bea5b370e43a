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
    from . import compiler, graphs
    from .compiler import compile
    from .graphs import graph, trace

__all__ = [
    "Operation",
    "Tensor",
    "arange",
    "check_gradients",
    "compile",
    "compiler",
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


ROOMS = {  # loaded when they are first used, by what they offer
    "compile": "compiler",
    "compiler": "compiler",
    "graph": "graphs",
    "graphs": "graphs",
    "trace": "graphs",
}


def __getattr__(name: str) -> Any:
    if name not in ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = import_module(f".{ROOMS[name]}", __name__)
    globals()[name] = found = room if name == ROOMS[name] else getattr(room, name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if "IPython" in sys.modules:
    from .graphs import notebook

    notebook.register()
