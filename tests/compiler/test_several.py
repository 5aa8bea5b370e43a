"""Programs beside each other, over the same parameters; programs within others, and in threads."""

import threading

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn

from .twins import begun, both, data, small, trained_by, x_and_y

optim = nn.optim


@pytest.mark.parametrize("order", ["abab", "aabbab", "baab"])
def test_programs_over_overlapping_parameters(order):
    def scenario(compile):
        encoder, head, other = nn.Linear(4, 6), nn.Linear(6, 3), nn.Linear(6, 3)
        first = optim.Adam([*encoder.parameters(), *head.parameters()], 0.01)
        second = optim.SGD([*other.parameters(), *encoder.parameters()], 0.1, 0.9)
        steps = {
            "a": compile(trained_by(lambda x: head(np.tanh(encoder(x))), first)),
            "b": compile(trained_by(lambda x: other(np.tanh(encoder(x))), second)),
        }
        for i, which in enumerate(order):
            yield steps[which](*x_and_y(i)), encoder, head, other, first, second

    both(scenario)


def test_two_models_against_each_other():
    def scenario(compile):
        maker, judge = small(2, 6, 4), small(4, 6, 1)
        of_maker, of_judge = (
            optim.Adam(maker.parameters(), 0.01),
            optim.SGD(judge.parameters(), 0.1),
        )

        @compile
        def judged(real):
            of_judge.zero_grad()
            made = maker(tl.randn(5, 2)).detach()
            loss = tl.f.softplus(-judge(real)).mean() + tl.f.softplus(judge(made)).mean()
            loss.backward()
            of_judge.step()
            return loss

        @compile
        def improved():
            of_maker.zero_grad()
            loss = tl.f.softplus(-judge(maker(tl.randn(5, 2)))).mean()
            loss.backward()
            of_maker.step()
            judge.zero_grad()
            return loss

        for i in range(4):
            yield judged(x_and_y(i)[0]), improved(), maker, judge, of_maker, of_judge

    both(scenario)


def test_program_without_a_backward_pass_beside_one_that_trains():
    def scenario(compile):
        model, optimizer = begun()
        predict, step = compile(model), compile(trained_by(model, optimizer))
        x, y = x_and_y()
        for _ in range(3):
            yield predict(x), step(x, y), predict(x)

    both(scenario)


def test_two_compiled_steps_of_the_same_function():
    def scenario(compile):
        model, optimizer = begun()
        step, again = (compile(trained_by(model, optimizer)) for _ in range(2))
        for i in range(3):
            yield step(*x_and_y(i)), again(*x_and_y(i)), model, optimizer

    both(scenario)


def test_step_that_is_traced_is_seen_whole():
    model, optimizer = begun()
    step = tl.compile(trained_by(model, optimizer))
    arrays = x_and_y()
    before = [type(s).__name__ + s.name for s in tl.trace(trained_by(model, optimizer), *arrays)]
    for _ in range(2):  # before and after parameters were moved together
        step(*arrays)
        graph = tl.trace(step, *map(Tensor, arrays))
        assert [type(s).__name__ + s.name for s in graph] == before


def test_compiled_function_within_another():
    def scenario(compile):
        model, optimizer = begun()
        forward = compile(model)

        @compile
        def step(x, y):
            optimizer.zero_grad()
            loss = nn.mse_loss(forward(x), y)
            loss.backward()
            optimizer.step()
            return loss

        for i in range(3):
            yield step(*x_and_y(i)), model

    both(scenario)


def test_compiled_function_that_calls_itself():
    def scenario(compile):
        @compile
        def power(x, n):
            return x if n == 1 else x * power(x, n - 1)

        for n in (3, 1, 3):
            yield power(data(4), n)

    both(scenario)


def test_call_under_detect_anomaly_is_eager():
    model, optimizer = begun()
    step = tl.compile(trained_by(model, optimizer))
    x, y = x_and_y()
    step(x, y)
    x[0, 0] = np.nan
    with tl.detect_anomaly(), pytest.raises(tl.errors.AnomalyError):
        step(Tensor(x), Tensor(y))


def test_call_under_no_grad_has_a_program_of_its_own():
    def scenario(compile):
        model = small()
        weight = model.layers[0].weight

        @compile
        def slope(x):
            out = model(x).sum()
            return out.gradient(weight) if out.requires_grad else out

        for _ in range(2):
            yield slope(x_and_y()[0])
            with tl.no_grad():
                yield slope(x_and_y()[0])

    both(scenario, programs=2)


def test_threads_take_turns():
    model, optimizer = begun()
    twin, of_twin = small(), None
    twin.load_state_dict(model.state_dict())
    of_twin = optim.SGD(twin.parameters(), 0.1, 0.9)
    step, eager = tl.compile(trained_by(model, optimizer), exact=True), trained_by(twin, of_twin)
    x, y = x_and_y()
    failed = []

    def work():
        try:
            for _ in range(25):
                step(x, y)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    for _ in range(100):
        eager(Tensor(x), Tensor(y))
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy())
    assert optimizer.steps == 100


def test_results_of_threads_are_their_own():
    step = tl.compile(lambda x: np.tanh(x * 2.0) + x)
    found = {}

    def work(i):
        x = np.full(500, i / 10, np.float32)
        found[i] = [step(x).numpy() for _ in range(20)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, results in found.items():
        expected = np.tanh(np.float32(i / 10) * 2) + np.float32(i / 10)
        np.testing.assert_allclose(results, np.full((20, 500), expected), rtol=1e-6)
