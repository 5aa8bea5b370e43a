"""What a compiled step shows of itself: its program, its memory, its graphs."""

import tracemalloc

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.compiler import compiled, passes
from tinygrad_lite.errors import ArgumentError, OperationError


def adaline(**options):
    """A compiled step of an Adaline, and a batch."""
    tl.seed(0)
    model = tl.models.Adaline(3)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)

    @tl.compile(**options)
    def step(x, y):
        loss = nn.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((8, 3)), rng.standard_normal(8)
    return step, x.astype(np.float32), y.astype(np.float32), model


def mlp(optimizer=nn.optim.SGD, **options):
    """A compiled step of an MLP, and a batch."""
    tl.seed(0)
    model = tl.models.MLP([20, 30, 5])
    optimizer = optimizer(model.parameters(), lr=0.01)

    @tl.compile(**options)
    def step(x, y):
        loss = nn.cross_entropy_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    rng = np.random.default_rng(0)
    return step, rng.standard_normal((16, 20)).astype(np.float32), rng.integers(0, 5, 16), model


# ---- the program ---------------------------------------------------------------------------------

ADALINE = """\
# step(x: float32 (8, 3), y: float32 (8,)): 9 statements, 48 B of buffers

def step(x, y, lr):
    # ---- forward -------------------------------------------------------------
    x.dot(weight, out=a)                                        # Adaline(3 → 1)
    np.add(a, bias, out=a)
    np.subtract(a, y, out=a)                                    # loss = nn.mse_loss(model(x), y)
    loss_dot = a.dot(a)
    loss = loss_dot / 8
    # ---- backward ------------------------------------------------------------
    np.multiply(lr * 0.25, a, out=a)
    a.dot(x, out=g_weight)                                      # Adaline(3 → 1)
    ones.dot(a_8x1, out=g_bias)
    # ---- update: SGD ---------------------------------------------------------
    np.subtract(parameters, gradients, out=parameters)          # optimizer.step()
    return loss"""


def test_step_of_an_adaline_is_nine_statements():
    step, x, y, _ = adaline()
    step(x, y)
    assert step.source == ADALINE


def test_program_knows_numpy_and_arrays_alone():
    for make in (adaline, mlp):
        step, x, y, _ = make()
        step(x, y)
        known = step.latest.written.namespace
        assert known.pop("np") is np
        assert all(isinstance(value, np.ndarray) for value in known.values())
        exec(step.source, dict(known))  # it can be read by Python, and needs nothing more


def test_each_statement_is_one_line_that_names_where_it_is_from():
    step, x, y, _ = mlp()
    step(x, y)
    for said in ("layers.0: Linear(20 → 30)", "layers.1: ReLU()", "loss = nn.cross_entropy_loss"):
        assert f"# {said}" in step.source
    assert all(len(line) <= 120 for line in step.source.splitlines())


@pytest.mark.parametrize("make", [adaline, mlp])
def test_program_alone_trains_the_model(make):
    step, x, y, model = make()
    step(x, y)
    version = step.latest
    before = [p.numpy() for p in model.parameters()]
    version.function(x, y, 0.5)
    assert all((p.numpy() != b).any() for p, b in zip(model.parameters(), before, strict=True))


# ---- memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [nn.optim.SGD, nn.optim.Adam])
def test_table_of_memory_has_every_buffer(optimizer):
    step, x, y, _ = mlp(optimizer)
    step(x, y)
    table = step.memory
    statements = [line for line in step.source.splitlines() if line.startswith("    ")]
    count = sum(not line.strip().startswith("#") for line in statements) - 1  # the last returns
    for row in table.rows:
        assert row.bytes >= 0
        assert all(1 <= start <= end <= count for _, start, end in row.holds)
        assert row.holds == sorted(row.holds, key=lambda held: held[1])
    kept = [row for row in table.rows if row.is_kept]
    assert table.bytes == sum(row.bytes for row in kept)
    assert f"{compiled.MemoryTable(kept)}".count("buffer") >= 1
    said = str(table)
    assert all(row.buffer in said for row in table.rows)


@pytest.mark.parametrize("optimizer", [nn.optim.SGD, nn.optim.Adam])
def test_buffers_take_half_of_what_eager_takes(optimizer):
    tl.seed(0)
    model = tl.models.MLP([784, 128, 10])
    by = optimizer(model.parameters(), lr=0.01)

    def train(x, y):
        loss = nn.cross_entropy_loss(model(x), y)
        by.zero_grad()
        loss.backward()
        by.step()
        return loss

    x, y = tl.randn(64, 784), np.arange(64) % 10
    train(x, y)  # so that the optimizer's state is there
    tracemalloc.start()
    train(x, y)
    eager = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    gradients = sum(p.data.nbytes for p in model.parameters())
    step = tl.compile(train)
    step(x, y)
    assert step.memory.bytes - gradients <= (eager - gradients) / 2


def test_calls_allocate_next_to_nothing():
    step, x, y, _ = mlp()
    for _ in range(3):
        step(x, y)
    tracemalloc.start()
    for _ in range(100):
        step(x, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40_000  # NumPy's own, to broadcast a bias: 8192 entries at most


def test_what_a_call_returned_stays_as_it_is():
    step = tl.compile(lambda x: (np.tanh(x) * 2, x.reshape(2, 2), x))
    first = step(np.ones(4))
    kept = [t.numpy() for t in first]
    second = step(np.ones(4))
    step(np.zeros(4))
    for t, u, array in zip(first, second, kept, strict=True):
        np.testing.assert_array_equal(t.numpy(), array)
        np.testing.assert_array_equal(u.numpy(), array)


# ---- graphs --------------------------------------------------------------------------------------


def test_graphs_of_function_and_program_can_be_drawn(tmp_path):
    step, x, y, _ = mlp()
    step(x, y)
    assert [s.phase for s in step.graph if s.phase == "update"]
    graph = step.optimized_graph
    names = [s.name for s in graph]
    assert ".dot" in names and "np.exp" in names
    for form in ("dot", "json", "html", "md"):
        assert graph.save(tmp_path / f"program.{form}").stat().st_size > 1000
    assert "np.exp" in graph.explain()


# ---- options -------------------------------------------------------------------------------------


def test_gradients_are_there_if_they_are_asked_for():
    step, x, y, model = mlp(grads=True, exact=True)
    plain, _, _, twin = mlp(exact=True)
    for _ in range(3):
        step(x, y)
        plain.fn(tl.Tensor(x), y)
        for p, q in zip(model.parameters(), twin.parameters(), strict=True):
            np.testing.assert_array_equal(p.grad.numpy(), q.grad.numpy())
            np.testing.assert_array_equal(p.numpy(), q.numpy())


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("optimizer", [nn.optim.SGD, nn.optim.Adam])
def test_check_compares_with_the_function_and_goes_on(optimizer, exact):
    step, x, y, model = mlp(optimizer, check=True, exact=exact)
    plain, _, _, twin = mlp(optimizer)
    losses = [step(x, y).item() for _ in range(4)]
    assert losses == [plain.fn(tl.Tensor(x), y).item() for _ in range(4)]
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy())


def test_check_finds_a_pass_that_is_wrong(monkeypatch):
    def wrong(program):
        """Leaves out the relu."""
        node = next(node for node in program.nodes if node.function == "np.maximum")
        program.replace({node: node.inputs[0]})

    monkeypatch.setitem(passes.PASSES, "wrong", wrong)
    step, x, y, _ = mlp(check=True)
    step(x, y)
    with pytest.raises(OperationError, match=r"result differs .* eagerly"):
        step(x, y)


def test_pass_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(ArgumentError, match=r"there is no pass 'fuse'\. There are copies"):
        tl.compile(lambda x: x, passes=["fuse"])


def test_step_without_a_program_says_so():
    step, _, _, _ = adaline()
    assert repr(step) == "<compiled step: 0 programs>"
    with pytest.raises(OperationError, match="the first call makes it"):
        _ = step.source


def test_small_gradients_of_half_precision_arent_lost_to_a_learning_rate():
    def trained(compile):
        w = nn.Parameter(np.ones(3, np.float16))
        optimizer = nn.optim.SGD([w], lr=2**-10)

        def step(x):
            loss = (w * x).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        step = compile(step)
        for _ in range(3):
            step(tl.Tensor(np.full((1000, 3), 2000, np.float16)))
        return w.numpy()

    np.testing.assert_allclose(trained(tl.compile), trained(lambda fn: fn), rtol=2e-3)
