"""What may change between calls of a compiled step: draws, modules, optimizers."""

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn

from .twins import begun, both, data, trained_by, x_and_y

optim = nn.optim


# ---- random numbers ------------------------------------------------------------------------------


def test_dropout_draws_anew_what_eager_would_draw():
    def scenario(compile):
        model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Dropout(0.25), nn.Linear(8, 3))
        optimizer = optim.SGD(model.parameters(), 0.1)
        step = compile(trained_by(model, optimizer))
        for i in range(4):
            yield step(*x_and_y(i)), model, tl.rand(2)

    both(scenario, programs=1)


def test_dropout_draws_from_a_generator_of_its_own():
    def scenario(compile):
        drop, other = nn.Dropout(0.5, rng=3), nn.Dropout(0.5, rng=4)
        step = compile(lambda x: (drop(x), other(x), drop(x)))
        for _ in range(4):
            yield step(np.ones(9, np.float32)), drop.rng.random(2)

    both(scenario, programs=1)


def test_same_draws_come_again_with_the_same_seed():
    drop = nn.Dropout(0.5)
    step = tl.compile(drop)
    found = []
    for seed in (5, 6, 5):
        tl.seed(seed)
        found.append([step(np.ones(50, np.float32)).numpy() for _ in range(2)])
    np.testing.assert_array_equal(found[0], found[2])
    assert not np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0][0], found[0][1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("draw", [tl.rand, tl.randn])
def test_draws_of_functions_are_in_order_and_never_merged(draw, dtype):
    def scenario(compile):
        def noise():
            return draw(3, 2, dtype=dtype)

        step = compile(lambda x: (x + noise(), x + noise(), x * draw(dtype=dtype)))
        for _ in range(3):
            yield step(np.ones((3, 2), dtype))

    both(scenario, programs=1)


def test_draw_that_nobody_uses_is_drawn():
    def scenario(compile):
        @compile
        def step(x):
            tl.rand(3) * 2
            return x + tl.rand(3)

        for _ in range(3):
            yield step(np.zeros(3, np.float32))

    both(scenario, programs=1)


def test_draws_of_a_number_as_generator_are_the_same_at_each_call():
    def scenario(compile):
        step = compile(lambda x: x + tl.randn(3, rng=7) - tl.rand_like(x, rng=7))
        for _ in range(3):
            yield step(np.zeros(3, np.float32))

    both(scenario, programs=1)


def test_draws_that_are_differentiated_by():
    def scenario(compile):
        @compile
        def step(x):
            noise = tl.randn(3, requires_grad=True)
            out = np.tanh(noise * x).sum()
            return out, out.gradient(noise)

        for i in range(3):
            yield step(data(3, seed=i))

    both(scenario, programs=1)


# ---- modules -------------------------------------------------------------------------------------


class RunningMean(nn.Module):
    """Subtracts a mean that it keeps, as normalisation does."""

    def __init__(self, size):
        self.mean = nn.Buffer(np.zeros(size, np.float32))
        self.count = nn.Buffer(np.zeros((), np.int64))

    def forward(self, x):
        if self.training:
            with tl.no_grad():
                self.mean.assign(0.9 * self.mean + 0.1 * x.mean(axis=0))
                self.count += 1
        return x - self.mean


def test_buffers_that_a_module_updates():
    def scenario(compile):
        model = nn.Sequential(nn.Linear(4, 3), RunningMean(3), nn.Linear(3, 3))
        optimizer = optim.Adam(model.parameters(), 0.01)
        step = compile(trained_by(model, optimizer))
        for i in range(3):
            yield step(*x_and_y(i)), model
        model.eval()
        for i in range(2):
            yield step(*x_and_y(i)), model
        model.train()
        yield step(*x_and_y()), model

    both(scenario, programs=2)


def test_each_mode_of_a_module_has_a_program():
    def scenario(compile):
        model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 3))
        step = compile(model)
        for mode in (True, False, True, False):
            model.train(mode)
            yield step(x_and_y()[0])
            model[1].train(not mode)
            yield step(x_and_y()[0])

    both(scenario, programs=4)


def test_parameters_frozen_between_calls_stay():
    def scenario(compile):
        model, optimizer = begun()
        step = compile(trained_by(model, optimizer))
        yield step(*x_and_y()), model
        for p in model.layers[0].parameters():
            p.requires_grad = False
        yield step(*x_and_y()), model, optimizer
        yield step(*x_and_y()), model, optimizer
        model.layers[0].bias.requires_grad = True
        yield step(*x_and_y()), model, optimizer

    both(scenario)


def test_replaced_parameters_modules_and_settings_are_seen():
    def scenario(compile):
        model = nn.Sequential(nn.Linear(4, 4, rng=1), nn.Dropout(0.5), nn.Linear(4, 3, rng=2))
        step = compile(model)
        x, _ = x_and_y()
        yield step(x)
        model[0].weight = nn.Parameter(data(4, 4, seed=9))
        yield step(x)
        model[0].bias = None
        yield step(x)
        model[1].p = 0.1
        yield step(x)
        setattr(model, "2", nn.Linear(4, 2, rng=3))
        yield step(x)
        setattr(model, "3", nn.Tanh())
        yield step(x)

    both(scenario, programs=6)


def test_layers_in_lists_and_dicts_are_seen():
    class Net(nn.Module):
        def __init__(self):
            self.layers = [nn.Linear(4, 4, rng=1)]
            self.heads = {"a": nn.Linear(4, 2, rng=2)}
            self.scales = [1.0]

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return {key: head(x) * self.scales[0] for key, head in self.heads.items()}

    def scenario(compile):
        net = Net()
        step = compile(net)
        x, _ = x_and_y()
        yield step(x)
        net.layers.append(nn.Linear(4, 4, rng=3))
        yield step(x)
        net.heads["b"] = nn.Linear(4, 1, rng=4)
        yield step(x)
        net.scales[0] = 2.0
        yield step(x)

    both(scenario, programs=4)


def test_weights_written_between_calls_are_used():
    def scenario(compile):
        model, optimizer = begun()
        step = compile(trained_by(model, optimizer))
        saved = model.state_dict()
        yield step(*x_and_y())
        rng = np.random.default_rng(0)
        weight = model.layers[0].weight
        weight.data = nn.init.glorot_uniform(weight.shape, rng=rng)
        yield step(*x_and_y()), model
        with tl.no_grad():
            weight *= 0.5
        yield step(*x_and_y()), model
        model.load_state_dict(saved)
        yield step(*x_and_y()), model, optimizer

    both(scenario, programs=1)


# ---- optimizers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [lambda p: optim.SGD(p, 0.1, 0.9), lambda p: optim.Adam(p, 0.01)])
def test_state_loaded_between_calls_is_used(kind):
    def scenario(compile):
        model, optimizer = begun(kind)
        step = compile(trained_by(model, optimizer))
        yield step(*x_and_y())
        saved = model.state_dict(), optimizer.state_dict()
        yield step(*x_and_y(1)), step(*x_and_y(2))
        model.load_state_dict(saved[0])
        optimizer.load_state_dict(saved[1])
        yield step(*x_and_y(1)), step(*x_and_y(2)), model, optimizer

    both(scenario)


def test_settings_of_an_optimizer_changed_between_calls_are_used():
    def scenario(compile):
        model, optimizer = begun()
        step = compile(trained_by(model, optimizer))
        yield step(*x_and_y())
        optimizer.momentum = 0.5
        yield step(*x_and_y()), model, optimizer
        optimizer.weight_decay = 0.1
        optimizer.nesterov = True
        yield step(*x_and_y()), model, optimizer

    both(scenario, programs=3)


def test_state_forgotten_between_calls_begins_anew():
    def scenario(compile):
        model, optimizer = begun(lambda p: optim.Adam(p, 0.01))
        step = compile(trained_by(model, optimizer))
        yield step(*x_and_y()), step(*x_and_y(1))
        optimizer.state = [{} for _ in optimizer.parameters]
        yield step(*x_and_y()), model, optimizer
        yield step(*x_and_y()), model, optimizer

    both(scenario)


@pytest.mark.parametrize("kind", [lambda p: optim.SGD(p, 0.1, 0.9), lambda p: optim.Adam(p, 0.01)])
def test_eager_steps_between_compiled_ones(kind):
    def scenario(compile):
        model, optimizer = begun(kind)
        eager = trained_by(model, optimizer)
        step = compile(eager)
        for i in range(3):
            x, y = x_and_y(i)
            yield step(x, y), eager(Tensor(x), Tensor(y)), step(x, y)
            yield model, optimizer

    both(scenario)


def test_optimizer_bound_anew_between_calls():
    def scenario(compile):
        model, optimizer = begun()

        @compile
        def step(x, y):
            optimizer.zero_grad()
            loss = nn.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        yield step(*x_and_y()), step(*x_and_y())
        first, optimizer = optimizer, optim.Adam(model.parameters(), 0.01)
        yield step(*x_and_y()), step(*x_and_y()), model, first, optimizer

    both(scenario)


def test_state_emptied_in_place_begins_anew():
    def scenario(compile):
        model, optimizer = begun()
        step = compile(trained_by(model, optimizer))
        yield step(*x_and_y()), step(*x_and_y(1))
        for entry in optimizer.state:
            entry.clear()
        yield step(*x_and_y()), model, optimizer
        optimizer.state[0]["v"] = np.ones((4, 6), np.float32)
        yield step(*x_and_y()), model, optimizer

    both(scenario)


def test_parameter_given_to_an_optimizer_later_is_trained():
    def scenario(compile):
        model, _ = begun()
        optimizer = optim.SGD(model.layers[2].parameters(), 0.1, 0.9)
        step = compile(trained_by(model, optimizer))
        yield step(*x_and_y()), model
        for p in model.layers[0].parameters():
            optimizer.parameters.append(p)
            optimizer.state.append({})
        yield step(*x_and_y()), step(*x_and_y(1)), model, optimizer

    both(scenario)


def test_draws_are_taken_back_where_the_function_itself_must_run():
    def scenario(compile):
        model, dropout = tl.models.MLP([4, 6, 3]), nn.Dropout(0.5)

        @compile
        def step(x, y):
            kept = tl.rand(5, 1)
            return nn.cross_entropy_loss(dropout(model(x)) * kept, y)

        x, _ = x_and_y()
        for last in (0, 1, 3, 2):
            try:
                yield step(x, np.array([0, 1, 2, 0, last]))
            except tl.errors.TinygradError as error:
                yield type(error).__name__
        yield tl.rand(3)

    both(scenario, programs=1)


def test_state_of_an_optimizer_is_loaded_without_a_new_program():
    model = tl.models.Adaline(3)
    optimizer = nn.optim.Adam(model.parameters(), lr=0.1)

    @tl.compile
    def step(x, y):
        loss = nn.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    x, y = np.ones((4, 3), np.float32), np.ones(4, np.float32)
    step(x, y), step(x, y)
    saved, weights = optimizer.state_dict(), model.state_dict()
    after = step(x, y).item(), model.weight.numpy()
    for _ in range(3):
        model.load_state_dict(weights)
        optimizer.load_state_dict(saved)
        assert step(x, y).item() == after[0]
        np.testing.assert_array_equal(model.weight.numpy(), after[1])
    assert repr(step) == "<compiled step: 1 program>"
