"""Three scalars, as on a blackboard: how the gradient of y = tanh(w * x + b) is computed.

Prints the forward and the backward pass line by line, checks the gradients by hand, draws both
passes on one picture, and writes a page that plays them. Then the same for an x that is used twice.

    Rumelhart, Hinton & Williams, "Learning representations by back-propagating errors", 1986
"""

import argparse
from pathlib import Path

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite import Tensor


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(), help="folder of the pictures")
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)

    x = Tensor(2.0, requires_grad=True)
    w = Tensor(-3.0, requires_grad=True)
    b = Tensor(7.0, requires_grad=True)
    y = np.tanh(w * x + b)
    graph = tl.graph(y)
    print(graph.explain())
    draw(graph, folder / "see_backward.svg")
    print(f"player: {graph.save(folder / 'see_backward.html', check=True)}\n")

    # The same by hand: the derivative of tanh is 1 - tanh², that of w * x + b by w is x.
    y.backward()
    by_hand = {"w": (1 - y**2) * x, "x": (1 - y**2) * w, "b": 1 - y**2}
    for name, t in {"w": w, "x": x, "b": b}.items():
        assert np.isclose(t.grad.item(), by_hand[name].item())
        print(f"∂y/∂{name} by hand: {by_hand[name].item():.4g}")

    # What is used twice gets a contribution from each use, and its gradient is their sum.
    print("\nAnd with an x that is used twice:\n")
    square = x * x + x
    graph = tl.graph(square)
    print(graph.explain())
    print()
    print(graph.why(x))
    draw(graph, folder / "see_backward_twice.svg")


def draw(graph, path):
    """Save a picture; without a Graphviz engine a diagram in Markdown, which needs none."""
    try:
        print(f"\npicture: {graph.save(path)}\n")
    except tl.errors.RenderError as error:
        print(f"\n{error}\n\ndiagram: {graph.save(path.with_suffix('.md'))}\n")


if __name__ == "__main__":
    main()
