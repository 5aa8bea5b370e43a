"""An autograd mini-framework on NumPy: define models in code, and read how autodiff works."""

from . import data, errors, models, nn
from .checking import check_gradients
from .context import detect_anomaly, no_grad
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
    "value_and_grad",
    "vjp",
    "zeros",
    "zeros_like",
]
