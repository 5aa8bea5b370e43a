"""A graph agrees with the engine: replayed from what is written down, it gives every gradient."""

import warnings
from collections import Counter
from contextlib import suppress

import numpy as np
import pytest
from numpy.testing import assert_allclose

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.graphs import Contribution, Seed, Value
from tinygrad_lite.ops import rooms

from ..ops.cases import CASES
from ..ops.check import tensors

# ---- replaying -----------------------------------------------------------------------------------


def same(x, y):
    """Whether two arrays are the same bit for bit, NaN and -0 too."""
    return x.shape == y.shape and x.dtype == y.dtype and x.tobytes() == y.tobytes()


def held(x):
    """What stands for a recorded input or attribute: its array."""
    if isinstance(x, Value):
        return x.array
    return type(x)(map(held, x)) if isinstance(x, list | tuple) else x


def given_to_rule(step):
    """What the rule of a contribution is run on: g, out, inputs and attributes."""
    operation = step.of.operation
    g, out, inputs = step.g.array, step.of.output.array, [held(x) for x in step.of.inputs]
    attributes = {key: held(x) for key, x in step.of.attributes.items()}
    if operation.lift is not None:
        g, out, inputs = operation.lift(g, out, inputs, **attributes)
    return g, out, inputs, attributes


def fitted(step, flow):
    """What the rule gave in the shape of the input, by what the step says of how."""
    extra = max(flow.ndim - len(step.lifted_shape), 0)
    assert all(i in step.summed_over or flow.shape[i] == 1 for i in range(extra))
    if extra:
        flow = np.add.reduce(flow, axis=tuple(range(extra)))
    ones = tuple(i - extra for i in step.summed_over if i >= extra)
    if ones:
        flow = np.add.reduce(flow, axis=ones, keepdims=True)
    return np.broadcast_to(flow, step.lifted_shape).reshape(step.to.shape).astype(step.to.dtype)


def replayed(graph):
    """The gradients by what the steps say, each checked against what is written down."""
    finals, totals, before = {}, {}, None
    for step in graph:
        if isinstance(step, Seed):
            totals = totals if isinstance(before, Seed) else {}  # else a sweep begins
            totals[id(step.of)] = [step.output.array]
        elif isinstance(step, Contribution):
            assert same(totals[id(step.of.output)][-1], step.g.array), "not complete yet"
            g, out, inputs, attributes = given_to_rule(step)
            rule = step.of.operation.rule(step.position)
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                flow = np.asarray(rule(g, out, *inputs, **attributes))
            assert flow.shape == step.rule_shape
            assert np.shape(inputs[step.position]) == step.lifted_shape
            flow = fitted(step, flow)
            assert same(flow, step.output.array), step
            sums = totals.setdefault(id(step.to), [])
            assert len(sums) == step.earlier
            sums.append(np.asarray(sums[-1] + flow) if sums else flow)
            assert same(sums[-1], step.total.array)
            finals[id(step.to)] = sums[-1]
        before = step
    return finals


def check(result, leaves, gradient=None):
    """Replay the graph of a result, and compare with the gradients that the engine gives."""
    graph = tl.graph(result, gradient)
    found = replayed(graph)
    expected = result.gradient(*leaves, gradient=gradient)
    for leaf, g in zip(leaves, expected if len(leaves) > 1 else [expected], strict=True):
        value = graph.value(leaf)
        assert same(found[id(value)], g.numpy())
        assert same(value.gradient.array, g.numpy())
    return graph


# ---- what is replayed ----------------------------------------------------------------------------


def reached(out, inputs):
    return [x for x in inputs if isinstance(x, Tensor) and out_depends(out, x)]


def out_depends(out, x):
    with suppress(tl.errors.GradientError):
        out.gradient(x, gradient=np.ones(out.shape))
        return True
    return False


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_of_every_operation_are_replayed(case, dtype):
    inputs = tensors(case.arrays(dtype))
    out = case.call(*inputs)
    check(out, reached(out, inputs), case.weights())


def test_gradients_of_every_operation_are_replayed_to_the_second_order():
    counts = Counter()
    for case in CASES[::5]:
        inputs = tensors(case.inputs)
        out = case.call(*inputs)
        leaves = reached(out, inputs)
        found = out.gradient(*leaves, gradient=case.weights(), create_graph=True)
        total = sum((g * g).sum() for g in (found if len(leaves) > 1 else [found]))
        if total.op is not None:
            again = reached(total, inputs)
            counts["some" if again else "none"] += 1
            if again:
                check(total, again)
    assert counts["some"] > 50


def test_shared_inputs_and_broadcasting_are_replayed():
    x, w = Tensor([1.0, 2.0, 3.0], requires_grad=True), Tensor([[0.5], [2.0]], requires_grad=True)
    e = x * w + x
    graph = check((e * e + e).mean(), [x, w])
    assert {step.earlier for step in graph if isinstance(step, Contribution)} == {0, 1, 2}


@pytest.mark.parametrize("seed", [0, 1])
def test_mlp_is_replayed(seed):
    tl.seed(seed)
    model = tl.models.MLP([784, 32, 16, 10])
    x = Tensor(np.random.default_rng(seed).random((64, 784), dtype=np.float32))
    loss = nn.cross_entropy_loss(model(x), np.arange(64) % 10)
    check(loss, list(model.parameters()))


def test_adaline_is_replayed():
    tl.seed(0)
    model = tl.models.Adaline(13)
    x, y = np.random.default_rng(0).random((1, 13)), np.array([1.0])
    out = model(Tensor(x.astype(np.float32)))
    e = out - y.astype(np.float32).reshape(out.shape)
    check((e * e).mean(), list(model.parameters()))


def test_recurrence_is_replayed():
    w, h = Tensor(np.eye(3) * 0.5, requires_grad=True), Tensor(np.ones((2, 3)), requires_grad=True)
    start = h
    for _ in range(50):
        h = np.tanh(h @ w + h)
    check(h.sum(), [w, start])


def test_traced_training_steps_are_replayed_with_what_grad_holds():
    w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    held_grads = []

    def step(x):
        for _ in range(2):
            loss = (w * x * w).sum()
            loss.backward()
        held_grads.append(w.grad)
        with tl.no_grad():
            w.assign(w - 0.1 * w.grad)
        return loss

    graph = tl.trace(step, Tensor([3.0, 5.0]))
    replayed(graph)
    assert same(graph.value(held_grads[0]).array, held_grads[0].numpy())
    assert same(graph["w after assign"].array, w.numpy())


# ---- formulas ------------------------------------------------------------------------------------

NO_SUCH_ENTRIES = {"cumprod", "prod", "std"}  # whose texts divide by zeros where rules take care


def evaluated(step, is_named=False):
    """The formula that a contribution shows, evaluated with NumPy on what is written down."""
    g, out, inputs, attributes = given_to_rule(step)
    operation = step.of.operation
    room = next(room for room in rooms if any(operation is row for row in vars(room).values()))
    rules = zip(operation.rules, inputs, strict=False)
    named = {"xs": tuple(inputs)} if operation.each else dict(rules)
    letters = {"n": step.to.array.size // max(step.g.array.size, 1), "p": 2}
    values = {v.name: v.array for v in step.of.attributes.values() if isinstance(v, Value)}
    scope = {**vars(room), **vars(tl.f), **vars(np), **letters, **values, **attributes, **named}
    operands = zip((*step.of.inputs, step.of.output), (*inputs, out), strict=True)
    called = {x.name.replace("#", "_"): array for x, array in operands if isinstance(x, Value)}
    names, rule = (called, step.named_rule().replace("#", "_")) if is_named else ({}, step.rule())
    with np.errstate(all="ignore"):
        return np.asarray(eval(rule, {**scope, "out": out, **names, "g": g}))


def test_formulas_that_are_shown_give_the_contributions():
    counts = Counter()
    for case in CASES:
        inputs = tensors(case.inputs)
        for step in tl.graph(case.call(*inputs), case.weights()):
            if not isinstance(step, Contribution) or not all(map(np.size, step.of.inputs[:1])):
                continue
            try:
                found = evaluated(step)
            except Exception as error:
                counts[type(error).__name__] += 1
                continue
            counts["right"] += 1
            named = evaluated(step, is_named=True)  # in which long numbers are rounded
            assert_allclose(named, found, rtol=1e-3, err_msg=f"{case}: {step.named_rule()}")
            expected = step.output.array
            is_told = ~np.isnan(fitted(step, found)) | (step.of.name not in NO_SUCH_ENTRIES)
            assert_allclose(
                fitted(step, found)[is_told],
                expected[is_told],
                rtol=1e-11,
                atol=1e-11,
                err_msg=f"{case}: {step.rule()}",
            )
    assert counts["right"] > 0.97 * counts.total(), counts
