"""Datasets to learn from, and batches of them. All of it is plain NumPy."""

from .batches import batches
from .digits import digits
from .iris import IRIS_CLASSES, IRIS_FEATURES, iris
from .mnist import mnist

__all__ = ["IRIS_CLASSES", "IRIS_FEATURES", "batches", "digits", "iris", "mnist"]
