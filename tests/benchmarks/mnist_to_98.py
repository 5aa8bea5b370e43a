"""Times how long the MNIST example takes to 98 % test accuracy, and the same script in PyTorch.

    python tests/benchmarks/mnist_to_98.py                 five of each, some ten minutes
    python tests/benchmarks/mnist_to_98.py --runs 3        three of each
    python tests/benchmarks/mnist_to_98.py --cores one     on one core only, or "all"
    python tests/benchmarks/mnist_to_98.py --eager         our example without its compiler
    python tests/benchmarks/mnist_to_98.py --torch PATH    a Python that has PyTorch 2.13
    python tests/benchmarks/mnist_to_98.py --data FOLDER   of the four files of MNIST

Ours is examples/mnist_mlp.py as it is; PyTorch's is mnist_to_98_torch.py: the same model, first
parameters, order of the batches, optimizer, schedule, and evaluation after each epoch. The time
runs from the start of the process to the line that tells of 98 %, then the process is ended. So it
includes imports, the reading of the data, and compiling. The two take turns, after one short run of
each that reads all files once; the ratio is that of the medians, on one core and on all.

Each run has a seed of its own, the same for both: roundings decide in which epoch a training passes
98 %. Therefore the ratio of the times an epoch, without what comes before the first, is there, too.
In the first epoch, both must have about the same loss, or they train differently.

On one core, a run during which something else ran there is repeated; the last line counts those
that had to be taken nevertheless. Without --torch, PyTorch is installed as for training_step.py.
Without --data, the files are those that the example finds. Ends with exit code 1 if a ratio is
above its limit, or the two trained differently.
"""

import argparse
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from cores import environment, settings
from environments import torch_environment
from training_step import processor, progress

LIMIT = 0.6
GOAL = 98.0  # per cent
LOSS = 0.02  # by how much that of the first epoch may differ, relative
EXAMPLE = Path(__file__).parents[2] / "examples" / "mnist_mlp.py"
TRIES, SHARE = 3, 0.95  # at most, to have at least this share of the core in a run
PEER = Path(__file__).with_name("mnist_to_98_torch.py")
LINE = re.compile(r"epoch +(\d+)/\d+.* loss ([\d.]+) +test accuracy ([\d.]+) %")
PINNED = """
import runpy, sys; sys.path.insert(0, {here!r}); from cores import pin; pin({cores!r})
del sys.path[0]; sys.argv = {arguments!r}; runpy.run_path(sys.argv[0], run_name="__main__")
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="of each; default: 5")
    parser.add_argument("--cores", choices=["one", "all"], help="default: both")
    parser.add_argument("--eager", action="store_true", help="our example without its compiler")
    parser.add_argument("--torch", metavar="PATH", help="a Python that has PyTorch 2.13")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="the four files of MNIST")
    args = parser.parse_args()
    if args.runs < 1:
        parser.error("--runs is less than 1")
    folder = args.data or files()
    ours = [str(EXAMPLE), "--data", str(folder), *(["--eager"] if args.eager else [])]
    sides = {
        "ours": [sys.executable, *ours],
        "PyTorch": [args.torch or torch_environment(), str(PEER), str(folder)],
    }
    print(f"{date.today()}, {processor()}, {os.cpu_count()} cores; to {GOAL:g} % test accuracy")

    good, disturbed = True, 0
    chosen = [args.cores] if args.cores else settings()
    for cores in chosen:
        for name, command in sides.items():
            progress(f"{name}, {cores}: once before")
            train(command, cores, seed=0, goal=0)
        runs = {name: [] for name in sides}
        for seed in range(args.runs):
            for name, command in sides.items():
                progress(f"{name}, {cores}: {seed + 1} of {args.runs}")
                for _ in range(TRIES):
                    run = train(command, cores, seed, GOAL)
                    if not (is_disturbed := cores == "one" and run.share < SHARE):
                        break
                runs[name].append(run)
                disturbed += is_disturbed
        progress("")
        good &= show(cores, runs["ours"], runs["PyTorch"])
    if disturbed:
        total = 2 * args.runs
        print(f"In {disturbed} of {total} runs on one core, something else ran there.")
    sys.exit(0 if good else 1)


@dataclass
class Run:
    seconds: float  # to the goal
    share: float  # of its core
    epochs: list[tuple[float, float, float]]  # seconds at the end, loss, accuracy

    @property
    def an_epoch(self):
        """Seconds an epoch, but for the first, which begins with imports and reading."""
        return (self.seconds - self.epochs[0][0]) / max(len(self.epochs) - 1, 1)


def train(command, cores, seed, goal):
    python, *arguments = command
    arguments += ["--seed", str(seed)]
    code = PINNED.format(here=str(Path(__file__).parent), cores=cores, arguments=arguments)
    epochs, busy = [], children()
    with TemporaryDirectory() as folder:
        start = perf_counter()
        process = subprocess.Popen(
            [python, "-c", code],
            cwd=folder,  # where the example writes, should it come to its end
            env=environment(cores) | {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"},
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        for line in process.stdout:
            if found := LINE.search(line):
                seconds = perf_counter() - start
                epochs.append((seconds, float(found[2]), float(found[3])))
                if epochs[-1][2] >= goal:
                    process.kill()
                    process.communicate()
                    return Run(seconds, (children() - busy) / seconds, epochs)
        process.wait()
    best = f" Its best was {max(right for *_, right in epochs)} %." if epochs else ""
    sys.exit(f"{Path(arguments[0]).name} ended before {goal:g} %.{best}")


def children():
    """Processor seconds of all processes that were started and have ended."""
    found = os.times()
    return found.children_user + found.children_system


def show(cores, ours, theirs):
    good = True
    for seed, (our, their) in enumerate(zip(ours, theirs, strict=True)):
        if abs(our.epochs[0][1] / their.epochs[0][1] - 1) > LOSS:
            print(f"Not the same training, with seed {seed}: (seconds, loss, accuracy) by epoch")
            print(f"  ours     {our.epochs}\n  PyTorch  {their.epochs}")
            good = False
    for name, runs in ("ours", ours), ("PyTorch", theirs):
        times = [run.seconds for run in runs]
        span = f"{min(times):.2f}–{max(times):.2f}"
        print(
            f"cores: {cores:3}   {name:7} {median(times):6.2f} s ({span})"
            f"   an epoch {median(run.an_epoch for run in runs):.3f} s"
            f"   epochs {', '.join(str(len(run.epochs)) for run in runs)}"
        )
    ratio, an_epoch = (
        median(measure(run) for run in ours) / median(measure(run) for run in theirs)
        for measure in (lambda run: run.seconds, lambda run: run.an_epoch)
    )
    verdict = "ok" if ratio <= LIMIT else "TOO SLOW"
    print(
        f"cores: {cores:3}   ratio {ratio:.3f}   limit {LIMIT}   {verdict}   "
        f"an epoch {an_epoch:.3f}",
        flush=True,
    )
    return good and ratio <= LIMIT


def files():
    """The folder in which the example finds MNIST."""
    beside = EXAMPLE.parent / "data" / "mnist"
    if beside.is_dir():
        return beside
    sys.exit(f"No MNIST in {beside}: give --data FOLDER.")


if __name__ == "__main__":
    main()
