import numpy as np
import pytest

from tinygrad_lite import nn
from tinygrad_lite.errors import ArgumentError, GradientError
from tinygrad_lite.nn.optim import clip_gradient_norm, clip_gradient_value


def parameter(gradient, dtype=np.float64):
    p = nn.Parameter(np.zeros(np.shape(gradient), dtype))
    p.grad = gradient
    return p


def test_clipped_gradients_are_those_of_pytorch(pytorch_clip):
    given, limit = pytorch_clip.arrays, pytorch_clip.options["limit"]
    parameters = [parameter(given["g0"]), parameter(given["g1"])]
    norm = getattr(nn.optim, pytorch_clip.kind)(parameters, limit)
    scale = 1.0
    if pytorch_clip.kind == "clip_gradient_norm":
        assert norm == pytest.approx(given["norm"], rel=1e-14)
        if norm > limit:
            scale = (norm + 1e-6) / norm  # PyTorch divides by a norm that much larger
    for i, p in enumerate(parameters):
        expected = scale * given[f"clipped{i}"]
        np.testing.assert_allclose(p.grad.numpy(), expected, rtol=1e-13)


def test_norm_after_clipping_is_the_bound():
    parameters = [parameter([3.0, 4.0]), parameter([[12.0]])]
    assert clip_gradient_norm(parameters, 1.0) == 13.0
    assert clip_gradient_norm(parameters, 1.0) == pytest.approx(1.0, rel=1e-15)


def test_small_gradients_are_left_bit_for_bit():
    p = parameter([0.1, 0.2])
    gradient = p.grad
    clip_gradient_norm([p], 0.5)
    clip_gradient_value([p], 0.5)
    assert p.grad.tolist() == [0.1, 0.2]
    assert gradient.tolist() == [0.1, 0.2]


def test_array_of_the_gradient_that_was_read_before_stays():
    p = parameter([3.0, 4.0])
    before = p.grad
    clip_gradient_norm([p], 1.0)
    assert before.tolist() == [3.0, 4.0]


@pytest.mark.parametrize("clip", [clip_gradient_norm, clip_gradient_value])
def test_parameters_without_gradient_are_passed_over(clip):
    p, without = parameter([30.0, 40.0]), nn.Parameter([1.0])
    clip(iter([without, p]), 5.0)
    assert without.grad is None
    assert np.abs(p.grad.numpy()).max() <= 5.0


def test_norm_of_no_gradients_is_zero():
    assert clip_gradient_norm([nn.Parameter([1.0])], 1.0) == 0.0


def test_gradients_of_zero_stay_zero():
    p = parameter([0.0, 0.0])
    assert clip_gradient_norm([p], 1.0) == 0.0
    assert p.grad.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("clip", [clip_gradient_norm, clip_gradient_value])
def test_clipping_keeps_the_dtype(clip):
    p = parameter([3.0, 4.0], np.float32)
    clip([p], 1.0)
    assert p.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("gradient", "dtype"), [([300.0, 400.0], np.float16), ([3e19, 4e19], np.float32)]
)
def test_squares_that_overflow_the_dtype_are_no_matter(gradient, dtype):
    p = parameter(gradient, dtype)
    assert clip_gradient_norm([p], 1.0) == pytest.approx(float(np.hypot(*gradient)), rel=1e-6)
    np.testing.assert_allclose(p.grad.numpy(), [0.6, 0.8], rtol=1e-3)
    assert p.grad.dtype == dtype


def test_infinite_bound_only_measures():
    p = parameter([3.0, 4.0])
    assert clip_gradient_norm([p], float("inf")) == 5.0
    assert p.grad.tolist() == [3.0, 4.0]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_norm_that_is_not_finite_is_an_error_that_changes_nothing(bad):
    p, q = parameter([30.0, 40.0]), parameter([bad])
    with pytest.raises(
        GradientError, match=rf"the norm of the gradients is {bad}\. Run .* tl\.detect_anomaly\(\)"
    ):
        clip_gradient_norm([p, q], 1.0)
    assert p.grad.tolist() == [30.0, 40.0]


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
@pytest.mark.parametrize(
    ("clip", "name"), [(clip_gradient_norm, "max_norm"), (clip_gradient_value, "limit")]
)
def test_bound_that_is_not_positive_is_refused(clip, name, limit):
    with pytest.raises(ArgumentError, match=rf"^{name} must be positive, not {limit}\.$"):
        clip([parameter([1.0])], limit)
