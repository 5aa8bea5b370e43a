"""One side of compiled_step.py, which starts it: takes training steps when asked, and times them.

    python compiled_step_worker.py SIDE (one|all)

SIDE is a name in SIDES. It reads requests from stdin and answers each on stdout, one JSON object a
line; TASK stands for "sizes": [13, 1], "batch": 1, "optimizer": "SGD":

    {"do": "describe"}                          -> versions
    {"do": "build", TASK, "path": "….npz"}      -> "built"
    {"do": "run", "timings": 100, "steps": 10}  -> {"time": …, "share": …}
    {"do": "compiling", TASK}                   -> nanoseconds: {"first", "later", "step"}
    {"do": "memory", TASK, "calls": 1000}       -> bytes: {"peak", "buffers", "stated", "eager"}

A new training takes a few steps that count, whose losses and changes of the parameters are saved at
the path, if there is one. Then the learning rate becomes one at which nothing is learned, so that
the last round computes with numbers like the first's.

A run takes 100 times 10 steps, after a few to warm up: the time is the median of the 100, in
nanoseconds a step, the share what this process had of its core meanwhile.
"""

import json
import math
import sys
from importlib import import_module
from statistics import median
from time import perf_counter_ns, process_time_ns

from cores import pin

SIDES = {
    "compiled": ("compiled_step_ours", "Compiled"),
    "eager": ("compiled_step_ours", "Eager"),
    "floor": ("compiled_step_ours", "Floor"),
    "torch": ("compiled_step_peers", "PyTorch"),
    "torch.compile": ("compiled_step_peers", "TorchCompile"),
    "jax": ("compiled_step_peers", "Jax"),
    "mygrad": ("compiled_step_peers", "MyGrad"),
    "autograd": ("compiled_step_peers", "Autograd"),
}
COMPARED_STEPS = 5
COMPARED_LR = {"SGD": 0.02, "momentum": 0.02, "Adam": 0.001}
TIMED_LR = 1e-6


def main():
    name, cores = sys.argv[1:]
    pin(cores)  # before NumPy and others are imported
    module, kind = SIDES[name]
    side = getattr(import_module(module), kind)(cores)
    training = None
    for line in sys.stdin:
        request = json.loads(line)
        do = request.pop("do")
        if do == "describe":
            answer = side.describe()
        elif do == "build":
            training = built(side, **request)
            answer = "built"
        elif do == "run":
            answer = timed_round(training, **request)
        else:
            answer = getattr(import_module("compiled_step_costs"), do)(**request)
        print(json.dumps(answer), flush=True)


def built(side, sizes, batch, optimizer, path=None):
    import numpy as np
    from compiled_step_task import task

    given = task(sizes, batch, optimizer)
    training = side.training(given, COMPARED_LR[optimizer])
    losses = [number(training.step(training.x, training.y)) for _ in range(COMPARED_STEPS)]
    if path is not None:
        values = training.values()
        if wrong := [v.dtype for v in values if v.dtype != np.float32]:
            sys.exit(f"{type(side).__name__}: parameters have become {wrong[0]}.")
        pairs = zip(values, given.parameters, strict=True)
        np.savez(path, losses, *[v.astype(float) - p for v, p in pairs])
    training.slow_down(TIMED_LR)
    take_steps(training, timings=1, steps=3)
    return training


def timed_round(training, timings, steps):
    take_steps(training, timings=1, steps=1 + timings * steps // 10)
    start, busy = perf_counter_ns(), process_time_ns()
    times = take_steps(training, timings, steps)
    share = (process_time_ns() - busy) / (perf_counter_ns() - start)
    return {"time": median(times), "share": share}


def take_steps(training, timings, steps):
    """Nanoseconds a step, means of `steps`."""
    times, step, x, y = [], training.step, training.x, training.y
    for _ in range(timings):
        start = perf_counter_ns()
        for _ in range(steps):
            loss = step(x, y)
        training.wait(loss)
        times.append((perf_counter_ns() - start) / steps)
    if not math.isfinite(number(loss)):
        sys.exit(f"The loss is {number(loss)}: these times are of no use.")
    return times


def number(loss):
    return float(getattr(loss, "item", lambda: loss)())


if __name__ == "__main__":
    main()
