"""What compiling costs in time, and what a program takes in memory, for compiled_step.py.

Bytes are those that tracemalloc counts, as Python and NumPy tell it what they allocate.
"""

import gc
import tracemalloc
from statistics import median
from time import perf_counter_ns

import numpy as np
from compiled_step_ours import CompiledTraining, EagerTraining
from compiled_step_task import task

import tinygrad_lite as tl

LR = 1e-6
COMPILATIONS = 5


def compiling(sizes, batch, optimizer):
    """Nanoseconds of first calls, which trace and compile: the process's first, and later ones'
    median; and of an eager step."""
    given = task(sizes, batch, optimizer)
    first_calls = []
    for _ in range(1 + COMPILATIONS):
        training = CompiledTraining(given, LR)
        first_calls.append(time_of(training))
    eager = EagerTraining(given, LR)
    steps = [time_of(eager) for _ in range(max(20, min(500, 2_000_000 // sum(sizes))))]
    return {"first": first_calls[0], "later": median(first_calls[1:]), "step": median(steps)}


def time_of(training):
    start = perf_counter_ns()
    training.step(training.x, training.y)
    return perf_counter_ns() - start


def memory(sizes, batch, optimizer, calls):
    """Bytes.

    peak      by which calls of the program raise what is allocated, at most
    buffers   of arrays that are there since it was compiled; parameters' gradients apart
    stated    of the buffers that the program itself tells of, less its gradients
    eager     by which eager steps raise what is allocated, at most; less gradients, and less what
              the steps of a tiny model take, as that is Python's own
    """
    given = task(sizes, batch, optimizer)
    gradients = sum(p.nbytes for p in given.parameters)
    tiny = task([2] * len(sizes), 1, optimizer)
    tracemalloc.start()
    eager = peak_of_eager_steps(given) - peak_of_eager_steps(tiny)

    training = CompiledTraining(given, LR)
    training.step.fn(tl.Tensor(given.x), given.y)  # now, the optimizer has its state
    training.optimizer.zero_grad()
    before = bytes_of_arrays()
    for _ in range(3):
        training.step(training.x, training.y)
    buffers = bytes_of_arrays() - before
    for _ in range(10):
        training.step(training.x, training.y)
    peak = peak_of(training, calls)
    tracemalloc.stop()
    return {
        "peak": peak,
        "buffers": max(buffers - gradients, 0),
        "stated": max(training.step.memory.bytes - gradients, 0),
        "eager": max(eager - gradients, 0),
    }


def peak_of_eager_steps(given):
    training = EagerTraining(given, LR)
    training.step(training.x, training.y)  # now, the optimizer has its state
    training.optimizer.zero_grad()
    return peak_of(training, 3)


def peak_of(training, calls):
    step, x, y = training.step, training.x, training.y
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    for _ in range(calls):
        step(x, y)
    return tracemalloc.get_traced_memory()[1] - before


def bytes_of_arrays():
    gc.collect()
    only_arrays = tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)
    return sum(t.size for t in tracemalloc.take_snapshot().filter_traces([only_arrays]).traces)
