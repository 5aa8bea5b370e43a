"""`detect_anomaly`: the first NaN or infinity, forward and backward; shared arrays that changed."""

import re

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.errors import AnomalyError, MutationError


def leaf(data, **options):
    return Tensor(np.array(data, dtype=float), requires_grad=True, **options)


def refused(pattern, function):
    """The text of the AnomalyError that `function` raises under detect_anomaly."""
    with pytest.raises(AnomalyError) as caught, tl.detect_anomaly():
        function()
    assert re.fullmatch(pattern, str(caught.value)), str(caught.value)


# ---- forward -------------------------------------------------------------------------------------


def test_infinity_of_the_forward_pass_names_operation_input_and_line():
    x = leaf([1.0, 0.0])
    refused(
        r"log made 1 infinity \(of 2 entries\) from finite inputs\n"
        r"    x  \(2,\)    x\n"
        r"    x lies between 0 and 1\n"
        r"  at test_anomaly\.py:\d+:  lambda: np\.log\(x\),\n"
        r"  log is defined for x > 0\. If np\.where is to hide this later: the gradient\n"
        r"  would still be NaN\. Choose a safe input first, "
        r"np\.log\(np\.where\(x > 0, x, 1\.0\)\)\.",
        lambda: np.log(x),
    )


def test_nan_of_the_forward_pass_is_counted():
    x, y = leaf(np.zeros((2, 2))), leaf([0.0, 1.0])
    refused(
        r"divide made 2 NaN \(of 4 entries\) from finite inputs\n"
        r"    x  \(2, 2\)    x\n"
        r"    y  \(2,\)      y\n"
        r"    x lies between 0 and 0\n"
        r"    y lies between 0 and 1\n"
        r"  at test_anomaly\.py:\d+:  lambda: x / y,\n"
        r"  divide is defined for y != 0\. If np\.where is (.|\n)*"
        r"  would still be NaN\. Choose a safe input first, "
        r"np\.divide\(x, np\.where\(y != 0, y, 1\.0\)\)\.",
        lambda: x / y,
    )


def test_nan_and_infinities_are_told_apart():
    x = leaf([-1.0, 0.0, 1.0, 2.0])
    refused(r"divide made 1 NaN and 3 infinities \(of 4 entries\)(.|\n)*", lambda: x / 0.0)


def test_input_that_was_not_finite_is_said():
    x = Tensor([np.nan, 1.0])
    refused(r"multiply made 1 NaN \(of 2 entries\) from inputs that weren't(.|\n)*", lambda: x * 2)


def test_first_of_several_is_named():
    x = leaf([0.0])
    refused(r"log made 1 infinity(.|\n)*", lambda: np.exp(np.log(x) * 0.0) + np.sqrt(x - 1))


def test_constants_are_looked_at_too():
    refused(r"log made 1 infinity(.|\n)*", lambda: np.log(Tensor(0.0)))


def test_module_at_work_is_named():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.ReLU())
    model[0].weight.data = np.full((2, 3), 1e38)
    refused(
        r"linear made 3 infinities \(of 3 entries\) from finite inputs\n"
        r"(.|\n)*"
        r"  in 0: Linear\(2 → 3\), called at test_anomaly\.py:\d+:  lambda: model.*",
        lambda: model(tl.full((2,), 1e38)),
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.exp(x),
        lambda x: tl.f.logsumexp(x),
        lambda x: x > 0,
        lambda x: x.argmax(),
        lambda x: np.isnan(x),
        lambda x: x[:0].sum(),
    ],
)
def test_finite_results_pass(call):
    with tl.detect_anomaly():
        call(leaf([1.0, 0.0]))


def test_comparison_of_infinities_passes():
    with tl.detect_anomaly():
        assert (Tensor([np.inf]) > 1).tolist() == [True]


def test_numpy_warns_of_nothing_that_is_an_error():
    with tl.detect_anomaly(), pytest.raises(AnomalyError):
        1 / Tensor(0.0)
    with pytest.warns(RuntimeWarning):
        1 / Tensor(0.0)


# ---- backward ------------------------------------------------------------------------------------


def test_infinity_of_the_backward_pass_names_the_forward_line():
    x = leaf([0.0, 4.0], name="x")
    with pytest.raises(AnomalyError) as caught, tl.detect_anomaly():
        root = np.sqrt(x)
        loss = root.sum()
        loss.backward()
    assert re.fullmatch(
        r"the gradient of sqrt by x made 1 infinity \(of 2 entries\) from finite inputs\n"
        r"    x  \(2,\)    x\n"
        r"    x lies between 0 and 4\n"
        r"  at test_anomaly\.py:\d+:  root = np\.sqrt\(x\)",
        str(caught.value),
    )
    assert x.grad is None


def test_backward_alone_may_be_looked_at():
    x = leaf([0.0])
    loss = np.sqrt(x).sum()
    for attempt in (loss.backward, lambda: loss.gradient(x)):
        with pytest.raises(AnomalyError, match="the gradient of sqrt by x"), tl.detect_anomaly():
            attempt()


def test_gradient_that_is_recorded_is_looked_at():
    x = leaf([0.0])
    with pytest.raises(AnomalyError), tl.detect_anomaly():
        np.sqrt(x).sum().gradient(x, create_graph=True)


def test_nan_behind_where_is_found():
    x = leaf([0.0, 4.0])
    loss = np.where(x > 0, np.sqrt(x), 0.0).sum()
    with pytest.raises(AnomalyError, match="gradient of sqrt by x made 1 NaN"), tl.detect_anomaly():
        loss.backward()


def test_branch_that_where_did_not_take_is_told_with_its_mend():
    x = leaf([0.0, 4.0])
    with pytest.raises(AnomalyError) as caught, tl.detect_anomaly():
        np.where(x > 0, np.sqrt(x), 0.0).sum().backward()
    assert str(caught.value).endswith(
        "\n  The gradient that flowed in is 0 there: this is a branch that np.where, or a mask, "
        "didn't take,\n  but 0 times infinity is NaN. Choose a safe input first, "
        "np.sqrt(np.where(x > 0, x, 1.0))."
    )
    with tl.detect_anomaly():
        np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0).sum().backward()
    assert x.grad.tolist() == [0.0, 0.25]


@pytest.mark.parametrize(
    "hide",
    [
        lambda x, y: np.where(x > 0, y, 0.0),
        lambda x, y: y * (x > 0),
        lambda x, y: y[1:],
        lambda x, y: np.concatenate([y[1:], y[1:]]),
    ],
    ids=["where", "mask", "slice", "twice"],
)
def test_gradient_of_0_that_flowed_in_is_said_however_it_came(hide):
    x = leaf([0.0, 4.0])
    loss = hide(x, np.sqrt(x)).sum()
    with pytest.raises(AnomalyError, match="that flowed in is 0 there"), tl.detect_anomaly():
        loss.backward()


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_nan_where_a_gradient_did_flow_in_is_told_plainly(axis):
    x = leaf(np.zeros((2, 2)))
    with pytest.raises(AnomalyError) as caught, tl.detect_anomaly():
        (np.sqrt(x).sum(axis=axis) * 2.0).sum().backward()
    assert "that flowed in" not in str(caught.value)


def test_infinity_that_where_would_hide_is_an_anomaly_of_the_forward_pass():
    x = leaf([0.0, 4.0])
    refused(
        r"log made 1 infinity(.|\n)*np\.log\(np\.where\(x > 0, x, 1\.0\)\)\.",
        lambda: np.where(x > 0, np.log(x), 0.0),
    )
    with tl.detect_anomaly():
        np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), 0.0).sum().backward()
    assert x.grad.tolist() == [0.0, 0.25]


def test_overflow_is_named_where_it_happens_and_not_where_it_shows():
    x = leaf([300.0, 500.0])

    def loss():
        small = np.exp(x)
        large = small * small  # the first to overflow
        return 1.0 / large

    refused(r"multiply made 1 infinity(.|\n)*:  large = small \* small(.|\n)*", loss)


def test_overflow_of_a_gradient_is_named_where_it_happens():
    x = leaf([1e-200])
    with pytest.raises(AnomalyError, match="the gradient of divide by y"), tl.detect_anomaly():
        (1.0 / x).sum().backward()


def test_module_whose_gradient_is_none_is_named():
    class Root(nn.Module):
        def forward(self, x):
            return np.sqrt(x)

    model = nn.Sequential(Root(), Root())
    x = leaf([0.0])
    with pytest.raises(AnomalyError) as caught, tl.detect_anomaly():
        model(x).backward()
    assert re.search(
        r"^the gradient of sqrt by x(.|\n)*\n  in 1: Root\(\), called at test_anomaly\.py:\d+:",
        str(caught.value),
    )


def test_training_step_without_anomaly_passes():
    model = tl.models.MLP([3, 4, 2], rng=0)
    with tl.detect_anomaly():
        loss = nn.cross_entropy_loss(model(tl.ones(5, 3)), np.zeros(5, int))
        loss.backward()
    assert all(p.grad is not None for p in model.parameters())


# ---- the context ---------------------------------------------------------------------------------


def test_anomalies_pass_outside():
    with np.errstate(all="ignore"):
        assert np.log(Tensor(0.0)).item() == -np.inf
        with tl.detect_anomaly():
            pass
        assert np.log(Tensor(0.0)).item() == -np.inf


def test_exception_ends_detection():
    with pytest.raises(AnomalyError), tl.detect_anomaly():
        np.log(Tensor(0.0))
    with np.errstate(all="ignore"):
        assert np.log(Tensor(0.0)).item() == -np.inf


def test_detection_and_no_grad_go_together():
    x = leaf([0.0])
    for one, other in ((tl.no_grad, tl.detect_anomaly), (tl.detect_anomaly, tl.no_grad)):
        with one(), other():
            assert not (x * 2).requires_grad
            with pytest.raises(AnomalyError):
                np.log(x)


def test_detection_decorates_functions():
    @tl.detect_anomaly()
    def logarithm(x):
        return np.log(x)

    for _ in range(2):
        with pytest.raises(AnomalyError):
            logarithm(Tensor(0.0))
    assert logarithm(Tensor(1.0)).item() == 0.0


# ---- arrays that are shared ----------------------------------------------------------------------


def shared(**options):
    array = np.array([3.0, 4.0])
    return array, Tensor(array, requires_grad=True, copy=False, **options)


def test_change_of_a_shared_array_goes_unnoticed_outside():
    array, w = shared()
    loss = (w * w).sum()
    array[:] = 0.0
    assert loss.gradient(w).tolist() == [0.0, 0.0]


def test_change_of_a_shared_array_is_found():
    array, w = shared(name="w")
    with pytest.raises(MutationError) as caught, tl.detect_anomaly():
        loss = (w * w).sum()
        array[:] = 0.0
        loss.backward()
    assert re.fullmatch(
        r"multiply: the array that `w` shares has changed since the forward pass, at "
        r"test_anomaly\.py:\d+:  loss = \(w \* w\)\.sum\(\)\n"
        r"  Call backward\(\) before changing the array, or let Tensor\(array\) copy it\.",
        str(caught.value),
    )


@pytest.mark.parametrize(
    "view", [lambda w: w.reshape(2, 1), lambda w: w[::-1], lambda w: w.detach(), lambda w: w.T]
)
def test_change_of_a_shared_array_is_found_through_views(view):
    array, w = shared()
    x = leaf(2.0)
    with pytest.raises(MutationError, match="made with copy=False shares"), tl.detect_anomaly():
        loss = (view(w) * x).sum()
        array[0] = 0.0
        loss.backward()


def test_shared_array_that_is_as_it_was_passes():
    array, w = shared()
    with tl.detect_anomaly():
        loss = (w * w).sum()
        array[:] = 0.0
        array[:] = [3.0, 4.0]
        loss.backward()
        assert w.grad.tolist() == [6.0, 8.0]


def test_shared_array_may_change_after_its_use():
    array, w = shared()
    with tl.detect_anomaly():
        for _ in range(2):
            loss = (w * w).sum()
            loss.backward()
            array += 1.0
    assert w.grad.tolist() == [14.0, 18.0]
