"""What can't be compiled is refused, with its line and the mend; what is wrong, as by eager."""

import inspect

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.errors import (
    ArgumentError,
    BoundsError,
    GradientError,
    OperationError,
    ShapeError,
)

from .twins import begun, classes, data, small, trained_by, x_and_y

TABLE = np.arange(10.0)


def branch(x):
    if x.sum() > 1:  # MARK
        return x
    return -x


def number(x):
    return x * float(x.sum())  # MARK


def item(x):
    return x * x.sum().item()  # MARK


def array(x):
    return Tensor(x.numpy() * 2)  # MARK


def looked_at(x):
    return Tensor(np.asarray(x) * 2)  # MARK


def masked(x):
    return x[x > 0].sum()  # MARK


def nonzero(x):
    return np.nonzero(x)[0] * 2  # MARK


def repeated(x):
    return np.repeat(x, x.astype(np.int64))  # MARK


def counted(x):
    return x * sum(1 for row in x if row > 0)  # MARK


def formatted(x):
    return x * len(f"{x.sum():.3f}")  # MARK


def data_of(x):
    return x * x.data.max()  # MARK


REFUSED = [
    branch,
    number,
    item,
    array,
    looked_at,
    masked,
    nonzero,
    repeated,
    counted,
    data_of,
]


@pytest.mark.parametrize("fn", REFUSED, ids=lambda fn: fn.__name__)
def test_what_leaves_the_computation_is_refused_with_its_line(fn):
    source = inspect.getsource(fn)
    line = next(line for line in source.splitlines() if "# MARK" in line).partition("  # MARK")[0]
    step = tl.compile(fn)
    for _ in range(2):  # nor is half a program left
        with pytest.raises(OperationError) as caught:
            step(np.ones(3))
        text = str(caught.value)
        assert "test_refusals.py" in text and line.strip() in text, text
        assert len(text.splitlines()) > 1  # the mend


def test_array_indexed_by_a_tensor_is_refused_with_the_mend():
    step = tl.compile(lambda x: TABLE[x.astype(np.int64)])
    with pytest.raises(OperationError, match=r"Tensor\(array\)\[t\]"):
        step(np.ones(3))


def generating(x):
    yield x


async def waiting(x):
    return x


@pytest.mark.parametrize("fn", [generating, waiting])
def test_function_that_runs_in_pieces_is_refused(fn):
    with pytest.raises(ArgumentError, match="generator or a coroutine"):
        tl.compile(fn)(np.ones(2))


def test_argument_that_requires_a_gradient_is_refused():
    step = tl.compile(lambda x: x * 2)
    for _ in range(2):
        with pytest.raises(GradientError, match="detach"):
            step(Tensor([1.0], requires_grad=True))
        step(np.ones(1, np.float32))


def test_unknown_passes_are_refused():
    with pytest.raises(ArgumentError, match=r"no pass 'speed'.*constants"):
        tl.compile(lambda x: x, passes=["constants", "speed"])


@pytest.mark.parametrize("fn", [3, None, "step"])
def test_what_is_no_function_is_refused(fn):
    if fn is None:
        assert callable(tl.compile(fn))  # a decorator
        return
    with pytest.raises(ArgumentError, match="function"):
        tl.compile(fn)


def test_wrong_arguments_are_refused_by_name():
    step = tl.compile(lambda x, y: x + y)
    with pytest.raises(ArgumentError, match="missing a required argument: 'y'"):
        step(np.ones(2))


def test_function_without_tensors_is_refused():
    with pytest.raises(ArgumentError, match="Tensor"):
        tl.compile(lambda n: n + 1)(2)


def test_program_that_is_not_there_yet_says_so():
    step = tl.compile(lambda x: x * 2)
    with pytest.raises(OperationError, match="first call"):
        step.source  # noqa: B018


def test_error_within_the_function_is_the_functions():
    def step(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        tl.compile(step)(np.ones(2))


def test_shapes_that_do_not_fit_are_refused_as_by_eager():
    model, optimizer = begun()
    step = tl.compile(trained_by(model, optimizer))
    step(*x_and_y())
    before = model.state_dict()
    with pytest.raises(ShapeError, match="Linear"):
        step(data(5, 3), data(5, 3))
    with pytest.raises(ShapeError, match="MSELoss"):
        step(data(5, 4), data(5, 1))
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[key])
    step(*x_and_y())


# ---- at a later call -----------------------------------------------------------------------------


def as_it_was(model, optimizer):
    return (
        model.state_dict()
        | {
            f"{i}.{key}": x
            for i, entry in enumerate(optimizer.state_dict()["state"])
            for key, x in entry.items()
        }
        | {"steps": optimizer.steps}
    )


@pytest.mark.parametrize("wrong", [3, 1000, -1, -4])
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_class_out_of_range_is_refused_and_nothing_is_written(wrong, kind):
    model = small()
    optimizer = getattr(nn.optim, kind)(model.parameters(), lr=0.1)
    step = tl.compile(trained_by(model, optimizer, nn.cross_entropy_loss))
    x, y = data(5, 4), classes(5, 3)
    for _ in range(2):
        step(x, y)
    before = as_it_was(model, optimizer)
    bad = y.copy()
    bad[2] = wrong
    with pytest.raises(BoundsError, match=rf"class {wrong} at target\[2\]"):
        step(x, bad)
    after = as_it_was(model, optimizer)
    assert before.keys() == after.keys()
    for key in before:
        np.testing.assert_array_equal(after[key], before[key])
    step(x, y)


@pytest.mark.parametrize("wrong", [-0.1, 1.5, np.nan])
def test_target_that_is_no_probability_is_refused(wrong):
    model, optimizer = begun()
    step = tl.compile(trained_by(model, optimizer, nn.bce_with_logits_loss))
    x, y = data(5, 4), (data(5, 3) > 0).astype(np.float32)
    step(x, y)
    before = as_it_was(model, optimizer)
    y[1, 1] = wrong
    with pytest.raises(BoundsError, match="probabilities"):
        step(x, y)
    after = as_it_was(model, optimizer)
    for key in before:
        np.testing.assert_array_equal(after[key], before[key])


@pytest.mark.parametrize("wrong", [4, -5])
def test_index_out_of_range_is_refused_as_by_eager(wrong):
    step = tl.compile(lambda x, i: x[i] * 2)
    x = data(4, 2)
    for i in (np.array([0, -1]), np.array([3, -4])):
        np.testing.assert_array_equal(step(x, i).numpy(), x[i] * 2)
    with pytest.raises(BoundsError):
        step(x, np.array([0, wrong]))


def test_schedule_steps_once_where_a_call_is_refused():
    model = small()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    schedule = nn.optim.ExponentialLR(optimizer, 0.5)
    train = trained_by(model, optimizer, nn.cross_entropy_loss)

    @tl.compile
    def step(x, y):
        schedule.step()
        return train(x, y)

    x, y = data(5, 4), classes(5, 3)
    step(x, y), step(x, y)
    assert schedule.count == 2
    with pytest.raises(BoundsError):
        step(x, y + 3)
    assert schedule.count == 3  # as eagerly: it came before the loss


def test_matrix_without_an_inverse_is_refused_as_by_eager():
    step = tl.compile(lambda a: np.linalg.inv(a))
    step(np.eye(2)), step(2 * np.eye(2))
    with pytest.raises(tl.errors.TinygradError) as caught:
        step(np.ones((2, 2)))
    with pytest.raises(type(caught.value)):
        np.linalg.inv(Tensor(np.ones((2, 2))))


def test_gradients_without_a_norm_are_refused_at_a_later_call():
    model, optimizer = begun()

    @tl.compile
    def step(x, y):
        optimizer.zero_grad()
        loss = nn.mse_loss(model(x), y)
        loss.backward()
        nn.optim.clip_gradient_norm(model.parameters(), 1.0)
        optimizer.step()
        return loss

    x, y = x_and_y()
    step(x, y)
    x[0] = np.nan
    with pytest.raises(GradientError, match="norm of the gradients is nan"):
        step(x, y)


def test_seed_within_a_compiled_function_is_refused():
    @tl.compile
    def step(x):
        tl.seed(0)
        return x * tl.rand(2)

    with pytest.raises(OperationError, match="Seed before the call"):
        step(np.ones(2))


def test_program_that_fails_where_the_function_does_not_is_told_of():
    @tl.compile
    def step(x, i):
        try:
            return x[i]
        except BoundsError:
            return x[0]

    x = np.arange(3.0)
    step(x, np.array(1))
    with pytest.warns(UserWarning, match="the program of step failed, with IndexError"):
        assert step(x, np.array(9)).item() == 0.0
    assert step(x, np.array(2)).item() == 2.0
