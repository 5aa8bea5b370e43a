import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.errors import ArgumentError, StateError
from tinygrad_lite.nn.optim import CosineAnnealingLR, ExponentialLR, LinearWarmup, StepLR


def sgd(lr=0.3):
    return nn.optim.SGD([nn.Parameter([1.0])], lr=lr)


def rates(schedule, steps):
    """The learning rate before each of `steps` steps."""
    found = []
    for _ in range(steps):
        found.append(schedule.optimizer.lr)
        schedule.step()
    return found


SCHEDULES = {
    "StepLR": lambda optimizer: StepLR(optimizer, step_size=3, gamma=0.5),
    "ExponentialLR": lambda optimizer: ExponentialLR(optimizer, gamma=0.9),
    "CosineAnnealingLR": lambda optimizer: CosineAnnealingLR(optimizer, T_max=10, eta_min=0.01),
    "warm-up alone": lambda optimizer: LinearWarmup(optimizer, steps=4, start_factor=0.1),
    "warm-up first": lambda optimizer: LinearWarmup(ExponentialLR(optimizer, gamma=0.9), steps=4),
}
each_schedule = pytest.mark.parametrize("make", SCHEDULES.values(), ids=SCHEDULES)


# ---- which rates ---------------------------------------------------------------------------------


def test_rates_are_those_of_pytorch(pytorch_schedule):
    options = dict(pytorch_schedule.options)
    warmup = options.pop("warmup")
    schedule = getattr(nn.optim, pytorch_schedule.kind)(sgd(), **options)
    if warmup is not None:
        schedule = LinearWarmup(schedule, **warmup)
    expected = pytorch_schedule.arrays["rates"]
    np.testing.assert_allclose(rates(schedule, len(expected)), expected, rtol=1e-12, atol=1e-16)


@each_schedule
def test_rate_tells_ahead_what_steps_will_set(make):
    schedule = make(sgd())
    ahead = [schedule.rate(count) for count in range(15)]
    assert rates(schedule, 15) == ahead


def test_cosine_stays_at_its_end():
    schedule = CosineAnnealingLR(sgd(), T_max=4, eta_min=0.1)
    assert rates(schedule, 8)[4:] == pytest.approx([0.1] * 4, rel=1e-15)


def test_warm_up_of_an_optimizer_ends_at_its_rate():
    schedule = LinearWarmup(sgd(lr=1.0), steps=4, start_factor=0.5)
    assert rates(schedule, 7) == [0.5, 0.625, 0.75, 0.875, 1.0, 1.0, 1.0]


def test_warm_up_starts_at_a_third_by_default():
    schedule = LinearWarmup(sgd(lr=0.75), steps=2)
    assert rates(schedule, 3) == pytest.approx([0.25, 0.5, 0.75])


def test_warm_up_may_follow_a_warm_up():
    schedule = LinearWarmup(LinearWarmup(sgd(lr=1.0), 2, 0.5), 1, 0.25)
    assert rates(schedule, 5) == [0.25, 0.5, 0.75, 1.0, 1.0]


@each_schedule
def test_steps_of_the_optimizer_use_the_rate(make):
    optimizer = sgd(lr=0.5)
    schedule = make(optimizer)
    (w,) = optimizer.parameters
    for _ in range(6):
        before, w.grad = w.item(), [1.0]
        optimizer.step()
        assert before - w.item() == pytest.approx(optimizer.lr, rel=1e-5)
        schedule.step()


def test_schedule_of_ones_own_defines_rate():
    class Inverse(nn.optim.Schedule):
        def rate(self, count):
            return self.base / (1 + count)

    assert rates(Inverse(sgd(lr=6.0)), 3) == [6.0, 3.0, 2.0]


def test_schedule_without_rate_says_so():
    class Nothing(nn.optim.Schedule):
        pass

    with pytest.raises(AttributeError, match=r"Nothing has no rate\(\): define the learning rate"):
        Nothing(sgd())


# ---- going on ------------------------------------------------------------------------------------


@each_schedule
def test_resumed_schedule_goes_on_where_it_stopped(make, tmp_path):
    expected = rates(make(sgd()), 15)
    first = make(sgd())
    rates(first, 6)
    tl.save(tmp_path / "schedule.npz", first.state_dict())
    second = make(sgd())
    second.load_state_dict(tl.load(tmp_path / "schedule.npz"))
    assert rates(second, 9) == expected[6:]


@each_schedule
def test_schedule_of_a_resumed_optimizer_goes_on_where_it_stopped(make):
    optimizer = sgd()
    first = make(optimizer)
    expected = rates(make(sgd()), 15)
    rates(first, 6)
    again = sgd()
    second = make(again)
    again.load_state_dict(optimizer.state_dict())
    second.load_state_dict(first.state_dict())
    assert rates(second, 9) == expected[6:]


@each_schedule
def test_state_brings_the_base_along(make):
    expected = rates(make(sgd(lr=0.3)), 15)
    first = make(sgd(lr=0.3))
    rates(first, 2)
    second = make(sgd(lr=0.7))
    second.load_state_dict(first.state_dict())
    assert rates(second, 13) == expected[2:]


def test_loading_sets_the_rate_at_once():
    first, second = StepLR(sgd(), 1, 0.5), StepLR(sgd(), 1, 0.5)
    first.step()
    second.load_state_dict(first.state_dict())
    assert second.optimizer.lr == 0.15


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda o: StepLR(o, 0), r"^StepLR: step_size must be an integer of at least 1, not 0\.$"),
        (
            lambda o: StepLR(o, -3),
            r"^StepLR: step_size must be an integer of at least 1, not -3\.$",
        ),
        (
            lambda o: CosineAnnealingLR(o, 0),
            r"^CosineAnnealingLR: T_max must be an integer of at least 1, not 0",
        ),
        (
            lambda o: LinearWarmup(o, 0),
            r"^LinearWarmup: steps must be an integer of at least 1, not 0\.$",
        ),
        (lambda o: StepLR(o, True), "step_size must be an integer of at least 1, not True"),
        (lambda o: StepLR(o, 2.0), r"step_size must be an integer of at least 1, not 2\.0"),
        (lambda o: LinearWarmup(o, 3, 0.0), r"start_factor must be in \(0, 1\], not 0\.0\.$"),
        (lambda o: LinearWarmup(o, 3, 1.5), r"start_factor must be in \(0, 1\], not 1\.5\.$"),
        (lambda o: LinearWarmup(o, 3, float("nan")), r"start_factor must be .* not nan\.$"),
    ],
)
def test_option_outside_its_domain_is_refused_and_the_rate_stays(make, text):
    optimizer = sgd(lr=0.3)
    with pytest.raises(ArgumentError, match=text):
        make(optimizer)
    assert optimizer.lr == 0.3


@pytest.mark.parametrize("wrong", [0.1, None, [nn.Parameter([1.0])]])
@pytest.mark.parametrize("make", [StepLR, ExponentialLR, CosineAnnealingLR, LinearWarmup])
def test_what_is_no_optimizer_is_refused(make, wrong):
    with pytest.raises(ArgumentError, match=rf"^{make.__name__}: give the optimizer first, not"):
        make(wrong, 1)


def test_counts_may_be_integers_of_numpy():
    schedule = LinearWarmup(StepLR(sgd(), np.int64(3), 0.5), np.int32(4))
    assert rates(schedule, 9) == rates(LinearWarmup(StepLR(sgd(), 3, 0.5), 4), 9)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda state: state.pop("count"), r"^LinearWarmup\.load_state_dict: missing count"),
        (lambda state: state.pop("after"), "missing after"),
        (lambda state: state.update(base=-1.0), "base must be a number of at least 0, not -1.0"),
        (lambda state: state.update(base="1"), "base must be a number of at least 0, not '1'"),
        (lambda state: state.update(count=-1), "count must be an integer of at least 0, not -1"),
        (lambda state: state.update(count=2.5), "count must be an integer of at least 0, not 2.5"),
        (lambda state: state.update(after="x"), "ExponentialLR.load_state_dict takes a state, a"),
        (lambda state: state["after"].pop("base"), "ExponentialLR.load_state_dict: missing base"),
        (lambda state: state["after"].update(count=None), "count must be an integer of at least"),
    ],
)
def test_state_that_does_not_fit_is_refused_and_changes_nothing(change, text):
    first = SCHEDULES["warm-up first"](sgd(lr=0.7))
    rates(first, 6)
    state = first.state_dict()
    change(state)
    second = SCHEDULES["warm-up first"](sgd())
    before = second.state_dict(), second.optimizer.lr
    with pytest.raises(StateError, match=text):
        second.load_state_dict(state)
    assert (second.state_dict(), second.optimizer.lr) == before
