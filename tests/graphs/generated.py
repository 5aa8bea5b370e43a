"""Graphs for tests: every case of the table of operations, and modules with hostile names."""

import random
from functools import cache

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn

from ..ops.cases import CASES
from ..ops.check import tensors

HOSTILE = [
    "a\"b'c`d",
    "<b>bold</b> & <script>alert(1)</script>",
    "line\nbreak\r\ttab",
    "back\\slash \\N \\G \\l",
    "]]> --> <!-- ]]",
    "end\\",
    "}; digraph { x -> y }",
    "&amp; &lt; &#60; &unknown;",
    "long " * 2000,
    "𝛁 🙂 👩‍👩‍👧 ∂ ü 漢字 مرحبا",
    "control \x00\x01\x07\x1b[31m\x7f\x9f \ud800 \ufffe \u202e",
    "h#1",
    "%% %s {0} ${x} | { } [ ] ( ) ; --- ===",
    "   ",
]


@cache
def case_graphs():
    """By name, the graphs of all cases that compute something from something differentiable."""
    found = {}
    for case in CASES:
        inputs = tensors(case.inputs)
        out = case.call(*inputs)
        if isinstance(out, Tensor) and out.op is not None:
            found[case.name] = tl.graph(out, case.weights())
    return found


class Hostile(nn.Module):
    """A module whose summary is any text."""

    def __init__(self, said, inner):
        self.said, self.inner = said, inner
        self.scale = nn.Parameter(np.ones((), np.float32))

    def forward(self, x):
        return self.inner(x) * self.scale

    def summary(self):
        return self.said


def random_graph(seed):
    """Some layers, each after the other or beside it, and names nobody would give."""
    rng = random.Random(seed)
    width = rng.randint(1, 4)
    model = tl.models.MLP([width, width], rng=seed)
    count = rng.randint(1, 12)
    layers = [Hostile(rng.choice(HOSTILE), nn.Linear(width, width, rng=seed)) for _ in range(count)]

    def compute():
        known = [Tensor(np.full((2, width), 0.5, np.float32), name=rng.choice([*HOSTILE, None]))]
        for layer in layers:
            a, b = rng.choice(known), rng.choice(known)
            ways = [
                lambda a, b, layer: a * b,
                lambda a, b, layer: np.tanh(a) + 1.5,
                lambda a, b, layer: layer(layer(a)),
                lambda a, b, layer: model(a),
                lambda a, b, layer: np.concatenate([a, b])[: len(a)],
                lambda a, b, layer: a.detach() + a.mean(axis=0),
                lambda a, b, layer: np.sort(a, axis=rng.choice([0, 1])),
                lambda a, b, layer: np.where(a > b, a, 0.0),
            ]
            known.append(rng.choice(ways)(a, b, layer))
            if rng.random() < 0.3:
                known[-1].name = rng.choice(HOSTILE)
        loss = (known[-1] * np.ones(width, np.float32)).sum() + model(known[0]).sum()
        loss.backward()
        return loss

    return tl.trace(compute) if rng.random() < 0.3 else tl.graph(compute())
