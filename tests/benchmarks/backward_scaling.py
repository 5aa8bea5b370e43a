"""Shows that backward takes time in proportion to the number of operations.

    python tests/benchmarks/backward_scaling.py            about a minute
    python tests/benchmarks/backward_scaling.py --quick    up to 100,000 operations
    python tests/benchmarks/backward_scaling.py --no-gc    without Python's garbage collector

A chain is y = y * 1.0, over and over: 10,000 to 1,000,000 operations. A diamond is
y = y * 0.5 + y * 0.5, level on level: the number of paths doubles with each, to 2⁶⁰, but that of
operations grows by three. On a single number, so that nothing but the engine's work counts.

Prints the nanoseconds of each operation: to record it (forward), to send the gradient through it
(backward), and to free it. They should stay the same from top to bottom; the last column divides
backward by that of the first line. It is the processor's time, which others don't lengthen by
taking turns on the core, and the median of several runs, with all sizes run before any again.
Where forward grows it is Python's garbage collector, which looks through all that is alive now and
then: --no-gc tells.
"""

import argparse
import gc
import sys
from statistics import median
from time import process_time

from cores import pin

import tinygrad_lite as tl

CHAINS = [10_000, 30_000, 100_000, 300_000, 1_000_000]
DIAMONDS = [10, 20, 30, 40, 50, 60]
AT_LEAST = 10_000  # operations in a run: small graphs are built several times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="default: 3")
    parser.add_argument("--quick", action="store_true", help="chains up to 100,000 operations")
    parser.add_argument("--no-gc", action="store_true", help="without Python's garbage collector")
    args = parser.parse_args()
    pin("one")
    if args.no_gc:
        gc.disable()
    chains = [size for size in CHAINS if size <= 100_000 or not args.quick]
    for _ in range(3):  # to warm up
        run(chain, AT_LEAST, AT_LEAST)
    table("chain: operations", chain, [(size, size) for size in chains], args.repeats)
    table("diamond: levels", diamond, [(size, 3 * size) for size in DIAMONDS], args.repeats)


def chain(y, length):
    for _ in range(length):
        y = y * 1.0
    return y


def diamond(y, levels):
    for _ in range(levels):
        y = y * 0.5 + y * 0.5
    return y


def table(title, build, sizes, repeats):
    """Print a line for each of the sizes, (size, number of operations)."""
    runs = [[run(build, *size) for size in sizes] for _ in range(repeats)]
    print(f"{title:17}  forward ns  backward ns  free ns  backward, relative")
    base = None
    for (size, _), times in zip(sizes, zip(*runs, strict=True), strict=True):
        forward, backward, free = (median(time) for time in zip(*times, strict=True))
        base = base or backward
        print(f"{size:17,}  {forward:10,.0f}  {backward:11,.0f}  {free:7,.0f}", end="")
        print(f"  {backward / base:18.2f}")
    print(flush=True)


def run(build, size, operations):
    """Nanoseconds an operation to build, to go backward, and to free."""
    graphs = -(-AT_LEAST // operations)
    leaves = [tl.Tensor(3.0, requires_grad=True) for _ in range(graphs)]
    start = process_time()
    results = [build(leaf, size) for leaf in leaves]
    built = process_time()
    for y in results:
        y.backward()
    swept = process_time()
    del results, y
    freed = process_time()
    for leaf in leaves:
        if leaf.grad.item() != 1:
            sys.exit(f"The gradient of {build.__name__} {size} is {leaf.grad.item()}, not 1.")
    seconds = built - start, swept - built, freed - swept
    return [1e9 * t / (graphs * operations) for t in seconds]


if __name__ == "__main__":
    main()
