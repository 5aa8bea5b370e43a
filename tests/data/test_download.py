import os
import socket
import sys
import threading

import pytest

from tinygrad_lite.data.download import download
from tinygrad_lite.errors import DataError


def stalled(handler):
    handler.send(b"a few bytes", 1000)
    handler.stall()


def test_file_is_what_was_sent_and_result_is_what_it_holds(serve, tmp_path):
    path = tmp_path / "new" / "folder" / "file"
    assert download([serve({"file": b"abc"}) + "file"], path, bytes.upper) == b"ABC"
    assert path.read_bytes() == b"abc"


def test_stalled_server_is_given_up(serve, tmp_path):
    url = serve({"file": stalled}) + "file"
    with pytest.raises(DataError, match=f"{url}: timed out"):
        download([url], tmp_path / "file", bytes, stall=0.05)
    assert list(tmp_path.iterdir()) == []


def test_stalled_server_is_followed_by_the_next(serve, tmp_path):
    urls = [serve({"file": page}) + "file" for page in (stalled, b"good")]
    assert download(urls, tmp_path / "file", bytes, stall=0.5) == b"good"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.usefixtures("serve")
def test_server_that_nobody_runs_is_a_reason(tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/file"
        with pytest.raises(DataError, match=f"{url}: .*refused"):
            download([url], tmp_path / "file", bytes)


def test_download_has_a_time_limit_for_all_its_bytes(serve, tmp_path):
    url = serve({"file": b"slow"}) + "file"
    with pytest.raises(DataError, match="file: not finished after 0 s"):
        download([url], tmp_path / "file", bytes, limit=0)
    assert list(tmp_path.iterdir()) == []


def test_slow_bytes_do_not_escape_the_time_limit(serve, tmp_path):
    # A read that waits for more than has come would wait for a minute.
    url = serve({"file": stalled}) + "file"
    with pytest.raises(DataError, match="file: not finished after 0 s"):
        download([url], tmp_path / "file", bytes, stall=60, limit=0)


def test_server_that_sends_too_much_is_refused(serve, tmp_path):
    url = serve({"file": bytes(100)}) + "file"
    with pytest.raises(DataError, match="sends more than 99 bytes"):
        download([url], tmp_path / "file", bytes, largest=99)


def test_answer_that_is_no_http_is_a_reason(serve, tmp_path):
    url = serve({"file": lambda handler: handler.wfile.write(b"hello\r\n\r\n")}) + "file"
    with pytest.raises(DataError, match="file: hello"):
        download([url], tmp_path / "file", bytes)


def test_file_that_cannot_be_put_in_place_leaves_no_temporary(serve, tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(DataError, match="file can't be written"):
        download([serve({"file": b"x"}) + "file"], tmp_path / "file", bytes)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_nothing_is_written_before_the_check(serve, tmp_path):
    def check(sent):
        assert list(tmp_path.iterdir()) == []
        return sent

    download([serve({"file": b"x"}) + "file"], tmp_path / "file", check)


def test_interrupted_download_leaves_nothing(serve, tmp_path, monkeypatch):
    def interrupt(part, path):
        assert (part.parent, part.read_bytes()) == (tmp_path, b"x")
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        download([serve({"file": b"x"}) + "file"], tmp_path / "file", bytes)
    assert list(tmp_path.iterdir()) == []


def test_simultaneous_downloads_of_a_file_do_not_collide(serve, tmp_path):
    url, body = serve({"file": bytes(100_000)}) + "file", bytes(100_000)
    together = threading.Barrier(4)
    got = []

    def check(sent):
        together.wait(timeout=30)
        return sent

    threads = [
        threading.Thread(target=lambda: got.append(download([url], tmp_path / "file", check)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [body] * 4
    assert (tmp_path / "file").read_bytes() == body
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_progress_is_shown_by_tqdm(serve, tmp_path, capsys):
    pytest.importorskip("tqdm")
    download([serve({"file": bytes(2_000_000)}) + "file"], tmp_path / "file", bytes)
    assert "file: 100%" in capsys.readouterr().err


def test_progress_is_a_line_of_text_without_tqdm(serve, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    download([serve({"file": bytes(2_000_000)}) + "file"], tmp_path / "file", bytes)
    assert capsys.readouterr().err.endswith("\rfile: 2.0 MB of 2.0 MB\n")
