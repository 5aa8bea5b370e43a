"""What a Tensor is: values, dtypes, ways in and out, its text, copies."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.errors import DtypeError, GradientError, MutationError, ShapeError

# ---- what it is made from ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, np.float32),
        ([1.0, 2.0], np.float32),
        ([1, 2.5], np.float32),
        ([[1.0], (2.0,)], np.float32),
        ([True, 0.5], np.float32),
        ([], np.float32),
        ((), np.float32),
        (3, np.int64),
        ([1, 2], np.int64),
        ([True, 2], np.int64),
        (range(3), np.int64),
        (True, np.bool_),
        ([[True], [False]], np.bool_),
        (np.float64(1.5), np.float64),
        (np.float16(1.5), np.float16),
        (np.int8(1), np.int8),
        ([np.float64(1.0), 2.0], np.float64),
        ([np.array([1.0]), np.array([2.0])], np.float64),
        (np.ones(2), np.float64),
        (np.ones(2, np.float16), np.float16),
        (np.ones(2, np.uint8), np.uint8),
        (np.zeros((2, 0), bool), np.bool_),
        (Tensor(1.5), np.float32),
        (Tensor(np.ones(2)), np.float64),
    ],
    ids=repr,
)
def test_dtype_is_that_of_the_convention(data, dtype):
    t = Tensor(data)
    assert t.dtype == dtype
    assert_array_equal(t.data, np.array(getattr(data, "data", data), dtype), strict=True)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint64, bool])
def test_dtype_may_be_given(dtype):
    t = Tensor([0, 1, 2], dtype=dtype)
    assert t.dtype == dtype
    assert_array_equal(t.data, np.array([0, 1, 2]).astype(dtype), strict=True)
    assert Tensor(np.arange(3.0), dtype=dtype).dtype == dtype


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (2j, "complex128"),
        ([1.0, 2j], "complex128"),
        (np.ones(2, np.complex64), "complex64"),
        ("one", "<U3"),
        (["a", "bc"], "<U2"),
        (b"one", "|S3"),
        (None, "object"),
        ([None, 1.0], "object"),
        ({1, 2}, "object"),
        (np.array([object()]), "object"),
        (np.datetime64("2020-01-01"), "datetime64[D]"),
    ],
    ids=str,
)
def test_values_that_are_no_real_numbers_are_refused(data, kind):
    with pytest.raises(DtypeError) as caught:
        Tensor(data)
    text = str(caught.value)
    assert text.startswith(
        f"Tensor: {kind} values aren't supported, only real numbers and bools: "
        f"{type(data).__name__} "
    )
    assert len(text) < 160 and "\n" not in text


@pytest.mark.parametrize("dtype", [complex, object, str, "datetime64[s]"])
def test_dtypes_that_are_no_real_numbers_are_refused(dtype):
    with pytest.raises(DtypeError):
        Tensor([1.0], dtype=dtype)
    with pytest.raises(DtypeError):
        Tensor([1.0]).astype(dtype)


@pytest.mark.parametrize("data", [[[1, 2], [3]], [1, [2]]])
def test_ragged_lists_are_refused(data):
    with pytest.raises((DtypeError, ShapeError), match="inhomogeneous"):
        Tensor(data)


def test_unknown_dtype_is_refused():
    with pytest.raises(DtypeError, match="'nonsense' not understood"):
        Tensor([1.0], dtype="nonsense")


@pytest.mark.parametrize("data", [[1, 2], True, np.ones(2, np.uint8)])
def test_only_floating_tensors_can_require_a_gradient(data):
    dtype = Tensor(data).dtype
    with pytest.raises(GradientError) as caught:
        Tensor(data, requires_grad=True)
    assert str(caught.value) == (
        f"this Tensor holds {dtype}, and only floating-point tensors have gradients. "
        "Use t.astype(np.float32)."
    )
    t = Tensor(data, name="n")
    with pytest.raises(GradientError) as caught:
        t.requires_grad = True
    assert str(caught.value) == (
        f"`n` holds {dtype}, and only floating-point tensors have gradients. "
        "Use n.astype(np.float32)."
    )
    assert not t.requires_grad


def test_gradient_may_be_required_later_and_no_longer():
    t = Tensor([1.0, 2.0])
    t.requires_grad = True
    assert (t * 2).requires_grad
    t.requires_grad = False
    assert not (t * 2).requires_grad


def test_result_cannot_be_told_not_to_require_a_gradient():
    y = Tensor(1.0, requires_grad=True) * 2
    with pytest.raises(GradientError) as caught:
        y.requires_grad = False
    assert str(caught.value) == (
        "this Tensor is a result of multiply, and requires a gradient because its inputs do. "
        "Use t.detach() for its value without history."
    )


# ---- memory --------------------------------------------------------------------------------------


def test_array_is_copied():
    array = np.ones(2)
    t = Tensor(array)
    array[:] = 5
    assert t.tolist() == [1.0, 1.0]
    assert array.flags.writeable


def test_tensor_is_copied():
    one = Tensor([1.0])
    two = Tensor(one)
    one.data = [2.0]
    assert two.tolist() == [1.0]


def test_array_is_shared_if_asked_for():
    array = np.ones(2)
    t = Tensor(array, copy=False)
    array[0] = 5
    assert t.tolist() == [5.0, 1.0]
    assert array.flags.writeable and not t.data.flags.writeable


def test_lists_are_copied_even_if_sharing_is_asked_for():
    assert Tensor([1.0], copy=False).tolist() == [1.0]


def test_data_is_read_only_in_every_way():
    t = Tensor([1.0, 2.0])
    text = "an array read from `.data` is read-only"
    with pytest.raises(MutationError, match=text):
        t.data[0] = 5.0
    with pytest.raises(MutationError, match=text):
        t.data[...] += 1
    with pytest.raises(MutationError, match=text):
        t.data += 1
    with pytest.raises(MutationError, match=text):
        np.add(t.data, 1, out=t.data)
    with pytest.raises(ValueError, match="read-only"):
        t.data.fill(0)
    with pytest.raises(ValueError, match="read-only"):
        t.data.sort()
    with pytest.raises(ValueError, match="WRITEABLE"):
        t.data.flags.writeable = True
    assert t.tolist() == [1.0, 2.0]


def test_results_are_read_only_too():
    with pytest.raises(MutationError):
        (Tensor([1.0, 2.0]) * 2).data[0] = 5.0


def test_what_is_computed_from_data_is_a_plain_array():
    data = Tensor([1.0, 2.0]).data
    for array in (data * 2, np.exp(data), data + data, np.concatenate([data, data])):
        assert type(array) is np.ndarray
        array[0] = 7.0
    assert type(data.sum()) is np.float32


def test_copy_of_data_can_be_written():
    t = Tensor([1.0, 2.0])
    for mine in (t.data.copy(), t.numpy(), np.array(t.data), np.array(t), t.data.astype(float)):
        mine[0] = 7.0
        mine += 1
    assert t.tolist() == [1.0, 2.0]


def test_numpy_is_a_copy_also_of_what_requires_a_gradient():
    t = Tensor([1.0], requires_grad=True)
    array = t.numpy()
    assert type(array) is np.ndarray and not np.shares_memory(array, t.data)


def test_array_of_a_tensor_shares_its_memory_and_is_read_only():
    t = Tensor([1.0, 2.0])
    array = np.asarray(t)
    assert type(array) is np.ndarray
    assert np.shares_memory(array, t.data) and not array.flags.writeable
    assert np.asarray(t, dtype=np.float64).dtype == np.float64
    assert not np.shares_memory(np.array(t), t.data)
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(t, dtype=np.float64, copy=False)


@pytest.mark.parametrize(
    ("name", "convert"),
    [
        ("", lambda t: list(map(np.asarray, [t]))),
        ("np.asarray: ", lambda t: np.asarray(t)),
        ("np.array: ", lambda t: np.array([t])),
        ("np.asarray: ", lambda t: np.asarray(t, float)),
    ],
)
def test_array_of_what_requires_a_gradient_is_refused(name, convert):
    text = name + (
        "`w` requires a gradient, and an array would lose its graph. Use t.detach(), t.numpy() "
        "for a copy, or NumPy's functions on the Tensor itself; np.stack joins a list of Tensors."
    )
    for t in (Tensor([1.0], requires_grad=True), Tensor([1.0], requires_grad=True) * 2):
        t.name = "w"
        with pytest.raises(GradientError) as caught:
            convert(t)
        assert str(caught.value) == text


def test_detached_tensor_has_the_same_memory_and_no_history():
    x = Tensor([1.0, 2.0], requires_grad=True)
    for t in (x, x * 2):
        d = t.detach()
        assert np.shares_memory(d.data, t.data)
        assert d.is_leaf and not d.requires_grad and d.op is None


def test_copied_tensor_has_memory_of_its_own_and_the_history_that_it_has():
    x = Tensor([1.0, 2.0], requires_grad=True)
    for t in (x, x * 2, x.detach()):
        c = t.copy()
        assert not np.shares_memory(c.data, t.data)
        assert c.is_leaf == (not t.requires_grad) and c.requires_grad == t.requires_grad


# ---- out of it -----------------------------------------------------------------------------------


def test_shape_ndim_size_and_length_are_those_of_the_array():
    t = Tensor(np.zeros((2, 3)))
    assert (t.shape, t.ndim, t.size, len(t)) == ((2, 3), 2, 6, 2)
    assert (np.shape(t), np.ndim(t), np.size(t), np.size(t, 1)) == ((2, 3), 2, 6, 3)


@pytest.mark.parametrize("data", [3, 2.5, True, [[2.5]]])
def test_single_entry_is_a_python_number(data):
    t = Tensor(data)
    number = np.array(data).item()
    assert t.item() == number and type(t.item()) is type(number)
    assert (float(t), int(t), bool(t)) == (float(number), int(number), bool(number))


def test_many_entries_are_no_single_one():
    for convert in (Tensor.item, float, int):
        with pytest.raises(ShapeError) as caught:
            convert(Tensor([1.0, 2.0]))
        assert str(caught.value) == "item: a Tensor of shape (2,) is no single number."
    with pytest.raises(ShapeError) as caught:
        f"{Tensor([1.0, 2.0]):.2f}"
    assert str(caught.value) == "format '.2f': a Tensor of shape (2,) is no single number."
    for t in (Tensor([1.0, 2.0]), Tensor([])):
        with pytest.raises(ShapeError) as caught:
            bool(t)
        assert str(caught.value) == (
            f"bool: a Tensor of shape {t.shape} is neither true nor false. Use t.any() or t.all()."
        )


def test_integers_index_lists_and_ranges():
    assert ["a", "b", "c"][Tensor(1)] == "b"
    assert list(range(Tensor(2))) == [0, 1]
    assert np.arange(5)[Tensor(3)] == 3 and "abcd"[Tensor(1) : Tensor(3)] == "bc"
    for t in (Tensor(1.0), Tensor([1])):
        with pytest.raises(TypeError):
            ["a", "b"][t]


def test_tensors_and_arrays_of_one_entry_are_numbers_of_any_number_of_axes():
    t = Tensor([[2.75]])
    assert (float(t), int(t), complex(t), f"{t:.1f}") == (2.75, 2, 2.75 + 0j, "2.8")


def test_rows_come_one_after_the_other():
    t = Tensor([[1, 2], [3, 4]])
    assert [row.tolist() for row in t] == [[1, 2], [3, 4]] == t.tolist()
    with pytest.raises(TypeError, match=r"a Tensor of shape \(\) can't be iterated over"):
        iter(Tensor(1.0))
    with pytest.raises(TypeError):
        len(Tensor(1.0))


# ---- its text ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("t", "text"),
    [
        (Tensor(1.5), "Tensor(1.5, shape=())"),
        (Tensor([1, 2]), "Tensor([1, 2], shape=(2,))"),
        (Tensor(True), "Tensor(True, shape=())"),
        (Tensor([1 / 3], requires_grad=True), "Tensor([0.3333], shape=(1,), requires_grad=True)"),
        (Tensor(np.ones(2), name="w"), "Tensor([1., 1.], shape=(2,), dtype=float64, name='w')"),
        (Tensor([1], dtype=np.int8), "Tensor([1], shape=(1,), dtype=int8)"),
        (Tensor(np.zeros((2, 0))), "Tensor([], shape=(2, 0), dtype=float64)"),
        (Tensor(2.0, requires_grad=True) * 3, "Tensor(6., shape=(), op=multiply)"),
        (Tensor([[1, 2], [3, 4]]), "Tensor([[1, 2],\n        [3, 4]], shape=(2, 2))"),
        (nn.Parameter([0.5]), "Parameter([0.5], shape=(1,), requires_grad=True)"),
    ],
    ids=repr,
)
def test_text_shows_values_shape_and_what_is_special(t, text):
    assert repr(t) == str(t) == f"{t}" == text


def test_text_of_many_entries_is_short():
    text = repr(Tensor(np.zeros((1000, 1000))))
    assert "..." in text and len(text) < 500


def test_format_is_that_of_the_number():
    assert f"{Tensor(1.23456):.2f} {Tensor(7):03d} {Tensor([[0.5]]):e}" == "1.23 007 5.000000e-01"


# ---- equality, copies, pickles -------------------------------------------------------------------


def test_hash_is_identity():
    a, b = Tensor([1.0, 2.0]), Tensor([1.0, 2.0])
    assert (a == b).tolist() == [True, True] and (a != b).tolist() == [False, False]
    assert len({a, b, a}) == 2
    assert {a: "a", b: "b"}[b] == "b"


def test_equality_with_what_is_no_number_is_false():
    assert (Tensor([1.0]) == None) is False  # noqa: E711
    assert (Tensor([1.0]) != "a") is True


def duplicates(t):
    return [copy.deepcopy(t), pickle.loads(pickle.dumps(t)), copy.copy(t)]


def test_leaf_can_be_copied_and_pickled():
    w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    (w * w).sum().backward()
    for other in duplicates(w):
        assert_array_equal(other.data, w.data, strict=True)
        assert (other.name, other.requires_grad) == ("w", True)
        assert_array_equal(other.grad.data, w.grad.data)
        assert other is not w and not np.shares_memory(other.data, w.data)
        assert not np.shares_memory(other.grad.data, w.grad.data)
        (other * other).sum().backward()
        with tl.no_grad():
            other -= 1.0
    assert w.tolist() == [1.0, 2.0] and w.grad.tolist() == [2.0, 4.0]


def test_copies_keep_their_class():
    for other in duplicates(nn.Parameter([1.0])):
        assert type(other) is nn.Parameter and other.requires_grad


def test_result_of_an_operation_cannot_be_copied_or_pickled():
    y = Tensor([1.0], requires_grad=True) * 2
    for attempt in (copy.deepcopy, pickle.dumps, copy.copy):
        with pytest.raises(GradientError) as caught:
            attempt(y)
        assert str(caught.value) == (
            "this Tensor is a result of multiply: its history can't be copied or pickled. "
            "Use t.detach()."
        )
    assert duplicates(y.detach())[0].tolist() == [2.0]
