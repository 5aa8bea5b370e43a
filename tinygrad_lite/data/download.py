"""Downloading a file: whole and right, or not at all."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from ..errors import DataError


def download(
    urls: Sequence[str],
    path: Path,
    check: Callable[[bytes], bytes],
    *,
    stall: float = 20.0,
    limit: float = 300.0,
    largest: int = 1 << 26,
) -> bytes:
    """Download a file to `path` from the first of `urls` that gives the right bytes.

    Parameters
    ----------
    urls : sequence of str
        Where the file can be had, tried in this order.
    path : Path
        Where it goes; folders that are missing are made. Until the file is whole and checked,
        nothing of this name exists.
    check : function
        Takes the downloaded bytes and returns what they hold, or raises a `DataError` that says
        what they are instead.
    stall, limit : float
        Seconds to wait for the next bytes, and for all of them, from each of `urls`.
    largest : int
        Bytes that the file has at most: whoever sends more is sending something else.

    Returns
    -------
    bytes
        What `check` returned.

    Raises
    ------
    DataError
        If no URL gave the right bytes, with each one's reason, or if they can't be written.
    """
    try:  # before the download, which would be for nothing
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"  {path.parent} can't be made: {error}") from error

    from http.client import HTTPException

    reasons = []
    for url in urls:
        try:
            sent = _fetch(url, stall, limit, largest)
            contents = check(sent)
        except (OSError, HTTPException, DataError) as error:
            reasons.append(f"  {url}: {error or type(error).__name__}")
            continue
        _store(sent, path)
        return contents
    raise DataError("\n".join(reasons))


def _fetch(url: str, stall: float, limit: float, largest: int) -> bytes:
    from urllib.request import urlopen

    deadline = time.monotonic() + limit
    sent = bytearray()
    with urlopen(url, timeout=stall) as response:
        total = response.length
        progress = _progress(url.rpartition("/")[2], total)
        try:
            # read1, not read: that waits for a whole block, however slowly its bytes come in.
            while (total is None or len(sent) < total) and (block := response.read1(1 << 16)):
                sent += block
                progress.update(len(block))
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not finished after {limit:g} s")
                if len(sent) > largest:
                    raise OSError(f"sends more than {largest:,} bytes: not this file")
        finally:
            progress.close()
    if total is not None and len(sent) < total:
        raise OSError(f"ended after {len(sent):,} of {total:,} bytes")
    return bytes(sent)


def _store(sent: bytes, path: Path) -> None:
    # A random name, as processes that share the folder, but not the machine, can share an id.
    part = path.with_name(f"{path.name}.{os.urandom(8).hex()}.part")
    try:
        try:
            part.write_bytes(sent)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"  {path} can't be written: {error}") from error


class _Progress(Protocol):
    def update(self, n: int, /) -> object: ...
    def close(self) -> object: ...


def _progress(name: str, total: int | None) -> _Progress:
    try:
        from tqdm import tqdm  # type: ignore[import,unused-ignore]
    except ImportError:
        return _Line(name, total)
    bar: _Progress = tqdm(desc=name, total=total, unit="B", unit_scale=True)
    return bar


class _Line:
    """What tqdm would show, as one line of text."""

    def __init__(self, name: str, total: int | None) -> None:
        self._form = f"\r{name}: {{:.1f}} MB" + (f" of {total / 1e6:.1f} MB" if total else "")
        self._done = 0

    def update(self, n: int, /) -> None:
        self._done += n
        print(self._form.format(self._done / 1e6), end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        print(file=sys.stderr)
