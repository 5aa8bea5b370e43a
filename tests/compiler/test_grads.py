"""Derivatives in compiled functions: of all kinds, begun with all kinds of seeds."""

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn

from .twins import begun, both, data, small, trained_by, x_and_y

f = tl.f


def loss_of(w, x):
    return np.tanh(x @ w).square().sum()


PURE = {
    "grad": lambda w, x: tl.grad(loss_of)(w, x),
    "grad by two": lambda w, x: tl.grad(loss_of, (0, 1))(w, x),
    "value_and_grad": lambda w, x: tl.value_and_grad(loss_of)(w, x),
    "vjp": lambda w, x: tl.vjp(lambda w: np.tanh(x @ w), w)[1](np.ones((5, 3))),
    "vjp, twice": lambda w, x: [tl.vjp(np.tanh, w)[1](v) for v in (w, 2 * w)],
    "jvp": lambda w, x: tl.jvp(lambda w: np.tanh(x @ w), (w,), (w * 0.5,)),
    "hvp": lambda w, x: tl.hvp(lambda w: loss_of(w, x), (w,), (w + 1.0,)),
    "grad of grad": lambda w, x: tl.grad(lambda w: tl.grad(loss_of)(w, x).square().sum())(w),
    "third": lambda w, x: tl.grad(lambda w: tl.hvp(lambda w: (w**4).sum(), (w,), (w,)).sum())(w),
    "jacobian": lambda w, x: tl.jacobian(lambda row: np.tanh(row @ w))(x[0]),
    "hessian": lambda w, x: tl.hessian(lambda v: np.tanh(v).prod())(w[0]),
    "of a dict": lambda w, x: tl.grad(lambda p: loss_of(p["w"], x) + p["b"].sum())(
        {"w": w, "b": x}
    ),
}


@pytest.mark.parametrize("fn", PURE.values(), ids=PURE)
def test_derivatives_of_functions(fn):
    def scenario(compile):
        step = compile(fn)
        for i in range(3):
            yield step(data(4, 3, seed=i, dtype=float), data(5, 4, seed=i + 9, dtype=float))

    both(scenario, programs=1)


@pytest.mark.parametrize("fn", [tl.grad(loss_of), tl.value_and_grad(loss_of)], ids=str)
def test_derivatives_that_are_compiled_themselves(fn):
    def scenario(compile):
        step = compile(fn)
        for i in range(3):
            yield step(data(4, 3, seed=i), data(5, 4, seed=i + 9))

    both(scenario, programs=1)


def test_descent_by_functions_of_arrays():
    def scenario(compile):
        @compile
        def step(params, x, y):
            def loss(params):
                return (x @ params["w"] + params["b"] - y).square().mean()

            value, gradients = tl.value_and_grad(loss)(params)
            return value, {key: params[key] - 0.1 * gradients[key] for key in params}

        params = {"w": data(4, 3), "b": np.zeros(3, np.float32)}
        for i in range(5):
            value, params = step(params, *x_and_y(i))
            yield value, params

    both(scenario, programs=1)


def test_gradient_by_leaves_and_results():
    def scenario(compile):
        model = small()

        @compile
        def step(x):
            h = model.layers[0](x)
            out = model.layers[2](np.tanh(h)).square().sum()
            return out.gradient(h, model.layers[0].weight, *model.layers[2].parameters())

        for i in range(3):
            yield step(x_and_y(i)[0])

    both(scenario, programs=1)


def test_penalty_on_gradients():
    def scenario(compile):
        model, optimizer = begun()

        @compile
        def step(x, y):
            optimizer.zero_grad()
            loss = nn.mse_loss(model(x), y)
            found = loss.gradient(*model.parameters(), create_graph=True)
            penalised = loss + 0.1 * sum(g.square().sum() for g in found)
            penalised.backward()
            optimizer.step()
            return loss, penalised

        for i in range(3):
            yield step(*x_and_y(i)), model, optimizer

    both(scenario, programs=1)


WEIGHTS = data(5, 3, seed=77)
SEEDS = {
    "an argument": lambda out, v: v,
    "computed of an argument": lambda out, v: np.tanh(v) * 2.0,
    "computed of the result": lambda out, v: out.detach() * 0.5,
    "an array": lambda out, v: WEIGHTS,
    "an array of another dtype": lambda out, v: WEIGHTS.astype(np.float64),
    "ones": lambda out, v: np.ones(out.shape, np.float32),
    "a Tensor": lambda out, v: tl.ones(5, 3) * 0.25,
    "random": lambda out, v: tl.randn(5, 3),
}


@pytest.mark.parametrize("seed", SEEDS.values(), ids=SEEDS)
def test_backward_begins_with_what_it_is_given(seed):
    def scenario(compile):
        model, optimizer = begun()

        @compile
        def step(x, v):
            optimizer.zero_grad()
            out = model(x)
            out.backward(seed(out, v))
            optimizer.step()
            return out

        for i in range(3):
            yield step(*x_and_y(i)), model, optimizer

    both(scenario, programs=1)


def test_array_that_a_backward_pass_begins_with_is_read_anew():
    weights = np.ones(3, np.float32)

    def scenario(compile):
        weights[:] = 1
        w = Tensor([1.0, 2.0, 3.0], requires_grad=True)
        step = compile(lambda x: (w * x).gradient(w, gradient=weights))
        for i in range(3):
            weights[i] = 10
            yield step(data(3, seed=i))

    both(scenario, programs=1)


# ---- `grad` --------------------------------------------------------------------------------------


def test_grad_is_none_after_a_compiled_step():
    model, optimizer = begun()
    step = tl.compile(trained_by(model, optimizer))
    for _ in range(3):
        step(*x_and_y())
        assert all(p.grad is None for p in model.parameters())


def test_gradients_that_were_there_are_added_to():
    def scenario(compile):
        model, optimizer = begun()

        @compile
        def step(x, y):
            loss = nn.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            return loss

        for i in range(4):
            if i != 2:  # or none is there
                nn.mse_loss(model(Tensor(data(2, 4, seed=i))), data(2, 3, seed=i)).backward()
            yield step(*x_and_y(i)), model, optimizer

    both(scenario)


def test_gradients_that_were_there_are_read():
    def scenario(compile):
        w = Tensor([1.0, 2.0], requires_grad=True)
        step = compile(lambda x: x * w.grad)
        for i in range(3):
            w.grad = data(2, seed=i)
            yield step(data(2)), w.grad

    both(scenario)


def test_program_that_only_looks_forward_leaves_gradients_alone():
    def scenario(compile):
        model, optimizer = begun()
        predict = compile(lambda x: model(x))
        for i in range(3):
            x, y = x_and_y(i)
            nn.mse_loss(model(Tensor(x)), y).backward()
            yield predict(x), [p.grad for p in model.parameters()]
            optimizer.step()
            optimizer.zero_grad()
            yield model

    both(scenario, programs=1)


def test_several_backward_passes_before_a_step():
    def scenario(compile):
        model, optimizer = begun()

        @compile
        def step(x, y):
            optimizer.zero_grad()
            losses = []
            for part in (slice(0, 2), slice(2, 5)):
                loss = nn.mse_loss(model(x[part]), y[part]) / 2
                loss.backward()
                losses.append(loss)
            optimizer.step()
            return losses

        for i in range(3):
            yield step(*x_and_y(i)), model, optimizer

    both(scenario, programs=1)


def test_gradients_read_and_written_between_backward_and_step():
    def scenario(compile):
        model, optimizer = begun()

        @compile
        def step(x, y):
            optimizer.zero_grad()
            nn.mse_loss(model(x), y).backward()
            norms = [p.grad.square().sum() for p in model.parameters()]
            for p in model.parameters():
                p.grad = p.grad * 0.5 + 0.01
            optimizer.step()
            return norms, [p.grad * 1.0 for p in model.parameters()]

        for i in range(3):
            yield step(*x_and_y(i)), model, optimizer

    both(scenario, programs=1)


def test_retained_gradients_of_results():
    def scenario(compile):
        model = small()

        @compile
        def step(x):
            model.zero_grad()
            h = model.layers[0](x).retain_grad()
            np.tanh(h).sum().backward()
            return h.grad, model.layers[0].bias.grad * 1.0

        for i in range(2):
            yield step(x_and_y(i)[0])

    both(scenario, programs=1)


def test_operation_of_the_users_with_gradients():
    cube = tl.op(lambda x: x * x * x, x=lambda g, out, x: g * 3 * x * x)

    def scenario(compile):
        w = Tensor([1.0, 2.0], requires_grad=True)
        step = compile(lambda x: (out := (cube(w) * x).sum(), out.gradient(w)))
        for i in range(3):
            yield step(data(2, seed=i))

    both(scenario, programs=1)


@pytest.mark.parametrize("options", [{}, {"check": True}])
def test_gradients_that_are_asked_for_are_there_whatever_ran(options):
    model = tl.models.MLP([4, 3])

    def step(x, y):
        model.zero_grad()
        loss = nn.cross_entropy_loss(model(x), y)
        loss.backward()
        return loss, model(x) > 0

    compiled = tl.compile(step, grads=True, exact=True, **options)
    x, y = data(2, 4), np.array([0, 2])
    for _ in range(3):
        loss, _ = compiled(x, y)
        found = [p.grad.numpy() for p in model.parameters()]
        assert not loss.requires_grad and loss.op is None
        step(Tensor(x), Tensor(y))
        for g, p in zip(found, model.parameters(), strict=True):
            np.testing.assert_array_equal(g, p.grad.numpy())
