"""The MLP for MNIST at work on one batch: forward, backward, and the update, drawn and explained.

A page that plays the step, and three pictures: both passes in full, the backward pass alone, and
the model as one box a layer.

    Rumelhart, Hinton & Williams, "Learning representations by back-propagating errors", 1986
    LeCun, Bottou, Bengio & Haffner, "Gradient-based learning applied to document recognition", 1998
"""

import argparse
from pathlib import Path

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite import nn


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the four files of MNIST")
    parser.add_argument("--output", type=Path, default=Path(), help="folder of the pictures")
    args = parser.parse_args()
    try:
        args.output.mkdir(parents=True, exist_ok=True)
        images, digits = load(args.data)
    except (OSError, tl.errors.DataError) as error:
        parser.error(str(error))

    tl.seed(0)
    model = tl.models.MLP([784, 128, 10])
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)

    def step(images, digits):
        scores = model(images)
        loss = nn.cross_entropy_loss(scores, digits)
        loss.backward()
        optimizer.step()
        return loss

    graph = tl.trace(step, images, digits)
    print(graph.explain())
    print()
    print(graph.why("layers.0.bias"))
    print(f"player: {graph.save(args.output / 'see_mlp.html', check=True)}")
    try:
        print(f"picture: {graph.save(args.output / 'see_mlp.svg')}")
        print(f"picture: {graph.save(args.output / 'see_mlp_backward.svg', 'backward')}")
        print(f"picture: {graph.save(args.output / 'see_mlp_layers.svg', 'forward', depth=1)}")
    except tl.errors.RenderError as error:  # no Graphviz
        print(f"{error}\ndiagram: {graph.save(args.output / 'see_mlp.md')}")


def load(folder):
    """A batch: 64 images as rows of 784 standardised pixels, and the digits that they show."""
    beside = Path(__file__).parent / "data" / "mnist"
    images, digits, *_ = tl.data.mnist(folder or (beside if beside.is_dir() else None))
    images = images[:64].reshape(64, 784).astype(np.float32)
    return (images - images.mean()) / images.std(), digits[:64]


if __name__ == "__main__":
    main()
