"""One step of an Adaline, explained and played: the rule of Widrow and Hoff is a gradient step.

An Adaline sees a flower, two lengths of it, and should say -1. The weights of Widrow and Hoff's
rule move by 2 · lr · error · input; the gradient of the squared error gives the same.

    Widrow & Hoff, "Adaptive switching circuits", 1960
    Fisher, "The use of multiple measurements in taxonomic problems", 1936 (the flowers)
"""

import argparse
from pathlib import Path

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn

LR = 0.01


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(), help="folder of the pictures")
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)

    measured, species = tl.data.iris()
    flower = Tensor(measured[0, [0, 2]])  # the lengths of sepal and petal
    target = Tensor(-1.0 if species[0] == 0 else 1.0)
    adaline = tl.models.Adaline(2)
    adaline.weight.data = [0.2, -0.1]
    before = adaline.weight.numpy()
    optimizer = nn.optim.SGD(adaline.parameters(), lr=LR)

    def step(flower, target):
        output = adaline(flower)
        error = output - target
        loss = error**2
        loss.backward()
        optimizer.step()
        return loss

    graph = tl.trace(step, flower, target)
    print(graph.explain())

    # Widrow and Hoff's rule, written by hand, on what the graph holds.
    error = graph["error"].array
    by_rule = before - 2 * LR * error * flower.numpy()
    assert np.allclose(adaline.weight.numpy(), by_rule)
    print(f"\nweights by Widrow and Hoff's rule  {by_rule}")
    print(f"weights after the step             {adaline.weight.numpy()}")
    draw(graph, folder / "see_adaline.svg")
    print(f"player: {graph.save(folder / 'see_adaline.html', check=True)}")


def draw(graph, path):
    """Save a picture; without a Graphviz engine a diagram in Markdown, which needs none."""
    try:
        print(f"\npicture: {graph.save(path)}")
    except tl.errors.RenderError as error:
        print(f"\n{error}\n\ndiagram: {graph.save(path.with_suffix('.md'))}")


if __name__ == "__main__":
    main()
