"""Graphs to draw, and what is looked for in their drawings."""

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn


def leaf(x, name=None):
    return Tensor(x, requires_grad=True, name=name)


def tanh_graph():
    x, w = leaf(2.0), leaf(-3.0)
    y = np.tanh(w * x + 7.0)
    return tl.graph(y)


def mlp_graph():
    model = tl.models.MLP([784, 128, 10], rng=0)
    x, t = Tensor(np.ones((64, 784), np.float32)), np.arange(64) % 10
    loss = nn.cross_entropy_loss(model(x), t)
    return tl.graph(loss)


def training_step():
    model = tl.models.MLP([4, 3, 2], rng=0)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)

    def step(x):
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    return tl.trace(step, np.ones((5, 4), np.float32))


def titles(picture, kind=None):
    return [box.title for box in picture.boxes if kind in (None, box.kind)]


def box(picture, title):
    (found,) = [box for box in picture.boxes if box.title == title]
    return found


def said(picture, title, role):
    return [text for what, text in box(picture, title).lines if what == role]


def arrows(picture, kind):
    """Source and target by title, and label, of all arrows of a kind."""
    names = {box.id: box.title for box in picture.boxes}
    return [(names[a.source], names[a.target], a.label) for a in picture.arrows if a.kind == kind]
