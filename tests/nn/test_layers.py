import copy
import re

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.errors import ArgumentError, ShapeError

# ---- against PyTorch -----------------------------------------------------------------------------


def test_layer_and_its_gradient_are_those_of_pytorch(pytorch_layer):
    given = pytorch_layer.arrays
    x = tl.Tensor(given["x"], requires_grad=True)
    y = getattr(nn, pytorch_layer.kind)(**pytorch_layer.options)(x)
    np.testing.assert_allclose(y.numpy(), given["y"], rtol=1e-13)
    gradient = y.gradient(x, gradient=given["g"])
    np.testing.assert_allclose(gradient.numpy(), given["gradient"], rtol=1e-12, atol=1e-16)


def test_network_and_its_gradients_are_those_of_pytorch(pytorch_mlp):
    given = pytorch_mlp.arrays
    activation = getattr(nn, pytorch_mlp.kind)
    model = tl.models.MLP(pytorch_mlp.options["sizes"], activation, dtype=np.float64)
    paths = [name.removeprefix("value ") for name in given if name.startswith("value ")]
    model.load_state_dict({f"layers.{path}": given[f"value {path}"].T for path in paths})
    y = model(given["x"])
    loss = nn.cross_entropy_loss(y, given["classes"].astype(int))
    loss.backward()
    np.testing.assert_allclose(y.numpy(), given["y"], rtol=1e-12, atol=1e-14)
    assert loss.item() == pytest.approx(given["loss"], rel=1e-13)
    for path, parameter in model.named_parameters():
        expected = given[f"gradient {path.removeprefix('layers.')}"].T
        np.testing.assert_allclose(parameter.grad.numpy(), expected, rtol=1e-12, atol=1e-15)


# ---- Linear --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3), (0, 3)])
def test_linear_maps_the_last_axis(shape):
    layer = nn.Linear(3, 2, dtype=np.float64)
    x = np.random.default_rng(0).normal(size=shape)
    y = layer(tl.Tensor(x))
    assert y.shape == (*shape[:-1], 2)
    expected = x @ layer.weight.numpy() + layer.bias.numpy()
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-14)


def test_linear_without_bias_maps_zero_to_zero():
    layer = nn.Linear(3, 2, bias=False)
    assert [path for path, _ in layer.named_parameters()] == ["weight"]
    assert layer(tl.zeros(3)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_linear_has_the_dtype_it_is_given(dtype):
    layer = nn.Linear(3, 2, dtype=dtype)
    assert layer.weight.dtype == layer.bias.dtype == dtype
    assert layer(tl.ones(3, dtype=dtype)).dtype == dtype


def test_linear_starts_within_the_bound_of_its_inputs():
    layer = nn.Linear(16, 1000, rng=0)
    for values in (layer.weight.numpy(), layer.bias.numpy()):
        assert 0.24 < np.abs(values).max() <= 0.25
        assert abs(values.mean()) < 0.01


def test_linear_draws_from_the_generator_it_is_given():
    one, same, other = nn.Linear(3, 2, rng=1), nn.Linear(3, 2, rng=1), nn.Linear(3, 2, rng=2)
    assert one.weight.tolist() == same.weight.tolist() != other.weight.tolist()
    assert one.bias.tolist() == same.bias.tolist() != other.bias.tolist()


def test_linear_draws_from_the_common_generator_by_default():
    tl.seed(3)
    one, second = nn.Linear(3, 2), nn.Linear(3, 2)
    tl.seed(3)
    assert nn.Linear(3, 2).weight.tolist() == one.weight.tolist() != second.weight.tolist()


@pytest.mark.parametrize("sizes", [(0, 2), (3, -1), (3.0, 2), ("3", 2), (None, 2), (True, 2)])
def test_linear_refuses_sizes_that_are_no_positive_integers(sizes):
    with pytest.raises(ArgumentError) as caught:
        nn.Linear(*sizes)
    assert str(caught.value) == (
        "Linear: in_features and out_features must be integers of at least 1, "
        f"not {sizes[0]!r} and {sizes[1]!r}."
    )


def test_linear_takes_sizes_from_numpy():
    assert nn.Linear(np.int64(3), np.int32(2)).weight.shape == (3, 2)


def said(error):
    """A message's lines, without what stands after the place in the source."""
    return [line.split(", called at ")[0] for line in str(error.value).splitlines()]


def test_input_of_wrong_size_is_refused_with_its_shape_and_the_layers_path():
    model = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(6, 2))
    with pytest.raises(ShapeError) as caught:
        model(tl.ones(3, 4))
    lines = said(caught)
    x = next(i for i, line in enumerate(lines) if re.search(r" x +\(3, 5\)", line))
    assert lines[x + 1] == " " * lines[x].index("5") + "^"
    assert any(re.search(r"\(6, 2\) +2\.weight$", line) for line in lines)
    assert lines[-1] == "  in 2: Linear(6 → 2)"


def test_input_of_a_later_layer_is_refused_with_a_hint_at_the_skipped_one():
    class Skipping(nn.Module):
        def __init__(self):
            self.layers = [nn.Linear(4, 5), nn.Linear(5, 6), nn.Linear(6, 2)]

        def forward(self, x):
            return self.layers[2](self.layers[0](x))

    with pytest.raises(ShapeError) as caught:
        Skipping()(tl.ones(3, 4))
    assert said(caught)[-2:] == [
        "  in layers.2: Linear(6 → 2)",
        "  5 is the number of input features of layers.1: was layers.1 skipped?",
    ]
    assert "called at test_layers.py:" in str(caught.value)
    assert "return self.layers[2](self.layers[0](x))" in str(caught.value)


@pytest.mark.parametrize("bias", [True, False])
def test_number_is_no_input_of_linear(bias):
    with pytest.raises(ShapeError, match=r"in Linear\(3 → 2"):
        nn.Linear(3, 2, bias)(tl.Tensor(1.0))


# ---- Sequential ----------------------------------------------------------------------------------


def test_sequential_applies_its_modules_in_order():
    first, second = nn.Linear(2, 3), nn.Linear(3, 1)
    x = tl.ones(4, 2)
    expected = second(np.tanh(first(x)))
    assert nn.Sequential(first, nn.Tanh(), second)(x).tolist() == expected.tolist()


def test_empty_sequential_gives_what_it_takes():
    x = tl.ones(2)
    assert nn.Sequential()(x) is x


def test_sequential_is_a_sequence_of_its_modules():
    first, second = nn.Tanh(), nn.ReLU()
    model = nn.Sequential(first, second)
    assert len(model) == 2
    assert list(model) == [first, second]
    assert model[0] is first and model[-1] is second
    with pytest.raises(IndexError):
        model[2]


def test_more_than_ten_modules_stay_in_order():
    model = nn.Sequential(*[nn.Linear(1, i + 1) for i in range(12)])
    assert [module.out_features for module in model] == list(range(1, 13))


def test_module_that_occurs_twice_is_applied_twice():
    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data = [[3.0]]
    model = nn.Sequential(layer, layer)
    assert model(tl.ones(1)).tolist() == [9.0]
    assert len(model.parameters()) == 1


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (nn.ReLU, r"<class '.*ReLU'>"),
        (np.tanh, "<ufunc 'tanh'>"),
        (None, "None"),
    ],
)
def test_sequential_refuses_what_is_no_module(wrong, text):
    with pytest.raises(
        ArgumentError,
        match=rf"(?s)^Sequential takes Modules, not {text}: give ReLU\(\), not ReLU or np\.tanh\.$",
    ):
        nn.Sequential(nn.Linear(2, 3), wrong)


@pytest.mark.parametrize("wrong", [[nn.ReLU()], (nn.ReLU(), nn.Tanh()), []])
def test_sequential_refuses_a_list_with_the_mend(wrong):
    with pytest.raises(
        ArgumentError, match=r"not a (list|tuple): give them one by one: Sequential\(\*layers\)\.$"
    ):
        nn.Sequential(wrong)


def test_other_attributes_of_a_sequential_are_not_applied():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh())
    before = model(tl.ones(2)).tolist()
    model.act = nn.Softmax()
    assert model(tl.ones(2)).tolist() == before and len(model) == 2


def test_slice_of_a_sequential_is_one_of_the_same_modules():
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    part = model[1:]
    assert isinstance(part, nn.Sequential)
    assert list(part) == [model[1], model[2]]
    assert list(part.state_dict()) == ["1.weight", "1.bias"]


# ---- Softmax -------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_sums_to_one_along_its_axis(axis):
    y = nn.Softmax(axis)(tl.Tensor([[1000.0, 0.0, -1000.0], [1.0, 2.0, 3.0]]))
    np.testing.assert_allclose(y.numpy().sum(axis=axis), 1.0, rtol=1e-6)
    assert (y.numpy() >= 0).all()


# ---- Dropout -------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_drops_the_share_and_scales_the_rest(p):
    y = nn.Dropout(p, rng=0)(tl.ones(100_000, dtype=np.float64)).numpy()
    assert np.mean(y == 0) == pytest.approx(p, abs=0.01)
    np.testing.assert_allclose(y[y != 0], 1 / (1 - p), rtol=1e-15)


def test_gradient_of_dropout_is_its_mask():
    x = tl.ones(1000, dtype=np.float64)
    x.requires_grad = True
    y = nn.Dropout(0.3, rng=0)(x)
    assert y.gradient(x, gradient=np.ones(1000)).tolist() == y.tolist()


def test_dropout_changes_nothing_in_use():
    x = tl.randn(100)
    drop = nn.Dropout(0.5, rng=0)
    assert drop.eval()(x) is x
    assert drop.train()(x).tolist() != x.tolist()


def test_dropout_of_nothing_changes_nothing_and_draws_nothing():
    rng = np.random.default_rng(0)
    x = tl.ones(10)
    assert nn.Dropout(0, rng=rng)(x) is x
    assert rng.random() == np.random.default_rng(0).random()


def test_dropout_draws_another_mask_each_time():
    drop, x = nn.Dropout(0.5, rng=0), tl.ones(100)
    assert drop(x).tolist() != drop(x).tolist()


def test_dropout_with_the_same_seed_drops_the_same():
    x = tl.ones(100)
    one, same, other = (nn.Dropout(0.5, rng=seed)(x).tolist() for seed in (1, 1, 2))
    assert one == same != other


def test_dropout_draws_from_the_common_generator_by_default():
    drop, x = nn.Dropout(0.5), tl.ones(100)
    tl.seed(1)
    one = drop(x).tolist()
    tl.seed(1)
    assert drop(x).tolist() == one


def test_layers_of_one_seed_drop_differently_in_one_model():
    rng = np.random.default_rng(0)
    one, other = nn.Dropout(0.5, rng=rng), nn.Dropout(0.5, rng=rng)
    assert one(tl.ones(100)).tolist() != other(tl.ones(100)).tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dropout_keeps_the_dtype(dtype):
    assert nn.Dropout(0.5)(tl.ones(3, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize("p", [-0.1, 1, 1.0, float("nan")])
def test_dropout_refuses_a_share_out_of_range(p):
    with pytest.raises(
        ArgumentError, match=rf"^Dropout: p must be at least 0 and less than 1, not {p}\.$"
    ):
        nn.Dropout(p)


# ---- how they read -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (nn.Linear(784, 128), "Linear(784 → 128)"),
        (nn.Linear(3, 2, bias=False), "Linear(3 → 2, no bias)"),
        (nn.Dropout(0.2), "Dropout(0.2)"),
        (nn.ReLU(), "ReLU()"),
        (nn.Sequential(nn.ReLU(), nn.Tanh()), "Sequential(2 modules)"),
    ],
)
def test_summary_is_one_line(module, text):
    assert module.summary() == text


def test_copied_model_is_independent():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Dropout(0.5, rng=0))
    twin = copy.deepcopy(model)
    before = model[0].weight.numpy()
    twin[0].weight.data = np.zeros((2, 3))
    np.testing.assert_array_equal(model[0].weight.numpy(), before)
    assert isinstance(twin[0].weight, nn.Parameter) and twin[0].weight.requires_grad
