"""Times forty operations, forward and backward, against PyTorch, eager, and HIPS autograd.

    python tests/benchmarks/operations.py                 all of it, about ten minutes
    python tests/benchmarks/operations.py --quick         rough numbers, on one core
    python tests/benchmarks/operations.py --only sort     operations whose name has this in it
    python tests/benchmarks/operations.py --torch PATH    a Python with PyTorch 2.13, autograd 1.9.1
    python tests/benchmarks/operations.py --markdown      tables to paste

Without --torch, both are installed from the package index into a virtual environment of its own,
in the user's cache folder, and are found there the next time.

Each operation runs on about 1, 1,000 and 1,000,000 entries of float32, in the words of each
library, and its output is differentiated by every floating input, given a gradient of ones in the
output's shape. Inputs and that gradient are made once. What is timed, with the garbage collector
on:

    ours, PyTorch    x.grad = None for each x;  y = function(x, …);  y.backward(ones)
    HIPS autograd    vjp, y = differentiate(x, …);  vjp(ones)

where differentiate = make_vjp(function, positions of the x) was made once: each library's public
way. HIPS autograd hands over views, even of the ones, where the others store gradients of their
own. Where it hasn't the operation, without SciPy, its column is empty.

Each side runs in processes of its own (operations_worker.py), on one core and on all. The three
take turns, so that whatever slows the machine slows all. A time is the median over the rounds of
each round's median. The rounds are shared among several processes of each. On one core, a round in
which something else ran there is repeated; the last line counts those that had to be taken
nevertheless. Outputs and gradients are compared before anything is timed.

Ends with exit code 1 if a geometric mean of the ratios on one core is above its limit, an operation
is missing, or one takes more than twice PyTorch's time: without a reason given in REASONS for this
size, or more than that reason allows. Reasons that aren't needed any more are named.
"""

import argparse
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from math import isqrt
from pathlib import Path
from statistics import geometric_mean, median

from cores import settings
from environments import torch_environment
from training_step import Worker, is_disturbed, processor, progress, run_in_turn, show

WORKER = Path(__file__).with_name("operations_worker.py")
PEERS = {"torch": "PyTorch", "autograd": "HIPS autograd"}
SIZES = [1, 1_000, 1_000_000]
LIMITS = {"torch": [0.5, 0.6, 1.0], "autograd": [0.5, 0.5, 1.0]}  # of the means, by size
SINGLE = 2.0  # the ratio to PyTorch from which on an operation needs a reason
NEEDLESS = 1.5  # below this ratio the reason is out of date: well below, as times vary
HIPS = "autograd==1.9.1"


@dataclass(frozen=True)
class Reason:
    ceiling: float  # what the ratio may be: about a quarter more than was measured
    sizes: tuple[int, ...]  # where it may
    text: str


REASONS = {
    "cumsum": Reason(
        3.5, (1_000_000,), "np.cumsum, twice, and a copy: NumPy's running sum itself is so slow."
    ),
    "concatenate": Reason(
        2.5, (1_000_000,), "Its gradients own their memory; PyTorch's are views of the one given."
    ),
    "log_softmax": Reason(
        3.0, (1_000_000,), "Eight passes over the array, which PyTorch does in two loops."
    ),
    "softmax": Reason(
        2.5, (1_000_000,), "Seven passes over the array, which PyTorch does in two loops."
    ),
    "sum": Reason(
        2.5, (1_000_000,), "np.add.reduce, and filling the gradient: NumPy's sum itself is so slow."
    ),
}
PROCESSES = 3  # of each side
SECONDS = 0.04  # a round, or three timings
TOLERANCE = 0.01


@dataclass(frozen=True, eq=False)
class Case:
    name: str
    leaves: dict[str, tuple]  # the inputs to differentiate by: kind of values, shape of a size
    numpy: str
    torch: str
    ours: str = ""  # where it isn't as in NumPy
    autograd: str | None = ""  # likewise; None: it lacks this
    others: dict[str, tuple] = field(default_factory=dict)

    def request(self, peer, size):
        words = {"tinygrad_lite": self.ours, "autograd": self.autograd, "torch": self.torch}[peer]
        inputs = {
            kind: {name: (values, shape(size)) for name, (values, shape) in specs.items()}
            for kind, specs in [("leaves", self.leaves), ("others", self.others)]
        }
        return dict(expression=words or self.numpy, **inputs)


def vector(n):
    return (n,)


def square(n):
    return (isqrt(n - 1) + 1,) * 2


def edge(n):
    return square(n)[:1]


def rows(n):
    return (-(-n // 100), min(n, 100))


def blocks(n):
    return (-(-n // 100), min(n, 10), min(n, 10))


def columns(n):
    return (*blocks(n)[:2], 1)


X, XY = {"x": ("normal", vector)}, {"x": ("normal", vector), "y": ("normal", vector)}
POSITIVE = {"x": ("positive", vector)}
POSITIVES = {"x": ("positive", vector), "y": ("positive", vector)}
MATRIX, MATRICES = {"x": ("normal", square)}, {"x": ("normal", square), "y": ("normal", square)}
ROWS = {"x": ("normal", rows)}

CASES = [
    Case("add", XY, "x + y", "x + y"),
    Case("multiply", XY, "x * y", "x * y"),
    Case("divide", POSITIVES, "x / y", "x / y"),
    Case("power", POSITIVES, "x ** y", "x ** y"),
    Case("square", X, "np.square(x)", "torch.square(x)"),
    Case("sqrt", POSITIVE, "np.sqrt(x)", "torch.sqrt(x)"),
    Case("exp", X, "np.exp(x)", "torch.exp(x)"),
    Case("log", POSITIVE, "np.log(x)", "torch.log(x)"),
    Case("log1p", POSITIVE, "np.log1p(x)", "torch.log1p(x)"),
    Case("sin", X, "np.sin(x)", "torch.sin(x)"),
    Case("tanh", X, "np.tanh(x)", "torch.tanh(x)"),
    Case("arctan2", XY, "np.arctan2(x, y)", "torch.arctan2(x, y)"),
    Case("logaddexp", XY, "np.logaddexp(x, y)", "torch.logaddexp(x, y)"),
    Case("absolute", X, "np.absolute(x)", "torch.absolute(x)"),
    Case("maximum", XY, "np.maximum(x, y)", "torch.maximum(x, y)"),
    Case("where", XY, "np.where(mask, x, y)", "torch.where(mask, x, y)",
         others={"mask": ("mask", vector)}),
    Case("clip", X, "np.clip(x, -1.0, 1.0)", "torch.clip(x, -1.0, 1.0)"),
    Case("relu", X, "np.maximum(x, 0.0)", "torch.relu(x)", ours="tl.f.relu(x)"),
    Case("sigmoid", X, "", "torch.sigmoid(x)", ours="tl.f.sigmoid(x)", autograd=None),
    Case("softplus", X, "np.logaddexp(x, 0.0)", "torch.nn.functional.softplus(x)",
         ours="tl.f.softplus(x)"),
    Case("sum", X, "np.sum(x)", "torch.sum(x)"),
    Case("mean, axis 0", ROWS, "np.mean(x, axis=0)", "torch.mean(x, 0)"),
    Case("var, axis -1", ROWS, "np.var(x, axis=-1)", "torch.var(x, -1, correction=0)"),
    Case("max, axis -1", ROWS, "np.max(x, axis=-1)", "torch.amax(x, -1)"),
    Case("prod", {"x": ("about 1", vector)}, "np.prod(x)", "torch.prod(x)"),
    Case("cumsum", X, "np.cumsum(x)", "torch.cumsum(x, 0)"),
    Case("norm", X, "np.linalg.norm(x)", "torch.linalg.norm(x)"),
    Case("logsumexp, axis -1", ROWS, "", "torch.logsumexp(x, -1)",
         ours="tl.f.logsumexp(x, axis=-1)", autograd=None),
    Case("softmax", ROWS, "", "torch.softmax(x, -1)", ours="tl.f.softmax(x)", autograd=None),
    Case("log_softmax", ROWS, "", "torch.log_softmax(x, -1)", ours="tl.f.log_softmax(x)",
         autograd=None),
    Case("matmul", MATRICES, "x @ y", "x @ y"),
    Case("linear", {**MATRICES, "b": ("normal", edge)}, "x @ y + b", "torch.addmm(b, x, y)",
         ours="tl.f.linear(x, y, b)"),
    Case("einsum ij,ij->i", {"x": ("normal", rows), "y": ("normal", rows)},
         "np.einsum('ij,ij->i', x, y)", "torch.einsum('ij,ij->i', x, y)"),
    Case("solve, 10×10", {"x": ("regular", blocks), "y": ("normal", columns)},
         "np.linalg.solve(x, y)", "torch.linalg.solve(x, y)"),
    Case("transpose", MATRIX, "np.transpose(x)", "x.T"),
    Case("concatenate", XY, "np.concatenate([x, y])", "torch.concatenate([x, y])"),
    Case("getitem, slice", X, "x[::2]", "x[::2]"),
    Case("getitem, integers", X, "x[index]", "x[index]", others={"index": ("index", vector)}),
    Case("pad", X, "np.pad(x, 2)", "torch.nn.functional.pad(x, (2, 2))",
         autograd="np.pad(x, 2, 'constant')"),
    Case("sort", X, "np.sort(x)", "torch.sort(x).values"),
]  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", metavar="PATH", help="a Python with PyTorch 2.13 and " + HIPS)
    parser.add_argument("--rounds", type=int, default=9, help="default: 9")
    parser.add_argument("--quick", action="store_true", help="3 short rounds, on one core")
    parser.add_argument("--only", metavar="NAME", default="", help="those with this in their name")
    parser.add_argument("--markdown", action="store_true", help="tables to paste into a document")
    args = parser.parse_args()
    cases = [case for case in CASES if args.only.lower() in case.name]
    if not cases or args.rounds < 1:
        parser.error("--only fits none of the operations, or --rounds is less than 1")
    rounds = min(args.rounds, 3) if args.quick else args.rounds
    processes = 1 if args.quick else min(PROCESSES, rounds)
    seconds = SECONDS / 4 if args.quick else SECONDS
    python = args.torch or torch_environment(HIPS)
    pythons = {"tinygrad_lite": sys.executable, "torch": python, "autograd": python}

    header = [f"{date.today()}, {processor()}, {os.cpu_count()} cores"]
    for peer, python in pythons.items():
        with Worker(peer, python, "all", WORKER) as worker:
            header.append(worker.ask(do="describe"))
    print(f"{'; '.join(header)}.\n")

    good, disturbed, missing = True, 0, {}
    for cores in settings()[: 1 if args.quick else None]:
        times, more = time_all(cases, pythons, cores, rounds, processes, seconds, missing)
        found = [case for case in cases if case.name not in missing]
        disturbed += more
        heading = ["operation, one core" if cores == "one" else "operation, all cores"]
        for size in SIZES:
            heading += [f"{size:,}: µs", "/ PyTorch", "/ HIPS"]
        show(heading, [row(case, times) for case in found], args.markdown)
        if found:
            good &= show_means(found, times, cores, args.markdown)
        if cores == "one":
            good &= explain(found, times)
    for name, why in missing.items():
        print(f"Missing: {name}. {why}")
    if disturbed:
        total = rounds * len(SIZES) * (len(cases) - len(missing))
        print(f"In {disturbed} of {total} rounds on one core, something else ran there.")
    sys.exit(0 if good and not missing else 1)


def time_all(cases, pythons, cores, rounds, processes, seconds, missing):
    """Nanoseconds by case, size and peer; how many rounds were disturbed."""
    times, disturbed = {}, 0
    for part in range(processes):
        with ExitStack() as stack:
            workers = {
                peer: stack.enter_context(Worker(peer, python, cores, WORKER))
                for peer, python in pythons.items()
            }
            for case, size in product(cases, SIZES):
                if case.name in missing:
                    continue
                progress(f"{case.name}, {size:,}, {cores}: {part + 1} of {processes}")
                sides = dict(workers)
                if case.autograd is None:
                    del sides["autograd"]
                built = {p: w.ask(do="build", **case.request(p, size)) for p, w in sides.items()}
                if "missing" in built["tinygrad_lite"]:
                    missing[case.name] = built["tinygrad_lite"]["missing"]
                    continue
                check_equal(case, size, built)
                for _ in range(part, rounds, processes):
                    answers = run_in_turn(sides.values(), cores, dict(seconds=seconds))
                    for peer, answer in zip(sides, answers, strict=True):
                        times.setdefault((case, size, peer), []).append(answer["time"])
                    disturbed += is_disturbed(answers, cores)
    progress("")
    return {key: median(values) for key, values in times.items()}, disturbed


def check_equal(case, size, built):
    """All sides must have computed the same output and gradients."""
    expected = built["torch"]["values"]
    for peer, answer in built.items():
        for found, value in zip(answer["values"], expected, strict=True):
            bound = TOLERANCE * abs(value[0]) + 1e-6
            if any(abs(a - b) > bound for a, b in zip(found, value, strict=True)):
                sys.exit(f"{case.name}, {size}: {peer} has {answer['values']}, PyTorch {expected}.")


def ratio(case, size, peer, times):
    theirs = times.get((case, size, peer))
    return times[case, size, "tinygrad_lite"] / theirs if theirs else None


def row(case, times):
    cells = [case.name]
    for size in SIZES:
        cells.append(micro(times[case, size, "tinygrad_lite"]))
        for peer in PEERS:
            value = ratio(case, size, peer, times)
            cells.append("–" if value is None else f"{value:.2f}")
    return cells


def micro(time):
    return f"{time / 1000:,.0f}" if time >= 1e5 else f"{time / 1000:.1f}"


def show_means(cases, times, cores, markdown):
    """The table of geometric means; whether all of them are within their limits."""
    lines, good = [], True
    for (peer, name), (i, size) in product(PEERS.items(), enumerate(SIZES)):
        ratios = [ratio(case, size, peer, times) for case in cases]
        ratios = [value for value in ratios if value is not None]
        if not ratios:
            continue
        mean, limit = geometric_mean(ratios), LIMITS[peer][i]
        line = [f"ours / {name}", f"{size:,}", str(len(ratios)), f"{mean:.3f}"]
        if cores == "one":
            line += [f"{limit:.2f}", "yes" if mean <= limit else "NO"]
            good &= mean <= limit
        lines.append(line)
    heading = [f"{cores} core" + "s" * (cores == "all"), "entries", "operations", "geometric mean"]
    show(heading + ["limit", "ok?"] * (cores == "one"), lines, markdown)
    return good


def explain(cases, times):
    """Print the operations that are slow, and why; whether each may be, and as slow as that."""
    good, told = True, []
    for case, size in product(cases, SIZES):
        value, reason = ratio(case, size, "torch", times), REASONS.get(case.name)
        known = reason is not None and size in reason.sizes
        allowed, why = (reason.ceiling, reason.text) if known else (SINGLE, "NO REASON KNOWN.")
        if value > allowed and known:
            why = f"MORE THAN {allowed:g}, although it has a reason. {why}"
        elif value < NEEDLESS and known:
            why = f"NO REASON NEEDED any more. {why}"
        elif value <= SINGLE:
            continue
        told.append(f"{case.name}, {size:,}: {value:.1f} × PyTorch. {why}\n")
        good &= value <= allowed
    print("".join(told))
    return good


if __name__ == "__main__":
    main()
