"""What every side of compiled_step.py trains, and what a side makes of it."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass
class Task:
    """What is to be trained: every side starts from the same numbers.

    Attributes
    ----------
    x : (batch, sizes[0])
    y : (batch,), targets of an Adaline, which has no hidden layer; or classes
    parameters : list of arrays
        A weight (in, out) and a bias (out,) by layer; an Adaline's are (in,) and ().
    """

    sizes: list[int]
    optimizer: str
    x: np.ndarray
    y: np.ndarray
    parameters: list[np.ndarray]

    @property
    def is_adaline(self):
        return len(self.sizes) == 2


def task(sizes, batch, optimizer):
    rng = np.random.default_rng(0)
    parameters = []
    for pair in pairwise(sizes):
        limit = pair[0] ** -0.5
        for shape in [pair[:1], ()] if len(sizes) == 2 else [pair, pair[1:]]:
            parameters.append(np.asarray(rng.uniform(-limit, limit, shape), np.float32))
    x = rng.standard_normal((batch, sizes[0]), np.float32)
    if len(sizes) == 2:
        y = rng.standard_normal(batch, np.float32)
    else:
        y = rng.integers(0, sizes[-1], batch)
    return Task(sizes, optimizer, x, y, parameters)


class Training:
    """A Task in the words of a library.

    Attributes
    ----------
    step : callable
        Takes `x` and `y`, trains one step, and returns the loss.
    x, y
        The batch as the library takes it, in memory.
    """

    def values(self):
        """The parameters as NumPy arrays, in the order and the shapes of the Task's."""
        raise NotImplementedError

    def slow_down(self, lr):
        """Make this the learning rate from now on."""
        raise NotImplementedError

    def wait(self, loss):
        """Return when the steps taken so far are done."""
