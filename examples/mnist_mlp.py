"""A network of two layers, 784 → 128 → 10, learns to read 98 of 100 handwritten digits.

The training step is written out: forward, backward, update. `tl.compile` makes one NumPy program of
it; `--eager` runs it as it stands. Ctrl-C ends the training early: then what has been learned so
far is tested and drawn. A page plays one more step, to look at each number.

    Rumelhart, Hinton & Williams, "Learning representations by back-propagating errors", 1986
    LeCun, Bottou, Bengio & Haffner, "Gradient-based learning applied to document recognition", 1998
    Loshchilov & Hutter, "Decoupled weight decay regularization", 2019 (AdamW)
"""

import argparse
import math
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn

OPTIMIZERS = {  # each with the learning rate and the options that suit this task
    "adamw": (nn.optim.AdamW, 0.003, {"weight_decay": 0.1}),
    "adam": (nn.optim.Adam, 0.002, {}),
    "rmsprop": (nn.optim.RMSprop, 0.001, {}),
    "sgd": (nn.optim.SGD, 0.05, {"momentum": 0.9}),
}
MEAN, STD = 33.3184, 78.5675  # of the pixels of all training images, 0 to 255


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=at_least(1), default=10, help="default: 10")
    parser.add_argument("--batch-size", type=at_least(1), default=64, help="default: 64")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default="adamw", help="default: adamw")
    parser.add_argument("--lr", type=positive_number, help="the first learning rate, which decays")
    parser.add_argument("--seed", type=at_least(0), default=0, help="default: 0")
    parser.add_argument("--data", type=Path, help="folder of the four files of MNIST")
    parser.add_argument(
        "--output", type=Path, default=Path(), help="folder of the pictures and the page"
    )
    parser.add_argument("--eager", action="store_true", help="don't compile the training step")
    args = parser.parse_args()
    try:
        args.output.mkdir(parents=True, exist_ok=True)
        x_train, y_train, x_test, y_test = load(args.data)
    except (OSError, tl.errors.DataError) as error:
        parser.error(str(error))

    tl.seed(args.seed)
    model = tl.models.MLP([784, 128, 10])
    print(f"{model.summary()}: {sum(p.size for p in model.parameters()):,} parameters")
    make, usual_lr, options = OPTIMIZERS[args.optimizer]
    optimizer = make(model.parameters(), args.lr or usual_lr, **options)
    batches = tl.data.batches(x_train, y_train, args.batch_size)
    schedule = nn.optim.CosineAnnealingLR(optimizer, T_max=args.epochs * len(batches))

    def training_step(images, classes):
        # Forward: a score for each digit, and how far the scores are from the truth.
        scores = model(images)
        loss = nn.cross_entropy_loss(scores, classes)

        # Backward: the gradient of the loss by each parameter.
        optimizer.zero_grad()
        loss.backward()

        # Update: a small change of each parameter, and then a smaller learning rate.
        optimizer.step()
        schedule.step()
        return loss

    step = training_step if args.eager else tl.compile(training_step)
    losses, accuracies = [], {}  # of every batch; of the test images, by epoch
    digits, start = len(str(args.epochs)), perf_counter()
    try:
        for epoch in range(1, args.epochs + 1):
            name, epoch_start = f"epoch {epoch:{digits}}/{args.epochs}", perf_counter()
            for x, y in progress_bar(batches, name):
                losses.append(step(x, y).item())
                if not math.isfinite(losses[-1]):
                    sys.exit(f"The loss is {losses[-1]} in {name}: try a smaller --lr.")
            accuracies[epoch] = accuracy(model, x_test, y_test)
            print(
                f"{name}  {'█' * 20}  loss {np.mean(losses[-len(batches) :]):.4f}   "
                f"test accuracy {accuracies[epoch]:.2f} %   {perf_counter() - epoch_start:.1f} s"
            )
    except KeyboardInterrupt:
        if not losses:
            raise
        print(f"\nStopped in epoch {epoch}, after {len(losses):,} batches.")

    seconds = perf_counter() - start
    right = accuracies[len(losses) / len(batches)] = accuracy(model, x_test, y_test)
    print(f"{right:.2f} % of {len(x_test):,} test images right after {seconds:.1f} s.", end=" ")
    drawn = draw(args.output, model, x_test, y_test, losses, accuracies, len(batches))
    optimizer.lr = args.lr or usual_lr  # it has decayed to almost nothing
    page = args.output / "mnist_mlp.html"
    tl.trace(training_step, x_train[:64], y_train[:64]).save(page)
    print(f"Pictures: {drawn}; its graph: {page}" if drawn else f"Its graph: {page}")


def load(folder):
    """The images as rows of 784 standardised pixels, and the digits that they show."""
    beside = Path(__file__).parent / "data" / "mnist"
    if folder is None and beside.is_dir():
        folder = beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside
    x_train, y_train, x_test, y_test = tl.data.mnist(folder)
    rows = f"{len(x_train):,} training and {len(x_test):,} test images"
    print(f"MNIST: {rows}, from {folder or 'the cache'}")
    return standardised(x_train), y_train, standardised(x_test), y_test


def standardised(images):
    x = np.subtract(images.reshape(-1, 784), MEAN, dtype=np.float32)
    x /= STD  # in place, as it is large
    return x


def accuracy(model, x, y):
    """The percentage of images whose highest score is that of the right digit."""
    with tl.no_grad():
        scores = model(Tensor(x))
    return 100 * np.mean(scores.numpy().argmax(axis=1) == y)


def draw(folder, model, x, y, losses, accuracies, per_epoch):
    """The curves, the worst mistakes, and the weights of the first layer."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        print(f'No pictures: {error}. To get them: pip install ".[examples]"')
        return None
    plt.switch_backend("Agg")

    blue, orange, pale = "#0072B2", "#D55E00", "#D8D8D8"
    plt.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})
    figure = plt.figure(figsize=(14, 4.8), layout="constrained")
    curves, mistakes, weights = figure.subfigures(1, 3)

    top, bottom = curves.subplots(2, 1, sharex=True)
    time = np.arange(1, len(losses) + 1) / per_epoch
    window = min(100, len(losses))
    top.semilogy(time, losses, color=pale, lw=0.5, label="one batch")
    mean = np.convolve(losses, np.ones(window) / window, "valid")
    top.semilogy(time[window - 1 :], mean, color=blue, lw=2, label=f"mean of {window} batches")
    top.set(title="Training loss", ylabel="cross-entropy (nats)")
    top.legend(frameon=False, loc="upper right")
    bottom.plot(accuracies.keys(), accuracies.values(), "o-", color=orange)
    bottom.set(title="Test accuracy", ylabel="images right (%)", xlabel="epoch")

    with tl.no_grad():
        chances = tl.f.softmax(model(Tensor(x))).numpy()
    answers = chances.argmax(axis=1)
    wrong = np.flatnonzero(answers != y)
    worst = wrong[np.argsort(chances[wrong, y[wrong]])]
    mistakes.suptitle(f"The worst of {len(wrong)} mistakes: digit → answer")
    for ax, i in zip(mistakes.subplots(4, 4).flat, worst, strict=False):
        ax.imshow(x[i].reshape(28, 28), cmap="gray_r")
        ax.set_title(f"{y[i]} → {answers[i]}", fontsize=10, pad=2)
        ax.axis("off")

    w = model.layers[0].weight.numpy().T
    strongest = np.argsort(-np.linalg.norm(w, axis=1))[:36]  # all, if the layer has fewer
    limit = np.quantile(np.abs(w), 0.999)
    tiles = np.full((36, 32, 32), np.nan)  # with gaps
    tiles[: len(strongest), 2:-2, 2:-2] = w[strongest].reshape(-1, 28, 28)
    weights.suptitle(f"Weights of the {len(strongest)} strongest hidden units")
    ax = weights.subplots()
    rows = [list(row) for row in tiles.reshape(6, 6, 32, 32)]
    ax.imshow(np.block(rows), "RdBu_r", vmin=-limit, vmax=limit)
    ax.text(0.5, -0.01, "ink on red excites the unit, ink on blue inhibits it",
            transform=ax.transAxes, ha="center", va="top", fontsize=10)  # fmt: skip
    ax.axis("off")

    figure.savefig(folder / "mnist_mlp.png", dpi=130)
    return folder / "mnist_mlp.png"


def progress_bar(batches, name):
    """The batches, with a bar that grows while they are taken, on a terminal."""
    try:
        from tqdm import tqdm
    except ImportError:
        return batches
    form = "{desc}  {bar:20}  {n_fmt} of {total_fmt} batches"
    return tqdm(batches, name, leave=False, disable=None, bar_format=form)


def at_least(low):
    def integer(text):
        if int(text) < low:
            raise argparse.ArgumentTypeError(f"must be at least {low}, not {text}")
        return int(text)

    return integer


def positive_number(text):
    if not 0 < float(text) < math.inf:
        raise argparse.ArgumentTypeError(f"must be a positive number, not {text}")
    return float(text)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:  # while there is nothing to show yet, or once again
        sys.exit(130)
