"""Times a compiled training step against eager and compiled peers, our own eager, and the floor.

    python tests/benchmarks/compiled_step.py                     all of it, about an hour
    python tests/benchmarks/compiled_step.py --quick             rough numbers in ten minutes
    python tests/benchmarks/compiled_step.py --only Adaline      models whose name has this in it
    python tests/benchmarks/compiled_step.py --optimizer SGD     SGD, momentum or Adam
    python tests/benchmarks/compiled_step.py --peers jax,floor   some of the peers, or none
    python tests/benchmarks/compiled_step.py --torch PATH        a Python that has PyTorch 2.13
    python tests/benchmarks/compiled_step.py --markdown          tables to paste

The peers are installed from the package index into virtual environments of their own, in the user's
cache folder, and are found there the next time. torch.compile needs a C++ compiler.

A step is forward, loss, backward and the optimizer's update, in float32, on a batch that stays in
memory. Every side starts from the same parameters; after a few steps, the losses and how far each
parameter has moved, which its gradients decide, are compared with those of our eager steps. The
floor is the matrix products of a step alone, through NumPy, into arrays that are there already, in
the layouts that are fastest.

Each side runs in processes of its own (compiled_step_worker.py), on one core and on all. They take
turns, so that whatever slows the machine slows all: one side works, the others are idle. A time is
the median over the rounds of each round's median. The rounds are shared among several processes of
each, as two runs of one program differ, too. On one core, a round in which something else ran there
is repeated; the last line counts those that had to be taken nevertheless.

Then, on one core: what compiling takes, from the first call to its end, in eager steps; by how much
calls of the program raise what is allocated; the arrays that are there since it was compiled, and
its buffers by its own account, both without parameters' gradients, against the peak of eager steps
(compiled_step_costs.py).

Ends with exit code 1 if a number on one core is above its limit, or results differ.
"""

import argparse
import os
import shutil
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from cores import settings
from environments import torch_environment, virtual_environment
from training_step import (
    Worker,
    is_disturbed,
    micro,
    processor,
    progress,
    run_in_turn,
    show,
)

WORKER = Path(__file__).with_name("compiled_step_worker.py")
OPTIMIZERS = ["SGD", "momentum", "Adam"]  # momentum: SGD with 0.9
PEERS = {
    "eager": "our eager",
    "torch": "PyTorch",
    "torch.compile": "torch.compile",
    "jax": "jax.jit",
    "mygrad": "MyGrad",
    "autograd": "HIPS autograd",
    "floor": "floor",
}
PROCESSES = 3  # of each side
LOSSES, CHANGES = 1e-4, 1e-2  # by how much they may differ, relative; of changes, the norm
COMPILING = 100  # eager steps, for MLPs
ALLOCATED = 8_000  # bytes: "a few kB"
BUFFERS = 0.5  # of eager's peak


@dataclass(frozen=True, eq=False)
class Model:
    name: str
    sizes: list[int]
    batch: int
    timings: int  # a round, each of some steps
    steps: int
    limits: dict = field(default_factory=dict)  # on one core, by peer: of any optimizer, or by it

    @property
    def is_mlp(self):
        return len(self.sizes) > 2

    def request(self, optimizer):
        return dict(sizes=self.sizes, batch=self.batch, optimizer=optimizer)

    def limit(self, peer, optimizer):
        found = self.limits.get(peer)
        return found.get(optimizer) if isinstance(found, dict) else found


ADALINE = {"jax": {"SGD": 1.0, "Adam": 1.1}, "torch.compile": 0.85, "torch": 0.08, "eager": 0.4}
DEEP = {"jax": {"SGD": 1.0, "Adam": 1.1}, "torch.compile": 0.85}
SMALL = DEEP | {"torch": 0.6, "floor": {"SGD": 1.2}, "eager": 0.9}
LARGE = {"jax": {"SGD": 1.05, "Adam": 1.1}, "torch": 0.98, "eager": 1.02}
MIDDLE = LARGE | {"torch.compile": 0.85, "floor": {"SGD": 1.15}}
LARGEST = LARGE | {"torch.compile": 0.95, "floor": {"SGD": 1.07}}
MODELS = [
    Model("Adaline 13→1, batch 1", [13, 1], 1, 100, 10, ADALINE),
    Model("Adaline 13→1, batch 32", [13, 1], 32, 100, 10, ADALINE),
    Model("MLP 64-…-10, 10 layers, batch 32", [64] * 10 + [10], 32, 50, 5, DEEP),
    Model("MLP 784-128-10, batch 64", [784, 128, 10], 64, 50, 5, SMALL),
    Model("MLP 784-512-512-10, batch 128", [784, 512, 512, 10], 128, 20, 1, MIDDLE),
    Model("MLP 784-1024-1024-10, batch 512", [784, 1024, 1024, 10], 512, 5, 1, LARGEST),
]


def main():
    args = arguments()
    models = [model for model in MODELS if args.only.lower() in model.name.lower()]
    optimizers = [args.optimizer] if args.optimizer else OPTIMIZERS
    rounds = min(args.rounds, 3) if args.quick else args.rounds
    processes = 1 if args.quick else min(PROCESSES, rounds)
    sides = {"compiled": sys.executable} | pythons(args.peers, args.torch)

    described = {}  # the versions of each Python, once
    for name, python in sides.items():
        if name != "floor":
            with worker(name, python, "all") as side:
                described[side.ask(do="describe")] = None
    print(f"{date.today()}, {processor()}, {os.cpu_count()} cores; {'; '.join(described)}.\n")

    tasks = list(product(optimizers, models))
    measure = Measurements(tasks, sides, rounds, processes, 5 if args.quick else 1)
    measure.all()
    table = partial(show, markdown=args.markdown)
    good = all(
        [show_times(measure.times, table, cores, optimizer, models, list(sides)[1:])
         for cores, optimizer in product(settings(), optimizers)]
    )  # fmt: skip
    good &= show_differences(measure.differences, table)
    good &= show_costs(tasks, sides, table, 20 if args.quick else 1_000)
    if measure.disturbed:
        total = rounds * len(tasks)
        print(f"In {measure.disturbed} of {total} rounds on one core, something else ran there.")
    sys.exit(0 if good else 1)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", metavar="PATH", help="a Python that has PyTorch 2.13")
    parser.add_argument("--rounds", type=int, default=9, help="default: 9")
    parser.add_argument("--quick", action="store_true", help="3 short rounds, one process of each")
    parser.add_argument("--only", metavar="NAME", default="", help="models with this in their name")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, help="default: all three")
    parser.add_argument("--peers", metavar="LIST", default=",".join(PEERS), help="default: all")
    parser.add_argument("--markdown", action="store_true", help="tables to paste into a document")
    args = parser.parse_args()
    args.peers = [
        name.strip() for name in args.peers.split(",") if name.strip() not in ("", "none")
    ]
    if unknown := [name for name in args.peers if name not in PEERS]:
        parser.error(f"--peers: there is no {unknown[0]}; there are {', '.join(PEERS)}")
    if not any(args.only.lower() in model.name.lower() for model in MODELS) or args.rounds < 1:
        parser.error("--only fits none of the models, or --rounds is less than 1")
    return args


def pythons(peers, torch):
    """The Python of each peer, by its name, in the order of the tables."""
    found = {}
    for name in (name for name in PEERS if name in peers):
        if name == "torch.compile" and not any(map(shutil.which, ("c++", "g++", "clang++"))):
            print("No torch.compile: there is no C++ compiler, which it needs.\n")
        elif name.startswith("torch"):
            torch = found[name] = torch or torch_environment()
        elif name == "jax":
            found[name] = virtual_environment("jax", ["jax[cpu]"])[1]
        elif name in ("mygrad", "autograd"):
            found[name] = virtual_environment("numpy-peers", ["mygrad", "autograd==1.9.1"])[1]
        else:
            found[name] = sys.executable
    return found


worker = partial(Worker, script=WORKER)


class Measurements:
    """Rounds of all sides.

    Attributes
    ----------
    times : dict
        Lists of nanoseconds by (cores, optimizer, model, side).
    differences : dict
        From our eager's steps, by (optimizer, model, side): of losses, of changes of parameters.
    disturbed : int
        Rounds on one core in which something else ran there.
    """

    def __init__(self, tasks, sides, rounds, processes, shorter):
        self.tasks, self.sides, self.rounds = tasks, sides, rounds
        self.processes, self.shorter = processes, shorter
        self.times, self.differences, self.disturbed = {}, {}, 0

    def all(self):
        for part, cores in product(range(self.processes), settings()):
            with ExitStack() as stack:
                workers = {
                    name: stack.enter_context(worker(name, python, cores))
                    for name, python in self.sides.items()
                }
                for optimizer, model in self.tasks:
                    progress(f"{model.name}, {optimizer}, {cores}: {part + 1} of {self.processes}")
                    self.build(workers, optimizer, model, compare=cores == "one" and part == 0)
                    self.run(
                        workers, cores, optimizer, model, range(part, self.rounds, self.processes)
                    )
        progress("")

    def build(self, workers, optimizer, model, compare):
        request = dict(do="build", **model.request(optimizer))
        if not compare:
            for side in workers.values():
                side.ask(**request)
            return
        with TemporaryDirectory() as folder:
            reference = Path(folder, "reference.npz")
            with worker("eager", sys.executable, "one") as side:
                side.ask(**request, path=str(reference))
            for name, side in workers.items():
                path = None if name == "floor" else Path(folder, "side.npz")
                side.ask(**request, **({"path": str(path)} if path else {}))
                if path and name != "eager":
                    self.differences[optimizer, model, name] = difference(path, reference)

    def run(self, workers, cores, optimizer, model, rounds):
        request = dict(timings=-(-model.timings // self.shorter), steps=model.steps)
        for _ in rounds:
            answers = run_in_turn(workers.values(), cores, request)
            for name, answer in zip(workers, answers, strict=True):
                self.times.setdefault((cores, optimizer, model, name), []).append(answer["time"])
            self.disturbed += is_disturbed(answers, cores)


def difference(path, reference):
    """By how much losses differ, and changes of parameters: the worst, relative."""
    with np.load(path) as ours, np.load(reference) as theirs:
        losses, *changes = (ours[name] for name in theirs.files)
        right_losses, *right_changes = (theirs[name] for name in theirs.files)
        pairs = zip(changes, right_changes, strict=True)
        return (
            float(np.abs(losses / right_losses - 1).max()),
            max(float(np.linalg.norm(a - b) / np.linalg.norm(b)) for a, b in pairs),
        )


def show_times(times, table, cores, optimizer, models, peers):
    where = "one core" if cores == "one" else "all cores"
    names = [PEERS[name] for name in peers]
    time_rows, ratio_rows, good = [], [], True
    for model in models:
        ours = times[cores, optimizer, model, "compiled"]
        row, ratios = [model.name, micro(ours)], [model.name]
        for name in peers:
            theirs = times[cores, optimizer, model, name]
            row.append(micro(theirs))
            limit = model.limit(name, optimizer) if cores == "one" else None
            cell, is_good = limited(median(ours) / median(theirs), limit, "{:.3f}")
            ratios.append(cell)
            good &= is_good
        time_rows.append(row)
        ratio_rows.append(ratios)
    table([f"µs a step: {optimizer}, {where}", "compiled", *names], time_rows)
    if names:
        table([f"ratio (at most): {optimizer}, {where}", *names], ratio_rows)
    return good


def show_differences(differences, table):
    """The worst of each side, over models and optimizers."""
    rows, good = [], True
    for name in dict.fromkeys(name for _, _, name in differences):
        found = [pair for (_, _, other), pair in differences.items() if other == name]
        losses, changes = (max(column) for column in zip(*found, strict=True))
        is_good = losses <= LOSSES and changes <= CHANGES
        rows.append(
            [PEERS.get(name, name), f"{losses:.1e}", f"{changes:.1e}", "yes" if is_good else "NO"]
        )
        good &= is_good
    limits = f"loss (at most {LOSSES:g})", f"changes of parameters (at most {CHANGES:g})"
    table(["differs from our eager by", *limits, "ok?"], rows)
    return good


def show_costs(tasks, sides, table, calls):
    """What compiling takes, and what the program takes in memory."""
    times, bytes_, good = [], [], True
    for optimizer, model in tasks:
        progress(f"{model.name}, {optimizer}: compiling, memory")
        name = f"{model.name}, {optimizer}"
        with worker("compiled", sides["compiled"], "one") as side:
            took = side.ask(do="compiling", **model.request(optimizer))
            memory = side.ask(do="memory", calls=calls, **model.request(optimizer))
        limit = COMPILING if model.is_mlp else None
        in_steps, is_good = limited(took["later"] / took["step"], limit, "{:.0f}")
        first, later = took["first"] / 1e6, took["later"] / 1e6
        times.append([name, f"{first:.1f}", f"{later:.1f}", micro([took["step"]]), in_steps])
        peak, within = limited(memory["peak"] / 1000, ALLOCATED / 1000, "{:,.1f}")
        row, good = [name, peak, f"{memory['eager'] / 1000:,.1f}"], good and is_good and within
        for key in ("buffers", "stated"):
            limit = BUFFERS * memory["eager"] / 1000 if model.is_mlp else None
            cell, is_good = limited(memory[key] / 1000, limit, "{:,.1f}")
            row.append(cell)
            good &= is_good
        bytes_.append(row)
    progress("")
    table(["compiling", "first ms", "later ms", "eager step µs", "later in eager steps"], times)
    columns = ["kB (at most)", f"peak of {calls:,} calls", "eager's peak", "arrays kept", "buffers"]
    table(columns, bytes_)
    return good


def limited(value, limit, form):
    """The number, its limit, and whether it is above it, to print; and whether it isn't."""
    text = form.format(value)
    if limit is None:
        return text, True
    return f"{text} ({form.format(limit)}{'' if value <= limit else ' NO'})", value <= limit


if __name__ == "__main__":
    main()
