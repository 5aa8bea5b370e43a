"""Write pytorch_reference.npz: what PyTorch makes of the cases below, in float64.

Run by hand where torch is installed: `python tests/nn/make_pytorch_reference.py`. The tests read
the file, and never import torch; its entry "torch" tells the version that wrote it.

"cases" is JSON: of each case its group, kind, options, and the shapes of its arrays by name. Their
entries stand one after the other in "numbers", as one archive member each would be three times the
size.
"""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

STEPS = 50
HUGE = [[1000.0, -1000.0, 0.0, 3.0], [-1000.0, -1000.0, -1000.0, -1000.0], [40.0, -40.0, 0.5, -2.0]]

OPTIMIZERS = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.05, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.05, "betas": (0.5, 0.9), "eps": 1e-3}),
    ("AdamW", {"lr": 0.05}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.2}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.02, "alpha": 0.9, "eps": 1e-3}),
    ("RMSprop", {"lr": 0.02, "momentum": 0.8}),
    ("RMSprop", {"lr": 0.02, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.02, "momentum": 0.8, "weight_decay": 0.1}),
]

SCHEDULES = [
    ("StepLR", {"step_size": 7, "gamma": 0.5}),
    ("StepLR", {"step_size": 15}),
    ("ExponentialLR", {"gamma": 0.95}),
    ("CosineAnnealingLR", {"T_max": 50}),
    ("CosineAnnealingLR", {"T_max": 50, "eta_min": 0.02}),
]
WARMUPS = [None, {"steps": 1, "start_factor": 0.5}, {"steps": 12, "start_factor": 0.1}]

REDUCTIONS = ["mean", "sum", "none"]
SMOOTHINGS = [{}, {"label_smoothing": 0.1}, {"label_smoothing": 1.0}]


def entries(shape, step):
    """Numbers in [-1, 1] without a pattern, and without a generator."""
    return np.sin(step * np.arange(1, np.prod(shape) + 1) ** 1.5).reshape(shape)


def losses():
    """Kind, options, prediction, target."""
    prediction, target = 3 * entries((4, 3), 0.7), entries((4, 3), 1.3)
    prediction[0] = target[0] + [0.0, 1.0, -1.0]  # no error, and errors of HuberLoss's delta
    prediction[1] = target[1] + [1e6, -1e6, 1e-6]
    for kind, options in [
        ("MSELoss", {}),
        ("L1Loss", {}),
        ("HuberLoss", {}),
        ("HuberLoss", {"delta": 0.3}),
        ("HuberLoss", {"delta": 5.0}),
    ]:
        yield kind, options, prediction, target

    small = 4 * entries((3, 4), 0.9)
    chances = (1 + entries((3, 4), 1.1)) / 2
    for logits in (small, np.array(HUGE)):
        yield "BCEWithLogitsLoss", {}, logits, chances
        yield "BCEWithLogitsLoss", {}, logits, np.round(chances)

    classes, shares = np.array([1, 3, 0]), chances / chances.sum(1, keepdims=True)
    many = 4 * entries((2, 3, 5), 0.6)
    for options in SMOOTHINGS:
        for logits in (small, np.array(HUGE)):
            yield "CrossEntropyLoss", options, logits, classes
            yield "CrossEntropyLoss", options, logits, shares
        yield "CrossEntropyLoss", options, many, np.array([[0, 4, 2], [1, 1, 3]])
        yield "CrossEntropyLoss", options, many, np.ones((2, 3, 5)) / 5


def optimizer_case(kind, options, x, target):
    """The parameters after each step; the gradients depend on them, so that errors compound."""
    w = torch.tensor(entries((3, 2), 2.1), requires_grad=True)
    b = torch.tensor(entries((2,), 1.7), requires_grad=True)
    start = w.detach().numpy().copy(), b.detach().numpy().copy()
    optimizer = getattr(torch.optim, kind)([w, b], **options)
    ws, bs = [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = ((torch.tanh(x @ w + b) - target) ** 2).sum() + torch.exp(w * w).mean()
        loss.backward()
        optimizer.step()
        ws.append(w.detach().numpy().copy())
        bs.append(b.detach().numpy().copy())
    return {"w": start[0], "b": start[1], "ws": np.array(ws), "bs": np.array(bs)}


def schedule_case(kind, options, warmup):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    module = torch.optim.lr_scheduler
    schedule = getattr(module, kind)(optimizer, **options)
    if warmup is not None:
        n, factor = warmup["steps"], warmup["start_factor"]
        first = module.LinearLR(optimizer, start_factor=factor, total_iters=n)
        schedule = module.SequentialLR(optimizer, [first, schedule], milestones=[n])
    rates = []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return {"rates": np.array(rates)}


def loss_case(kind, options, prediction, target):
    p, t = torch.tensor(prediction, requires_grad=True), torch.tensor(target)
    if kind == "CrossEntropyLoss":  # PyTorch has the classes on axis 1
        p_there = p.movedim(-1, 1)
        t_there = t.movedim(-1, 1) if t.ndim == p.ndim else t
    else:
        p_there, t_there = p, t
    loss = getattr(torch.nn, kind)(**options)(p_there, t_there)
    weights = entries(tuple(loss.shape), 1.9)  # of a sum, where the loss isn't one number
    (loss * torch.tensor(weights)).sum().backward()
    return {
        "prediction": prediction,
        "target": target,
        "weights": weights,
        "value": loss.detach().numpy(),
        "gradient": p.grad.numpy(),
    }


def clip_case(kind, limit):
    gradients = {"g0": 3 * entries((3, 2), 0.4), "g1": entries((4,), 0.8)}
    parameters = [torch.zeros(g.shape, dtype=torch.float64) for g in gradients.values()]
    for p, g in zip(parameters, gradients.values(), strict=True):
        p.grad = torch.tensor(g)
    function = {
        "clip_gradient_norm": torch.nn.utils.clip_grad_norm_,
        "clip_gradient_value": torch.nn.utils.clip_grad_value_,
    }[kind]
    norm = function(parameters, limit)
    clipped = {f"clipped{i}": p.grad.numpy() for i, p in enumerate(parameters)}
    return {**gradients, **clipped, "norm": np.array(0.0 if norm is None else float(norm))}


def layer_case(kind, options):
    x = torch.tensor(3 * entries((4, 3), 0.5), requires_grad=True)
    there = {"dim" if key == "axis" else key: value for key, value in options.items()}
    y = getattr(torch.nn, kind)(**there)(x)
    g = entries((4, 3), 1.2)
    y.backward(torch.tensor(g))
    return {"x": x.detach().numpy(), "y": y.detach().numpy(), "g": g, "gradient": x.grad.numpy()}


def mlp_case(sizes, activation):
    layers, arrays = [], {}
    for i, (n, m) in enumerate(pairwise(sizes)):
        layer = torch.nn.Linear(n, m, dtype=torch.float64)
        layer.weight.data = torch.tensor(entries((m, n), 0.3 + i))
        layer.bias.data = torch.tensor(entries((m,), 0.8 + i))
        layers += [layer, getattr(torch.nn, activation)()]
    model = torch.nn.Sequential(*layers[:-1])
    x, classes = torch.tensor(entries((6, sizes[0]), 2.3)), np.arange(6) % sizes[-1]
    y = model(x)
    loss = functional.cross_entropy(y, torch.tensor(classes))
    loss.backward()
    for path, parameter in model.named_parameters():
        arrays[f"value {path}"] = parameter.detach().numpy()
        arrays[f"gradient {path}"] = parameter.grad.numpy()
    y, loss = y.detach().numpy(), loss.detach().numpy()
    return {**arrays, "x": x.numpy(), "classes": classes, "y": y, "loss": loss}


def main():
    x, target = entries((5, 3), 0.35), entries((5, 2), 1.45)
    cases, numbers = [], []

    def add(group, kind, options, arrays):
        shapes = {name: np.shape(array) for name, array in arrays.items()}
        cases.append({"group": group, "kind": kind, "options": options, "shapes": shapes})
        numbers.extend(np.ravel(array) for array in arrays.values())

    for kind, options in OPTIMIZERS:
        values = optimizer_case(kind, options, torch.tensor(x), torch.tensor(target))
        add("optimizer", kind, options, {"x": x, "target": target, **values})
    for kind, options in SCHEDULES:
        for warmup in WARMUPS:
            values = schedule_case(kind, options, warmup)
            add("schedule", kind, {**options, "warmup": warmup}, values)
    for kind, options, prediction, target in losses():
        for reduction in REDUCTIONS:
            full = {**options, "reduction": reduction}
            add("loss", kind, full, loss_case(kind, full, prediction, target))
    for kind in ("clip_gradient_norm", "clip_gradient_value"):
        for limit in (0.5, 2.0, 100.0):
            add("clip", kind, {"limit": limit}, clip_case(kind, limit))
    for kind in ("ReLU", "Tanh", "Sigmoid"):
        add("layer", kind, {}, layer_case(kind, {}))
    for axis in (-1, 0):
        add("layer", "Softmax", {"axis": axis}, layer_case("Softmax", {"axis": axis}))
    for activation in ("ReLU", "Tanh", "Sigmoid"):
        add("mlp", activation, {"sizes": [3, 5, 4, 2]}, mlp_case([3, 5, 4, 2], activation))

    path = Path(__file__).with_name("pytorch_reference.npz")
    text = {"torch": torch.__version__, "cases": json.dumps(cases)}
    np.savez_compressed(path, numbers=np.concatenate(numbers).astype(np.float64), **text)
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size:,} bytes, {torch.__version__}")


if __name__ == "__main__":
    main()
