"""Neural networks: modules, layers, losses, first values, optimizers."""

from . import init, optim
from .layers import Dropout, Linear, ReLU, Sequential, Sigmoid, Softmax, Tanh
from .losses import (
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    L1Loss,
    MSELoss,
    bce_with_logits_loss,
    cross_entropy_loss,
    huber_loss,
    l1_loss,
    mse_loss,
)
from .module import Buffer, Module, Parameter

__all__ = [
    "BCEWithLogitsLoss",
    "Buffer",
    "CrossEntropyLoss",
    "Dropout",
    "HuberLoss",
    "L1Loss",
    "Linear",
    "MSELoss",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "bce_with_logits_loss",
    "cross_entropy_loss",
    "huber_loss",
    "init",
    "l1_loss",
    "mse_loss",
    "optim",
]
