import numpy as np
import pytest

from tinygrad_lite import nn
from tinygrad_lite.errors import ArgumentError
from tinygrad_lite.nn import init

SHAPE = (300, 500)  # fan_in, fan_out: enough draws to tell the variance to a percent
SCALED = [init.glorot_uniform, init.glorot_normal, init.he_uniform, init.he_normal]
ALL = [init.uniform, init.normal, *SCALED]


def named(functions):
    return [function.__name__ for function in functions]


@pytest.mark.parametrize(
    ("function", "options", "mean", "variance"),
    [
        (init.uniform, {}, 0.5, 1 / 12),
        (init.uniform, {"low": -3, "high": 1}, -1, 16 / 12),
        (init.normal, {}, 0, 1),
        (init.normal, {"mean": 2, "std": 0.1}, 2, 0.01),
        (init.glorot_uniform, {}, 0, 2 / 800),
        (init.glorot_uniform, {"gain": 3}, 0, 9 * 2 / 800),
        (init.glorot_normal, {}, 0, 2 / 800),
        (init.glorot_normal, {"gain": 0.5}, 0, 0.25 * 2 / 800),
        (init.he_uniform, {}, 0, 2 / 300),
        (init.he_normal, {}, 0, 2 / 300),
    ],
)
def test_draws_have_the_mean_and_variance(function, options, mean, variance):
    values = function(SHAPE, **options, dtype=np.float64, rng=0)
    assert values.shape == SHAPE
    assert values.mean() == pytest.approx(mean, abs=4 * (variance / values.size) ** 0.5)
    assert values.var() == pytest.approx(variance, rel=0.02)


@pytest.mark.parametrize(
    ("function", "options", "low", "high"),
    [
        (init.uniform, {"low": -3, "high": 1}, -3, 1),
        (init.glorot_uniform, {}, -((6 / 800) ** 0.5), (6 / 800) ** 0.5),
        (init.he_uniform, {}, -((6 / 300) ** 0.5), (6 / 300) ** 0.5),
    ],
)
def test_uniform_draws_fill_their_bounds(function, options, low, high):
    values = function(SHAPE, **options, dtype=np.float64, rng=0)
    width = high - low
    assert low <= values.min() < low + width / 1000
    assert high - width / 1000 < values.max() < high


@pytest.mark.parametrize("function", [init.normal, init.glorot_normal, init.he_normal])
def test_normal_draws_have_the_tails(function):
    values = function(SHAPE, dtype=np.float64, rng=0)
    assert np.mean(np.abs(values) > 2 * values.std()) == pytest.approx(0.0455, abs=0.003)


@pytest.mark.parametrize("function", SCALED, ids=named(SCALED))
def test_shape_of_many_axes_has_its_fans_first_and_last(function):
    values = function((300, 2, 5), dtype=np.float64, rng=0)
    flat = function((300, 5), dtype=np.float64, rng=0)
    assert values.var() == pytest.approx(flat.var(), rel=0.15)


@pytest.mark.parametrize("function", ALL, ids=named(ALL))
def test_same_seed_draws_the_same(function):
    one, same, other = (function((3, 4), rng=seed).tolist() for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize("function", ALL, ids=named(ALL))
def test_generator_is_drawn_from_as_it_is(function):
    rng = np.random.default_rng(1)
    first, second = function((3, 4), rng=rng), function((3, 4), rng=rng)
    np.testing.assert_array_equal(first, function((3, 4), rng=1))
    assert (first != second).any()


@pytest.mark.parametrize("function", ALL, ids=named(ALL))
def test_dtype_is_float32_unless_asked_for(function):
    assert function((3, 4)).dtype == np.float32
    assert function((3, 4), dtype=np.float64).dtype == np.float64


def test_seed_gives_the_same_values_in_either_precision():
    single, double = (init.he_normal((3, 4), dtype=d, rng=0) for d in (np.float32, np.float64))
    np.testing.assert_array_equal(single, double.astype(np.float32))


@pytest.mark.parametrize("shape", [(), (3,), (0, 3), (3, 0)])
@pytest.mark.parametrize("function", SCALED, ids=named(SCALED))
def test_shape_without_fans_is_refused(function, shape):
    with pytest.raises(ArgumentError) as caught:
        function(shape)
    assert str(caught.value) == (
        "init: a shape of at least two axes, none empty, is needed to tell fan_in from fan_out, "
        f"not {shape}. Use init.uniform or init.normal."
    )


@pytest.mark.parametrize("rng", [-1, 1.5, "seed"])
def test_rng_that_is_none_is_refused(rng):
    with pytest.raises(ArgumentError, match=r"^rng must be a numpy\.random\.Generator, a seed of"):
        init.uniform((3,), rng=rng)


def test_values_can_be_assigned_to_a_layer():
    layer = nn.Linear(4, 3)
    values = init.glorot_uniform(layer.weight.shape, rng=0)
    layer.weight.data = values
    np.testing.assert_array_equal(layer.weight.numpy(), values)
    assert layer.weight.requires_grad
