import io
import os
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.errors import ArgumentError, DataError


def through(path, state):
    tl.save(path, state)
    return tl.load(path)


def assert_same(one, other):
    """Of one type, one nesting, one dtype, one shape; NaN is itself."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for x, y in zip(one, other, strict=True):
            assert_same(x, y)
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other, strict=True)
    else:
        assert one == other or (one != one and other != other)


# ---- the round trip ------------------------------------------------------------------------------

STATES = {
    "nested": {"model": {"w": np.ones((2, 3)), "deep": [{"b": np.zeros(2)}, []]}, "epoch": 3},
    "nothing": {},
    "no list": [],
    "None": {"a": None, "b": [None]},
    "strings": {"name": "Ada", "empty": "", "text": 'a "b"\n\\ \0 ü 漢 🙂'},
    "numbers": {"int": 10**30, "float": 0.1, "tiny": 5e-324, "minus": -0.0, "bool": True},
    "not finite": {"nan": float("nan"), "inf": float("inf"), "minus": float("-inf")},
    "arrays that are not finite": np.array([np.nan, np.inf, -np.inf, -0.0]),
    "0-d": {"a": np.array(2.5), "b": np.array(3, np.int8)},
    "empty": {"a": np.zeros((0, 3)), "b": np.zeros((2, 0), np.float32)},
    "strings in arrays": {"names": np.array(["a", "ü漢"]), "bytes": np.array([b"a", b"bc"])},
    "bare array": np.arange(3),
    "bare number": 2.5,
    "bare string": "text",
    "bare None": None,
    "list": [np.ones(1), 2, "three", None, [4.0]],
    "not contiguous": {"t": np.arange(6).reshape(2, 3).T, "s": np.arange(9)[::-2]},
    "big-endian": np.arange(3, dtype=">f4"),
    "keys of zip and NumPy": {k: np.full(1, i) for i, k in enumerate(["file", "allow_pickle"])},
    "keys that look like paths": {
        k: np.full(1, i)
        for i, k in enumerate(["a.b", "a/b", "../a", "/a", "a\\b", "C:\\a", " ", "ü", "a.npy"])
    },
    "keys that collide": {
        "a.b": np.zeros(1),
        "a": {"b": np.ones(1), "b_": np.full(1, 2)},
        "a.b_": np.full(1, 3),
    },
    "keys that collide with lists": {"a": [np.zeros(1)], "a.0": np.ones(1)},
    "empty keys": {"": np.zeros(1), "value": np.ones(1), "a": {"": np.full(1, 2)}},
    "keys of the format": {
        "dict": {"dict": np.zeros(1)},
        "list": {"array": "a"},
        "array": np.ones(1),
        "tinygrad_lite.json": np.full(1, 2),
    },
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_state_makes_the_round_trip(state, tmp_path):
    assert_same(through(tmp_path / "state.npz", state), state)


@pytest.mark.parametrize("dtype", ["?", "b", "B", "h", "H", "i", "I", "q", "Q", "e", "f", "d", "g"])
def test_arrays_keep_their_dtype(dtype, tmp_path):
    state = {"a": np.array([0, 1, 100]).astype(dtype)}
    assert_same(through(tmp_path / "state.npz", state), state)


arrays = hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int64, np.bool_]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
states = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | arrays,
    lambda parts: st.lists(parts) | st.dictionaries(st.text(letters), parts),
    max_leaves=8,
)


@settings(deadline=None)
@given(states)
def test_any_nesting_makes_the_round_trip(tmp_path_factory, state):
    assert_same(through(tmp_path_factory.getbasetemp() / "any.npz", state), state)


def test_tuples_come_back_as_lists(tmp_path):
    state = through(tmp_path / "state.npz", {"pair": (1, (np.ones(1),)), "empty": ()})
    assert_same(state, {"pair": [1, [np.ones(1)]], "empty": []})


def test_tensors_come_back_as_arrays(tmp_path):
    state = {"w": nn.Parameter([1.0, 2.0]), "t": tl.Tensor([3])}
    expected = {"w": np.array([1, 2], np.float32), "t": np.array([3])}
    assert_same(through(tmp_path / "state.npz", state), expected)


def test_numbers_of_numpy_come_back_as_arrays_of_their_dtype(tmp_path):
    state = {"a": np.float32(0.1), "b": np.int8(3), "c": np.bool_(True)}
    loaded = through(tmp_path / "state.npz", state)
    assert [loaded[k].dtype for k in "abc"] == [np.float32, np.int8, np.bool_]
    assert [loaded[k].item() for k in "abc"] == [state[k].item() for k in "abc"]


def test_loaded_arrays_can_be_written(tmp_path):
    state = through(tmp_path / "state.npz", {"w": np.ones(3)})
    state["w"][0] = 2.0
    assert state["w"].tolist() == [2.0, 1.0, 1.0]


def test_path_may_be_text_and_needs_no_suffix(tmp_path):
    tl.save(f"{tmp_path}/state", {"epoch": 3})
    assert os.listdir(tmp_path) == ["state"]
    assert tl.load(f"{tmp_path}/state") == {"epoch": 3}


def test_model_and_optimizer_go_on_from_a_file(tmp_path):
    model = tl.models.MLP([3, 4, 2], rng=0)
    optimizer = nn.optim.Adam(model.parameters())
    (model(tl.ones(5, 3)) ** 2).sum().backward()
    optimizer.step()
    saved = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    state = through(tmp_path / "state.npz", saved)
    assert_same(state, saved)
    other = tl.models.MLP([3, 4, 2], rng=1)
    other.load_state_dict(state["model"])
    nn.optim.Adam(other.parameters()).load_state_dict(state["optimizer"])
    assert_same(other.state_dict(), model.state_dict())


# ---- the file ------------------------------------------------------------------------------------


def test_numpy_finds_each_array_by_its_path(tmp_path):
    state = {"model": {"0.weight": np.ones((2, 3))}, "file": np.zeros(1), "runs": [np.arange(3)]}
    tl.save(tmp_path / "state.npz", state)
    with np.load(tmp_path / "state.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["model.0.weight"], np.ones((2, 3)))
        np.testing.assert_array_equal(file["file"], np.zeros(1))
        np.testing.assert_array_equal(file["runs.0"], np.arange(3))


def test_save_replaces_what_was_there_and_leaves_nothing_beside(tmp_path):
    tl.save(tmp_path / "state.npz", {"w": np.ones(1000)})
    tl.save(tmp_path / "state.npz", {"epoch": 4})
    assert tl.load(tmp_path / "state.npz") == {"epoch": 4}
    assert os.listdir(tmp_path) == ["state.npz"]


# ---- a save that fails ---------------------------------------------------------------------------


class Full(Exception):
    """As if the disk were full."""


def full(*args, **kwargs):
    raise Full


@pytest.mark.parametrize("where", ["np.lib.format.write_array", "os.replace", "zipfile.ZipFile"])
def test_save_that_fails_leaves_the_old_file_whole_and_nothing_beside(where, tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    tl.save(path, {"w": np.ones(3)})
    before = path.read_bytes()
    module, name = where.rsplit(".", 1)
    with monkeypatch.context() as patched:
        patched.setattr({"np.lib.format": np.lib.format, "os": os}.get(module, zipfile), name, full)
        with pytest.raises(Full):
            tl.save(path, {"w": np.zeros(3)})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["state.npz"]


def test_save_that_fails_halfway_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    tl.save(path, {"w": np.ones(3)})
    before = path.read_bytes()
    write, written = np.lib.format.write_array, []

    def fills_up(file, array, **options):
        if written:
            raise Full
        written.append(array)
        write(file, array, **options)

    monkeypatch.setattr(np.lib.format, "write_array", fills_up)
    with pytest.raises(Full):
        tl.save(path, {"a": np.zeros(3), "b": np.zeros(3)})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["state.npz"]


def test_folder_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        tl.save(tmp_path / "missing" / "state.npz", {})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ({"a": {1, 2}}, "save: a is a set, which can't be saved: only dicts with str keys"),
        ({"a": [0, {"b": object()}]}, "save: a.1.b is a object, which can't be saved"),
        (object(), "save: the state is a object, which can't be saved"),
        ({"a": {1: 2.0}}, "save: a is a dict, which can't be saved"),
        ({"a": 1j}, "save: a is a complex, which can't be saved"),
        ({"a": b"bytes"}, "save: a is a bytes, which can't be saved"),
        ({"a": np.array([None])}, "save: a is a object array, which can't be saved"),
        ({"a": np.array([1j])}, "save: a is a complex128 array, which can't be saved"),
        (
            {"a": np.array(["2020-01-01"], "M8[D]")},
            "save: a is a datetime64[D] array, which can't be saved",
        ),
        (
            {"a": np.zeros(1, [("x", "f4")])},
            "save: a is a [('x', '<f4')] array, which can't be saved",
        ),
        ({"model": nn.Linear(2, 3)}, "save: model is a Linear, which can't be saved"),
    ],
)
def test_value_that_cannot_be_saved_is_refused_by_its_path(state, text, tmp_path):
    path = tmp_path / "state.npz"
    tl.save(path, {"epoch": 3})
    with pytest.raises(ArgumentError) as caught:
        tl.save(path, state)
    assert str(caught.value).startswith(text)
    assert tl.load(path) == {"epoch": 3}
    assert os.listdir(tmp_path) == ["state.npz"]


# ---- files that aren't what they should be -------------------------------------------------------

SMALL = {"w": np.arange(3.0), "name": "Ada"}


def written(tmp_path):
    tl.save(tmp_path / "good.npz", SMALL)
    return (tmp_path / "good.npz").read_bytes()


def test_missing_file_is_a_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        tl.load(tmp_path / "state.npz")


def test_file_truncated_anywhere_is_refused(tmp_path):
    good = written(tmp_path)
    path = tmp_path / "cut.npz"
    for length in range(len(good)):
        path.write_bytes(good[:length])
        with pytest.raises(DataError, match=r"^load: .*cut\.npz can't be read: .*truncated"):
            tl.load(path)


@pytest.mark.filterwarnings("default")  # of zipfile, about what it reads around
@pytest.mark.parametrize("bit", [0, 3, 7])
def test_bit_flipped_anywhere_is_refused_or_does_no_harm(bit, tmp_path):
    good = written(tmp_path)
    path, refused = tmp_path / "flipped.npz", 0
    for place in range(len(good)):
        flipped = bytearray(good)
        flipped[place] ^= 1 << bit
        path.write_bytes(flipped)
        try:
            state = tl.load(path)
        except DataError:
            refused += 1
        else:
            assert_same(state, SMALL)
    assert refused > len(good) / 2


def archive(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return file.getvalue()


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


DAMAGED = {
    "empty": b"",
    "text": b"epoch = 3\n",
    "pickle": b"\x80\x04K\x03.",
    "single array": npy(np.ones(3)),
    "structure that is no JSON": archive(**{"tinygrad_lite.json": b"{"}),
    "structure of another kind": archive(**{"tinygrad_lite.json": b'{"a": 1, "b": 2}'}),
    "structure without its array": archive(**{"tinygrad_lite.json": b'{"array": "w"}'}),
    "array that is none": archive(**{"tinygrad_lite.json": b'{"array": "w"}', "w.npy": b"w"}),
    "array of pickles": archive(
        **{"tinygrad_lite.json": b'{"array": "w"}', "w.npy": npy(np.array([None]))}
    ),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_file_that_is_something_else_is_refused(content, tmp_path):
    path = tmp_path / "state.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"^load: .*state\.npz can't be read: "):
        tl.load(path)


def test_npz_of_numpy_is_refused_with_what_it_holds(tmp_path):
    path = tmp_path / "foreign.npz"
    np.savez(path, a=np.ones(3), b=np.ones(2))
    with pytest.raises(DataError) as caught:
        tl.load(path)
    assert str(caught.value) == (
        f"load: {path} was not written by tinygrad_lite.save: it holds a.npy, b.npy. "
        "Read it with numpy.load."
    )


def test_archive_of_nothing_is_refused(tmp_path):
    (tmp_path / "empty.npz").write_bytes(archive())
    with pytest.raises(DataError, match="it holds nothing"):
        tl.load(tmp_path / "empty.npz")


def test_loading_never_runs_what_a_file_holds(tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    content = npy(np.array([Bomb()], object), allow_pickle=True)
    members = {"tinygrad_lite.json": b'{"array": "w"}', "w.npy": content}
    (tmp_path / "bomb.npz").write_bytes(archive(**members))
    with pytest.raises(DataError, match="allow_pickle"):
        tl.load(tmp_path / "bomb.npz")
    assert os.listdir(tmp_path) == ["bomb.npz"]
