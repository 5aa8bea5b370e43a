"""Times a training step against PyTorch, eager, and compares the memory that it takes.

    python tests/benchmarks/training_step.py                        all of it, about five minutes
    python tests/benchmarks/training_step.py --quick                rough numbers in a minute
    python tests/benchmarks/training_step.py --only Adaline         models whose name has this in it
    python tests/benchmarks/training_step.py --torch PATH           a Python that has PyTorch 2.13
    python tests/benchmarks/training_step.py --markdown             tables to paste

Without --torch, PyTorch is installed from the package index into a virtual environment of its own,
in the user's cache folder, and is found there the next time.

A step is forward, loss, zero_grad, backward and the optimizer's update, in float32, on a batch that
stays in memory. Each side runs in processes of its own (training_step_worker.py), on one core and
on all. The two take turns, so that whatever slows the machine slows both: a round of ours, a round
of theirs, one side always idle. A time is the median over the rounds of each round's median.
The rounds are shared among several pairs of processes, as two runs of one program differ, too.
On one core, a round in which something else ran there is repeated; the last line counts those
that had to be taken nevertheless.

Memory is how far training, from building the model on, raises the resident memory of a new
process that has trained a small model before: the median of three, on one core (Linux only).

Ends with exit code 1 if a ratio on one core is above its limit.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path
from statistics import median

from cores import environment, settings
from environments import torch_environment

WORKER = Path(__file__).with_name("training_step_worker.py")
OPTIMIZERS = ["SGD", "Adam"]  # PyTorch's Adam is the fused one
PROCESSES = 3  # pairs of them, for times, and for memory
PAUSE = 0.05  # seconds on all cores between rounds, as idle threads spin for a while
TRIES = 5  # at most, to have at least SHARE of the core in a round
SHARE = 0.95


@dataclass(frozen=True, eq=False)
class Model:
    name: str
    sizes: list[int]
    batch: int
    timings: int  # a round, each of some steps: 0.1 to 0.3 seconds
    steps: int
    limits: dict[str, float]  # of the ratio on one core, by optimizer
    memory_limit: float | None = None

    def request(self, optimizer):
        return dict(sizes=self.sizes, batch=self.batch, optimizer=optimizer)


MODELS = [
    Model("Adaline 13→1, batch 1", [13, 1], 1, 100, 10, {"SGD": 0.30, "Adam": 0.4}),
    Model("Adaline 13→1, batch 32", [13, 1], 32, 100, 10, {"SGD": 0.30, "Adam": 0.4}),
    Model("MLP 784-128-10, batch 64", [784, 128, 10], 64, 300, 1, {"SGD": 0.75, "Adam": 1.1}, 1.5),
    Model("MLP 784-512-512-10, batch 128", [784, 512, 512, 10], 128, 30, 1,
          {"SGD": 0.95, "Adam": 1.1}, 1.5),
    Model("MLP 784-1024-1024-10, batch 512", [784, 1024, 1024, 10], 512, 5, 1,
          {"SGD": 1.03, "Adam": 1.1}, 1.5),
]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", metavar="PATH", help="a Python that has PyTorch 2.13")
    parser.add_argument("--rounds", type=int, default=15, help="default: 15")
    parser.add_argument("--quick", action="store_true", help="3 short rounds, one pair of each")
    parser.add_argument("--only", metavar="NAME", default="", help="models with this in their name")
    parser.add_argument("--markdown", action="store_true", help="tables to paste into a document")
    args = parser.parse_args()
    models = [model for model in MODELS if args.only.lower() in model.name.lower()]
    if not models or args.rounds < 1:
        parser.error("--only fits none of the models, or --rounds is less than 1")
    rounds = min(args.rounds, 3) if args.quick else args.rounds
    processes = 1 if args.quick else min(PROCESSES, rounds)
    pythons = {"tinygrad_lite": sys.executable, "torch": args.torch or torch_environment()}

    header = [f"{date.today()}, {processor()}, {os.cpu_count()} cores"]
    for peer, python in pythons.items():
        with Worker(peer, python, "all") as worker:
            header.append(worker.ask(do="describe"))
    print(f"{'; '.join(header)}.\n")

    times, disturbed = time_all(models, pythons, rounds, processes, 5 if args.quick else 1)
    columns = ["model", "optimizer", "cores", "ours µs", "PyTorch µs", "ratio", "limit", "ok?"]
    rows, good = [], True
    for (cores, optimizer, model), (ours, theirs) in times.items():
        limit = model.limits[optimizer] if cores == "one" else None
        verdict, is_good = compared(median(ours), median(theirs), limit)
        rows.append([model.name, optimizer, cores, micro(ours), micro(theirs), *verdict])
        good &= is_good
    show(columns, rows, args.markdown)

    large = [model for model in models if model.memory_limit]
    if large and Path("/proc/self/clear_refs").exists():
        columns = ["peak memory", "optimizer", "ours MB", "PyTorch MB", "ratio", "limit", "ok?"]
        rows = []
        for optimizer, model in product(OPTIMIZERS, large):
            ours, theirs = measure_memory(model, optimizer, pythons, processes)
            verdict, is_good = compared(median(ours), median(theirs), model.memory_limit)
            rows.append([model.name, optimizer, mega(ours), mega(theirs), *verdict])
            good &= is_good
        show(columns, rows, args.markdown)
    if disturbed:
        total = rounds * len(OPTIMIZERS) * len(models)
        print(f"In {disturbed} of {total} rounds on one core, something else ran there.")
    sys.exit(0 if good else 1)


def time_all(models, pythons, rounds, processes, shorter):
    """Nanoseconds of rounds, (ours, theirs), by cores, optimizer, model; rounds disturbed."""
    times, disturbed = {}, 0
    for part, cores in product(range(processes), settings()):
        with ExitStack() as stack:
            pair = [stack.enter_context(Worker(*peer, cores)) for peer in pythons.items()]
            for optimizer, model in product(OPTIMIZERS, models):
                progress(f"{model.name}, {optimizer}, {cores}: {part + 1} of {processes}")
                for worker in pair:
                    worker.ask(do="build", **model.request(optimizer))
                found = times.setdefault((cores, optimizer, model), ([], []))
                request = dict(timings=-(-model.timings // shorter), steps=model.steps)
                for _ in range(part, rounds, processes):
                    answers = run_in_turn(pair, cores, request)
                    for side, answer in zip(found, answers, strict=True):
                        side.append(answer["time"])
                    disturbed += is_disturbed(answers, cores)
    progress("")
    return times, disturbed


def run_in_turn(pair, cores, request):
    for again in range(TRIES):
        answers = []
        for worker in pair:
            time.sleep(PAUSE if cores == "all" else PAUSE * again)
            answers.append(worker.ask(do="run", **request))
        if not is_disturbed(answers, cores):
            break
    return answers


def is_disturbed(answers, cores):
    return cores == "one" and min(answer["share"] for answer in answers) < SHARE


def measure_memory(model, optimizer, pythons, processes):
    """Bytes of peak memory in each process, (ours, theirs)."""
    found = [], []
    for part in range(processes):
        progress(f"{model.name}, {optimizer}, memory: {part + 1} of {processes}")
        for peer, side in zip(pythons.items(), found, strict=True):
            with Worker(*peer, "one") as worker:
                side.append(worker.ask(do="memory", **model.request(optimizer)))
    progress("")
    return found


class Worker:
    """A process of one side, which works only while it is asked."""

    def __init__(self, peer, python, cores, script=WORKER):
        self.process = subprocess.Popen(
            [python, script, peer, cores],
            env=environment(cores),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **request):
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"{' '.join(map(str, self.process.args))} ended at {request}.")
        return json.loads(answer)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.communicate()


def compared(ours, theirs, limit):
    """The ratio, its limit and whether it holds, to print; and whether it holds."""
    ratio = ours / theirs
    if limit is None:
        return [f"{ratio:.3f}", "–", "–"], True
    return [f"{ratio:.3f}", f"{limit:.2f}", "yes" if ratio <= limit else "NO"], ratio <= limit


def micro(times):
    value = median(times) / 1000
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def mega(sizes):
    low, high = min(sizes) / 1e6, max(sizes) / 1e6
    span = f" ({low:.1f}–{high:.1f})" if len(sizes) > 1 else ""
    return f"{median(sizes) / 1e6:.1f}{span}"


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def show(columns, rows, markdown):
    is_text = [not any(row[i][:1].isdigit() for row in rows) for i in range(len(columns))]
    if markdown:
        print(f"| {' | '.join(columns)} |")
        print(f"|{'|'.join('---' if text else '--:' for text in is_text)}|")
        print(*(f"| {' | '.join(row)} |" for row in rows), sep="\n", end="\n\n")
        return
    widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]
    for row in [columns, *rows]:
        cells = zip(row, widths, is_text, strict=True)
        line = "  ".join(f"{c:<{w}}" if text else f"{c:>{w}}" for c, w, text in cells)
        print(line.rstrip())
    print(flush=True)


def progress(text):
    """What is being measured, on a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
