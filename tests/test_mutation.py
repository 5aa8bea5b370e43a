"""Writes to Tensors: who may, what they change, and that no gradient is silently wrong for one."""

import operator as o
import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.errors import DtypeError, MutationError, ShapeError

f = tl.f


def leaf(data=((1.0, 2.0), (3.0, 4.0)), **options):
    return Tensor(np.array(data, dtype=float), requires_grad=True, **options)


# ---- writing -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [[[5, 6], [7, 8]], np.full((2, 2), 5.0), np.ones((2, 2), np.float32), Tensor([[1, 2]] * 2)],
)
def test_assign_copies_values_into_the_same_memory(values):
    w = leaf()
    memory = w.data
    assert w.assign(values) is w
    assert_array_equal(memory, np.asarray(values))
    assert w.dtype == np.float64 and not np.shares_memory(memory, np.asarray(values))
    w.data = values
    assert_array_equal(memory, np.asarray(values))


@pytest.mark.parametrize("values", [[1.0, 2.0], 5.0, np.ones((2, 2, 1)), []])
def test_assign_does_not_broadcast(values):
    w = leaf(name="w")
    with pytest.raises(ShapeError) as caught:
        w.assign(values)
    assert str(caught.value) == (
        f"assign: values need the Tensor's shape, (2, 2), not {np.shape(values)}."
    )
    assert w.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_assign_refuses_to_lose_fractions():
    n = Tensor([1, 2])
    with pytest.raises(DtypeError, match=r"^assign: Cannot cast"):
        n.data = [1.5, 2.5]
    assert n.tolist() == [1, 2]
    with pytest.raises(MutationError):  # it is locked again
        n.data[0] = 1


def test_result_cannot_be_written():
    y = leaf() * 2
    for write in (lambda: y.assign(np.ones((2, 2))), lambda: setattr(y, "data", np.ones((2, 2)))):
        with pytest.raises(MutationError) as caught:
            write()
        assert str(caught.value) == (
            "this Tensor is a result of multiply, and results are read-only. "
            "Make a new Tensor, or t.detach().copy()."
        )


def test_view_of_a_leaf_is_written_through_the_leaf_alone():
    t = Tensor([1.0, 2.0])
    for view in (t[:1], t.T, t.reshape(2, 1), np.broadcast_to(t, (3, 2))):
        with pytest.raises(MutationError) as caught:
            view.data = np.zeros(view.shape)
        assert str(caught.value) == (
            "this Tensor is a view of memory that isn't its own to write. Write the Tensor that it "
            "is a view of, or t.detach().copy()."
        )
    t.detach().data = [5.0, 6.0]
    assert t.tolist() == [5.0, 6.0]


def test_write_shows_in_every_view():
    t = Tensor([[1.0, 2.0], [3.0, 4.0]])
    views = [t[0], t.T, t.reshape(4), t.detach(), np.broadcast_to(t, (2, 2, 2))]
    t.data = np.zeros((2, 2))
    assert not any(view.data.any() for view in views)


def test_setting_entries_is_refused():
    with pytest.raises(MutationError, match=r"new one, t = t\.at\[…\]\.set\(…\), or write a whole"):
        leaf()[0] = 1.0


# ---- in place ------------------------------------------------------------------------------------

UPDATES = [o.iadd, o.isub, o.imul, o.itruediv, o.ipow, o.ifloordiv, o.imod]
IN_PLACE = list(zip(["+", "-", "*", "/", "**", "//", "%"], UPDATES, strict=True))
each_in_place = pytest.mark.parametrize(("sign", "update"), IN_PLACE, ids=lambda x: str(x)[:24])
OPERANDS = [2, 2.0, np.float64(2), np.full(2, 2.0), [2.0, 2.0], Tensor([2.0, 2.0])]


@each_in_place
@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("other", OPERANDS, ids=lambda other: type(other).__name__)
def test_leaf_is_updated_in_place_under_no_grad(sign, update, requires_grad, other):
    w = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=requires_grad)
    expected = update(w.numpy(), np.float32(2))
    memory, same = w.data, w
    with tl.no_grad():
        w = update(w, other)
    assert w is same and w.requires_grad == requires_grad and w.dtype == np.float32
    assert_array_equal(memory, expected)


@each_in_place
def test_leaf_that_requires_a_gradient_is_not_updated_in_place_elsewhere(sign, update):
    w = leaf(name="weights")
    with pytest.raises(MutationError) as caught:
        update(w, 2.0)
    assert str(caught.value) == (
        f"weights {sign}= … would change a leaf that requires a gradient behind the graph's back.\n"
        f"  To update it in place:  with tl.no_grad(): weights {sign}= …\n"
        f"  For a new Tensor:       weights = weights {sign} …"
    )
    assert w.tolist() == [[1.0, 2.0], [3.0, 4.0]]


@each_in_place
def test_leaf_that_requires_none_becomes_a_new_tensor_elsewhere(sign, update):
    t, w = Tensor([2.0, 4.0]), Tensor([1.0, 2.0], requires_grad=True)
    assert update(t, 2.0) is not t and t.tolist() == [2.0, 4.0]
    assert update(t, w).requires_grad == (sign != "//")


@each_in_place
def test_result_becomes_a_new_tensor(sign, update):
    w = leaf([2.0, 4.0])
    h = w * 1.0
    y = update(h, 2.0)
    with tl.no_grad():
        z = update(h, 2.0)
    assert h.tolist() == [2.0, 4.0] and y.tolist() == z.tolist() != h.tolist()
    assert y.requires_grad == (sign != "//") and not z.requires_grad


def test_gradient_flows_through_what_stands_for_a_new_tensor():
    w = leaf([2.0, 4.0])
    h = w * 3.0
    h -= w
    h *= 2.0
    h /= 4.0
    h += 1.0
    assert h.sum().gradient(w).tolist() == [1.0, 1.0]


def test_training_loop_from_scratch_works():
    w = leaf([5.0, -3.0])
    for _ in range(100):
        (w * w).sum().backward()
        with tl.no_grad():
            w -= 0.1 * w.grad
        w.zero_grad()
    assert np.abs(w.data).max() < 1e-8


@pytest.mark.parametrize(
    ("data", "other", "error", "text"),
    [
        ([1, 2], 0.5, DtypeError, "subtract: Cannot cast"),
        ([1.0, 2.0], np.ones((3, 2)), ShapeError, "subtract: non-broadcastable output"),
        ([1.0, 2.0], np.ones(3), ShapeError, "subtract: "),
        ([1.0, 2.0], [1, "a"], DtypeError, "subtract: "),
    ],
)
def test_update_that_does_not_fit_is_refused_and_changes_nothing(data, other, error, text):
    t = Tensor(data)
    with pytest.raises(error, match=text), tl.no_grad():
        t -= other
    assert t.tolist() == data
    with pytest.raises(MutationError):  # it is locked again
        t.data[0] = 1
    y = (leaf([1.0, 2.0]) * t).sum()
    y.backward()  # and nothing has changed


def test_update_by_a_view_of_itself_is_that_of_numpy():
    t = Tensor([[1.0, 2.0], [3.0, 4.0]])
    with tl.no_grad():
        t -= t.T
    assert t.tolist() == [[0.0, -1.0], [1.0, 0.0]]


# ---- a value that gradients need -----------------------------------------------------------------


def step(w):
    w.grad = np.ones(w.shape)
    nn.optim.SGD([w], lr=1.0).step()


def update_in_place(w):
    with tl.no_grad():
        w -= 1.0


WRITES = {
    "assign": lambda w: w.assign(np.zeros((2, 2))),
    "data": lambda w: setattr(w, "data", np.zeros((2, 2))),
    "detached": lambda w: w.detach().assign(np.zeros((2, 2))),
    "optimizer": step,
    "in place": update_in_place,
}
each_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())


@each_write
def test_changed_value_that_a_gradient_needs_is_an_error(write):
    w = leaf()
    y = (w * w).sum()
    write(w)
    with pytest.raises(MutationError, match="multiply needs the value that `w` had"):
        y.backward()
    with pytest.raises(MutationError, match="multiply needs the value that `w` had"):
        y.gradient(w)
    with pytest.raises(MutationError, match="multiply needs the value that `w` had"):
        y.gradient(w, create_graph=True)


VIEWS = {
    "itself": lambda w: w,
    "detach": lambda w: w.detach(),
    "reshape": lambda w: w.reshape(4),
    "T": lambda w: w.T,
    "mT": lambda w: w.mT,
    "slice": lambda w: w[:, 1:],
    "entry": lambda w: w[0:1, 0],
    "view of a view": lambda w: w.T[0].reshape(2, 1),
    "broadcast_to": lambda w: np.broadcast_to(w, (3, 2, 2)),
    "expand_dims": lambda w: np.expand_dims(w, 0),
    "squeeze": lambda w: np.squeeze(w),
    "detached view": lambda w: w[0].detach(),
    "view of detached": lambda w: w.detach().T,
}


@each_write
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_views_know_of_the_change(write, view):
    w, x = leaf(), leaf(2.0)
    y = (view(w) * x).sum()
    write(w)
    with pytest.raises(MutationError, match="multiply needs the value"):
        y.gradient(x)


def test_tensors_that_share_a_users_array_know_of_the_change():
    array = np.ones(4)
    w = Tensor(array[:2], copy=False, requires_grad=True)
    y = (w.reshape(2, 1) ** 2).sum()
    Tensor(w, copy=False).data = [5.0, 6.0]
    with pytest.raises(MutationError):
        y.backward()


def test_result_made_after_the_change_is_fine():
    w = leaf()
    w.data = np.zeros((2, 2))
    y = (w * w).sum()
    assert y.gradient(w).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_change_of_another_tensor_is_fine():
    w, other = leaf(), leaf()
    y = (w * w).sum()
    other.data = np.zeros((2, 2))
    assert y.gradient(w).tolist() == [[2.0, 4.0], [6.0, 8.0]]


NEED_NO_VALUE = {
    "add": lambda w: w + w,
    "subtract": lambda w: 1.0 - w,
    "negative": lambda w: -w,
    "multiply by a number": lambda w: w * 3.0,
    "multiply by a constant": lambda w: w * np.ones((2, 2)),
    "matmul with a constant": lambda w: w @ np.ones((2, 3)),
    "matmul of a row": lambda w: w[0] @ np.ones((2, 3)),
    "linear": lambda w: f.linear(w[None], np.ones((2, 3)), np.ones(3)),
    "divide by a number": lambda w: w / 2.0,
    "sum": lambda w: w.sum(axis=0, keepdims=True),
    "mean": lambda w: w.mean(axis=1),
    "reshape": lambda w: w.reshape(4).T,
    "transpose": lambda w: w.transpose(1, 0),
    "swapaxes": lambda w: w.swapaxes(0, 1),
    "expand_dims": lambda w: w.expand_dims(0).squeeze(),
    "broadcast_to": lambda w: np.broadcast_to(w, (3, 2, 2)),
    "concatenate": lambda w: np.concatenate([w, w], axis=None),
    "stack": lambda w: np.stack([w, w], axis=1),
    "index": lambda w: w[[0, 0, 1], 1:],
    "take_along_axis": lambda w: np.take_along_axis(w, np.array([[0], [0]]), 1),
    "where": lambda w: np.where(np.array([True, False]), w, 0.0),
    "astype": lambda w: w.astype(np.float32),
    "exp": lambda w: np.exp(w),
    "sigmoid": lambda w: f.sigmoid(w),
    "sqrt": lambda w: np.sqrt(w),
    "softmax": lambda w: f.softmax(w),
}


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("call", NEED_NO_VALUE.values(), ids=NEED_NO_VALUE.keys())
def test_rule_that_needs_no_changed_value_still_works(call, create_graph):
    w = leaf()
    expected = call(w).sum().gradient(w).data
    y = call(w).sum()
    w.data = np.full((2, 2), 100.0)
    assert_array_equal(y.gradient(w, create_graph=create_graph).data, expected)


NEED_VALUE = {
    "divide": lambda w: 1.0 / w,
    "power": lambda w: w**2,
    "log": lambda w: np.log(w),
    "sin": lambda w: np.sin(w),
    "square": lambda w: np.square(w),
    "absolute": lambda w: abs(w),
    "maximum": lambda w: np.maximum(w, 2.0),
    "max": lambda w: w.max(),
    "var": lambda w: w.var(),
    "matmul": lambda w: w @ w,
    "clip": lambda w: np.clip(w, 0.0, 2.0),
    "where": lambda w: np.where(w.detach(), w, 0.0),
    "logsumexp": lambda w: f.logsumexp(w, axis=1),
    "softplus": lambda w: f.softplus(w),
    "cross_entropy": lambda w: f.cross_entropy(w, np.array([0, 1])),
    "linear": lambda w: f.linear(w, leaf(np.ones((2, 1))), np.ones(1)),
}


@pytest.mark.parametrize("name", NEED_VALUE)
def test_rule_that_needs_a_changed_value_is_an_error(name):
    w = leaf()
    y = NEED_VALUE[name](w).sum()
    w.data = np.full((2, 2), 100.0)
    with pytest.raises(MutationError, match=f"^{name} needs the value that "):
        y.backward()


def test_output_that_was_changed_is_an_error_for_rules_that_need_it():
    w = leaf()
    h = np.exp(w)
    y = h.sum()
    h.detach().data = np.zeros((2, 2))
    with pytest.raises(MutationError, match="exp needs the value that its output had"):
        y.backward()


def test_class_tensor_that_was_changed_is_an_error():
    w, classes = leaf(), Tensor([0, 1])
    y = f.cross_entropy(w, classes).sum()
    classes.data = [1, 1]
    with pytest.raises(MutationError, match="cross_entropy needs the value that `classes` had"):
        y.backward()


def test_error_names_tensor_operation_and_both_lines():
    w, x = leaf(name="layer.weight"), leaf()
    y = (w * x).sum()
    w.data = np.zeros((2, 2))
    with pytest.raises(MutationError) as caught:
        y.backward()
    assert re.fullmatch(
        r"multiply needs the value that `layer\.weight` had in the forward pass, but "
        r"`layer\.weight` has changed since\.\n"
        r"  used     at test_mutation\.py:\d+:  y = \(w \* x\)\.sum\(\)\n"
        r"  changed  at test_mutation\.py:\d+:  w\.data = np\.zeros\(\(2, 2\)\)\n"
        r"  Call backward\(\) before the change, or compute the result again\.",
        str(caught.value),
    )


def test_error_names_a_tensor_without_name_as_the_source_does():
    weights, x = leaf(), leaf()
    y = (weights * x).sum()
    with tl.no_grad():
        weights *= 2.0
    with pytest.raises(MutationError) as caught:
        y.backward()
    text = str(caught.value)
    assert "multiply needs the value that `weights` had" in text
    assert text.count("test_mutation.py:") == 2 and ":  weights *= 2.0\n" in text


def test_error_names_a_parameter_by_its_path():
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Linear(2, 2, rng=0))
    y = model(leaf()).sum()
    model[1].weight.data = np.zeros((2, 2))
    with pytest.raises(MutationError, match=r"^linear needs the value that `1\.weight` had in"):
        y.backward()
