import gzip
import hashlib
import importlib
import os
import re
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygrad_lite.data import mnist
from tinygrad_lite.errors import DataError

# By name: as an attribute of its package, `mnist` is the function.
module = importlib.import_module("tinygrad_lite.data.mnist")

EXAMPLES = Path(__file__).parents[2] / "examples" / "data" / "mnist"
IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = module.FILES


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def tiny(monkeypatch):
    """Four files like MNIST's, but tiny, are the right ones: their contents by name."""
    rng = np.random.default_rng(0)
    shapes = {IMAGES: (6, 3, 3), LABELS: (6,), TEST_IMAGES: (2, 3, 3), TEST_LABELS: (2,)}
    contents = {name: idx(rng.integers(0, 256, shape, np.uint8)) for name, shape in shapes.items()}
    files = {
        name: module.File(shapes[name], hashlib.sha256(contents[name]).hexdigest())
        for name in shapes
    }
    monkeypatch.setattr(module, "FILES", files)
    return contents


@pytest.fixture
def root(tiny, tmp_path):
    """A folder of the four tiny files."""
    for name, contents in tiny.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(contents))
    return tmp_path


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """A cache folder of the test's own, and nothing else that says where to look."""
    monkeypatch.delenv("TINYGRAD_LITE_DATA", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tinygrad_lite" / "mnist"


def pages(tiny):
    return {f"{name}.gz": gzip.compress(contents) for name, contents in tiny.items()}


def message(*arguments):
    with pytest.raises(DataError) as caught:
        mnist(*arguments)
    return str(caught.value)


def test_the_four_files_are_read():
    x_train, y_train, x_test, y_test = mnist(EXAMPLES)
    assert (x_train.shape, x_train.dtype) == ((60_000, 28, 28), np.uint8)
    assert (y_train.shape, y_train.dtype) == ((60_000,), np.int64)
    assert (x_test.shape, x_test.dtype) == ((10_000, 28, 28), np.uint8)
    assert (y_test.shape, y_test.dtype) == ((10_000,), np.int64)
    assert y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert x_train.mean() == pytest.approx(33.318, abs=1e-3)
    assert all(array.flags.writeable for array in (x_train, y_train, x_test, y_test))


def test_the_table_agrees_with_the_notes_beside_the_files():
    notes = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for name, file in module.FILES.items():
        assert f"| `{name}.gz` | `{file.sha256}` |" in notes


def test_root_may_be_a_string_or_begin_at_home(root, monkeypatch):
    monkeypatch.setenv("HOME", str(root.parent))
    monkeypatch.setenv("USERPROFILE", str(root.parent))
    assert mnist(str(root))[0].shape == mnist(f"~/{root.name}")[0].shape == (6, 3, 3)


def test_decompressed_files_are_read_too(tiny, tmp_path):
    for name, contents in tiny.items():
        (tmp_path / name).write_bytes(contents)
    np.testing.assert_array_equal(mnist(tmp_path)[3], list(tiny[TEST_LABELS][8:]))


def test_name_need_not_tell_whether_a_file_is_compressed(root, tiny):
    (root / f"{IMAGES}.gz").write_bytes(tiny[IMAGES])
    os.replace(root / f"{LABELS}.gz", root / LABELS)
    assert mnist(root)[0].shape == (6, 3, 3)


def test_environment_variable_is_where_to_look_without_root(root, monkeypatch):
    monkeypatch.setenv("TINYGRAD_LITE_DATA", str(root))
    assert mnist()[0].shape == (6, 3, 3)


def test_root_goes_before_the_environment_variable(root, monkeypatch):
    monkeypatch.setenv("TINYGRAD_LITE_DATA", "/no/such/folder")
    assert mnist(root)[0].shape == (6, 3, 3)


def test_cache_folder_is_where_to_look_without_root_and_variable(cache, root, monkeypatch):
    monkeypatch.setattr(module, "MIRRORS", ())
    monkeypatch.setenv("TINYGRAD_LITE_DATA", "")
    cache.mkdir(parents=True)
    for name in module.FILES:
        os.replace(root / f"{name}.gz", cache / f"{name}.gz")
    assert mnist()[0].shape == (6, 3, 3)


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("linux", {"XDG_CACHE_HOME": "/cache"}, "/cache"),
        ("linux", {"XDG_CACHE_HOME": ""}, "/home/me/.cache"),
        ("darwin", {}, "/home/me/Library/Caches"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="the paths are POSIX")
def test_cache_folder_is_that_of_the_platform(monkeypatch, platform, variables, folder):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setattr(sys, "platform", platform)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert module.cache_folder() == Path(folder, "tinygrad_lite", "mnist")


def test_cache_folder_that_is_not_absolute_is_refused(cache, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert "the cache folder here" in message()


def test_missing_files_are_named_with_the_folder_and_the_mend(root):
    (root / f"{IMAGES}.gz").unlink()
    (root / f"{TEST_LABELS}.gz").unlink()
    assert message(root) == (
        f"mnist: {root} (root) lacks 2 of the 4 files\n"
        "  Looked for there:\n"
        f"    {IMAGES}.gz or {IMAGES}\n"
        f"    {TEST_LABELS}.gz or {TEST_LABELS}\n"
        "  Put them there; or call mnist() without root and with $TINYGRAD_LITE_DATA unset,\n"
        "  which downloads them to your cache folder."
    )


def test_missing_folder_is_said_to_be_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("TINYGRAD_LITE_DATA", str(tmp_path / "none"))
    assert "none ($TINYGRAD_LITE_DATA) is no folder" in message()


def test_nothing_is_downloaded_into_root(serve, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MIRRORS", (serve(pages(tiny)),))
    message(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_truncated_file_is_refused(root, tiny):
    path = root / f"{IMAGES}.gz"
    path.write_bytes(tiny[IMAGES][:-5])
    assert message(root) == (
        f"mnist: {path} is truncated: 65 bytes, 70 expected\n  Put a right copy in its place."
    )


def test_truncated_gzip_data_are_refused(root):
    path = root / f"{IMAGES}.gz"
    stored = path.read_bytes()
    for kept in range(2, len(stored)):
        path.write_bytes(stored[:kept])
        assert f"{path} is truncated: its {kept} bytes end amid the gzip data" in message(root)


def test_empty_file_is_refused(root):
    (root / f"{IMAGES}.gz").write_bytes(b"")
    assert "is truncated: 0 bytes, 70 expected" in message(root)


def test_every_flipped_bit_is_noticed_or_harmless(root, tiny):
    path = root / f"{LABELS}.gz"
    stored = path.read_bytes()
    for bit in range(8 * len(stored)):
        wrong = bytearray(stored)
        wrong[bit // 8] ^= 1 << bit % 8
        path.write_bytes(wrong)
        try:
            labels = mnist(root)[1]
        except DataError as error:
            assert str(path) in str(error)
        else:  # in gzip's header, which says when and where the file was compressed
            np.testing.assert_array_equal(labels, list(tiny[LABELS][8:]))


def test_wrong_bytes_of_the_right_length_are_refused_with_both_sums(root, tiny):
    wrong = tiny[IMAGES][:-1] + bytes([tiny[IMAGES][-1] ^ 1])
    (root / f"{IMAGES}.gz").write_bytes(gzip.compress(wrong))
    error = message(root)
    assert "is corrupt: its SHA-256 sum is" in error
    assert hashlib.sha256(wrong).hexdigest() in error
    assert module.FILES[IMAGES].sha256 in error


def test_longer_file_is_refused(root, tiny):
    (root / f"{LABELS}.gz").write_bytes(gzip.compress(tiny[LABELS] + b"x"))
    assert "is corrupt: more than the 14 bytes expected" in message(root)


def test_file_that_unpacks_to_far_more_is_not_unpacked(root, monkeypatch):
    (root / f"{LABELS}.gz").write_bytes(gzip.compress(bytes(1 << 24)))
    hashed = []
    sha256 = hashlib.sha256
    monkeypatch.setattr(hashlib, "sha256", lambda data: hashed.append(len(data)) or sha256(data))
    assert "is corrupt: more than" in message(root)
    assert max(hashed) == 71


def test_bytes_after_the_gzip_data_are_refused(root):
    with (root / f"{LABELS}.gz").open("ab") as file:
        file.write(b"more")
    assert "is corrupt: it can't be decompressed" in message(root)


def test_swapped_files_are_told_by_their_names(root):
    images, labels = root / f"{IMAGES}.gz", root / f"{LABELS}.gz"
    images.rename(root / "other")
    labels.rename(images)
    (root / "other").rename(labels)
    assert f"{images} is another file, {LABELS}, under a wrong name" in message(root)


def test_web_page_in_place_of_a_file_is_told(root):
    (root / f"{IMAGES}.gz").write_bytes(b"\n<!DOCTYPE html><title>Log in</title>")
    assert "is a web page, not data: b'<!DOCTYPE html>" in message(root)


def test_file_that_cannot_be_read_is_refused(root, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "can't be read: [Errno 13] Permission denied" in message(root)


def test_corrupt_file_in_the_cache_is_to_be_deleted(cache, root):
    cache.mkdir(parents=True)
    (cache / f"{IMAGES}.gz").write_bytes(b"")
    assert message().endswith("\n  Delete it and call mnist() again, which downloads it anew.")


@pytest.mark.parametrize(
    ("contents", "what"),
    [
        (b"\0\0", "the header is truncated"),
        (b"\0\0\x08\x02\0\0\0\x01", "the header is truncated"),
        (b"\0\0\x0d\x01\0\0\0\x01\x07", "00 00 0d 01 doesn't begin a file of unsigned bytes"),
        (b"\0\0\x08\x01\0\0\0\x02\x07", r"9 bytes don't hold an array of shape \(2,\)"),
    ],
)
def test_idx_file_with_a_wrong_header_is_refused(contents, what):
    with pytest.raises(DataError, match=what):
        module.parse_idx(contents)


def test_missing_files_are_downloaded_once(cache, serve, tiny, monkeypatch):
    served = []

    def noting(body):
        def page(handler):
            served.append(handler.path)
            handler.send(body, len(body))

        return page

    mirror = serve({name: noting(body) for name, body in pages(tiny).items()})
    monkeypatch.setattr(module, "MIRRORS", (mirror,))
    assert mnist()[0].shape == mnist()[0].shape == (6, 3, 3)
    assert served == [f"/{name}.gz" for name in module.FILES]
    assert sorted(path.name for path in cache.iterdir()) == sorted(pages(tiny))


def cut_off(handler):
    handler.send(gzip.compress(bytes(70))[:-4], 1000)


BAD = {
    "not found": (None, "HTTP Error 404"),
    "cut off": (cut_off, "ended after|IncompleteRead"),  # newer Pythons notice by themselves
    "truncated": (gzip.compress(bytes(70))[:-4], "truncated: its"),
    "empty": (b"", "truncated: 0 bytes, 70 expected"),
    "corrupt": (gzip.compress(bytes(70)), "corrupt: its SHA-256 sum"),
    "no gzip": (b"\x1f\x8bnonsense", "corrupt: it can't be decompressed"),
    "a web page": (b"<html>", "a web page"),
}


@pytest.mark.parametrize("page", [page for page, _ in BAD.values()], ids=BAD)
def test_mirror_that_fails_is_followed_by_the_next(cache, serve, tiny, page, monkeypatch):
    mirrors = serve({f"{IMAGES}.gz": page}), serve(pages(tiny))
    monkeypatch.setattr(module, "MIRRORS", mirrors)
    assert mnist()[0].shape == (6, 3, 3)
    assert sorted(path.name for path in cache.iterdir()) == sorted(pages(tiny))


@pytest.mark.parametrize(("page", "reason"), BAD.values(), ids=BAD)
def test_failed_download_leaves_nothing_and_says_why(cache, serve, tiny, page, reason, monkeypatch):
    mirror = serve(pages(tiny) | {f"{IMAGES}.gz": page})
    monkeypatch.setattr(module, "MIRRORS", (mirror,))
    assert re.search(f"\n  {mirror}{IMAGES}.gz: ({reason})", message())
    assert list(cache.iterdir()) == []


def test_error_says_what_was_tried_and_where_to_put_files_by_hand(cache, serve, tiny, monkeypatch):
    mirrors = serve({}), serve({f"{IMAGES}.gz": pages(tiny)[f"{IMAGES}.gz"]})
    monkeypatch.setattr(module, "MIRRORS", mirrors)
    assert message() == (
        f"mnist: {LABELS}.gz can't be downloaded\n"
        f"  {mirrors[0]}{LABELS}.gz: HTTP Error 404: Not Found\n"
        f"  {mirrors[1]}{LABELS}.gz: HTTP Error 404: Not Found\n"
        f"  By hand: get these files and put them in {cache}\n"
        f"    {LABELS}.gz or {LABELS}\n"
        f"    {TEST_IMAGES}.gz or {TEST_IMAGES}\n"
        f"    {TEST_LABELS}.gz or {TEST_LABELS}\n"
        "  or in any other folder, for mnist(folder) or $TINYGRAD_LITE_DATA."
    )
    assert [path.name for path in cache.iterdir()] == [f"{IMAGES}.gz"]


def test_folder_that_cannot_be_made_is_a_clear_error(cache, tiny):
    cache.parent.parent.write_bytes(b"a file where a folder should be")
    error = message()
    assert f"{cache} can't be made" in error
    assert "or in any other folder" in error
