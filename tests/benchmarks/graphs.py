"""What it costs to look: a traced training step against the same step, and drawings by size.

    python tests/benchmarks/graphs.py           about a minute
    python tests/benchmarks/graphs.py --quick

* A step of an MLP, forward, backward and update, alternates with `tl.trace` of the same step; the
  ratio is that of the medians. Limit for the MNIST MLP: 3.
* Models of growing depth are drawn: the graph made, simplified, and written as DOT, then laid out
  by Graphviz if there is an engine. A large one is collapsed by its modules, so that its picture
  takes the time of one of 500 operations. Limit for 500 operations: 2 seconds in all.
"""

import argparse
import sys
from statistics import median
from time import perf_counter

from cores import pin

pin("one")

import numpy as np  # noqa: E402  after pinning

import tinygrad_lite as tl  # noqa: E402
from tinygrad_lite import nn  # noqa: E402

MODELS = [((784, 128, 10), 64), ((784, 512, 512, 10), 128), ((13, 16, 1), 32)]
OPTIMIZERS = {"SGD": lambda p: nn.optim.SGD(p, lr=0.1), "Adam": nn.optim.Adam}
TRACE_LIMIT, DRAW_LIMIT = 3.0, 2.0
OPERATIONS = [100, 500, 2_000, 10_000]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    args = parser.parse_args()
    rounds = 20 if args.quick else 200
    good = True
    print("a training step              step µs   traced µs   ratio")
    for sizes, batch in MODELS:
        for name, make in OPTIMIZERS.items():
            plain, traced = step_and_trace(sizes, batch, make, rounds)
            label = f"{'-'.join(map(str, sizes))}, {name}"
            ratio = traced / plain
            print(f"{label:27} {1e6 * plain:8,.0f}   {1e6 * traced:9,.0f}   {ratio:5.2f}")
            good &= ratio <= TRACE_LIMIT or sizes[0] != 784
    print("\noperations   graph s   DOT s   layout s   boxes")
    for operations in OPERATIONS:
        seconds, boxes = drawing(operations)
        print(f"{operations:10,}   {seconds[0]:7.2f}   {seconds[1]:5.2f}", end="")
        print(f"   {seconds[2]:8.2f}   {boxes:5}" if len(seconds) > 2 else f"{boxes:18}")
        good &= sum(seconds[1:]) <= DRAW_LIMIT or operations != 500
    sys.exit(0 if good else 1)


def step_and_trace(sizes, batch, make, rounds):
    """Median seconds of a training step, and of its trace."""
    rng = np.random.default_rng(0)
    model = tl.models.MLP(sizes, rng=0)
    optimizer = make(model.parameters())
    x = tl.Tensor(rng.normal(size=(batch, sizes[0])).astype(np.float32))
    y = tl.Tensor(rng.integers(0, sizes[-1], batch))

    def step(x, y):
        loss = nn.cross_entropy_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    plain, traced = [], []
    for _ in range(rounds):
        start = perf_counter()
        step(x, y)
        middle = perf_counter()
        tl.trace(step, x, y)
        plain.append(middle - start)
        traced.append(perf_counter() - middle)
    return median(plain), median(traced)


class Block(nn.Module):
    """Eight operations, so that a model of n operations has n / 8 blocks."""

    def __init__(self, n):
        self.weight = nn.Parameter(np.eye(n))
        self.shift = nn.Parameter(np.zeros(n))

    def forward(self, x):
        h = np.tanh(x @ self.weight + self.shift)
        return np.sqrt(h * h + x * x + 1.0)


class Deep(nn.Module):
    """Blocks in stages of ten."""

    def __init__(self, blocks):
        stages = [Block(3) for _ in range(blocks)]
        self.stages = [nn.Sequential(*stages[i : i + 10]) for i in range(0, blocks, 10)]

    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
        return x


def drawing(operations):
    """Seconds to make the graph, to write it as DOT, and to lay it out; the number of boxes."""
    loss = Deep(operations // 8)(tl.Tensor(np.ones((4, 3)))).sum()
    start = perf_counter()
    graph = tl.graph(loss)
    made = perf_counter()
    drawn = graph.draw(fold=False)
    written = perf_counter()
    seconds = [made - start, written - made]
    try:
        drawn.pipe(format="svg")
        seconds.append(perf_counter() - written)
    except Exception as error:  # no engine
        print(f"({type(error).__name__}: not laid out)")
    return seconds, drawn.source.count(" [shape=")


if __name__ == "__main__":
    main()
