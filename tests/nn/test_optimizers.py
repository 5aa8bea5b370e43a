import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.errors import ArgumentError, GradientError, StateError

KINDS = [
    (nn.optim.SGD, {"lr": 0.05}),
    (nn.optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    (nn.optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    (nn.optim.Adam, {"lr": 0.05, "weight_decay": 0.1}),
    (nn.optim.AdamW, {"lr": 0.05}),
    (nn.optim.RMSprop, {"lr": 0.02}),
    (nn.optim.RMSprop, {"lr": 0.02, "momentum": 0.8, "weight_decay": 0.1}),
]
each_kind = pytest.mark.parametrize(
    ("kind", "options"), KINDS, ids=[f"{kind.__name__} {options}" for kind, options in KINDS]
)


def weight(*values, **options):
    return nn.Parameter(list(values) or [1.0, -2.0], **options)


def descend(optimizer, times=1):
    """Steps down a function that bends, of all parameters."""
    for _ in range(times):
        optimizer.zero_grad()
        sum((np.tanh(p) ** 2 + 0.1 * p).sum() for p in optimizer.parameters).backward()
        optimizer.step()


def values(optimizer):
    return [p.numpy() for p in optimizer.parameters]


# ---- what a step does ----------------------------------------------------------------------------


def test_every_step_is_that_of_pytorch(pytorch_optimizer):
    given = pytorch_optimizer.arrays
    x, target = given["x"], given["target"]
    w, b = nn.Parameter(given["w"]), nn.Parameter(given["b"])
    optimizer = getattr(nn.optim, pytorch_optimizer.kind)([w, b], **pytorch_optimizer.options)
    for w_there, b_there in zip(given["ws"], given["bs"], strict=True):
        optimizer.zero_grad()
        (((np.tanh(x @ w + b) - target) ** 2).sum() + np.exp(w * w).mean()).backward()
        optimizer.step()
        np.testing.assert_allclose(w.numpy(), w_there, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(b.numpy(), b_there, rtol=1e-11, atol=1e-13)


def by_hand(kind, w, gradients, lr, momentum=0, nesterov=False, weight_decay=0):
    """The formulas as in the documentation, in plain NumPy."""
    m, v, b = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        if kind is nn.optim.AdamW:
            w = w * (1 - lr * weight_decay)
        else:
            g = g + weight_decay * w
        if kind is nn.optim.SGD:
            v = momentum * v + g
            w = w - lr * (g + momentum * v if nesterov else v)
        elif kind is nn.optim.RMSprop:
            v = 0.99 * v + 0.01 * g**2
            b = momentum * b + g / (np.sqrt(v) + 1e-8)
            w = w - lr * b
        else:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            w = w - lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return w


@pytest.mark.parametrize(
    "shape", [(16384,), (16385,), (3, 16384), (7, 5000), (129, 130), (), (0, 3)]
)
@each_kind
def test_step_on_any_size_is_the_formula(kind, options, shape):
    rng = np.random.default_rng(1)
    start, gradients = rng.normal(size=shape), rng.normal(size=(3, *shape))
    w = nn.Parameter(start)
    optimizer = kind([w], **options)
    for g in gradients:
        w.grad = g
        optimizer.step()
    decay = {"weight_decay": 0.01} if kind is nn.optim.AdamW else {}
    expected = by_hand(kind, start, gradients, **{**decay, **options})
    np.testing.assert_allclose(w.numpy(), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shape", [(3, 4), (200, 150)])
@each_kind
def test_memory_layout_makes_no_difference(kind, options, shape):
    start = np.random.default_rng(1).normal(size=shape)
    results = []
    for w in (nn.Parameter(start), nn.Parameter(np.asfortranarray(start))):
        optimizer = kind([w], **options)
        descend(optimizer, 3)
        results.append(w.numpy())
    np.testing.assert_allclose(results[1], results[0], rtol=1e-12)
    assert not np.isclose(results[0], start).all()


@each_kind
def test_float32_stays_float32(kind, options):
    w = weight()
    optimizer = kind([w], **options)
    descend(optimizer, 2)
    assert w.dtype == np.float32
    arrays = [a for entry in optimizer.state for a in entry.values() if not isinstance(a, int)]
    assert all(a.dtype == np.float32 for a in arrays)


@each_kind
def test_gradient_is_left_as_it_was(kind, options):
    w = weight()
    w.grad = [3.0, -4.0]
    kind([w], **options).step()
    assert w.grad.tolist() == [3.0, -4.0]


@each_kind
def test_memory_is_made_once(kind, options, monkeypatch):
    optimizer = kind([weight()], **options)
    descend(optimizer)
    made = []
    monkeypatch.setattr(np, "zeros_like", lambda array: made.append(array))
    descend(optimizer)
    assert not made


def test_learning_rate_may_be_changed_between_steps():
    w = weight(2.0)
    optimizer = nn.optim.SGD([w], lr=1.0)
    w.grad = [1.0]
    optimizer.step()
    optimizer.lr = 0.25
    optimizer.step()
    assert w.tolist() == [0.75]


@each_kind
def test_learning_rate_of_zero_moves_nothing(kind, options):
    w = weight()
    optimizer = kind([w], **{**options, "lr": 0})
    descend(optimizer, 2)
    assert w.tolist() == [1.0, -2.0]


def test_step_is_a_write_that_backward_notices():
    w = weight()
    loss = (w * w).sum()
    w.grad = [1.0, 1.0]
    nn.optim.SGD([w], lr=0.1).step()
    with pytest.raises(tl.errors.MutationError, match="`w` has changed since"):
        loss.backward()


def test_parameter_is_read_only_after_a_step():
    w = weight()
    descend(nn.optim.SGD([w], lr=0.1))
    with pytest.raises(tl.errors.MutationError):
        w.data[0] = 1.0


def test_single_tensor_is_a_parameter_too():
    w = weight()
    descend(nn.optim.SGD(w, lr=0.1))
    assert w.tolist() != [1.0, -2.0]


def test_parameters_may_come_from_a_generator():
    layer = nn.Linear(2, 3)
    optimizer = nn.optim.SGD((p for _, p in layer.named_parameters()), lr=0.1)
    assert optimizer.parameters == [layer.weight, layer.bias]


# ---- which parameters ----------------------------------------------------------------------------


@each_kind
def test_frozen_parameters_stay_untouched(kind, options):
    w, frozen = weight(), weight(requires_grad=False)
    frozen.grad = [1.0, 1.0]
    descend(kind([w, frozen], **options), 2)
    assert frozen.tolist() == [1.0, -2.0] != w.tolist()


@each_kind
def test_parameters_frozen_between_steps_stay_as_they_are(kind, options):
    w, other = weight(), weight()
    optimizer = kind([w, other], **options)
    descend(optimizer, 2)
    before = w.tolist()
    w.requires_grad = False
    descend(optimizer, 2)
    assert w.tolist() == before != other.tolist()


@each_kind
def test_parameters_without_gradient_are_skipped(kind, options):
    w, unused = weight(), weight()
    optimizer = kind([w, unused], **options)
    w.grad = [1.0, 1.0]
    optimizer.step()
    assert unused.tolist() == [1.0, -2.0] != w.tolist()
    assert optimizer.state[1] == {}


@pytest.mark.parametrize("kind", [nn.optim.Adam, nn.optim.AdamW])
def test_first_step_of_a_parameter_that_is_unfrozen_later_is_a_first_step(kind):
    a, b = weight(0.0), weight(0.0, requires_grad=False)
    optimizer = kind([a, b], lr=1.0)
    for _ in range(5):
        optimizer.zero_grad()
        (a + b).sum().backward()
        optimizer.step()
    b.requires_grad = True
    optimizer.zero_grad()
    (a + b).sum().backward()
    optimizer.step()
    assert b.item() == pytest.approx(-1.0, rel=1e-6)
    assert optimizer.steps == 6


def test_zero_grad_forgets_the_gradients():
    w = weight()
    w.grad = [1.0, 1.0]
    nn.optim.SGD([w], lr=0.1).zero_grad()
    assert w.grad is None


def test_step_without_gradients_is_an_error_that_changes_nothing():
    optimizer = nn.optim.Adam([weight(), weight()])
    with pytest.raises(
        GradientError,
        match=r"Adam.step: none of the 2 parameters has a gradient\. Call loss.backward\(\) first",
    ):
        optimizer.step()
    assert optimizer.steps == 0


def test_step_with_all_parameters_frozen_is_an_error():
    w = weight()
    w.grad = [1.0, 1.0]
    w.requires_grad = False
    with pytest.raises(GradientError, match="none of the 1 parameters has a gradient"):
        nn.optim.SGD([w], lr=0.1).step()


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("lr", [-0.1, float("nan")])
@pytest.mark.parametrize("kind", [nn.optim.SGD, nn.optim.Adam, nn.optim.AdamW, nn.optim.RMSprop])
def test_learning_rate_that_is_none_is_refused(kind, lr):
    with pytest.raises(ArgumentError, match=rf"^{kind.__name__}: lr must be .*not {lr}\.$"):
        kind([weight()], lr=lr)
    optimizer = kind([weight()], lr=0.5)
    with pytest.raises(ArgumentError, match="lr must be a number of at least 0"):
        optimizer.lr = lr
    assert optimizer.lr == 0.5


@pytest.mark.parametrize(
    ("kind", "options", "text"),
    [
        ("SGD", {"lr": 1, "momentum": 1.0}, "momentum must be at least 0 and less than 1, not 1.0"),
        ("SGD", {"lr": 1, "momentum": -0.1}, "momentum must be at least 0 and less than 1"),
        ("SGD", {"lr": 1, "nesterov": True}, "nesterov must be used with a momentum, not True"),
        ("SGD", {"lr": 1, "weight_decay": -1e-4}, "weight_decay must be at least 0, not -0.0001"),
        ("Adam", {"betas": (1.0, 0.9)}, r"betas\[0\] must be at least 0 and less than 1, not 1.0"),
        ("Adam", {"betas": (0.9, -0.1)}, r"betas\[1\] must be at least 0 and less than 1"),
        ("Adam", {"eps": -1e-8}, "eps must be at least 0, not -1e-08"),
        ("Adam", {"eps": float("nan")}, "eps must be at least 0, not nan"),
        ("AdamW", {"weight_decay": float("nan")}, "weight_decay must be at least 0, not nan"),
        ("RMSprop", {"alpha": 1.0}, "alpha must be at least 0 and less than 1, not 1.0"),
        ("RMSprop", {"eps": -1.0}, "eps must be at least 0, not -1.0"),
        ("RMSprop", {"momentum": 2}, "momentum must be at least 0 and less than 1, not 2"),
        ("SGD", {"lr": "1"}, "lr must be a number of at least 0, not '1'"),
        ("SGD", {"lr": 1, "momentum": "0.9"}, "momentum must be at least 0 and .*, not '0.9'"),
        ("SGD", {"lr": 1, "weight_decay": "0"}, "weight_decay must be at least 0, not '0'"),
        ("Adam", {"eps": "0"}, "eps must be at least 0, not '0'"),
        ("Adam", {"betas": (0.9,)}, r"betas must be two numbers, not \(0.9,\)"),
        ("Adam", {"betas": 0.9}, "betas must be two numbers, not 0.9"),
        ("Adam", {"betas": (0.9, None)}, r"betas\[1\] must be at least 0 and .*, not None"),
        ("RMSprop", {"alpha": None}, "alpha must be at least 0 and less than 1, not None"),
        ("RMSprop", {"eps": [0]}, r"eps must be at least 0, not \[0\]"),
    ],
)
def test_option_outside_its_domain_is_refused(kind, options, text):
    with pytest.raises(ArgumentError, match=rf"^{kind}: {text}"):
        getattr(nn.optim, kind)([weight()], **options)


def test_options_may_be_numbers_of_numpy():
    w = weight()
    optimizer = nn.optim.SGD([w], np.float32(0.5), np.float64(0.5), weight_decay=np.int64(0))
    descend(optimizer)
    assert w.dtype == np.float32


def test_optimizer_reads_as_what_it_is():
    assert repr(begin(nn.optim.SGD, {"lr": 0.1})) == "SGD(lr=0.1, 2 parameters)"
    assert repr(nn.optim.Adam([weight()])) == "Adam(lr=0.001, 1 parameter)"


def test_empty_list_of_parameters_is_refused():
    with pytest.raises(ArgumentError, match=r"SGD: there are no parameters to train\. Is it model"):
        nn.optim.SGD(nn.ReLU().parameters(), lr=0.1)


def test_same_parameter_twice_is_refused():
    w, twin = weight(), weight()
    with pytest.raises(ArgumentError, match=r"given twice, as number 0 and 2, of shape \(2,\)"):
        nn.optim.SGD([w, twin, w], lr=0.1)


def test_result_is_refused_as_a_parameter():
    w = weight()
    with pytest.raises(ArgumentError, match=r"parameter 1 must be a leaf Tensor, .*op=multiply"):
        nn.optim.SGD([w, 2 * w], lr=0.1)


def test_array_is_refused_as_a_parameter():
    with pytest.raises(ArgumentError, match="parameter 0 must be a leaf Tensor"):
        nn.optim.SGD([np.ones(3)], lr=0.1)


def test_optimizer_without_update_says_so():
    optimizer = nn.optim.Optimizer([weight()], lr=0.1)
    with pytest.raises(AttributeError, match=r"Optimizer has no update\(\): define what"):
        descend(optimizer)


# ---- going on where another run stopped ----------------------------------------------------------


def begin(kind, options):
    return kind([weight(0.5, -1.5), nn.Parameter(np.full((2, 1), 0.3))], **options)


@pytest.mark.parametrize("through_a_file", [False, True])
@each_kind
def test_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    kind, options, through_a_file, tmp_path
):
    whole = begin(kind, options)
    descend(whole, 50)

    first = begin(kind, options)
    descend(first, 25)
    state = {"optimizer": first.state_dict(), "parameters": values(first)}
    descend(first, 3)  # must not reach the state
    if through_a_file:
        tl.save(tmp_path / "state.npz", state)
        state = tl.load(tmp_path / "state.npz")
    second = begin(kind, {**options, "lr": 9.0})
    second.load_state_dict(state["optimizer"])
    for parameter, array in zip(second.parameters, state["parameters"], strict=True):
        parameter.data = array
    descend(second, 25)

    assert second.lr == options["lr"] and second.steps == 50
    for one, other in zip(values(second), values(whole), strict=True):
        np.testing.assert_array_equal(one, other)


def test_state_dict_is_a_copy():
    optimizer = begin(nn.optim.Adam, {})
    descend(optimizer)
    state = optimizer.state_dict()
    before = state["state"][0]["m"].copy()
    descend(optimizer)
    np.testing.assert_array_equal(state["state"][0]["m"], before)
    assert state["steps"] == 1


def test_loaded_state_is_copied():
    one, other = begin(nn.optim.Adam, {}), begin(nn.optim.Adam, {})
    descend(one)
    state = one.state_dict()
    before = state["state"][0]["m"].copy()
    other.load_state_dict(state)
    descend(other)
    np.testing.assert_array_equal(state["state"][0]["m"], before)


def wrong_states():
    right = {
        "kind": "SGD",
        "lr": 0.5,
        "steps": 3,
        "state": [{"v": np.ones(2)}, {"v": np.ones((2, 1))}],
    }
    yield {k: v for k, v in right.items() if k == "lr"}, r"missing kind, state, steps\.$"
    yield {**right, "state": right["state"][:1]}, "is of 1 parameters, this optimizer has 2"
    swapped = {**right, "state": right["state"][::-1]}
    yield swapped, r"v of parameter 0 has shape \(2, 1\), the parameter \(2,\)"
    yield {**right, "kind": "Adam"}, r"^SGD.load_state_dict: the state is of Adam\.$"
    yield {**right, "lr": -1.0}, r"lr must be a number of at least 0, not -1\.0"
    for steps in (-1, 2.5, "3", None, True):
        yield {**right, "steps": steps}, rf"steps must be an integer of at least 0, not {steps!r}"
    yield {**right, "state": [{"m": np.ones(2)}, {}]}, "parameter 0 has m, but must have v"
    yield {**right, "state": [{"v": 1}, {}]}, "v of parameter 0 must be an array, not 1"
    text = np.array(["a", "b"])
    yield {**right, "state": [{"v": text}, {}]}, "v of parameter 0 must be an array of numbers"
    yield {**right, "state": [None, {}]}, "state of parameter 0 must be a dict, not None"
    yield {**right, "state": None}, "state must be a list, not None"
    yield "x.npz", r"takes a state, a dict, not a str: tl.load\(path\) reads one from a file"
    yield {"model": {}, "optimizer": right}, r"Did you mean state\['optimizer'\]\?"


@pytest.mark.parametrize(("state", "text"), list(wrong_states()))
def test_state_that_does_not_fit_is_refused_and_changes_nothing(state, text):
    optimizer = begin(nn.optim.SGD, {"lr": 0.05, "momentum": 0.9})
    descend(optimizer)
    v = optimizer.state[0]["v"].copy()
    with pytest.raises((StateError, ArgumentError), match=text):
        optimizer.load_state_dict(state)
    assert (optimizer.lr, optimizer.steps) == (0.05, 1)
    np.testing.assert_array_equal(optimizer.state[0]["v"], v)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda entry: entry.pop("v"), "parameter 1 has m, t, but must have m, t, v"),
        (lambda entry: entry.pop("t"), "parameter 1 has m, v, but must have m, t, v"),
        (lambda entry: entry.update(t=-1), "t of parameter 1 must be an integer of at least 0"),
        (lambda entry: entry.update(t=entry["m"]), "t of parameter 1 must be an integer of at"),
        (lambda entry: entry.update(m=3), "m of parameter 1 must be an array, not 3"),
    ],
)
def test_state_of_adam_that_is_not_whole_is_refused_and_changes_nothing(change, text):
    one, other = begin(nn.optim.Adam, {}), begin(nn.optim.Adam, {})
    descend(one, 2)
    descend(other)
    state = one.state_dict()
    change(state["state"][1])
    with pytest.raises(StateError, match=text):
        other.load_state_dict(state)
    assert other.steps == 1 and [entry["t"] for entry in other.state] == [1, 1]


@pytest.mark.parametrize("kind", [nn.optim.SGD, nn.optim.RMSprop])
def test_momentum_may_be_new_when_a_state_is_loaded(kind):
    one, other = begin(kind, {"lr": 0.1}), begin(kind, {"lr": 0.1, "momentum": 0.9})
    descend(one)
    other.load_state_dict(one.state_dict())
    descend(other, 2)
    assert other.steps == 3


def test_state_of_a_kind_of_ones_own_may_have_counts_and_arrays():
    class Counting(nn.optim.Optimizer):
        def update(self, parameter, gradient, state):
            state["times"] = state.get("times", 0) + 1
            state.setdefault("sum", np.zeros_like(parameter))[...] += gradient

    one, other = begin(Counting, {"lr": 0.1}), begin(Counting, {"lr": 0.1})
    descend(one, 2)
    other.load_state_dict(one.state_dict())
    assert other.state[0]["times"] == 2
    np.testing.assert_array_equal(other.state[0]["sum"], one.state[0]["sum"])
