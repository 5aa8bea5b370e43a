"""An Adaline learns to tell two species of iris apart: its boundary turns, its error falls.

The adaptive linear neuron adds up its weighted inputs. It learns by gradient descent on the squared
error of that sum, and decides by its sign: -1 is setosa, +1 is versicolor. Every step is written
out: forward, loss, backward, update.

    Widrow & Hoff, "Adaptive switching circuits", 1960
    Fisher, "The use of multiple measurements in taxonomic problems", 1936 (the flowers)
"""

import argparse
from pathlib import Path

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite import Tensor

LR = 0.05
EPOCHS = 120


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(), help="folder of the picture")
    folder = parser.parse_args().output

    # 100 flowers: sepal length and petal length in cm, and the target of each.
    x, species = tl.data.iris()
    lengths = x[species < 2][:, [0, 2]]
    target = np.where(species[species < 2] == 0, -1, 1).astype(np.float32)

    # Standardised, so that one learning rate suits both weights.
    mean, std = lengths.mean(axis=0), lengths.std(axis=0)
    x = (lengths - mean) / std
    weights, biases, errors, wrong = train(x, target)

    # No line has a smaller squared error than the solution of the normal equations.
    design = np.column_stack([x, np.ones(len(x))])
    solution = np.linalg.lstsq(design, target)[0]
    least = np.mean((design @ solution - target) ** 2)

    print(f"Adaline(2 → 1) on {len(x)} flowers, {EPOCHS} epochs at a learning rate of {LR}")
    for epoch in (0, 1, 10, 30, EPOCHS):
        note = "" if epoch else "  (all weights are 0, and a sum of 0 is neither species)"
        print(f"epoch {epoch:3}  squared error {errors[epoch]:.4f}  {wrong[epoch]:3} wrong{note}")
    print(f"least any line has: {least:.4f}")
    print(f"accuracy: {100 * (1 - wrong[-1] / len(x)):g} %")

    # The same neurons for lengths in cm: w · (x - mean) / std + b.
    weights = np.array(weights) / std
    biases = np.array(biases) - weights @ mean
    draw(folder, lengths, target, weights, biases, errors, wrong, least)


def train(x, target):
    """Learn; return weights, bias, squared error and number of wrong flowers after each epoch."""
    x, target = Tensor(x), Tensor(target)
    w = Tensor([0.0, 0.0], requires_grad=True, name="w")
    b = Tensor(0.0, requires_grad=True, name="b")
    weights, biases, errors, wrong = [], [], [], []
    for _ in range(EPOCHS + 1):
        # Forward: the weighted sum of the inputs.
        output = x @ w + b

        # Loss: the squared distance of the sum, not of the decision, from the target.
        loss = ((output - target) ** 2).mean()

        weights.append(w.numpy())
        biases.append(b.item())
        errors.append(loss.item())
        wrong.append(int((np.sign(output) != target).sum()))

        # Backward: how the loss changes with each weight.
        w.zero_grad()
        b.zero_grad()
        loss.backward()

        # Update: a small step downhill.
        with tl.no_grad():
            w -= LR * w.grad
            b -= LR * b.grad
    return weights, biases, errors, wrong


def draw(folder, lengths, target, weights, biases, errors, wrong, least):
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        print(f'No picture: {error}. To get one: pip install ".[examples]"')
        return
    plt.switch_backend("Agg")

    blue, orange, black, grey = "#0072B2", "#D55E00", "#222222", "#999999"
    plt.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})
    figure = plt.figure(figsize=(11, 5), layout="constrained")
    axes = figure.subplot_mosaic([["map", "error"], ["map", "wrong"]], width_ratios=[1.15, 1])

    ax = axes["map"]
    ax.set(title="The boundary turns until it separates the species")
    ax.set(xlim=(4.0, 7.2), ylim=(0.6, 5.4), xlabel="sepal length (cm)", ylabel="petal length (cm)")
    sepal = np.array(ax.get_xlim())
    for epoch in (1, 10, 30, EPOCHS):
        (w1, w2), b, last = weights[epoch], biases[epoch], epoch == EPOCHS
        petal = -(w1 * sepal + b) / w2  # where the output is 0
        ax.plot(sepal, petal, color=black if last else grey, lw=2.5 if last else 1.2)
        slope = np.degrees(np.arctan(-w1 / w2))
        ax.text(4.1, np.interp(4.1, sepal, petal) + 0.03, f"epoch {epoch}", fontsize=10,
                rotation=slope, rotation_mode="anchor", transform_rotates_text=True)  # fmt: skip
    ax.fill_between(sepal, petal, ax.get_ylim()[0], color=blue, alpha=0.1, lw=0)
    ax.fill_between(sepal, petal, ax.get_ylim()[1], color=orange, alpha=0.1, lw=0)
    for sign, color, marker in ((-1, blue, "o"), (1, orange, "^")):
        ax.scatter(*lengths[target == sign].T, s=60, c=color, marker=marker, ec="white")
    ax.text(4.7, 0.8, "setosa: output < 0", color=blue, weight="bold")
    ax.text(5.75, 5.2, "versicolor: output > 0", color=orange, weight="bold")

    ax = axes["error"]
    ax.set(title="Its error falls", ylabel="mean squared error", xlim=(0, EPOCHS), ylim=(0, 1.05))
    ax.plot(errors, color=black, lw=2, label="Adaline")
    ax.axhline(least, color=orange, ls="--", label=f"the least that any line has: {least:.3f}")
    ax.legend(frameon=False)

    ax = axes["wrong"]
    ax.set(title="Its mistakes vanish", xlabel="epoch", ylabel="flowers wrong")
    ax.set(xlim=(0, EPOCHS), ylim=(0, 6))
    ax.step(range(EPOCHS + 1), wrong, where="post", color=black, lw=2)
    first = wrong.index(0) if 0 in wrong else EPOCHS
    ax.annotate(f"{wrong[-1]} of 100 from epoch {first} on", (first, 0.2), (first + 8, 2.5),
                arrowprops={"arrowstyle": "->", "color": grey})  # fmt: skip

    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "adaline_iris.png", dpi=130)
    print(f"picture: {folder / 'adaline_iris.png'}")


if __name__ == "__main__":
    main()
