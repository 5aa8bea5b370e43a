"""Shows that backward takes time in proportion to the number of operations.

    python tests/benchmarks/backward_scaling.py            about a minute
    python tests/benchmarks/backward_scaling.py --quick    up to 100,000 operations

A chain is y = y * 1.0, over and over: 10,000 to 1,000,000 operations. A diamond is
y = y * 0.5 + y * 0.5, level on level: the number of paths doubles with each, to 2⁶⁰, but that of
operations grows by three. On a single number, so that nothing but the engine's work counts.

Prints the time of each operation, the median of three runs: to record it (forward), to send the
gradient through it (backward), and to free it. Each should be the same from top to bottom; the
last column compares backward with the line above it all.
"""

import argparse
import sys
from statistics import median
from time import perf_counter

from cores import pin

import tinygrad_lite as tl

REPEATS = 3
CHAINS = [10_000, 30_000, 100_000, 300_000, 1_000_000]
DIAMONDS = [10, 20, 30, 40, 50, 60]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="chains up to 100,000 operations")
    args = parser.parse_args()
    pin("one")
    longest = 100_000 if args.quick else CHAINS[-1]
    measure(chain, 10_000)  # to warm up

    print("chain: operations   forward  backward      free   ns an operation    backward, relative")
    table(chain, [(length, length) for length in CHAINS if length <= longest])
    print("\ndiamond: levels     forward  backward      free   ns an operation    backward, relative")
    table(diamond, [(levels, 3 * levels) for levels in DIAMONDS])


def chain(y, length):
    for _ in range(length):
        y = y * 1.0
    return y


def diamond(y, levels):
    for _ in range(levels):
        y = y * 0.5 + y * 0.5
    return y


def table(build, sizes):
    base = None
    for size, operations in sizes:
        many = max(1, 3_000 // operations)  # short ones are repeated, to be long enough to time
        forward, backward, free = (t / operations * 1e9 for t in measure(build, size, many))
        base = base or backward
        print(
            f"{size:17,} {forward:9,.0f} {backward:9,.0f} {free:9,.0f}{'':22}{backward / base:16.2f}"
        )


def measure(build, size, many=1):
    """Seconds to build, to go backward, and to free: the median of each."""
    return [median(times) for times in zip(*(once(build, size, many) for _ in range(REPEATS)))]


def once(build, size, many):
    leaves = [tl.Tensor(3.0, requires_grad=True) for _ in range(many)]
    start = perf_counter()
    results = [build(leaf, size) for leaf in leaves]
    built = perf_counter()
    for y in results:
        y.backward()
    swept = perf_counter()
    del results, y
    freed = perf_counter()
    if any(leaf.grad.item() != 1 for leaf in leaves):
        sys.exit(f"The gradient of {build.__name__} is {leaves[0].grad.item()}, not 1.")
    return [t / many for t in (built - start, swept - built, freed - swept)]


if __name__ == "__main__":
    main()
