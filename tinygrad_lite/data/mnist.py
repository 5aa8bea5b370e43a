"""MNIST: finding its four files, making sure that they are the right ones, reading them."""

from __future__ import annotations

import math
import os
import struct
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .download import download


class File(NamedTuple):
    """What a file holds once decompressed: mirrors compress anew, so only that is the same."""

    shape: tuple[int, ...]
    sha256: str

    @property
    def size(self) -> int:
        return 4 + 4 * len(self.shape) + math.prod(self.shape)


FILES = {
    "train-images-idx3-ubyte": File(
        (60_000, 28, 28), "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    ),
    "train-labels-idx1-ubyte": File(
        (60_000,), "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
    ),
    "t10k-images-idx3-ubyte": File(
        (10_000, 28, 28), "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    ),
    "t10k-labels-idx1-ubyte": File(
        (10_000,), "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
    ),
}

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


def mnist(
    root: str | os.PathLike[str] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]]:
    """70,000 handwritten digits as images of 28 × 28 pixels.

    Parameters
    ----------
    root : path or None
        The folder of the four files, gzip-compressed (`train-images-idx3-ubyte.gz`) or not
        (`train-images-idx3-ubyte`). If None, it is the folder named by the environment variable
        `TINYGRAD_LITE_DATA`. If there is none, it is `tinygrad_lite/mnist` in the user's cache
        folder, and files that are missing there are downloaded, 11 MB in all.

    Returns
    -------
    x_train : (60000, 28, 28), uint8
        Ink, from 0 (paper) to 255 (black).
    y_train : (60000,), int64
        The digit, 0 to 9.
    x_test : (10000, 28, 28), uint8
    y_test : (10000,), int64

    Raises
    ------
    DataError
        If a file is missing, truncated, corrupt or another one of the four, which its SHA-256 sum
        tells, or can't be downloaded.

    Notes
    -----
    The data are commonly distributed under CC BY-SA 3.0.

    References
    ----------
    .. [1] LeCun, Cortes and Burges, "The MNIST database of handwritten digits", 1998.
    .. [2] LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
       recognition", Proceedings of the IEEE 86, 1998.

    Examples
    --------
    `mnist()` is all it takes. A folder that isn't right is refused:

    >>> from tinygrad_lite.data import mnist
    >>> mnist("/no/such/folder")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tinygrad_lite.errors.DataError: mnist: ...folder (root) is no folder
      Looked for there:
        train-images-idx3-ubyte.gz or train-images-idx3-ubyte
    ...
    """
    given = root if root is not None else os.environ.get("TINYGRAD_LITE_DATA") or None
    if given is None:
        folder = cache_folder()
        mend = "Delete it and call mnist() again, which downloads it anew."
    else:
        folder = Path(os.path.expanduser(given)).absolute()
        mend = "Put a right copy in its place."
        _refuse_missing(folder, "root" if root is not None else "$TINYGRAD_LITE_DATA")
    x_train, y_train, x_test, y_test = (_read(folder, name, mend) for name in FILES)
    return x_train, y_train.astype(np.int64), x_test, y_test.astype(np.int64)


def cache_folder() -> Path:
    """Where downloads go."""
    if sys.platform == "darwin":
        base = "~/Library/Caches"
    elif sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(os.path.expanduser(base), "tinygrad_lite", "mnist")
    if not folder.is_absolute():  # a user without a home, say: don't litter where they are
        raise DataError(
            f"mnist: the cache folder {folder} is no absolute path\n"
            "  Say where the files are: mnist(folder), or $TINYGRAD_LITE_DATA."
        )
    return folder


def check(stored: bytes, name: str) -> bytes:
    """Decompress `stored` if need be, and make sure that it holds the file `name`."""
    from hashlib import sha256

    contents = _decompressed(stored)
    expected, found = FILES[name], sha256(contents).hexdigest()
    if found == expected.sha256:
        return contents
    for other, file in FILES.items():
        if found == file.sha256:
            raise DataError(f"another file, {other}, under a wrong name")
    if contents.lstrip()[:1] == b"<":  # what a proxy or a log-in page sends instead
        raise DataError(f"a web page, not data: {contents.lstrip()[:40]!r}")
    if len(contents) < expected.size:
        raise DataError(f"truncated: {len(contents):,} bytes, {expected.size:,} expected")
    if len(contents) > expected.size:
        raise DataError(f"corrupt: more than the {expected.size:,} bytes expected")
    raise DataError(f"corrupt: its SHA-256 sum is\n    {found}, not\n    {expected.sha256}")


def parse_idx(contents: bytes) -> NDArray[np.uint8]:
    """The array in a file of IDX format: two zeros, type, number of axes, shape, items."""
    try:
        zeros, dtype, ndim = struct.unpack_from(">HBB", contents)
        shape = struct.unpack_from(f">{ndim}I", contents, 4)
    except struct.error as error:
        raise DataError(f"not IDX: the header is truncated ({error})") from None
    if (zeros, dtype) != (0, 8):
        raise DataError(f"not IDX: {contents[:4].hex(' ')} doesn't begin a file of unsigned bytes")
    if len(contents) != 4 + 4 * ndim + math.prod(shape):
        raise DataError(f"not IDX: {len(contents):,} bytes don't hold an array of shape {shape}")
    # A copy, as arrays over bytes are read-only.
    return np.frombuffer(contents, np.uint8, offset=4 + 4 * ndim).reshape(shape).copy()


def _refuse_missing(folder: Path, origin: str) -> None:
    missing = [name for name in FILES if _find(folder, name) is None]
    if missing:
        lacks = f"lacks {len(missing)} of the {len(FILES)} files"
        raise DataError(
            f"mnist: {folder} ({origin}) {lacks if folder.is_dir() else 'is no folder'}\n"
            f"  Looked for there:\n{_names(missing)}\n"
            "  Put them there; or call mnist() without root and with $TINYGRAD_LITE_DATA unset,\n"
            "  which downloads them to your cache folder."
        )


def _read(folder: Path, name: str, mend: str) -> NDArray[np.uint8]:
    path = _find(folder, name)
    if path is None:
        return parse_idx(_download(folder, name))
    try:
        return parse_idx(check(path.read_bytes(), name))
    except OSError as error:
        raise DataError(f"mnist: {path} can't be read: {error}") from error
    except DataError as error:
        raise DataError(f"mnist: {path} is {error}\n  {mend}") from None


def _find(folder: Path, name: str) -> Path | None:
    candidates = (folder / f"{name}.gz", folder / name)
    return next((path for path in candidates if os.path.isfile(path)), None)


def _download(folder: Path, name: str) -> bytes:
    try:
        return download(
            [f"{mirror}{name}.gz" for mirror in MIRRORS],
            folder / f"{name}.gz",
            lambda sent: check(sent, name),
        )
    except DataError as error:
        missing = [name for name in FILES if _find(folder, name) is None]
        raise DataError(
            f"mnist: {name}.gz can't be downloaded\n{error}\n"
            f"  By hand: get these files and put them in {folder}\n{_names(missing)}\n"
            "  or in any other folder, for mnist(folder) or $TINYGRAD_LITE_DATA."
        ) from None


def _names(names: list[str]) -> str:
    return "\n".join(f"    {name}.gz or {name}" for name in names)


def _decompressed(stored: bytes) -> bytes:
    if not stored.startswith(b"\x1f\x8b"):  # told by its bytes: browsers decompress, and keep .gz
        return stored

    from gzip import GzipFile
    from io import BytesIO
    from zlib import error as ZlibError

    try:
        # No more than tells that it is too long, as a small file can unpack to a full memory.
        return GzipFile(fileobj=BytesIO(stored)).read(1 + max(file.size for file in FILES.values()))
    except EOFError:
        raise DataError(f"truncated: its {len(stored):,} bytes end amid the gzip data") from None
    except (OSError, ZlibError) as error:
        raise DataError(f"corrupt: it can't be decompressed ({error})") from None
