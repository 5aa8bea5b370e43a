"""Optimizers, schedules of their learning rate, and clipping of gradients."""

from .clipping import clip_gradient_norm, clip_gradient_value
from .optimizer import Optimizer
from .optimizers import SGD, Adam, AdamW, RMSprop
from .schedules import CosineAnnealingLR, ExponentialLR, LinearWarmup, Schedule, StepLR

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "CosineAnnealingLR",
    "ExponentialLR",
    "LinearWarmup",
    "Optimizer",
    "RMSprop",
    "Schedule",
    "StepLR",
    "clip_gradient_norm",
    "clip_gradient_value",
]
