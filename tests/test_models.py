from itertools import pairwise

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.errors import ArgumentError, ShapeError
from tinygrad_lite.models import MLP, Adaline

# ---- Adaline -------------------------------------------------------------------------------------


def line_with_noise(n=40, features=3):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, features))
    return x, x @ rng.normal(size=features) + 0.7 + 0.1 * rng.normal(size=n)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3), (0, 3)])
def test_adaline_gives_one_number_for_each_row(shape, bias):
    model = Adaline(3, bias, dtype=np.float64)
    model.weight.data = [1.0, -2.0, 0.5]
    if bias:
        model.bias.data = 0.25
    x = np.random.default_rng(0).normal(size=shape)
    y = model(tl.Tensor(x))
    assert y.shape == shape[:-1]
    expected = x @ np.array([1.0, -2.0, 0.5]) + 0.25 * bias
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-14, atol=1e-15)


def test_adaline_starts_at_zero():
    state = Adaline(3).state_dict()
    assert {path: array.tolist() for path, array in state.items()} == {
        "weight": [0.0, 0.0, 0.0],
        "bias": 0.0,
    }


def test_adaline_without_bias_has_weights_alone():
    model = Adaline(3, bias=False)
    assert list(model.state_dict()) == ["weight"]
    assert model.bias is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adaline_has_the_dtype_it_is_given(dtype):
    model = Adaline(3, dtype=dtype)
    assert (
        model(tl.ones(2, 3, dtype=dtype)).dtype == model.weight.dtype == model.bias.dtype == dtype
    )


def test_adaline_refuses_rows_of_another_length():
    with pytest.raises(ShapeError) as caught:
        Adaline(3)(tl.ones(5, 4))
    assert "in Adaline(3 → 1), called at test_models.py:" in str(caught.value)


@pytest.mark.parametrize("bias", [True, False])
def test_adaline_by_autograd_and_sgd_is_the_lms_rule_at_every_step(bias):
    mu = 0.02
    x, target = line_with_noise()
    model = Adaline(3, bias, dtype=np.float64)
    optimizer = nn.optim.SGD(model.parameters(), lr=mu)
    w, b = np.zeros(3), 0.0
    for row, t in zip(np.tile(x, (5, 1)), np.tile(target, 5), strict=True):
        optimizer.zero_grad()
        (0.5 * (model(tl.Tensor(row)) - t) ** 2).backward()
        optimizer.step()

        error = t - (w @ row + b)  # Widrow's and Hoff's rule, by hand
        w = w + mu * error * row
        b = b + mu * error * bias
        np.testing.assert_allclose(model.weight.numpy(), w, rtol=1e-12, atol=1e-14)
        if bias:
            assert model.bias.item() == pytest.approx(b, rel=1e-12, abs=1e-14)
    assert np.abs(w).min() > 0.1  # it has gone somewhere


def test_squared_error_without_the_half_is_the_lms_rule_of_twice_the_rate():
    x, target = line_with_noise()
    model = Adaline(3, bias=False, dtype=np.float64)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.01)
    w = np.zeros(3)
    for row, t in zip(x, target, strict=True):
        optimizer.zero_grad()
        nn.mse_loss(model(tl.Tensor(row)), t).backward()
        optimizer.step()
        w = w + 0.02 * (t - w @ row) * row
        np.testing.assert_allclose(model.weight.numpy(), w, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("bias", [True, False])
def test_adaline_on_all_rows_converges_to_least_squares(bias):
    x, target = line_with_noise()
    model = Adaline(3, bias, dtype=np.float64)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.3)
    for _ in range(400):
        optimizer.zero_grad()
        nn.mse_loss(model(tl.Tensor(x)), target).backward()
        optimizer.step()
    columns = np.hstack([x, np.ones((len(x), 1))]) if bias else x
    solution = np.linalg.lstsq(columns, target)[0]
    np.testing.assert_allclose(model.weight.numpy(), solution[:3], rtol=1e-12)
    if bias:
        assert model.bias.item() == pytest.approx(solution[3], rel=1e-12)


def test_adaline_reads_as_what_it_is():
    assert repr(Adaline(3)).splitlines()[0] == "Adaline(3 → 1): 4 parameters"
    assert repr(Adaline(3, bias=False)).splitlines()[0] == "Adaline(3 → 1): 3 parameters"


# ---- MLP -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "count"), [([784, 128, 10], 101_770), ([2, 1], 3), ((3, 5, 4, 2), 54)]
)
def test_mlp_has_the_parameters_of_its_sizes(sizes, count):
    model = MLP(sizes)
    assert sum(p.size for p in model.parameters()) == count
    shapes = [m.weight.shape for m in model.layers if isinstance(m, nn.Linear)]
    assert shapes == list(pairwise(sizes))


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.Sigmoid])
def test_mlp_has_its_activation_between_layers_but_not_after_the_last(activation):
    model = MLP([2, 3, 4, 1], activation)
    kinds = [type(module) for module in model.layers]
    assert kinds == [nn.Linear, activation, nn.Linear, activation, nn.Linear]


def test_mlp_is_relu_by_default():
    assert isinstance(MLP([2, 3, 1]).layers[1], nn.ReLU)


def test_activation_may_be_any_callable_that_makes_a_module():
    model = MLP([2, 3, 3, 1], lambda: nn.Softmax(axis=-1))
    assert isinstance(model.layers[1], nn.Softmax)
    assert model.layers[1] is not model.layers[3]


def test_mlp_computes_layer_after_layer():
    model = MLP([2, 3, 1], nn.Tanh, dtype=np.float64, rng=0)
    x = np.random.default_rng(0).normal(size=(4, 5, 2))
    first, _, last = model.layers
    hidden = np.tanh(x @ first.weight.numpy() + first.bias.numpy())
    expected = hidden @ last.weight.numpy() + last.bias.numpy()
    np.testing.assert_allclose(model(tl.Tensor(x)).numpy(), expected, rtol=1e-13, atol=1e-15)


def values(model):
    return [p.tolist() for p in model.parameters()]


def test_mlp_of_the_same_seed_is_the_same():
    one, same, other = (MLP([2, 3, 1], rng=seed) for seed in (1, 1, 2))
    assert values(one) == values(same)
    assert all(a != b for a, b in zip(values(one), values(other), strict=True))


def test_mlp_draws_from_the_common_generator_by_default():
    tl.seed(5)
    one = values(MLP([2, 3, 1]))
    tl.seed(5)
    assert values(MLP([2, 3, 1])) == one != values(MLP([2, 3, 1]))


@pytest.mark.parametrize("rng", [None, 0])
def test_layers_of_one_size_get_different_draws(rng):
    tl.seed(0)
    model = MLP([4, 4, 4, 4], rng=rng)
    drawn = values(model)
    assert len({str(parameter) for parameter in drawn}) == len(drawn) == 6


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mlp_has_the_dtype_it_is_given(dtype):
    model = MLP([2, 3, 1], dtype=dtype)
    assert {p.dtype for p in model.parameters()} == {np.dtype(dtype)}
    assert model(tl.ones(2, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize("sizes", [[], [3], (5,)])
def test_mlp_of_less_than_two_sizes_is_refused(sizes):
    with pytest.raises(ArgumentError) as caught:
        MLP(sizes)
    assert str(caught.value) == f"MLP: sizes must name at least input and output, not {sizes!r}."


@pytest.mark.parametrize(
    "activation", [np.tanh, tl.f.relu, lambda: np.tanh, lambda: None, nn.Tanh(), "tanh"]
)
def test_activation_that_makes_no_module_is_refused(activation):
    with pytest.raises(ArgumentError) as caught:
        MLP([2, 3, 1], activation)
    assert str(caught.value) == (
        "MLP: activation must make a module each time it is called, as nn.Tanh does, "
        f"not {activation!r}."
    )


def test_mlp_of_a_size_of_zero_is_refused():
    with pytest.raises(ArgumentError, match="must be integers of at least 1, not 3 and 0"):
        MLP([2, 3, 0])


def test_mlp_reads_as_what_it_is():
    assert repr(MLP([784, 128, 10])).splitlines() == [
        "MLP(784 → 128 → 10): 101,770 parameters",
        "  layers.0  Linear(784 → 128): 100,480 parameters",
        "  layers.1  ReLU()",
        "  layers.2  Linear(128 → 10): 1,290 parameters",
    ]


@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU])
@pytest.mark.parametrize("seed", [0, 1])
def test_mlp_learns_xor(activation, seed):
    x = tl.Tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    target = np.array([[0.0], [1.0], [1.0], [0.0]], np.float32)
    model = MLP([2, 16, 1], activation, rng=seed)
    optimizer = nn.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        loss = nn.bce_with_logits_loss(model(x), target)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05
    assert (model(x).numpy() > 0).tolist() == (target > 0.5).tolist()


def test_one_layer_does_not_learn_xor():
    x = tl.Tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    target = np.array([[0.0], [1.0], [1.0], [0.0]], np.float32)
    model = MLP([2, 1], rng=0)
    optimizer = nn.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        loss = nn.bce_with_logits_loss(model(x), target)
        loss.backward()
        optimizer.step()
    assert loss.item() == pytest.approx(np.log(2), abs=0.01)
