"""A model of one's own, with an operation of one's own, tells two spirals apart.

The operation is Swish, x · sigmoid(beta · x). It is declared with the gradients of its two inputs,
and they are checked against central differences. The model is as in the first paper: every layer
sees the input and all layers before it.

    Lang & Witbrock, "Learning to tell two spirals apart", 1988
    Ramachandran, Zoph & Le, "Searching for activation functions", 2017 (Swish)
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn

EPOCHS = 1000


def sigmoid(z):
    return (1 + np.tanh(z / 2)) / 2


# An operation: a function of arrays, and for each input the rule that turns g, the gradient of the
# output, into the gradient of that input.
@tl.op(
    x=lambda g, out, x, beta: g * (beta * out + sigmoid(beta * x) * (1 - beta * out)),
    beta=lambda g, out, x, beta: g * out * (x - out),
)
def swish(x, beta):
    return x * sigmoid(beta * x)


def gradients_of_swish(x, beta):
    """The gradients of swish by x and beta: as its rules give them, and by central differences."""
    x_leaf, beta_leaf = Tensor(x, requires_grad=True), Tensor(beta, requires_grad=True)
    swish(x_leaf, beta_leaf).sum().backward()
    h = 1e-5
    by_x = (swish(x + h, beta) - swish(x - h, beta)) / (2 * h)
    by_beta = (swish(x, beta + h) - swish(x, beta - h)) / (2 * h)
    return (x_leaf.grad.numpy(), beta_leaf.grad.numpy()), (by_x, by_beta)


class Shortcuts(nn.Module):
    """Layers that see the input and all layers before them; each unit learns a beta of its own."""

    def __init__(self, in_features, hidden):
        self.layers, self.betas = [], []
        for size in hidden:
            self.layers.append(nn.Linear(in_features, size))
            self.betas.append(nn.Parameter(np.ones(size, np.float32)))
            in_features += size
        self.output = nn.Linear(in_features, 1)

    def forward(self, x):
        for layer, beta in zip(self.layers, self.betas, strict=True):
            x = np.concatenate([x, swish(layer(x), beta)], axis=-1)
        return self.output(x)[..., 0]


def spirals(shift=0.0):
    """The 194 points of the paper, and the spiral of each, 0 or 1; or points shifted along them."""
    i = np.arange(97) + shift
    angle, radius = np.pi * i / 16, 6.5 * (104 - i) / 104
    arm = np.column_stack([radius * np.sin(angle), radius * np.cos(angle)])
    return np.vstack([arm, -arm]).astype(np.float32), np.repeat([1, 0], 97).astype(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="of the weights (default: 0)")
    parser.add_argument("--output", type=Path, default=Path(), help="folder of the picture")
    args = parser.parse_args()

    x = np.linspace(-5, 5, 41)
    beta = np.full_like(x, 1.5)
    rules, differences = gradients_of_swish(x, beta)
    error = np.abs(np.subtract(rules, differences)).max()
    print(f"swish: its gradients differ from central differences by at most {error:.0e}")
    if error > 1e-8:
        sys.exit("One of its rules is wrong.")
    swish_curves = x, swish(x, beta), rules, differences

    tl.seed(args.seed)
    model = Shortcuts(2, hidden=[32, 32, 32])
    print(repr(model).splitlines()[0])
    optimizer = nn.optim.AdamW(model.parameters(), 0.003, betas=(0.9, 0.99), weight_decay=0.3)
    schedule = nn.optim.CosineAnnealingLR(optimizer, T_max=EPOCHS)
    x, y = spirals()
    losses, accuracies = [], []
    for epoch in range(1, EPOCHS + 1):
        score = model(Tensor(x))
        loss = nn.bce_with_logits_loss(score, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()

        losses.append(loss.item())
        accuracies.append(100 * np.mean((score.numpy() > 0) == y))
        if epoch in (1, 100, 200, 500, EPOCHS):
            print(f"epoch {epoch:5,}  loss {losses[-1]:.4f}  {accuracies[-1]:5.1f} % right")

    for name, shift in (("points", 0), ("points halfway between them", 0.5)):
        x, y = spirals(shift)
        with tl.no_grad():
            right = (model(Tensor(x)).numpy() > 0) == y
        print(f"accuracy: {100 * np.mean(right):g} % of {len(x)} {name}")
    draw(args.output, model, losses, accuracies, *swish_curves)


def draw(folder, model, losses, accuracies, x, out, rules, differences):
    try:
        import matplotlib.pyplot as plt
        from matplotlib.colors import LinearSegmentedColormap
    except ImportError as error:
        print(f'No picture: {error}. To get one: pip install ".[examples]"')
        return
    plt.switch_backend("Agg")

    blue, orange, black, grey = "#0072B2", "#D55E00", "#222222", "#999999"
    plt.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})
    figure = plt.figure(figsize=(12, 6.2), layout="constrained")
    axes = figure.subplot_mosaic([["map", "loss"], ["map", "swish"]], width_ratios=[1.3, 1])

    side = np.linspace(-7, 7, 500, dtype=np.float32)
    with tl.no_grad():
        score = model(Tensor(np.stack(np.meshgrid(side, side), axis=-1)))
        chance = tl.f.sigmoid(score).numpy()
    ax = axes["map"]
    colors = LinearSegmentedColormap.from_list("", ["#F6CDB4", "white", "#B3D4E8"])
    ax.imshow(chance, colors, origin="lower", extent=(-7, 7, -7, 7), vmin=0, vmax=1)
    ax.contour(side, side, chance, [0.5], colors=black, linewidths=1.2)
    points, spiral = spirals()
    ax.scatter(*points[spiral == 1].T, s=45, c=blue, ec="white", label="spiral 1")
    ax.scatter(*points[spiral == 0].T, s=50, c=orange, ec="white", marker="^", label="spiral 0")
    ax.set(title="What the model says of every point", xlabel="$x_1$", ylabel="$x_2$")
    ax.legend(loc="upper right", framealpha=0.9)

    ax = axes["loss"]
    ax.plot(range(1, EPOCHS + 1), losses, color=black, lw=1.5)
    if accuracies[-1] == 100:
        first = EPOCHS + 1 - np.argmin(np.array(accuracies[::-1]) == 100)
        ax.axvline(first, color=grey, ls="--")
        ax.text(first + 20, 0.5, f"all {len(points)} points are right\nfrom epoch {first} on")
    ax.set(title="Training loss", xlabel="epoch", ylabel="cross-entropy (nats)")
    ax.set(xlim=(0, EPOCHS), ylim=(0, None))

    ax = axes["swish"]
    ax.plot(x, out, color=grey, ls="--", label="swish(x, β), with β = 1.5")
    for i, (name, color) in enumerate((("x", blue), ("β", orange))):
        ax.plot(x, rules[i], color=color, lw=2, label=f"its gradient by {name}")
        ax.plot(x, differences[i], "o", ms=5.5, color=color, mec="white", mew=0.6)
    ax.plot([], "o", ms=5.5, color=black, label="by central differences")
    ax.set(title="An operation of one's own", xlabel="x", xlim=(-5, 5), ylim=(-0.3, 1.3))
    ax.legend(frameon=False)

    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "two_spirals.png", dpi=130)
    print(f"picture: {folder / 'two_spirals.png'}")


if __name__ == "__main__":
    main()
