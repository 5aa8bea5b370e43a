"""examples/mnist_mlp.py's training in PyTorch, for mnist_to_98.py: what it prints is read there.

    python mnist_to_98_torch.py FOLDER [--seed 0] [--epochs 10]

Model, first parameters, order of the batches, optimizer, schedule, evaluation and what is printed
are those of the example.
"""

import argparse
import gzip
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

SIZES, BATCH, LR = [784, 128, 10], 64, 0.003


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of the four files of MNIST")
    parser.add_argument("--epochs", type=int, default=10, help="default: 10")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    args = parser.parse_args()
    x_train, y_train, x_test, y_test = load(args.folder)

    rng = np.random.default_rng(args.seed)
    layers = []
    for shape in pairwise(SIZES):
        layers += [nn.ReLU(), linear(shape, rng)] if layers else [linear(shape, rng)]
    model = nn.Sequential(*layers)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=0.1, fused=True)
    count = math.ceil(len(x_train) / BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs * count)

    for epoch in range(1, args.epochs + 1):
        losses = []
        order = torch.from_numpy(rng.permutation(len(x_train)))
        for rows in order.split(BATCH):
            scores = model(x_train[rows])
            loss = nn.functional.cross_entropy(scores, y_train[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        right = accuracy(model, x_test, y_test)
        print(f"epoch {epoch}/{args.epochs}  loss {np.mean(losses):.4f}   ", end="")
        print(f"test accuracy {right:.2f} %", flush=True)


def linear(shape, rng):
    """A layer whose parameters start as ours do."""
    layer, limit = nn.Linear(*shape), 1 / shape[0] ** 0.5
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(rng.uniform(-limit, limit, shape).T))
        layer.bias.copy_(torch.from_numpy(rng.uniform(-limit, limit, shape[1])))
    return layer


def load(folder):
    """The images as rows of 784 standardised pixels, and the digits that they show."""
    x_train, y_train, x_test, y_test = (
        read(folder / f"{part}-{kind}")
        for part in ("train", "t10k")
        for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
    )
    x_train, x_test = standardised(x_train), standardised(x_test)
    y_train, y_test = y_train.astype(np.int64), y_test.astype(np.int64)
    return [torch.from_numpy(array) for array in (x_train, y_train, x_test, y_test)]


def standardised(images):
    x = np.subtract(images.reshape(-1, 784), 33.3184, dtype=np.float32)
    x /= 78.5675
    return x


def read(path):
    """A file of bytes, compressed or not: its header tells the number of axes, and their sizes."""
    packed = path.with_name(path.name + ".gz")
    data = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3])


def accuracy(model, x, y):
    """The percentage of images whose highest score is that of the right digit."""
    with torch.no_grad():
        return 100 * (model(x).argmax(1) == y).double().mean().item()


if __name__ == "__main__":
    main()
