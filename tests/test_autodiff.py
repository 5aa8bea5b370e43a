"""The backward sweep: what it computes, and where it puts it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_lite as tl
from tinygrad_lite import Tensor
from tinygrad_lite.errors import GradientError, ShapeError

f = tl.f
SQUARE = [[1.0, 2.0], [3.0, 4.0]]


def leaf(data, **options):
    return Tensor(np.array(data, dtype=float), requires_grad=True, **options)


# ---- accumulation --------------------------------------------------------------------------------


def test_gradients_of_two_backward_calls_add_up():
    x = leaf([1.0, 2.0])
    (x * x).sum().backward()
    (3 * x).sum().backward()
    assert x.grad.tolist() == [5.0, 7.0]


def test_backward_of_the_same_result_twice_gives_twice():
    x = leaf([1.0, 2.0])
    loss = (np.exp(x) * x).sum()
    loss.backward()
    once = x.grad.numpy()
    loss.backward()
    assert_array_equal(x.grad.data, 2 * once)


def test_gradient_that_was_read_is_not_changed_by_the_next_backward():
    x = leaf([1.0])
    (x * x).sum().backward()
    first = x.grad
    (x * x).sum().backward()
    assert first.tolist() == [2.0] and x.grad.tolist() == [4.0]


def test_gradient_starts_anew_after_zero_grad():
    x = leaf([1.0])
    for _ in range(2):
        x.zero_grad()
        assert x.grad is None
        (x * x).sum().backward()
        assert x.grad.tolist() == [2.0]


def test_input_that_is_shared_gets_the_sum_over_its_uses():
    x = leaf(3.0)
    y = x * x + x * x * x - x / x
    y.backward()
    assert x.grad.item() == pytest.approx(2 * 3 + 3 * 9)


def test_result_that_is_shared_gets_the_sum_over_its_uses():
    x = leaf(3.0)
    h = x * x
    (h * h + h).backward()
    assert x.grad.item() == pytest.approx(4 * 27 + 6)


def test_gradient_of_each_leaf_is_its_own():
    x, y, z = leaf([1.0, 2.0]), leaf([3.0, 4.0]), leaf([5.0, 6.0])
    (x * y).sum().backward()
    assert x.grad.tolist() == [3.0, 4.0] and y.grad.tolist() == [1.0, 2.0] and z.grad is None


def test_order_of_computation_does_not_matter():
    x = leaf(2.0)
    late = x * 5
    early = np.exp(x)
    (early * late + late).backward()
    assert x.grad.item() == pytest.approx(5 * np.exp(2) * (1 + 2) + 5)


# ---- backward ------------------------------------------------------------------------------------


def test_gradient_that_flows_in_weighs_the_entries():
    for weights in ([1.0, 10.0], np.array([1, 10]), Tensor([1.0, 10.0]), np.float32([1, 10])):
        x = leaf([3.0, 4.0])
        (x * x).backward(weights)
        assert x.grad.tolist() == [6.0, 80.0]


def test_single_entry_of_any_shape_needs_no_gradient():
    for shape in ((), (1,), (1, 1)):
        x = leaf(np.full(shape, 3.0))
        (x * x).backward()
        assert_array_equal(x.grad.data, np.full(shape, 6.0))


@pytest.mark.parametrize(("given", "shape"), [([1.0], (1,)), (1.0, ()), (np.ones((2, 1)), (2, 1))])
def test_gradient_of_another_shape_is_refused(given, shape):
    with pytest.raises(ShapeError) as caught:
        (leaf([1.0, 2.0]) * 2).backward(given)
    assert str(caught.value) == (
        f"backward: the gradient must have the Tensor's shape, (2,), not {shape}."
    )


def test_backward_of_many_entries_without_gradient_is_refused():
    with pytest.raises(GradientError) as caught:
        (leaf([1.0, 2.0]) * 2).backward()
    assert str(caught.value) == (
        "backward: a Tensor of shape (2,) has no single gradient. Reduce it to a number first, "
        "t.sum() or t.mean(), or say what flows into each entry: t.backward(gradient)."
    )


def test_backward_of_a_leaf_is_refused():
    with pytest.raises(GradientError) as caught:
        leaf(1.0, name="w").backward()
    assert str(caught.value) == (
        "backward: `w` is a leaf: nothing was computed from it here. Call backward() on a result "
        "of operations on it, such as the loss."
    )


def no_history():
    x = leaf([1.0, 2.0])
    with tl.no_grad():
        yield (x * x).sum()
    yield (x.detach() * 2).sum()
    yield Tensor(1.0)
    yield x.argmax()
    yield (x > 1).sum()


@pytest.mark.parametrize("t", [*no_history()], ids=["no_grad", "detach", "leaf", "argmax", "bool"])
def test_backward_without_history_is_refused(t):
    for attempt in (t.backward, lambda: t.gradient(leaf(1.0))):
        with pytest.raises(GradientError) as caught:
            attempt()
        assert str(caught.value) == (
            "backward: this Tensor has no history: none of what it was computed from requires a "
            "gradient, or it was computed under no_grad. Use Tensor(…, requires_grad=True) for "
            "what is to be trained."
        )


def test_detached_part_is_a_constant():
    x = leaf(3.0)
    (x.detach() * x).backward()
    assert x.grad.item() == 3.0


def test_intermediate_results_keep_no_gradient_unless_told():
    x = leaf([1.0, 2.0])
    h, k = x * 2, x * 3
    assert h.retain_grad() is h
    (h * k).sum().backward()
    assert h.grad.tolist() == [3.0, 6.0] and k.grad is None
    (h * k).sum().backward()
    assert h.grad.tolist() == [6.0, 12.0]
    assert x.grad.tolist() == [24.0, 48.0]


def test_retained_gradient_of_the_result_itself_is_what_flows_in():
    loss = (leaf([1.0, 2.0]) * 2).sum().retain_grad()
    loss.backward()
    assert loss.grad.item() == 1.0


def test_backward_inside_no_grad_computes_the_same():
    x = leaf(3.0)
    y = x * x
    with tl.no_grad():
        y.backward()
    assert x.grad.item() == 6.0 and not x.grad.requires_grad


# ---- where gradients live ------------------------------------------------------------------------

GRADIENTS_THAT_ARE_VIEWS = {
    "sum": lambda a, b: a.sum() + b.sum(),
    "add": lambda a, b: (a + b).sum(),
    "subtract": lambda a, b: (a - b + b + b).sum(),
    "add, of an array": lambda a, b: ((a + b) * 2.0).sum(),
    "reshape": lambda a, b: (a.reshape(6) + b.reshape(6)).sum(),
    "transpose": lambda a, b: (a.T + b.T).sum(),
    "mean": lambda a, b: (a + b).mean(),
    "slices": lambda a, b: (a[::-1] + b[:, ::-1]).sum(),
    "concatenate": lambda a, b: np.concatenate([a, b]).sum(),
    "broadcast_to": lambda a, b: np.broadcast_to(a + b, (4, 2, 3)).sum(),
    "product": lambda a, b: (a @ b.T).sum(),
}


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", GRADIENTS_THAT_ARE_VIEWS)
def test_grad_owns_its_memory(name, create_graph):
    a, b = leaf(np.ones((2, 3))), leaf(np.ones((2, 3)))
    GRADIENTS_THAT_ARE_VIEWS[name](a, b).backward(create_graph=create_graph)
    assert a.grad is not b.grad
    for grad, other in ((a.grad, b.grad), (b.grad, a.grad)):
        assert isinstance(grad, Tensor) and grad.shape == (2, 3) and grad.dtype == np.float64
        assert grad.data.flags.c_contiguous
        assert not np.shares_memory(grad.data, other.data)
        with tl.no_grad():
            grad *= 2.0  # all entries once: no broadcast view


def test_what_flowed_in_is_not_the_gradient():
    x, weights = leaf([1.0, 2.0]), np.ones(2)
    (x + 0.0).backward(weights)
    weights[:] = 5.0
    assert x.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_handed_out_do_not_share_memory(create_graph):
    a, b = leaf([1.0, 2.0]), leaf([1.0, 2.0])
    y = a + b
    for loss in (y.sum(), (y * y).sum()):
        found = loss.gradient(a, b, y, create_graph=create_graph)
        for i, g in enumerate(found):
            assert create_graph or (g.is_leaf and not g.requires_grad)
            assert not any(np.shares_memory(g.data, other.data) for other in found[:i])


def test_gradient_of_a_number_adds_up_in_memory_of_its_own():
    x = leaf(3.0)
    for expected in (6.0, 12.0, 18.0):
        (x * x).backward()
        assert x.grad.item() == expected and type(np.asarray(x.grad)) is np.ndarray
    memory = x.grad.data
    x.grad.data = 1.0
    assert memory.item() == 1.0


def test_grad_may_be_set_and_is_copied():
    x, array = leaf([1.0, 2.0]), np.array([3.0, 4.0])
    x.grad = array
    array[:] = 0.0
    assert x.grad.tolist() == [3.0, 4.0]
    (x * 1).sum().backward()
    assert x.grad.tolist() == [4.0, 5.0]
    x.grad *= 2
    assert x.grad.tolist() == [8.0, 10.0]
    x.grad = None
    assert x.grad is None


def test_grad_of_another_shape_is_refused():
    with pytest.raises(ShapeError) as caught:
        leaf([1.0, 2.0]).grad = [1.0]
    assert str(caught.value) == "grad: a gradient has its Tensor's shape, (2,), not (1,)."


# ---- gradient() ----------------------------------------------------------------------------------


def test_gradient_writes_none():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    h = (x * y).retain_grad()
    loss = (h * h).sum()
    by_x, by_h = loss.gradient(x, h)
    assert_array_equal(by_h.data, 2 * h.data)
    assert_array_equal(by_x.data, 2 * h.data * y.data)
    assert x.grad is None and y.grad is None and h.grad is None


def test_gradient_of_one_is_a_tensor_and_of_several_a_tuple():
    x, y = leaf(2.0), leaf(3.0)
    z = x * y
    assert isinstance(z.gradient(x), Tensor)
    assert [g.item() for g in z.gradient(x, y)] == [3.0, 2.0]
    assert [g.item() for g in z.gradient(x, x)] == [3.0, 3.0]
    assert z.gradient(z).item() == 1.0


def test_gradient_takes_what_flows_in():
    x = leaf([1.0, 2.0])
    assert (x * x).gradient(x, gradient=[1.0, 10.0]).tolist() == [2.0, 40.0]


@pytest.mark.parametrize(
    "unreached",
    [leaf([1.0], name="w"), Tensor([1.0], name="w"), (leaf([1.0]) * 2).detach()],
    ids=["other", "constant", "detached"],
)
def test_gradient_by_what_is_not_reached_is_refused(unreached):
    x = leaf([2.0])
    y = (x * unreached.detach()).sum()
    with pytest.raises(GradientError) as caught:
        y.gradient(x, unreached)
    name = "`w`" if unreached.name else "this Tensor"
    assert str(caught.value) == (
        f"gradient: {name}, of shape (1,), isn't among what this result was computed from with "
        "gradients: it requires none, was detached, or came in under no_grad."
    )


# ---- gradients of gradients ----------------------------------------------------------------------


def test_graph_of_the_sweep_gives_derivatives_of_any_order():
    x = leaf(2.0)
    y, found = x**5, []
    for _ in range(5):
        y = y.gradient(x, create_graph=True)
        found.append(y.item())
    assert found == [80.0, 160.0, 240.0, 240.0, 120.0]


def test_backward_with_graph_records_the_gradient():
    x = leaf(3.0)
    (x**3).backward(create_graph=True)
    assert x.grad.requires_grad and x.grad.item() == 27.0
    first, x.grad = x.grad, None
    first.backward()
    assert x.grad.item() == 18.0


def test_backward_with_graph_adds_to_what_is_there():
    x = leaf(3.0)
    (x * x).backward()
    (x * x).backward(create_graph=True)
    assert x.grad.item() == 12.0


def test_penalty_on_the_gradient_is_trained():
    x, w = leaf([1.0, 2.0]), leaf([3.0, -1.0])
    out = np.tanh((x * w).sum())
    slope = out.gradient(x, create_graph=True)
    (slope * slope).sum().backward()
    t, v = np.tanh(1.0), w.data
    d = -2 * t * (1 - t**2)  # of 1 - tanh²
    expected = 2 * (1 - t**2) * d * (v @ v) * x.data + 2 * (1 - t**2) ** 2 * v
    assert_allclose(w.grad.data, expected, rtol=1e-12)


def test_hessian_of_a_product_is_symmetric():
    x = leaf(np.random.default_rng(0).normal(size=4))
    first = (np.exp(x[:2]) @ np.sin(x[2:]) * x.sum()).gradient(x, create_graph=True)
    hessian = np.array([g.gradient(x).data for g in first])
    assert_allclose(hessian, hessian.T, rtol=1e-12)


# ---- arrays of the user's ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda x, array: x * array,
        lambda x, array: array * x,
        lambda x, array: array / x,
        lambda x, array: x**array,
        lambda x, array: x @ array,
        lambda x, array: np.maximum(x, array),
        lambda x, array: np.where(array > 2.5, x, array),
        lambda x, array: np.where(array, x, 0.0),
        lambda x, array: np.clip(x, array, 3.5),
        lambda x, array: np.concatenate([x, array]) ** 2,
        lambda x, array: f.linear(x, array, array[0]),
    ],
)
def test_array_that_was_an_operand_may_be_changed(call):
    x, array = leaf(SQUARE), np.array([[1.0, 2.0], [3.0, 0.5]])
    expected = call(x, array.copy()).sum().gradient(x).data
    y = call(x, array).sum()
    array[:] = np.nan
    assert array.flags.writeable
    assert_array_equal(y.gradient(x).data, expected)


def test_list_that_was_an_operand_may_be_changed():
    x, numbers = leaf([1.0, 2.0]), [3.0, 4.0]
    y = (x * numbers).sum()
    numbers[0] = 100.0
    assert y.gradient(x).tolist() == [3.0, 4.0]


def test_classes_may_be_changed():
    x, classes = leaf(SQUARE), np.array([0, 1])
    expected = f.cross_entropy(x, classes).sum().gradient(x).data
    y = f.cross_entropy(x, classes).sum()
    classes[:] = 0
    assert_array_equal(y.gradient(x).data, expected)
