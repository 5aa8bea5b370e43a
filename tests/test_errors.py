"""What users read when something doesn't fit: the exact text, but for the line numbers."""

import re

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite import errors as e

f = tl.f


def leaf(*shape, **options):
    return Tensor(np.ones(shape), requires_grad=True, **options)


def refused(kind, text, function):
    """`function` raises exactly `kind` with exactly `text`, in which # stands for a line number."""
    with pytest.raises(e.TinygradError) as caught:
        function()
    found = re.sub(r"test_errors\.py:\d+", "test_errors.py:#", str(caught.value))
    assert found.splitlines() == text.splitlines()
    assert type(caught.value) is kind


# ---- the family ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "also"),
    [
        (e.ShapeError, ValueError),
        (e.DtypeError, TypeError),
        (e.BoundsError, IndexError),
        (e.BoundsError, ValueError),
        (e.SingularError, np.linalg.LinAlgError),
        (e.ArgumentError, ValueError),
        (e.OperationError, TypeError),
        (e.GradientError, RuntimeError),
        (e.MutationError, RuntimeError),
        (e.AnomalyError, FloatingPointError),
        (e.StateError, KeyError),
        (e.DataError, ValueError),
    ],
)
def test_every_error_is_one_of_the_packages_and_one_of_pythons(kind, also):
    assert issubclass(kind, e.TinygradError) and issubclass(kind, also)
    assert str(kind("said `so`")) == "said `so`"
    assert kind.__doc__


def test_error_of_numpy_is_the_cause():
    with pytest.raises(e.ShapeError) as caught:
        leaf(2) + leaf(3)
    assert isinstance(caught.value.__cause__, ValueError)


# ---- matmul --------------------------------------------------------------------------------------


def test_matmul_that_does_not_fit_points_at_the_axes():
    images, weight = leaf(64, 784), leaf(128, 10)
    text = """\
matmul: the last axis of x must match the second-to-last axis of y
    x  (64, 784)    images
            ^^^
    y  (128, 10)    weight
        ^^^
  at test_errors.py:#:  refused(e.ShapeError, text, lambda: images @ weight)"""
    refused(e.ShapeError, text, lambda: images @ weight)


def test_matmul_that_fits_transposed_says_so():
    x, y = leaf(3, 4), leaf(5, 4)
    text = """\
matmul: the last axis of x must match the second-to-last axis of y
    x  (3, 4)    x
           ^
    y  (5, 4)    y
        ^
  at test_errors.py:#:  refused(e.ShapeError, text, lambda: np.matmul(x, y))
  x @ y.mT would fit."""
    refused(e.ShapeError, text, lambda: np.matmul(x, y))


def test_matmul_that_fits_with_its_first_transposed_says_so():
    x, y = leaf(4, 3), leaf(4, 5)
    with pytest.raises(e.ShapeError, match=r"\n  x\.mT @ y would fit\.$"):
        x @ y


def test_matmul_with_a_vector_points_at_its_only_axis():
    x, y = leaf(2, 3), leaf(4)
    text = """\
matmul: the last axis of x must match the only axis of y
    x  (2, 3)    x
           ^
    y  (4,)      y
        ^
  at test_errors.py:#:  refused(e.ShapeError, text, lambda: x @ y)"""
    refused(e.ShapeError, text, lambda: x @ y)


def test_matmul_of_batches_that_do_not_fit_says_which_axes():
    x, y = leaf(2, 3, 4), leaf(3, 4, 5)
    text = """\
matmul: the other axes of x and y can't be broadcast together
    x  (2, 3, 4)    x
    y  (3, 4, 5)    y
  at test_errors.py:#:  refused(e.ShapeError, text, lambda: x @ y)"""
    refused(e.ShapeError, text, lambda: x @ y)


def test_matmul_with_a_number_is_refused():
    for call in (lambda: leaf(3) @ 2, lambda: 2.0 @ leaf(3), lambda: leaf(3) @ leaf()):
        with pytest.raises(e.ShapeError, match=r"^matmul: "):
            call()


def test_module_and_layer_that_was_skipped_are_named():
    class Model(nn.Module):
        def __init__(self):
            self.layers = [nn.Linear(784, 128), nn.Linear(128, 10)]

        def forward(self, x):
            return self.layers[1](x)

    model, x = Model(), tl.ones(64, 784)
    text = """\
linear: the last axis of x must match the second-to-last axis of weight
    x       (64, 784)    layers.1 input
                 ^^^
    weight  (128, 10)    layers.1.weight
             ^^^
    bias    (10,)        layers.1.bias
  in layers.1: Linear(128 → 10), called at test_errors.py:#:  return self.layers[1](x)
  784 is the number of input features of layers.0: was layers.0 skipped?"""
    refused(e.ShapeError, text, lambda: model(x))


def test_bias_that_does_not_fit_is_named():
    with pytest.raises(e.ShapeError) as caught:
        f.linear(leaf(2, 3), leaf(3, 4), leaf(5))
    first, *lines = str(caught.value).splitlines()
    assert first.startswith("linear: ") and "bias" in first
    assert "    bias    (5,)" in lines


def test_mixed_dtypes_and_parameters_of_ones_own_module_are_shown():
    class Model(nn.Module):
        def __init__(self):
            self.kernel = nn.Parameter(np.ones((3, 2)))

        def forward(self, x):
            return x @ self.kernel

    model, x = Model(), tl.ones(5, 4)
    text = """\
matmul: the last axis of x must match the second-to-last axis of y
    x  (5, 4)  float32  Model input
           ^
    y  (3, 2)  float64  kernel
        ^
  in Model(), called at test_errors.py:#:  refused(e.ShapeError, text, lambda: model(x))"""
    refused(e.ShapeError, text, lambda: model(x))


# ---- broadcasting --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "power", "maximum"])
def test_shapes_that_do_not_broadcast_are_pointed_at(name):
    x, y = leaf(2, 3), leaf(3, 2)
    text = f"""\
{name}: x and y can't be broadcast together
    x  (2, 3)    x
           ^
    y  (3, 2)    y
           ^
  at test_errors.py:#:  refused(e.ShapeError, text, lambda: getattr(np, name)(x, y))"""
    refused(e.ShapeError, text, lambda: getattr(np, name)(x, y))


def test_column_that_was_meant_is_suggested():
    x, y = leaf(2, 3), leaf(2)
    text = """\
multiply: x and y can't be broadcast together
    x  (2, 3)    x
           ^
    y  (2,)      y
        ^
  at test_errors.py:#:  refused(e.ShapeError, text, lambda: x * y)
  y.reshape(2, 1) would broadcast along the rows."""
    refused(e.ShapeError, text, lambda: x * y)
    with pytest.raises(e.ShapeError, match=r"\n  x\.reshape\(2, 1\) would broadcast along"):
        y * x


def test_names_of_tensors_come_before_those_of_the_source():
    x, y = leaf(2, name="width"), leaf(3)
    text = """\
add: x and y can't be broadcast together
    x  (2,)    width
        ^
    y  (3,)    y
        ^
  at test_errors.py:#:  refused(e.ShapeError, text, lambda: x + y)"""
    refused(e.ShapeError, text, lambda: x + y)


def test_operands_that_are_expressions_have_no_name():
    x = leaf(2)
    text = """\
add: x and y can't be broadcast together
    x  (2,)    x
        ^
    y  (3,)
        ^
  at test_errors.py:#:  refused(e.ShapeError, text, lambda: x + np.ones(3))"""
    refused(e.ShapeError, text, lambda: x + np.ones(3))


@pytest.mark.parametrize(
    "call",
    [
        lambda: np.where(leaf(2) > 0, leaf(2), leaf(3)),
        lambda: np.clip(leaf(2), leaf(3), 1.0),
        lambda: leaf(2) > leaf(3),
    ],
)
def test_other_operations_that_do_not_broadcast_are_shape_errors_too(call):
    with pytest.raises(e.ShapeError, match=r"broadcast(.|\n)*\(2,\)(.|\n)*\(3,\)"):
        call()


# ---- shapes --------------------------------------------------------------------------------------


def test_reshape_that_does_not_fit():
    x = leaf(2, 3)
    text = """\
reshape: cannot reshape array of size 6 into shape (4,)
    x  (2, 3)
  at test_errors.py:#:  refused(e.ShapeError, text, lambda: x.reshape(4))"""
    refused(e.ShapeError, text, lambda: x.reshape(4))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: x.reshape(-1, 4), "reshape: cannot reshape array of size 6 into shape"),
        (lambda x: x.reshape(-1, -1), "reshape: can only specify one unknown dimension"),
        (lambda x: x.transpose(0, 0), "transpose: repeated axis in transpose"),
        (lambda x: x.transpose(0), "transpose: axes don't match array"),
        (lambda x: x.squeeze(0), "squeeze: cannot select an axis to squeeze out which has size"),
        (lambda x: np.broadcast_to(x, (3, 2)), "broadcast_to: "),
        (lambda x: np.broadcast_to(x, (3,)), "broadcast_to: "),
        (lambda x: np.concatenate([x, x.T]), "concatenate: "),
        (lambda x: np.concatenate([x, x[0]]), "concatenate: "),
        (lambda x: np.concatenate([x[0, 0], x[0, 0]]), "concatenate: "),
        (lambda x: np.stack([x, x.T]), "stack: "),
        (lambda x: x.sum(axis=(0, 0)), "sum: duplicate value in 'axis'"),
        (lambda x: x[:0].max(), "max: zero-size array to reduction operation maximum"),
        (lambda x: x[:0].argmin(), "argmin: attempt to get argmin of an empty sequence"),
    ],
)
def test_shape_that_does_not_fit_is_refused(call, text):
    with pytest.raises(e.ShapeError) as caught:
        call(leaf(2, 3))
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(text)
    assert any(re.match(r"    (x|0)  \(", line) for line in lines)
    assert any(line.startswith("  at test_errors.py:") for line in lines)


# ---- axes and indices ----------------------------------------------------------------------------

AXES = {
    "sum": lambda x: x.sum(axis=2),
    "mean": lambda x: x.mean(axis=2),
    "var": lambda x: x.var(axis=2),
    "max": lambda x: x.max(axis=2),
    "min": lambda x: np.min(x, axis=2),
    "argmax": lambda x: x.argmax(axis=2),
    "argmin": lambda x: np.argmin(x, axis=2),
    "all": lambda x: x.all(axis=2),
    "any": lambda x: x.any(axis=2),
    "logsumexp": lambda x: x.logsumexp(axis=2),
    "softmax": lambda x: x.softmax(axis=2),
    "log_softmax": lambda x: f.log_softmax(x, axis=2),
    "squeeze": lambda x: x.squeeze(axis=2),
    "expand_dims": lambda x: x.expand_dims(axis=3),
    "concatenate": lambda x: np.concatenate([x, x], axis=2),
    "stack": lambda x: np.stack([x, x], axis=3),
}


@pytest.mark.parametrize("name", AXES)
def test_axis_out_of_range_says_which_there_are(name):
    with pytest.raises(e.BoundsError) as caught:
        AXES[name](leaf(2, 3))
    lines = str(caught.value).splitlines()
    axis = 3 if name in ("expand_dims", "stack") else 2
    assert lines[0] == f"{name}: axis={axis} is out of range"
    assert "(2, 3)" in lines[1]
    assert lines[-1] == "  x has 2 axes: 0, 1, or -2, -1 from the end."


def test_axis_of_a_vector_is_the_only_one():
    x = leaf(3)
    text = """\
sum: axis=-2 is out of range
    x  (3,)    x
  at test_errors.py:#:  refused(e.BoundsError, text, lambda: x.sum(axis=-2))
  x has 1 axis: 0, or -1 from the end."""
    refused(e.BoundsError, text, lambda: x.sum(axis=-2))


@pytest.mark.parametrize(
    "call", [lambda x: x.swapaxes(0, 2), lambda x: x.transpose(0, 2), lambda x: leaf(3).mT]
)
def test_axes_out_of_range_are_refused(call):
    with pytest.raises(e.BoundsError, match=r"(swapaxes|transpose): ax.* is out of range"):
        call(leaf(2, 3))


def test_index_out_of_range():
    x = leaf(2, 3)
    text = """\
getitem: index 3 is out of bounds for axis 1 with size 3
    x  (2, 3)    x
  at test_errors.py:#:  refused(e.BoundsError, text, lambda: x[0, 3])"""
    refused(e.BoundsError, text, lambda: x[0, 3])


# ---- dtypes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda: -Tensor([True]),
        lambda: Tensor([True]) - Tensor([False]),
        lambda: ~leaf(2),
        lambda: leaf(2) & leaf(2),
        lambda: leaf(2).sum(axis=0.5),
        lambda: leaf(2).sum(axis="rows"),
        lambda: leaf(2).reshape(2.5),
    ],
)
def test_wrong_dtypes_are_refused(call):
    with pytest.raises(e.DtypeError, match=r"^\w+: .*\n    x  \(\d,\)"):
        call()


def test_integers_to_negative_powers_are_no_matter_of_shape():
    with pytest.raises(e.TinygradError, match=r"^power: Integers to negative integer") as caught:
        Tensor([2]) ** -1
    assert not isinstance(caught.value, e.ShapeError)


def test_operand_that_is_no_number_is_quoted_in_short():
    array = np.array(["word"] * 100)
    with pytest.raises(e.DtypeError) as caught:
        leaf(2) * array
    text = str(caught.value)
    assert text.startswith(
        "multiply: an operand must be a Tensor, an array of real numbers or bools, or a number, "
        "not ndarray array(['word', 'word', "
    )
    assert len(text) < 200 and text.endswith("….")


def test_singular_matrix_is_told_with_a_mend():
    a = leaf(2, 2)
    refused(
        e.SingularError,
        """inv: Singular matrix
    x  (2, 2)    a
  at test_errors.py:#:  lambda: np.linalg.inv(a),
  Add a small multiple of the identity, or use np.linalg.pinv.""",
        lambda: np.linalg.inv(a),
    )
    with pytest.raises(e.ShapeError, match=r"^inv: 1-dimensional array given"):
        np.linalg.inv(leaf(2))


def test_gradient_of_a_singular_matrix_is_told_with_a_mend_and_without_a_word_on_rules():
    a = leaf(2, 2)
    log = np.linalg.slogdet(a).logabsdet
    for create_graph in (False, True):
        with pytest.raises(e.SingularError) as caught:
            log.gradient(a, create_graph=create_graph)
        first, second, *_, last = str(caught.value).splitlines()
        assert "slogdet" in str(caught.value) or create_graph
        assert "Singular matrix" in first and second.startswith("    x  (2, 2)")
        assert last == "  Add a small multiple of the identity, or use np.linalg.pinv."
        assert "rule" not in str(caught.value)


# ---- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda t: np.sort(t, kind="foo"), "sort: sort kind must be one of"),
        (lambda t: np.linalg.norm(t, "x"), "norm: Invalid norm order"),
        (lambda t: np.quantile(t, 2.0), "quantile: Quantiles must be in the range"),
        (lambda t: np.diff(t, n=-1), "diff: order must be non-negative"),
    ],
)
def test_option_outside_its_domain_is_no_matter_of_shape(call, text):
    with pytest.raises(e.ArgumentError) as caught:
        call(leaf(3, 3))
    assert str(caught.value).startswith(text)


def test_position_out_of_bounds_is_told_as_an_index_is():
    with pytest.raises(e.BoundsError, match=r"^partition: kth\(=5\) out of bounds"):
        np.partition(leaf(3), 5)


# ---- gradients -----------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["a", None, [leaf()]], ids=["str", "None", "list"])
def test_gradient_by_what_is_no_tensor_is_refused(wrong):
    with pytest.raises((TypeError, e.TinygradError)):
        (leaf() * 2).gradient(wrong)


def test_gradient_that_is_no_number_is_refused():
    with pytest.raises((ValueError, TypeError)):
        (leaf(2) * 2).backward("a")
