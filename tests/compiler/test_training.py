"""Training steps: losses, parameters, what optimizers remember, step by step as eager has them."""

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn

from .twins import both, classes, data, eagerly, trained_by

optim = nn.optim


class SignDescent(optim.Optimizer):
    """A user's own, without a state."""

    def update(self, parameter, gradient, state):
        parameter -= self.lr * np.sign(gradient)


class Averaging(optim.Optimizer):
    """A user's own, with arrays, counts, and NumPy's functions of all kinds."""

    def __init__(self, parameters, lr, share=0.75):
        super().__init__(parameters, lr)
        self.share = share

    def update(self, parameter, gradient, state):
        if "mean" not in state:
            state["mean"] = np.zeros_like(parameter)
            state["count"] = 0
        state["count"] += 1
        state["mean"] = self.share * state["mean"] + (1 - self.share) * gradient
        unbiased = state["mean"] / (1 - self.share ** state["count"])
        parameter[...] = np.where(abs(unbiased) > 1e-8, parameter - self.lr * unbiased, parameter)


class NormBound(optim.Optimizer):
    """A user's own, that looks at a parameter as a whole, so that none can be joined."""

    def update(self, parameter, gradient, state):
        norm = np.sqrt(np.square(gradient).sum())
        parameter -= self.lr * gradient / np.maximum(norm, 1.0)


OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, 0.1),
    "SGD with momentum": lambda p: optim.SGD(p, 0.1, 0.9),
    "SGD with nesterov": lambda p: optim.SGD(p, 0.1, 0.9, nesterov=True),
    "SGD with decay": lambda p: optim.SGD(p, 0.1, weight_decay=0.01),
    "SGD with all": lambda p: optim.SGD(p, 0.1, 0.8, nesterov=True, weight_decay=0.1),
    "Adam": lambda p: optim.Adam(p, 0.01),
    "Adam with betas and eps": lambda p: optim.Adam(p, 0.01, (0.5, 0.75), 1e-3),
    "Adam with decay": lambda p: optim.Adam(p, 0.01, weight_decay=0.1),
    "AdamW": lambda p: optim.AdamW(p, 0.01),
    "AdamW with decay": lambda p: optim.AdamW(p, 0.01, weight_decay=0.5),
    "RMSprop": lambda p: optim.RMSprop(p, 0.01),
    "RMSprop with momentum": lambda p: optim.RMSprop(p, 0.01, momentum=0.9),
    "RMSprop with all": lambda p: optim.RMSprop(p, 0.01, 0.9, 1e-6, momentum=0.5, weight_decay=0.1),
    "a user's own": lambda p: SignDescent(p, 0.01),
    "a user's own with a state": lambda p: Averaging(p, 0.1),
    "a user's own of the whole": lambda p: NormBound(p, 0.1),
}
MODELS = {
    "Adaline": lambda: tl.models.Adaline(4),
    "Adaline without bias": lambda: tl.models.Adaline(4, bias=False),
    "MLP": lambda: tl.models.MLP([4, 6, 3]),
    "MLP of one layer": lambda: tl.models.MLP([4, 3]),
    "MLP with tanh": lambda: tl.models.MLP([4, 6, 5, 3], nn.Tanh),
    "MLP in float64": lambda: tl.models.MLP([4, 6, 3], dtype=np.float64),
    "Sequential": lambda: nn.Sequential(nn.Linear(4, 5), nn.Sigmoid(), nn.Linear(5, 3)),
    "Linear": lambda: nn.Linear(4, 3),
    "Linear without bias": lambda: nn.Linear(4, 3, bias=False),
    "Softmax": lambda: nn.Sequential(nn.Linear(4, 3), nn.Softmax()),
    "Softmax over rows": lambda: nn.Sequential(nn.Linear(4, 3), nn.Softmax(axis=0)),
    "ReLU at the end": lambda: nn.Sequential(nn.Linear(4, 3), nn.ReLU()),
    "Dropout": lambda: nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.25), nn.Linear(8, 3)),
    "Dropout of nothing": lambda: nn.Sequential(nn.Linear(4, 3), nn.Dropout(0)),
    "a layer used twice": lambda: _twice(nn.Linear(4, 4)),
}


def _twice(layer):
    return nn.Sequential(layer, nn.ReLU(), layer)


def training(make_model, make_optimizer, loss=nn.mse_loss, target=None, steps=4):
    """A scenario: some steps, each on other data."""

    def scenario(compile):
        model = make_model()
        optimizer = make_optimizer(model.parameters())
        step = compile(trained_by(model, optimizer, loss))
        for i in range(steps):
            x = data(5, 4, seed=i)
            y = data(*model(x).shape, seed=i + 50) if target is None else target(i)
            if model.parameters()[0].dtype == np.float64 and y.dtype.kind == "f":
                x, y = x.astype(np.float64), y.astype(np.float64)
            yield step(x, y), model, optimizer

    return scenario


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_optimizer_steps_as_eager_does(optimizer):
    both(training(MODELS["MLP"], optimizer), programs=1)


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_optimizer_of_parameters_without_axes_steps_as_eager_does(optimizer):
    both(training(MODELS["Adaline"], optimizer), programs=1)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_model_trains_as_eager_does(model, optimizer):
    both(training(model, OPTIMIZERS[optimizer]))


LOSSES = {
    "mse": (nn.mse_loss, nn.MSELoss, {}, None),
    "l1": (nn.l1_loss, nn.L1Loss, {}, None),
    "huber": (nn.huber_loss, nn.HuberLoss, {"delta": 0.5}, None),
    "bce": (nn.bce_with_logits_loss, nn.BCEWithLogitsLoss, {}, lambda i: data(5, 3, seed=i) > 0),
    "cross-entropy": (
        nn.cross_entropy_loss,
        nn.CrossEntropyLoss,
        {},
        lambda i: classes(5, 3, seed=i),
    ),
    "cross-entropy, smooth": (
        nn.cross_entropy_loss,
        nn.CrossEntropyLoss,
        {"label_smoothing": 0.1},
        lambda i: classes(5, 3, seed=i),
    ),
    "cross-entropy of probabilities": (
        nn.cross_entropy_loss,
        nn.CrossEntropyLoss,
        {},
        lambda i: np.eye(3, dtype=np.float32)[classes(5, 3, seed=i)] * 0.7 + np.float32(0.1),
    ),
}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_loss_trains_as_eager_does(loss, reduction):
    function, module, options, target = loss
    if function is nn.bce_with_logits_loss:
        target = lambda i: (data(5, 3, seed=i) > 0).astype(np.float32)  # noqa: E731

    def as_function(z, y):
        error = function(z, y, reduction=reduction, **options)
        return error.sum() if reduction == "none" else error

    def as_module(z, y):
        error = module(reduction=reduction, **options)(z, y)
        return error.sum() if reduction == "none" else error

    for form in (as_function, as_module):
        both(training(MODELS["MLP"], OPTIMIZERS["SGD"], form, target, steps=3))


SCHEDULES = {
    "step": lambda o: optim.StepLR(o, 2, 0.5),
    "exponential": lambda o: optim.ExponentialLR(o, 0.5),
    "cosine": lambda o: optim.CosineAnnealingLR(o, 4),
    "warm-up": lambda o: optim.LinearWarmup(optim.CosineAnnealingLR(o, 3), 2),
}


@pytest.mark.parametrize("kind", ["SGD with momentum", "AdamW"])
@pytest.mark.parametrize("where", ["outside", "after the step", "before the step"])
@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_schedule_changes_the_rate_without_another_program(schedule, where, kind):
    def scenario(compile):
        model = MODELS["MLP"]()
        optimizer = OPTIMIZERS[kind](model.parameters())
        rates = schedule(optimizer)

        @compile
        def step(x, y):
            if where == "before the step":
                rates.step()
            optimizer.zero_grad()
            loss = nn.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            if where == "after the step":
                rates.step()
            return loss

        for i in range(6):
            yield step(data(5, 4, seed=i), data(5, 3, seed=i)), model, optimizer, rates
            if where == "outside":
                rates.step()

    both(scenario, programs=1)


@pytest.mark.parametrize("kind", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_learning_rate_set_between_calls_is_used(kind):
    def scenario(compile):
        model = MODELS["MLP"]()
        optimizer = kind(model.parameters())
        step = compile(trained_by(model, optimizer))
        for rate in (0.1, 0.01, 0, 3, 1e-9):
            optimizer.lr = rate
            yield step(data(5, 4), data(5, 3)), model, optimizer

    both(scenario, programs=1)


@pytest.mark.parametrize("limit", [1e-3, 0.3, 1e6])
def test_gradients_are_clipped_by_value(limit):
    def scenario(compile):
        model = MODELS["MLP"]()
        optimizer = optim.SGD(model.parameters(), 0.1, 0.9)

        @compile
        def step(x, y):
            optimizer.zero_grad()
            loss = nn.mse_loss(model(x), y)
            loss.backward()
            optim.clip_gradient_value(model.parameters(), limit)
            optimizer.step()
            return loss

        for i in range(3):
            yield step(data(5, 4, seed=i), data(5, 3, seed=i)), model, optimizer

    both(scenario, programs=1)


@pytest.mark.parametrize("limit", [1e-2, 0.5, 1e6])
def test_gradients_are_clipped_by_norm_to_rounding(limit):
    """Eager reads the norm as a number, a program can't: their last bits differ."""

    def run(compile):
        tl.seed(0)
        model = MODELS["MLP"]()
        optimizer = optim.SGD(model.parameters(), 0.1)

        @compile
        def step(x, y):
            optimizer.zero_grad()
            loss = nn.mse_loss(model(x), y)
            loss.backward()
            norm = optim.clip_gradient_norm(model.parameters(), limit)
            optimizer.step()
            return loss, norm * tl.ones(1)

        calls = [step(data(5, 4, seed=i), data(5, 3, seed=i)) for i in range(3)]
        return [x.item() for call in calls for x in call], model.state_dict()

    (calls, state), (others, other) = run(eagerly), run(tl.compile)
    np.testing.assert_allclose(calls, others, rtol=1e-5)
    for key in state:
        np.testing.assert_allclose(state[key], other[key], rtol=1e-5, atol=1e-7)


def test_several_steps_of_the_optimizer_in_one_call():
    def scenario(compile):
        model = MODELS["MLP"]()
        optimizer = optim.Adam(model.parameters(), 0.01)
        once = trained_by(model, optimizer)

        @compile
        def step(x, y):
            for _ in range(3):
                loss = once(x, y)
            return loss

        for i in range(3):
            yield step(data(5, 4, seed=i), data(5, 3, seed=i)), model, optimizer

    both(scenario, programs=1)


def test_division_by_zero_where_nothing_is_stays_unseen():
    both(training(MODELS["MLP"], lambda p: optim.Adam(p, 0.01, eps=0)))


def test_two_optimizers_in_one_call():
    def scenario(compile):
        model = MODELS["MLP"]()
        first, last = model.layers[0].parameters(), model.layers[2].parameters()
        slow, fast = optim.SGD(first, 0.01, 0.9), optim.Adam(last, 0.1)

        @compile
        def step(x, y):
            model.zero_grad()
            loss = nn.mse_loss(model(x), y)
            loss.backward()
            slow.step()
            fast.step()
            return loss

        for i in range(3):
            yield step(data(5, 4, seed=i), data(5, 3, seed=i)), model, slow, fast

    both(scenario, programs=1)


def test_parameters_of_which_some_get_no_gradient():
    def scenario(compile):
        model, unused = MODELS["MLP"](), nn.Linear(2, 2)
        optimizer = optim.Adam([*unused.parameters(), *model.parameters()], 0.01)
        step = compile(trained_by(model, optimizer))
        for i in range(3):
            yield step(data(5, 4, seed=i), data(5, 3, seed=i)), model, unused, optimizer

    both(scenario, programs=1)


def test_parameters_of_two_dtypes():
    def scenario(compile):
        narrow, wide = nn.Linear(4, 6), nn.Linear(6, 3, dtype=np.float64)
        optimizer = optim.Adam([*narrow.parameters(), *wide.parameters()], 0.01)
        step = compile(trained_by(lambda x: wide(np.tanh(narrow(x))), optimizer))
        for i in range(3):
            yield step(data(5, 4, seed=i), data(5, 3, seed=i, dtype=float)), narrow, wide, optimizer

    both(scenario, programs=1)


def test_updates_written_by_hand():
    def scenario(compile):
        model = MODELS["MLP"]()

        @compile
        def step(x, y):
            model.zero_grad()
            loss = nn.mse_loss(model(x), y)
            loss.backward()
            with tl.no_grad():
                for p in model.parameters():
                    p -= 0.1 * p.grad
            return loss

        for i in range(3):
            yield step(data(5, 4, seed=i), data(5, 3, seed=i)), model

    both(scenario, programs=1)


def test_thousand_steps_of_a_small_mlp_follow_eager():
    def scenario(compile):
        model = tl.models.MLP([4, 8, 3], nn.Tanh)
        optimizer = optim.Adam(model.parameters(), 3e-3)
        step = compile(trained_by(model, optimizer, nn.cross_entropy_loss))
        x, y = data(64, 4), classes(64, 3)
        for i in range(1000):
            at = i * 16 % 64
            yield step(x[at : at + 16], y[at : at + 16])
        yield model, optimizer

    both(scenario, programs=1)
