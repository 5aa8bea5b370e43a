"""Our sides of compiled_step.py: the compiled step, the eager one, and the floor under both."""

import importlib.metadata
import platform
from time import perf_counter_ns

import numpy as np
from compiled_step_task import Training
from training_step_worker import openblas_kernel

import tinygrad_lite as tl
from tinygrad_lite import nn

OPTIMIZERS = {
    "SGD": nn.optim.SGD,
    "momentum": lambda parameters, lr: nn.optim.SGD(parameters, lr, momentum=0.9),
    "Adam": nn.optim.Adam,
}


class Eager:
    def __init__(self, cores):
        pass

    def training(self, task, lr):
        return EagerTraining(task, lr)

    def describe(self):
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return (
            f"Python {platform.python_version()}, "
            f"tinygrad_lite {importlib.metadata.version('tinygrad_lite')}, "
            f"NumPy {np.__version__} ({blas['name']} {blas['version']}{openblas_kernel()})"
        )


class Compiled(Eager):
    def training(self, task, lr):
        return CompiledTraining(task, lr)


class EagerTraining(Training):
    def __init__(self, task, lr):
        if task.is_adaline:
            model, criterion = tl.models.Adaline(task.sizes[0]), nn.MSELoss()
        else:
            model, criterion = tl.models.MLP(task.sizes, rng=0), nn.CrossEntropyLoss()
        for parameter, value in zip(model.parameters(), task.parameters, strict=True):
            parameter.data = value.copy()
        self.parameters = list(model.parameters())
        self.optimizer = optimizer = OPTIMIZERS[task.optimizer](self.parameters, lr=lr)
        self.x, self.y = tl.Tensor(task.x), tl.Tensor(task.y)

        def train_step(x, y):
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        self.step = train_step

    def values(self):
        return [parameter.numpy() for parameter in self.parameters]

    def slow_down(self, lr):
        self.optimizer.lr = lr


class CompiledTraining(EagerTraining):
    def __init__(self, task, lr):
        super().__init__(task, lr)
        self.step = tl.compile(self.step)
        self.x, self.y = task.x, task.y


class Floor(Eager):
    def training(self, task, lr):
        return FloorTraining(task)


class FloorTraining(Training):
    """The matrix products of a step, from arrays that are there into arrays that are there.

    Each is written in the ways that need no copy, and the one that is fastest here is taken.
    """

    def __init__(self, task):
        rng = np.random.default_rng(0)
        weights = task.parameters[::2]
        self.x, self.y = task.x, task.y
        self.products = []
        x = task.x
        for layer, w in enumerate(weights):
            shape = np.matmul(x, w).shape
            g = rng.standard_normal(shape, np.float32)
            self.products.append(fastest(x, w))  # the layer's output
            self.products.append(fastest(x.T, g))  # the gradient of its weight
            if layer:
                self.products.append(fastest(g, w.T))  # that of its input
            x = rng.standard_normal(shape, np.float32)

    def step(self, x, y):
        for product, a, b, out in self.products:
            product(a, b, out)
        return 0.0

    def values(self):
        return None

    def slow_down(self, lr):
        pass


def fastest(a, b):
    """A product's function, factors and output, of those ways that take the least time."""
    ways = []
    for product in (np.matmul, np.dot):
        out = np.empty_like(product(a, b))
        ways.append((product, a, b, out))
        if out.ndim == 2:  # the transpose: with the output's columns side by side
            ways.append((product, b.T, a.T, out.reshape(out.shape[::-1])))
    return min(ways, key=time_of)


def time_of(way):
    product, *arrays = way
    times = []
    for _ in range(9):
        start = perf_counter_ns()
        product(*arrays)
        times.append(perf_counter_ns() - start)
    return sorted(times)[4]
