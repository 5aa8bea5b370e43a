"""Programs that nobody thought of: operations of the table, one applied to what others gave."""

import warnings

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

import tinygrad_lite as tl
from tinygrad_lite import Tensor
from tinygrad_lite.compiler.passes import PASSES

from ..ops.cases import CASES
from .twins import assert_same, eagerly, frozen

OPERATIONS = [case for case in CASES if all(x.dtype.kind == "f" for x in case.inputs)]
REFUSED = (tl.errors.TinygradError, ArithmeticError, ValueError, IndexError, TypeError)

generated = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # programs are short as they are, and long to make shorter
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


class Generated:
    """Some operations, each on leaves or on what those before it gave; and gradients of all."""

    def __init__(self, leaves, steps):
        self.leaves, self.steps = leaves, steps

    def __repr__(self):
        lines = [f"x{i} = {x.dtype} {x.shape}" for i, x in enumerate(self.leaves)]
        for i, (case, places) in enumerate(self.steps, len(lines)):
            lines.append(f"x{i} = {case}({', '.join(f'x{place}' for place in places)})")
        return "\n".join(["", *lines])

    def values(self, *leaves):
        found = list(leaves)
        for case, places in self.steps:
            found.append(case.call(*[found[place] for place in places]))
        return found

    def __call__(self, *arrays):
        leaves = [Tensor(x, requires_grad=True) for x in arrays]
        values = self.values(*leaves)
        total = sum((x * (i / 2 + 1)).sum() for i, x in enumerate(values))
        return [total, *values, total.gradient(*leaves)]


@st.composite
def programs(draw):
    dtype = draw(st.sampled_from([np.float64, np.float32]))
    shapes = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, min_side=0, max_side=3)
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    leaves = [rng.uniform(0.2, 1.8, shape).astype(dtype) for shape in draw(shapes).input_shapes]
    values, steps = [Tensor(x, requires_grad=True) for x in leaves], []
    for _ in range(draw(st.integers(2, 8))):
        case = draw(st.sampled_from(OPERATIONS))
        later = st.integers(0, len(values) - 1).map(lambda i: -1 - i)  # of late ones rather
        places = [len(values) + draw(later) for _ in case.inputs]
        try:
            value = case.call(*[values[place] for place in places])
            (value * 2).sum()
        except REFUSED:
            continue
        if isinstance(value, Tensor) and value.dtype.kind == "f" and value.size <= 100:
            steps.append((case, places))
            values.append(value)
    assume(steps)
    program = Generated(leaves, steps)
    try:
        tl.trace(program, *leaves)
    except tl.errors.OperationError:  # a value that leaves the graph, or a shape by values
        assume(False)
    return program


@pytest.fixture(autouse=True)
def _unwarned():
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def arguments(program):
    """Those that it was made with, and others."""
    yield program.leaves
    yield [np.asarray(x * x.dtype.type(0.9375)) for x in program.leaves]
    yield [np.array(x[..., ::-1] if x.ndim else x) for x in program.leaves]


def held_to_eager(program, step, exact):
    step(*program.leaves)
    for arrays in arguments(program):
        try:
            expected = frozen(eagerly(program)(*arrays))
        except REFUSED as error:
            with pytest.raises(type(error)):
                step(*arrays)
            continue
        found = frozen(step(*arrays))
        if exact:
            assert_same(found, expected, True, f"{program}\n{step.source}")
        elif is_sure(program, arrays, expected):
            assert_near(found, expected, f"{program}\n{step.source}")


def is_sure(program, arrays, expected):
    """Whether rounding matters little, as it does next to a step, and where much cancels."""
    for by in (1 + 1e-6, 1 - 1e-6):
        try:
            other = frozen(program(*[(x * by).astype(x.dtype) for x in arrays]))
            assert_near(other, expected, "")
        except (*REFUSED, AssertionError):
            return False
    return True


def assert_near(found, expected, said):
    for x, wanted in zip(flat(found), flat(expected), strict=True):
        assert x.dtype == wanted.dtype and x.shape == wanted.shape, said
        scale = np.max(abs(wanted), initial=1.0, where=np.isfinite(wanted))
        np.testing.assert_allclose(x, wanted, 1e-3, 1e-4 * scale, err_msg=said)


def flat(nest):
    return [y for x in nest for y in flat(x)] if isinstance(nest, list | tuple) else [nest]


@generated
@given(programs())
def test_generated_program_is_eager_bit_for_bit(program):
    held_to_eager(program, tl.compile(program, exact=True), True)


@generated
@given(programs())
def test_generated_program_is_eager_to_a_tolerance(program):
    held_to_eager(program, tl.compile(program), False)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("name", PASSES)
def test_each_pass_can_be_left_out(name, exact):
    @settings(generated, max_examples=30)
    @given(programs())
    def run(program):
        held_to_eager(program, tl.compile(program, exact=exact, passes={*PASSES} - {name}), exact)

    run()


def test_all_passes_can_be_left_out():
    @settings(generated, max_examples=60)
    @given(programs())
    def run(program):
        held_to_eager(program, tl.compile(program, passes=()), True)

    run()


def test_argument_read_backwards_gives_the_same_bits():
    x = np.random.default_rng(0).uniform(0.2, 1.8, 1000)
    step = tl.compile(lambda x: np.sinh(x) * np.tanh(x), exact=True)
    step(x)
    expected = (lambda x: np.sinh(x) * np.tanh(x))(Tensor(x[::-1]))
    np.testing.assert_array_equal(step(x[::-1]).numpy(), expected.numpy())
