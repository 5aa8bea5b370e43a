import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.errors import ArgumentError, BoundsError, DtypeError, ShapeError

PAIRS = [
    (nn.MSELoss, nn.mse_loss),
    (nn.L1Loss, nn.l1_loss),
    (nn.HuberLoss, nn.huber_loss),
    (nn.BCEWithLogitsLoss, nn.bce_with_logits_loss),
    (nn.CrossEntropyLoss, nn.cross_entropy_loss),
]
each_loss = pytest.mark.parametrize(
    ("module", "function"), PAIRS, ids=[module.__name__ for module, _ in PAIRS]
)
LIKE_FOR_LIKE = PAIRS[:4]  # of a target in the shape of the prediction
each_like_for_like = pytest.mark.parametrize(
    ("module", "function"), LIKE_FOR_LIKE, ids=[module.__name__ for module, _ in LIKE_FOR_LIKE]
)


def logits(n=3, classes=4):
    return tl.Tensor(np.linspace(-1, 1, n * classes).reshape(n, classes), requires_grad=True)


# ---- values --------------------------------------------------------------------------------------


def test_value_and_gradient_are_those_of_pytorch(pytorch_loss):
    given, options = pytorch_loss.arrays, pytorch_loss.options
    prediction = tl.Tensor(given["prediction"], requires_grad=True)
    target = given["target"]
    if pytorch_loss.kind == "CrossEntropyLoss" and target.ndim < prediction.ndim:
        target = target.astype(int)
    loss = getattr(nn, pytorch_loss.kind)(**options)(prediction, target)
    np.testing.assert_allclose(loss.numpy(), given["value"], rtol=1e-12, atol=1e-15)
    gradient = loss.gradient(prediction, gradient=given["weights"])
    np.testing.assert_allclose(gradient.numpy(), given["gradient"], rtol=1e-12, atol=1e-15)


@each_loss
def test_module_is_the_function(module, function):
    prediction = logits()
    target = np.full((3, 4), 0.25)
    for reduction in ("mean", "sum", "none"):
        one = module(reduction=reduction)(prediction, target)
        other = function(prediction, target, reduction=reduction)
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_module_hands_its_options_on():
    prediction, target = logits(), np.array([0, 1, 2])
    np.testing.assert_array_equal(
        nn.HuberLoss(delta=0.2)(prediction, np.zeros((3, 4))).numpy(),
        nn.huber_loss(prediction, np.zeros((3, 4)), delta=0.2).numpy(),
    )
    np.testing.assert_array_equal(
        nn.CrossEntropyLoss(label_smoothing=0.3)(prediction, target).numpy(),
        nn.cross_entropy_loss(prediction, target, label_smoothing=0.3).numpy(),
    )


@each_loss
def test_target_may_be_a_tensor(module, function):
    array = np.full((3, 4), 0.25)
    with_tensor = function(logits(), tl.Tensor(array))
    assert with_tensor.item() == function(logits(), array).item()


def test_classes_may_be_a_tensor_or_a_list():
    expected = nn.cross_entropy_loss(logits(), np.array([3, 0, 1])).item()
    assert nn.cross_entropy_loss(logits(), tl.Tensor([3, 0, 1])).item() == expected
    assert nn.cross_entropy_loss(logits(), [3, 0, 1]).item() == expected


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_classes_may_be_any_integers(dtype):
    loss = nn.cross_entropy_loss(logits(), np.array([3, 0, 1], dtype))
    assert loss.item() == nn.cross_entropy_loss(logits(), np.array([3, 0, 1])).item()


def test_probabilities_of_one_class_are_that_class():
    classes = np.array([3, 0, 1])
    loss = nn.cross_entropy_loss(logits(), np.eye(4)[classes])
    assert loss.item() == pytest.approx(nn.cross_entropy_loss(logits(), classes).item(), rel=1e-14)


def test_one_row_of_logits_takes_one_class():
    row = tl.Tensor([1.0, 2.0], dtype=np.float64)
    loss = nn.cross_entropy_loss(row, np.array(1))
    assert loss.shape == ()
    assert loss.item() == pytest.approx(np.log(1 + np.exp(-1)), rel=1e-14)


@each_loss
def test_float32_stays_float32(module, function):
    prediction = tl.Tensor(logits().numpy(), requires_grad=True, dtype=np.float32)
    loss = function(prediction, np.full((3, 4), 0.25, np.float32))
    assert loss.dtype == loss.gradient(prediction).dtype == np.float32


@each_like_for_like
def test_gradient_reaches_the_target_too(module, function):
    target = tl.Tensor(np.full((3, 4), 0.25), requires_grad=True)
    gradient = function(logits(), target).gradient(target).numpy()
    step = 1e-6 * np.sign(np.linspace(-1, 1, 12)).reshape(3, 4)
    change = function(logits(), target.numpy() + step) - function(logits(), target.numpy() - step)
    assert (gradient * 2 * step).sum() == pytest.approx(change.item(), rel=1e-6)
    assert gradient.any()


def test_large_logits_give_finite_losses_in_float32():
    huge = tl.Tensor([[1e4, -1e4], [-1e4, 1e4]], requires_grad=True)
    crossed = nn.cross_entropy_loss(huge, np.array([1, 1]), reduction="none")
    assert crossed.tolist() == [2e4, 0.0]
    binary = nn.bce_with_logits_loss(huge, np.array([[0, 0], [0, 1]], np.float32), reduction="none")
    assert binary.tolist() == [[1e4, 0.0], [0.0, 0.0]]
    assert np.isfinite((crossed.sum() + binary.sum()).gradient(huge).numpy()).all()


def test_smoothing_of_one_forgets_the_target():
    losses = [
        nn.cross_entropy_loss(logits(), np.array([c] * 3), label_smoothing=1.0) for c in range(4)
    ]
    assert len({loss.item() for loss in losses}) == 1


# ---- shapes --------------------------------------------------------------------------------------


@each_like_for_like
def test_column_against_row_is_refused_with_the_mend(module, function):
    with pytest.raises(ShapeError) as caught:
        module()(tl.zeros(3, 1), tl.zeros(3))
    assert str(caught.value) == (
        f"{module.__name__}: prediction (3, 1) and target (3,) would broadcast to (3, 3), "
        "which is hardly meant.\n"
        "  Give both the same shape: target.reshape(3, 1), or prediction.squeeze(1)."
    )


@pytest.mark.parametrize(
    ("prediction", "target", "text"),
    [
        (
            (3,),
            (3, 1),
            "prediction (3,) and target (3, 1) would broadcast to (3, 3), which is hardly meant.\n"
            "  Give both the same shape: target.reshape(3).",
        ),
        (
            (1, 3),
            (3,),
            "prediction (1, 3) and target (3,) would broadcast to (1, 3), which is hardly meant.\n"
            "  Give both the same shape: target.reshape(1, 3), or prediction.squeeze(0).",
        ),
        (
            (3, 2),
            (),
            "prediction (3, 2) and target () would broadcast to (3, 2), which is hardly meant.\n"
            "  Give both the same shape.",
        ),
        (
            (3, 2),
            (4,),
            "prediction (3, 2) and target (4,) don't fit.\n  Give both the same shape.",
        ),
    ],
)
def test_shapes_that_differ_are_refused_with_a_mend_that_works(prediction, target, text):
    with pytest.raises(ShapeError) as caught:
        nn.mse_loss(tl.zeros(prediction), np.zeros(target))
    assert str(caught.value) == f"MSELoss: {text}"


def test_number_is_no_target_of_many():
    with pytest.raises(ShapeError, match=r"prediction \(3,\) and target \(\) would broadcast"):
        nn.mse_loss(tl.zeros(3), 1.0)


def test_number_is_a_target_of_one():
    assert nn.mse_loss(tl.Tensor(3.0), 1.0).item() == 4.0


def test_second_derivative_of_huber_is_one_near_the_target_and_zero_beyond():
    x = tl.Tensor([-3.0, -0.5, 0.0, 0.5, 3.0], requires_grad=True, dtype=np.float64)
    loss = nn.huber_loss(x, np.zeros(5), reduction="sum")
    first = loss.gradient(x, create_graph=True)
    assert first.tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert first.sum().gradient(x).tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]


CLASSES = (
    "CrossEntropyLoss: for logits {} the target must be integer classes of shape {}, "
    "or floating probabilities of shape {}, not {} of shape {}."
)


@pytest.mark.parametrize(
    ("shape", "target", "error"),
    [
        ((3, 4), np.zeros((3, 1), int), ShapeError),
        ((3, 4), np.zeros(4, int), ShapeError),
        ((3, 4), np.full(3, 0.5), ShapeError),
        ((3, 4), np.ones((3, 4), int), DtypeError),
        ((3, 4), np.ones((3, 4), bool), DtypeError),
        ((3, 4), np.zeros((3, 2)), ShapeError),
        ((2, 3, 4), np.zeros((2, 4), int), ShapeError),
    ],
)
def test_target_that_is_neither_classes_nor_probabilities_is_refused(shape, target, error):
    with pytest.raises(error) as caught:
        nn.cross_entropy_loss(tl.zeros(shape), target)
    assert str(caught.value) == CLASSES.format(shape, shape[:-1], shape, target.dtype, target.shape)


@pytest.mark.parametrize(
    ("target", "error", "mend"),
    [
        (np.array([0.0, 3.0, 1.0]), ShapeError, "target.astype(np.int64)"),
        (np.eye(4, dtype=int)[[0, 3, 1]], DtypeError, "target.argmax(axis=-1)"),
        (np.eye(4, dtype=bool)[[0, 3, 1]], DtypeError, "target.argmax(axis=-1)"),
    ],
)
def test_classes_in_another_form_are_refused_with_a_mend_that_works(target, error, mend):
    with pytest.raises(error) as caught:
        nn.cross_entropy_loss(logits(), target)
    assert str(caught.value).endswith(f"\n  {mend} would be classes.")
    loss = nn.cross_entropy_loss(logits(), eval(mend, {"target": target, "np": np}))
    assert loss.item() == nn.cross_entropy_loss(logits(), [0, 3, 1]).item()


def test_logits_without_an_axis_of_classes_are_refused():
    with pytest.raises(ShapeError, match="logits need a last axis, of classes"):
        nn.cross_entropy_loss(tl.Tensor(1.0), np.array(0))


# ---- values out of their domain ------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [4, -1, -100, 255])
def test_class_out_of_range_is_refused_with_its_place(wrong):
    with pytest.raises(BoundsError) as caught:
        nn.cross_entropy_loss(logits(), np.array([0, wrong, 3]))
    assert str(caught.value) == (
        f"CrossEntropyLoss: class {wrong} at target[1] is out of range: "
        "the logits have 4 classes, 0 to 3."
    )


def test_place_of_a_wrong_class_has_all_its_axes():
    target = np.array([[0, 1, 2], [3, 0, 9]])
    with pytest.raises(BoundsError, match=r"class 9 at target\[1, 2\] is out of range"):
        nn.cross_entropy_loss(tl.zeros(2, 3, 4), target)


@pytest.mark.parametrize("wrong", [-0.1, 1.5, float("nan")])
@pytest.mark.parametrize(("module", "function"), PAIRS[3:], ids=["binary", "classes"])
def test_target_that_is_no_probability_is_refused(module, function, wrong):
    target = np.array([[0.5, wrong], [0.0, 1.0]])
    low, high = min(0.0, wrong), max(1.0, wrong)
    if wrong != wrong:
        low = high = wrong
    with pytest.raises(BoundsError) as caught:
        function(tl.zeros(2, 2), target)
    assert str(caught.value) == (
        f"{module.__name__}: targets must be probabilities in [0, 1], "
        f"but they lie between {low:g} and {high:g}."
    )


def test_probabilities_that_do_not_sum_to_one_are_refused():
    target = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 1.0]])
    with pytest.raises(BoundsError) as caught:
        nn.cross_entropy_loss(tl.zeros(2, 3), target)
    assert str(caught.value) == (
        "CrossEntropyLoss: each row of probabilities must sum to 1, but target[1] sums to 2; "
        "for independent yes/no labels use bce_with_logits_loss."
    )
    with pytest.raises(BoundsError, match=r"but target\[\] sums to 0\.5;"):
        nn.cross_entropy_loss(tl.zeros(2), np.array([0.5, 0.0]))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_probabilities_may_be_rounded(dtype):
    target = np.random.default_rng(0).dirichlet(np.ones(1000), 20).astype(dtype)
    assert np.isfinite(nn.cross_entropy_loss(tl.zeros(20, 1000), target).item())


@each_loss
def test_unknown_reduction_is_refused_by_module_and_function(module, function):
    text = r"^reduction must be 'mean', 'sum' or 'none', not 'average'\.$"
    with pytest.raises(ArgumentError, match=text):
        module(reduction="average")
    with pytest.raises(ArgumentError, match=text):
        function(logits(), np.full((3, 4), 0.25), reduction="average")


@pytest.mark.parametrize("smoothing", [-0.1, 1.1, float("nan")])
def test_smoothing_out_of_range_is_refused(smoothing):
    text = rf"^CrossEntropyLoss: label_smoothing must be in \[0, 1\], not {smoothing}\.$"
    with pytest.raises(ArgumentError, match=text):
        nn.CrossEntropyLoss(label_smoothing=smoothing)(logits(), np.array([0, 1, 2]))


@pytest.mark.parametrize("delta", [0.0, -1.0, float("nan")])
def test_delta_that_is_not_positive_is_refused(delta):
    with pytest.raises(ArgumentError, match=rf"^HuberLoss: delta must be positive, not {delta}\.$"):
        nn.HuberLoss(delta)(logits(), np.zeros((3, 4)))
