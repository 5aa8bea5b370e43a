"""One side of training_step.py, which starts it: takes training steps when asked, and times them.

    python training_step_worker.py (tinygrad_lite|torch) (one|all)

Reads requests from stdin and answers each on stdout, one JSON object a line:

    {"do": "describe"}                                         -> versions
    {"do": "build", "sizes": [13, 1], "batch": 1, "optimizer": "SGD"}    -> "built"
    {"do": "run", "timings": 100, "steps": 10}                 -> {"time": …, "share": …}
    {"do": "memory", "sizes": …, "batch": …, "optimizer": …}   -> bytes

A run takes 100 times 10 steps, after a few to warm up: the time is the median of the 100, in
nanoseconds a step, the share what this process had of its core meanwhile.

It is run by the interpreter of either side's environment, so that it imports neither at the top.
"""

import ctypes
import gc
import importlib.metadata
import json
import math
import platform
import re
import sys
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter_ns, process_time_ns

from cores import pin

LR = 1e-6  # nothing is learned, so that the last round computes with numbers like the first's
MEMORY_STEPS = 6


def main():
    peer, cores = sys.argv[1:]
    pin(cores)
    side = {"tinygrad_lite": TinygradLite, "torch": PyTorch}[peer](cores)
    training = None
    for line in sys.stdin:
        request = json.loads(line)
        do = request.pop("do")
        if do == "describe":
            answer = side.describe()
        elif do == "build":
            training = side.training(**request)
            take_steps(*training, timings=1, steps=3)
            answer = "built"
        elif do == "run":
            answer = timed_round(training, **request)
        else:
            answer = peak_memory(side, **request)
        print(json.dumps(answer), flush=True)


class TinygradLite:
    def __init__(self, cores):
        import numpy

        import tinygrad_lite

        self.np, self.tl = numpy, tinygrad_lite

    def training(self, sizes, batch, optimizer):
        """A model, its loss, its optimizer, and a batch."""
        np, tl, nn = self.np, self.tl, self.tl.nn
        rng = np.random.default_rng(0)
        x = tl.Tensor(rng.standard_normal((batch, sizes[0]), np.float32))
        if len(sizes) == 2:
            model, criterion = tl.models.Adaline(sizes[0]), nn.MSELoss()
            y = tl.Tensor(rng.standard_normal(batch, np.float32))
        else:
            model, criterion = tl.models.MLP(sizes, rng=rng), nn.CrossEntropyLoss()
            y = tl.Tensor(rng.integers(0, sizes[-1], batch))
        return model, criterion, getattr(nn.optim, optimizer)(model.parameters(), lr=LR), x, y

    def describe(self):
        blas = self.np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return (
            f"Python {platform.python_version()}, "
            f"tinygrad_lite {importlib.metadata.version('tinygrad_lite')}, "
            f"NumPy {self.np.__version__} ({blas['name']} {blas['version']}{openblas_kernel()})"
        )


class PyTorch:
    def __init__(self, cores):
        import torch

        self.torch = torch
        if cores == "one":
            torch.set_num_threads(1)

    def training(self, sizes, batch, optimizer):
        """A model, its loss, its optimizer, and a batch."""
        torch, nn = self.torch, self.torch.nn
        torch.manual_seed(0)
        x = torch.randn(batch, sizes[0])
        if len(sizes) == 2:
            model, criterion = nn.Linear(*sizes), nn.MSELoss()
            y = torch.randn(batch, 1)
        else:
            layers = [nn.Linear(sizes[0], sizes[1])]
            for shape in pairwise(sizes[1:]):
                layers += [nn.ReLU(), nn.Linear(*shape)]
            model, criterion = nn.Sequential(*layers), nn.CrossEntropyLoss()
            y = torch.randint(sizes[-1], (batch,))
        options = {"fused": True} if optimizer == "Adam" else {}
        kind = getattr(torch.optim, optimizer)
        return model, criterion, kind(model.parameters(), lr=LR, **options), x, y

    def describe(self):
        built = self.torch.__config__.show()
        blas = re.search(r"Math Kernel Library Version ([\d.]+)|BLAS_INFO=(\w+)", built)
        version = f" ({(blas[1] and f'MKL {blas[1]}') or blas[2]})" if blas else ""
        return f"PyTorch {self.torch.__version__}{version}"


def timed_round(training, timings, steps):
    take_steps(*training, timings=1, steps=1 + timings * steps // 10)
    start, busy = perf_counter_ns(), process_time_ns()
    times = take_steps(*training, timings, steps)
    share = (process_time_ns() - busy) / (perf_counter_ns() - start)
    return {"time": median(times), "share": share}


def take_steps(model, criterion, optimizer, x, y, timings, steps):
    """The training loop as users of either write it; nanoseconds a step, means of `steps`."""
    times = []
    for _ in range(timings):
        start = perf_counter_ns()
        for _ in range(steps):
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        times.append((perf_counter_ns() - start) / steps)
    if not math.isfinite(loss.item()):
        sys.exit(f"The loss is {loss.item()}: these times are of no use.")
    return times


def peak_memory(side, sizes, batch, optimizer):
    """By how much training of a new model raises the resident memory of this process, at most."""
    small = [max(size // 16, 10) for size in sizes]
    take_steps(*side.training(small, 16, optimizer), timings=1, steps=3)
    give_back_free_memory()
    before = resident_memory("VmRSS")
    training = side.training(sizes, batch, optimizer)
    give_back_free_memory()
    Path("/proc/self/clear_refs").write_text("5")  # from here on VmHWM counts anew
    take_steps(*training, timings=1, steps=MEMORY_STEPS)
    return resident_memory("VmHWM") - before


def give_back_free_memory():
    gc.collect()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def resident_memory(field):
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) * 1024


def openblas_kernel():
    """For which processor OpenBLAS has chosen its kernels."""
    try:
        path = re.search(r"/\S*openblas\S*\.so\S*", Path("/proc/self/maps").read_text())[0]
        name = ctypes.CDLL(path).scipy_openblas_get_corename64_
    except (OSError, TypeError, AttributeError):
        return ""
    name.restype = ctypes.c_char_p
    return f", {name().decode()} kernels"


if __name__ == "__main__":
    main()
