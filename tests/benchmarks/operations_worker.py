"""One side of operations.py, which starts it: differentiates operations when asked, and times them.

    python operations_worker.py (tinygrad_lite|torch|autograd) (one|all)

Reads requests from stdin and answers each on stdout, one JSON object a line:

    {"do": "describe"}                            -> versions
    {"do": "build", "expression": "x * y", "leaves": {"x": ["normal", [1000]], …}, "others": {}}
                                                  -> {"values": …}, or {"missing": why}
    {"do": "run", "seconds": 0.04}                -> {"time": …, "share": …}

A run takes timings for about as long as asked, after a few to warm up; a timing is of as many calls
as take a millisecond, at least one. The time is the median, in nanoseconds a call, the share what
this process had of its core meanwhile. The values are two numbers for the output and for each
gradient, by which the sides are seen to compute the same.

It is run by the interpreter of either side's environment, so that it imports neither at the top.
"""

import importlib.metadata
import json
import sys
from statistics import median
from time import perf_counter_ns, process_time_ns

from cores import pin
from training_step_worker import PyTorch as TorchVersion
from training_step_worker import TinygradLite as OurVersion

TIMING = 1e6  # nanoseconds, at least
TIMINGS = range(3, 41)  # at least, at most in a run


def main():
    peer, cores = sys.argv[1:]
    pin(cores)
    free_something_large()
    side = {"tinygrad_lite": TinygradLite, "torch": PyTorch, "autograd": Autograd}[peer](cores)
    call, calls = None, 1
    for line in sys.stdin:
        request = json.loads(line)
        do = request.pop("do")
        if do == "describe":
            answer = side.describe()
        elif do == "build":
            call, answer = build(side, **request)
            calls = calls_a_timing(call) if call else 1
        else:
            answer = timed_round(call, calls, request["seconds"] * 1e9)
        print(json.dumps(answer), flush=True)


def free_something_large():
    """Bring the allocator into the state that it has in a process which has run for a while.

    The GNU C library gives the memory of freed arrays back to the system, and has every page of it
    cleared for the next, unless an array as large has been freed before. So that the times don't
    depend on which operations came first, all sides start by that.
    """
    import numpy as np

    np.empty(2**25 - 2**16, np.uint8)


def build(side, expression, leaves, others):
    """A function that computes the expression and its gradients once; what it computed."""
    names = ", ".join([*leaves, *others])
    function = eval(f"lambda {names}: {expression}", vars(side))
    arrays = [made(i, *spec) for i, spec in enumerate([*leaves.values(), *others.values()])]
    arrays = arrays[: len(leaves)], arrays[len(leaves) :]
    try:
        call, results = side.differentiated(function, *arrays)
    except Exception as error:
        if not side.may_lack:
            raise
        return None, {"missing": f"{type(error).__name__}: {error}".splitlines()[0]}
    return call, {"values": [fingerprint(array) for array in results]}


def made(seed, kind, shape):
    """Values for an input, the same on every side."""
    import numpy as np

    rng = np.random.default_rng(seed)
    if kind == "mask":
        return rng.random(shape) < 0.5
    if kind == "index":
        return rng.integers(0, shape[0], shape)
    values = {
        "normal": lambda: rng.standard_normal(shape),
        "positive": lambda: rng.random(shape) + 0.5,
        "about 1": lambda: 1 + 1e-3 * rng.standard_normal(shape),
        "regular": lambda: rng.standard_normal(shape) + 10 * np.eye(shape[-1]),
    }[kind]()
    return values.astype(np.float32)


def fingerprint(array):
    """How large the entries are, and a sum that depends on where they are."""
    import numpy as np

    values = np.asarray(array, np.float64).ravel()
    size = max(values.size, 1)
    return [(np.dot(values, values) / size) ** 0.5, np.cos(np.arange(size)) @ values / size**0.5]


class TinygradLite:
    may_lack = True

    def __init__(self, cores):
        import numpy

        import tinygrad_lite

        self.np, self.tl = numpy, tinygrad_lite
        self.describe = OurVersion(cores).describe

    def differentiated(self, function, leaves, others):
        tl, np = self.tl, self.np
        leaves = [tl.Tensor(x, requires_grad=True) for x in leaves]
        y = function(*leaves, *others)
        gradient = tl.Tensor(np.ones(y.shape, y.dtype))

        def call():
            for x in leaves:
                x.grad = None
            function(*leaves, *others).backward(gradient)

        call()
        return call, [y.numpy(), *(x.grad.numpy() for x in leaves)]


class PyTorch:
    may_lack = False

    def __init__(self, cores):
        import torch

        self.torch = torch
        self.describe = TorchVersion(cores).describe

    def differentiated(self, function, leaves, others):
        torch = self.torch
        leaves = [torch.from_numpy(x).clone().requires_grad_() for x in leaves]
        others = [torch.from_numpy(x) for x in others]
        y = function(*leaves, *others)
        gradient = torch.ones(y.shape)  # ones_like would take over the strides of a view

        def call():
            for x in leaves:
                x.grad = None
            function(*leaves, *others).backward(gradient)

        call()
        return call, [y.detach().numpy(), *(x.grad.numpy() for x in leaves)]


class Autograd:
    may_lack = False

    def __init__(self, cores):
        import autograd
        import autograd.numpy

        self.np, self.autograd = autograd.numpy, autograd

    def describe(self):
        return f"HIPS autograd {importlib.metadata.version('autograd')}"

    def differentiated(self, function, leaves, others):
        np, inputs = self.np, (*leaves, *others)
        positions = tuple(range(len(leaves))) if len(leaves) > 1 else 0
        differentiate = self.autograd.make_vjp(function, positions)
        _, y = differentiate(*inputs)
        gradient = np.ones(np.shape(y), np.float32)

        def call():
            vjp, _ = differentiate(*inputs)
            return vjp(gradient)

        found = call()
        return call, [y, *(found if len(leaves) > 1 else [found])]


def calls_a_timing(call):
    took = min(timed(call, 1) for _ in range(3))
    if took > TIMING:
        return 1
    took = median(timed(call, 1 + int(TIMING / 10 / took)) for _ in range(3))
    return 1 + int(TIMING / took)


def timed_round(call, calls, nanoseconds):
    took = timed(call, calls) * calls
    count = min(max(int(nanoseconds / took), TIMINGS.start), TIMINGS.stop - 1)
    for _ in range(count // 10):
        timed(call, calls)
    start, busy = perf_counter_ns(), process_time_ns()
    times = [timed(call, calls) for _ in range(count)]
    share = (process_time_ns() - busy) / (perf_counter_ns() - start)
    return {"time": median(times), "share": share}


def timed(call, calls):
    """Nanoseconds a call."""
    start = perf_counter_ns()
    for _ in range(calls):
        call()
    return (perf_counter_ns() - start) / calls


if __name__ == "__main__":
    main()
