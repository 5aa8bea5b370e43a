"""What a compiled function is given, and what it gives back: nested, of all shapes and dtypes."""

import gc
import tracemalloc
from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn

from .twins import begun, both, data, small, trained_by, x_and_y

Pair = namedtuple("Pair", "first second")


def test_arguments_and_results_however_they_are_nested():
    def scenario(compile):
        @compile
        def step(batch, *more, scale=2.0, name=None):
            first, (second, third) = batch["x"], batch["rest"]
            found = {"sum": first + second, "list": [third * scale, None, "text", 3.5]}
            return found, (more[0] - more[1],), name

        for i in range(3):
            a, b, c, d = (data(3, seed=i + j) for j in range(4))
            batch = {"x": a, "rest": [b, Tensor(c)]}
            yield step(batch, c, d)
            yield step(batch, c, d, name="n")
            yield step(batch, c, d, scale=Tensor(3.0), name="n")

    both(scenario, programs=3)


def test_containers_keep_their_types():
    step = tl.compile(lambda p: (Pair(p.second, p.first), OrderedDict(a=p.first * 2), [()], {}))
    for _ in range(2):
        pair, ordered, empty, nothing = step(Pair(data(2), data(3)))
        assert type(pair) is Pair and pair.first.shape == (3,)
        assert type(ordered) is OrderedDict and empty == [()] and nothing == {}


def test_order_of_keys_is_a_part_of_the_signature():
    def scenario(compile):
        step = compile(lambda batch: batch["a"] - batch["b"])
        a, b = data(3), data(3, seed=1)
        yield step({"a": a, "b": b}), step({"b": b, "a": a}), step({"a": b, "b": a})

    both(scenario)


@pytest.mark.parametrize("by_name", [False, True])
def test_arguments_by_position_and_by_name(by_name):
    def scenario(compile):
        step = compile(lambda x, y, *, z: x * y - z)
        for i in range(2):
            x, y, z = (data(3, seed=i + j) for j in range(3))
            yield step(y=y, z=z, x=x) if by_name else step(x, y, z=z)
            yield step(x=x, z=z, y=y) if by_name else step(x, y=y, z=z)

    both(scenario)


def test_numbers_of_python_make_programs_of_their_own():
    def scenario(compile):
        step = compile(lambda x, power, by=1.0: x**power * by)
        for _ in range(2):
            yield step(data(3), 2), step(data(3), 2.0), step(data(3), 3), step(data(3), 2, by=0.5)
            yield step(data(3), True), step(data(3), 1), step(data(3), 1.0)

    both(scenario)


@pytest.mark.parametrize("zeros", [(0.0, -0.0), (-0.0, 0.0)])
def test_zeros_of_both_signs_are_two_numbers(zeros):
    def scenario(compile):
        step = compile(lambda x, by: x * by)
        for by in zeros:
            yield step(np.ones(2), by)

    both(scenario)


def test_numbers_of_numpy_as_arguments():
    def scenario(compile):
        step = compile(lambda x, by: x * by)
        for by in (np.float32(2), np.float32(3), np.float64(3), np.int64(2)):
            yield step(data(3), by)

    both(scenario)


def test_nan_as_an_argument_makes_one_program():
    step = tl.compile(lambda x, by: x * by)
    for _ in range(3):
        step(np.ones(2), float("nan"))
    assert sum(map(len, step.versions.values())) == 1


def test_new_shapes_and_dtypes_make_new_programs():
    def scenario(compile):
        model, optimizer = begun()
        step = compile(trained_by(model, optimizer))
        for _ in range(2):
            for count in (5, 1, 7):
                yield step(data(count, 4), data(count, 3)), model, optimizer
        yield step(data(5, 4, dtype=float), data(5, 3)), model, optimizer

    both(scenario, programs=4)


SHAPES = {
    "rows": lambda x: np.ascontiguousarray(x),
    "columns": lambda x: np.asfortranarray(x),
    "every other": lambda x: np.repeat(x, 2, axis=0)[::2],
    "backwards": lambda x: x[::-1, ::-1],
    "a transpose": lambda x: np.ascontiguousarray(x.T).T,
    "broadcast": lambda x: np.broadcast_to(x[:1], x.shape),
    "unaligned": lambda x: _unaligned(x),
}


def _unaligned(x):
    memory = np.zeros(x.nbytes + 1, np.uint8)
    found = memory[1:].view(x.dtype).reshape(x.shape)
    found[...] = x
    return found


@pytest.mark.parametrize("later", SHAPES)
@pytest.mark.parametrize("first", SHAPES)
def test_arguments_in_any_order_of_memory(first, later):
    def scenario(compile):
        model, optimizer = begun()
        step = compile(trained_by(model, optimizer))
        for form in (first, later, first):
            yield step(SHAPES[form](data(5, 4)), SHAPES[form](data(5, 3))), model

    both(scenario, programs=1)


@pytest.mark.parametrize("later", SHAPES)
def test_order_of_memory_is_not_seen_in_what_is_reshaped(later):
    def scenario(compile):
        step = compile(
            lambda x: (x.reshape(-1), x.T.reshape(4, 6).sum(axis=0), (x * 2).reshape(8, 3))
        )
        for form in ("rows", later):
            yield step(SHAPES[form](data(4, 6)))

    both(scenario, programs=1)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64, np.int32, bool])
@pytest.mark.parametrize("shape", [(), (1,), (0,), (3,), (2, 0, 3), (2, 3)])
def test_arguments_of_any_shape_and_dtype(shape, dtype):
    def scenario(compile):
        step = compile(lambda x, y: (x + y, np.where(x > 0.5, x, y), (x * y).sum(), -(x * 1.5)))
        for seed in range(2):
            x, y = ((3 * abs(data(*shape, seed=seed + i))).astype(dtype) for i in range(2))
            yield step(np.asarray(x), np.asarray(y))

    both(scenario, programs=1)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_training_in_another_dtype(dtype):
    def scenario(compile):
        model = tl.models.MLP([4, 6, 3], nn.Tanh, dtype=dtype)
        optimizer = nn.optim.SGD(model.parameters(), 0.1, 0.9)
        step = compile(trained_by(model, optimizer))
        for i in range(3):
            x, y = x_and_y(i)
            yield step(x.astype(dtype), y.astype(dtype)), model, optimizer

    both(scenario, programs=1)


def test_empty_batch():
    def scenario(compile):
        model, optimizer = begun()
        step = compile(trained_by(model, optimizer, lambda z, y: (z - y).square().sum()))
        for _ in range(2):
            yield step(data(0, 4), data(0, 3)), model, optimizer

    both(scenario, programs=1)


# ---- whose memory is it --------------------------------------------------------------------------


def test_arguments_are_never_changed():
    model, optimizer = begun()
    step = tl.compile(trained_by(model, optimizer))
    pure = tl.compile(lambda x, y: (np.tanh(x * 2 + 1) - x, np.clip(y, 0, 1) + x[:, :3]))
    x, y = x_and_y()
    copies = x.copy(), y.copy()
    for _ in range(3):
        step(x, y), pure(x, y), step(Tensor(x, copy=False), y)
    np.testing.assert_array_equal(x, copies[0])
    np.testing.assert_array_equal(y, copies[1])


GIVING = {
    "an argument": lambda x, model: x,
    "the same twice": lambda x, model: (y := x + 1.0, y),
    "views": lambda x, model: ((y := x + 1.0), y.T, y[1], y[:, 1:], y.reshape(-1)),
    "views of an argument": lambda x, model: (x.T, x[0], x[..., None], x.reshape(-1)),
    "a broadcast": lambda x, model: np.broadcast_to(x[0] + 1.0, (3, 4)),
    "a parameter": lambda x, model: (model.layers[0].weight, x + 1.0),
    "a view of a parameter": lambda x, model: (model.layers[0].weight.T, model.layers[2].bias[1:]),
    "parts of the same": lambda x, model: np.split(np.tanh(x), 2, axis=1),
    "a detached one": lambda x, model: (x.detach(), (x * 2.0).detach()),
    "constants": lambda x, model: (tl.zeros(3), tl.ones(2) * 3.0, x),
    "entries in between": lambda x, model: (a := np.exp(x), b := a * 2.0, b + a, a, b),
}


@pytest.mark.parametrize("give", GIVING.values(), ids=GIVING)
def test_what_a_call_returned_stays_as_it_was(give):
    model, optimizer = begun()
    train = tl.compile(trained_by(model, optimizer))
    step = tl.compile(lambda x: give(x, model))
    kept = []
    for i in range(4):
        x = data(5, 4, seed=i)
        state = {key: value.copy() for key, value in model.state_dict().items()}
        found = step(x)
        found = list(found) if isinstance(found, tuple | list) else [found]
        copies = [t.numpy() for t in found]
        kept += zip(found, copies, strict=True)
        twin = small()
        twin.load_state_dict(state)
        wanted = give(Tensor(x), twin)
        wanted = list(wanted) if isinstance(wanted, tuple | list) else [wanted]
        for copy, t in zip(copies, wanted, strict=True):
            np.testing.assert_array_equal(copy, t.numpy())
        if give is not GIVING["a parameter"]:  # which is the parameter itself, and goes on
            train(*x_and_y(i))
        x[...] = -1
    for t, copy in kept:
        np.testing.assert_array_equal(t.numpy(), copy)


def test_parameter_that_is_returned_is_the_parameter():
    model = small()
    weight = model.layers[0].weight
    step = tl.compile(lambda x: (x + 1.0, weight, model.layers[2].bias))
    for _ in range(3):
        _, first, second = step(np.ones(2, np.float32))
        assert first is weight and second is model.layers[2].bias


def test_results_require_no_gradient_and_have_no_history():
    model = small()
    step = tl.compile(model)
    for _ in range(3):
        out = step(x_and_y()[0])
        assert not out.requires_grad and out.op is None


def test_results_can_be_used_as_arguments():
    def scenario(compile):
        step = compile(lambda x, y: (x * 0.5 + y, x - y))
        x, y = data(3), data(3, seed=1)
        for _ in range(5):
            x, y = step(x, y)
            yield x, y

    both(scenario, programs=1)


def test_same_array_as_two_arguments():
    def scenario(compile):
        step = compile(lambda x, y: (np.tanh(x) * y, x - y))
        x = data(3)
        yield step(x, x), step(x, x + 1), step(x + 1, x)
        t = Tensor(x)
        yield step(t, t), step(t, Tensor(x + 1))

    both(scenario)


def test_parameter_given_as_a_detached_argument():
    def scenario(compile):
        model, optimizer = begun()
        train = compile(trained_by(model, optimizer))
        step = compile(lambda w, x: x @ w)
        for i in range(3):
            yield train(*x_and_y(i)), step(model.layers[0].weight.detach(), data(2, 4))

    both(scenario)


def test_step_that_returns_nothing_runs_once():
    def scenario(compile):
        model, optimizer = begun()

        @compile
        def step(x, y):
            loss = nn.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        for i in range(3):
            yield step(*x_and_y(i)), model, optimizer

    both(scenario, programs=1)


def test_parameters_of_an_optimizer_that_are_returned():
    def scenario(compile):
        model, optimizer = begun()
        train = trained_by(model, optimizer)

        @compile
        def step(x, y):
            return train(x, y), model.parameters()

        for i in range(3):
            yield step(*x_and_y(i))

    both(scenario, programs=1)


def test_leaves_are_returned_as_they_were_before_they_were_written():
    def scenario(compile):
        model, optimizer = begun()
        train, first = trained_by(model, optimizer), model.layers[0].weight
        w = Tensor(data(3))

        @compile
        def step(x, y, z):
            before, old = first * 1, w * 1
            w.assign(z)
            return train(x, y), before, old, old.reshape(3, 1), w * 1

        for i in range(3):
            yield step(*x_and_y(i), data(3, seed=i + 7))

    both(scenario, programs=1)


def test_memory_of_a_parameter_as_an_argument():
    def scenario(compile):
        model, optimizer = begun()
        weight = model.layers[0].weight
        train = trained_by(model, optimizer)
        step = compile(lambda given, x, y: (train(x, y), given * 2))
        for i in range(3):
            yield step(weight.data, *x_and_y(i))
            yield step(weight.detach(), *x_and_y(i))

    both(scenario, programs=1)


def test_two_leaves_of_one_memory():
    def scenario(compile):
        leaf = Tensor(data(3))
        twin = leaf.detach()

        @compile
        def step(x):
            twin.assign(twin + x)
            leaf.assign(leaf * 2)
            return twin * 1, leaf * 1

        for i in range(3):
            yield step(data(3, seed=i)), leaf, twin

    both(scenario, programs=1)


def test_program_keeps_no_arrays_of_the_tracing_but_its_graph():
    size = 1_000_000
    step = tl.compile(lambda x: np.tanh(x).sum())
    tracemalloc.start()
    step(np.ones(size, np.float32))
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 5.5 * 4 * size  # x and tanh in the graph, each with its copy, and a buffer
    assert [s.name for s in step.optimized_graph] == ["np.tanh", "np.add.reduce"]
