"""What holds while operations run: recording, per thread; modules at work; places in the source."""

import contextvars
import importlib.util
import threading
import weakref

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.errors import ArgumentError, GradientError


def recorded():
    """Whether an operation is recorded now."""
    return (Tensor(1.0, requires_grad=True) * 2).requires_grad


# ---- no_grad -------------------------------------------------------------------------------------


def test_nothing_is_recorded_under_no_grad():
    x = Tensor([1.0, 2.0], requires_grad=True)
    with tl.no_grad():
        y = np.exp(x) * 2
        assert x.requires_grad
    assert not y.requires_grad and y.is_leaf and y.inputs == () and y.place is None
    assert recorded()


def test_leaf_made_under_no_grad_may_require_a_gradient():
    with tl.no_grad():
        w = Tensor(1.0, requires_grad=True)
    (w * 3).backward()
    assert w.grad.item() == 3.0


def test_result_from_under_no_grad_is_a_constant():
    x = Tensor(3.0, requires_grad=True)
    with tl.no_grad():
        y = x * x
    (x * y).backward()
    assert x.grad.item() == 9.0


def test_no_grad_may_be_nested_and_used_again():
    switch = tl.no_grad()
    with switch:
        with switch:
            assert not recorded()
        with tl.no_grad():
            pass
        assert not recorded()
    assert recorded()
    with switch:
        assert not recorded()
    assert recorded()


def test_exception_ends_no_grad():
    with pytest.raises(KeyError), tl.no_grad():
        raise KeyError
    assert recorded()


def test_no_grad_decorates_functions():
    @tl.no_grad()
    def predict(x, scale=1.0):
        """Documented."""
        if scale < 0:
            raise ValueError
        return predict(x, scale - 1) if scale > 1 else x * 2

    assert predict.__name__ == "predict" and predict.__doc__ == "Documented."
    x = Tensor(1.0, requires_grad=True)
    assert not predict(x, scale=3).requires_grad
    assert recorded()
    with pytest.raises(ValueError):
        predict(x, scale=-1)
    assert recorded()


@pytest.mark.parametrize("switch", [tl.no_grad, tl.detect_anomaly])
def test_coroutines_are_refused(switch):
    async def train():
        return 1

    with pytest.raises(ArgumentError, match="coroutine"):
        switch()(train)


def test_no_grad_refuses_generators():
    def batches():
        yield 1

    with pytest.raises(ArgumentError) as caught:
        tl.no_grad()(batches)
    text = str(caught.value)
    assert text.startswith("<function ") and "batches" in text
    assert text.endswith(
        "is a generator or a coroutine, which would leave this context when it is first suspended. "
        "Use `with` inside it."
    )


def test_generator_with_no_grad_inside_ends_with_it():
    def rows():
        with tl.no_grad():
            yield recorded()

    assert list(rows()) == [False]
    assert recorded()


def in_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def test_no_grad_holds_in_its_own_thread_alone():
    with tl.no_grad():
        assert in_thread(recorded)
        assert not recorded()

    entered, leave = threading.Event(), threading.Event()

    def elsewhere():
        with tl.no_grad():
            entered.set()
            leave.wait()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    entered.wait()
    try:
        assert recorded()
    finally:
        leave.set()
        thread.join()


def test_no_grad_goes_with_a_copied_context():
    with tl.no_grad():
        inside = contextvars.copy_context()
    assert not inside.run(recorded)
    assert recorded()


def test_threads_compute_their_own_gradients():
    x = Tensor(np.arange(3.0), requires_grad=True)

    def work():
        return [(x * k).sum().gradient(x).tolist() for k in range(200)]

    found = []
    threads = [threading.Thread(target=lambda: found.append(work())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[[float(k)] * 3 for k in range(200)]] * 4


# ---- the order of things -------------------------------------------------------------------------


def test_index_grows_from_each_tensor_to_the_next():
    x = Tensor(1.0, requires_grad=True)
    y = x * 2
    z = x + y
    assert x.index < y.index < z.index < Tensor(0).index


def test_result_knows_what_made_it():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x.sum(axis=0, keepdims=True)
    assert y.op.name == "sum" and y.inputs == (x,)
    assert y.attributes == {"axis": 0, "keepdims": True}
    z = x * 3.0
    assert z.inputs[0] is x and z.inputs[1] == 3.0 and not z.attributes
    assert not z.is_leaf and x.is_leaf


# ---- modules at work -----------------------------------------------------------------------------


class Block(nn.Module):
    def __init__(self):
        self.inner = nn.Linear(2, 2, rng=0)

    def forward(self, x):
        return self.inner(x) * 2


def test_result_knows_the_module_that_made_it():
    block = Block()
    y = block(tl.ones(2))
    assert y.call.module() is block and y.call.parent is None
    product = y.inputs[0]
    assert product.call.module() is block.inner
    assert product.call.parent.module() is block
    assert (tl.ones(2, requires_grad=True) * 2).call is None


def test_graph_does_not_hold_the_module():
    block = Block()
    y, gone = block(tl.ones(2)), weakref.ref(block)
    del block
    assert gone() is None and y.call.module() is None
    y.sum().backward()


def test_exception_in_forward_ends_the_call():
    with pytest.raises(ValueError):
        Block()(tl.ones(3))
    assert (tl.ones(2, requires_grad=True) * 2).call is None


# ---- places in the source ------------------------------------------------------------------------


def test_place_is_the_users_line_and_expression():
    x = Tensor([1.0], requires_grad=True)
    y = x + np.exp(x * 2)
    place = y.place
    assert place.file == __file__
    assert place.text == "y = x + np.exp(x * 2)"
    assert place.expression == "x + np.exp(x * 2)"
    assert str(place) == f"test_context.py:{place.line}:  y = x + np.exp(x * 2)"
    assert y.inputs[1].place.expression == "np.exp(x * 2)"
    assert y.inputs[1].inputs[0].place.expression == "x * 2"
    assert y.inputs[1].place.line == place.line
    assert x.place is None


def test_place_of_a_method_an_index_and_a_property():
    x = Tensor(np.ones((2, 2)), requires_grad=True)
    for y, expression in [
        (x.sum(axis=0), "x.sum(axis=0)"),
        (x.sum(), "x.sum()"),
        (x[0], "x[0]"),
        (x.T, "x.T"),
        (-x, "-x"),
        (2 * x, "2 * x"),
        (tl.f.relu(x), "tl.f.relu(x)"),
        (np.concatenate([x, x]), "np.concatenate([x, x])"),
        (np.clip(x, 0, 1), "np.clip(x, 0, 1)"),
        (x.clip(0, 1), "x.clip(0, 1)"),
        (np.take_along_axis(x, np.array([[0]]), 0), "np.take_along_axis(x, np.array([[0]]), 0)"),
        (nn.mse_loss(x, np.ones((2, 2))), "nn.mse_loss(x, np.ones((2, 2)))"),
    ]:
        assert y.place.file == __file__
        assert y.place.expression == expression


def test_expression_on_several_lines_has_its_first_line():
    x = Tensor([1.0], requires_grad=True)
    y = (
        x
        + x * 2
    )  # fmt: skip
    assert y.place.text in ("x", "y = (") and y.place.expression == ""


def test_columns_count_characters_not_bytes():
    größe = Tensor([1.0], requires_grad=True)
    y = größe * 2; assert y.place.expression == "größe * 2"  # noqa: E702  # fmt: skip


def test_place_inside_a_module_of_the_package_is_where_it_was_called():
    layer = nn.Linear(2, 2, rng=0)
    y = layer(tl.ones(2))
    assert y.place.text == "y = layer(tl.ones(2))"


def test_place_inside_a_module_of_the_users_is_there():
    y = Block()(tl.ones(2))
    assert y.place.text == "return self.inner(x) * 2"
    assert y.inputs[0].place.text == "return self.inner(x) * 2"


def test_place_without_source_has_no_text():
    namespace = {"x": Tensor(1.0, requires_grad=True)}
    exec(compile("y = x * 2", "<made up>", "exec"), namespace)
    place = namespace["y"].place
    assert (place.file, place.line, place.text) == ("<made up>", 1, "")
    assert str(place) == "<made up>:1"


def test_file_beside_the_package_is_the_users(tmp_path):
    """A name that only starts like the package's folder isn't in it."""
    beside = tl.__path__[0] + "_experiments/train.py"
    namespace = {"x": Tensor(1.0, requires_grad=True)}
    exec(compile("\n\ny = x * 2", beside, "exec"), namespace)
    assert namespace["y"].place.file == beside


def test_place_keeps_no_frame():
    class Big:
        pass

    def build():
        big = Big()
        return Tensor(1.0, requires_grad=True) * 2, weakref.ref(big)

    y, big = build()
    assert big() is None and y.place.text == "return Tensor(1.0, requires_grad=True) * 2, " + (
        "weakref.ref(big)"
    )


def test_place_outlives_its_file(tmp_path):
    path = tmp_path / "gone.py"
    path.write_text("def double(x):\n    return x * 2\n")
    spec = importlib.util.spec_from_file_location("gone", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    y = module.double(Tensor(1.0, requires_grad=True))
    path.unlink()
    assert y.place.line == 2 and str(y.place).startswith("gone.py:2")


def test_errors_in_no_grad_name_the_line_too():
    with tl.no_grad(), pytest.raises(ValueError, match=r"at test_context\.py:\d+: ") as caught:
        tl.ones(2) + tl.ones(3)
    assert not isinstance(caught.value, GradientError)
