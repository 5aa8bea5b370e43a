"""The examples, run as a user runs them: as scripts, in a folder of their own."""

import contextlib
import html
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

import tinygrad_lite as tl

ROOT = Path(__file__).parents[2]
PLOTTING = ["adaline_iris", "adaline_noise_canceller", "mnist_mlp", "two_spirals"]
NAMES = [*PLOTTING, "see_adaline", "see_backward", "see_mlp"]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "PYTHONUTF8": "1",
    "PYTHONUNBUFFERED": "1",
}

needs_mnist = pytest.mark.skipif(
    not (ROOT / "examples" / "data" / "mnist").is_dir(), reason="the images aren't there"
)


def path(name):
    return ROOT / "examples" / f"{name}.py"


def run(folder, name, *options):
    """What the example prints."""
    done = subprocess.run(
        [sys.executable, path(name), *options],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return done.stdout


def load(name):
    """The example as a module."""
    spec = importlib.util.spec_from_file_location(name, path(name))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_picture(file):
    pixels = imread(file)
    height, width = pixels.shape[:2]
    assert height >= 500 and width >= 1000
    assert pixels[..., :3].std() > 0.05  # more is drawn than empty axes
    assert len({tuple(pixel) for pixel in pixels[::7, ::7].reshape(-1, pixels.shape[2])}) > 50


def number(pattern, text):
    """The number in the group of a pattern."""
    found = re.search(pattern, text)
    assert found, f"{pattern!r} isn't in:\n{text}"
    return float(found[1])


def test_adaline_separates_setosa_and_versicolor(tmp_path):
    printed = run(tmp_path, "adaline_iris")
    assert "accuracy: 100 %" in printed
    assert number(r"epoch 120  squared error ([\d.]+)", printed) < 0.06
    assert re.search(r"epoch   0 .* 100 wrong  \(.*neither species\)\n", printed)
    check_picture(tmp_path / "adaline_iris.png")


def test_adaline_cancels_noise(tmp_path):
    printed = run(tmp_path, "adaline_noise_canceller")
    before = number(r"before +([+-][\d.]+) dB", printed)
    after = number(r"after +([+-][\d.]+) dB", printed)
    assert after - before >= 15  # over all of the signal, learning included
    assert number(r"second half of it [+-][\d.]+ dB, up by ([\d.]+) dB", printed) >= 20
    assert number(r"within ([\d.]+) of the true", printed) < 0.03
    check_picture(tmp_path / "adaline_noise_canceller.png")


def test_two_spirals_are_told_apart(tmp_path):
    printed = run(tmp_path, "two_spirals")
    assert "accuracy: 100 % of 194 points\n" in printed
    assert number(r"central differences by at most ([\de.-]+)", printed) < 1e-8
    check_picture(tmp_path / "two_spirals.png")


@needs_mnist
def test_mlp_reads_digits(tmp_path):
    printed = run(tmp_path, "mnist_mlp", "--epochs", "1", "--output", "pictures")
    lines = printed.splitlines()
    folder = ROOT / "examples" / "data" / "mnist"
    assert lines[0] == f"MNIST: 60,000 training and 10,000 test images, from {folder}"
    assert lines[1] == "MLP(784 → 128 → 10): 101,770 parameters"
    assert re.fullmatch(
        r"epoch 1/1  █{20}  loss 0\.\d{4}   test accuracy \d\d\.\d\d %   \d+\.\d s", lines[2]
    )
    assert number(r"([\d.]+) % of 10,000 test images right after \d+\.\d s", lines[3]) > 93
    folder = Path("pictures")
    written = f"Pictures: {folder / 'mnist_mlp.png'}; its graph: {folder / 'mnist_mlp.html'}"
    assert lines[3].endswith(f" s. {written}")
    check_picture(tmp_path / "pictures" / "mnist_mlp.png")
    page = check_page(tmp_path / "pictures" / "mnist_mlp.html")
    assert {step["phase"] for step in page["steps"]} == {"forward", "backward", "update"}
    changes = [step["numbers"] for step in page["steps"] if step["kind"] == "update"]
    assert len(changes) == 4
    assert all(number(r"largest change (\S+)$", change) > 1e-4 for change in changes)


def check_page(file):
    """The data of a page that plays a computation, which is small enough to be sent."""
    assert file.stat().st_size < 4_000_000
    page = file.read_text(encoding="utf-8")
    return json.loads(re.search(r'(?s)id="data">(.*?)</script>', page)[1])


def check_drawing(file, *texts):
    """A drawing, or without Graphviz a diagram, in which these texts are to be found."""
    if not file.is_file():
        assert not shutil.which("dot")
        file = file.with_suffix(".md")
    drawn = html.unescape(file.read_text(encoding="utf-8"))
    assert [text for text in texts if text not in drawn] == []


def test_backward_pass_of_three_scalars_is_seen(tmp_path):
    printed = run(tmp_path, "see_backward")
    assert "gradients: w 0.8399 · x -1.26 · b 0.42\n" in printed
    assert "∂y/∂w by hand: 0.8399\n∂y/∂x by hand: -1.26\n∂y/∂b by hand: 0.42\n" in printed
    assert "adds to 2 earlier contributions: 3 + 2 = 5" in printed
    assert "3 paths carried it" in printed
    check_drawing(tmp_path / "see_backward.svg", "y = tanh(c)", "0.8399", "-1.26")
    check_drawing(tmp_path / "see_backward_twice.svg", "square = a + x")
    assert "y = np.tanh(w * x + b)" in (tmp_path / "see_backward.html").read_text("utf-8")


def test_readme_shows_what_the_example_prints(tmp_path):
    shown = (ROOT / "README.md").read_text(encoding="utf-8")
    explained = run(tmp_path, "see_backward").split("\n\n")[0]
    assert f"```text\n{explained}\n```" in shown


def test_step_of_an_adaline_is_seen(tmp_path):
    printed = run(tmp_path, "see_adaline")
    by_rule = re.search(r"weights by Widrow and Hoff's rule +(.*)", printed)[1]
    assert by_rule == re.search(r"weights after the step +(.*)", printed)[1]
    check_drawing(tmp_path / "see_adaline.svg", "weight after SGD", "3.76")
    page = check_page(tmp_path / "see_adaline.html")
    assert [step["title"] for step in page["steps"]][-2:] == ["SGD: weight", "SGD: bias"]
    assert page["check"] and all(found["ok"] for found in page["check"])


@needs_mnist
def test_step_of_the_mlp_is_seen(tmp_path):
    printed = run(tmp_path, "see_mlp", "--output", "pictures")
    assert "layers.0.bias was broadcast to 64 rows" in printed
    assert "One path carried it" in printed
    check_drawing(tmp_path / "pictures" / "see_mlp.svg", "layers.0 · Linear(784 → 128)", "SGD")
    assert all(found["ok"] for found in check_page(tmp_path / "pictures" / "see_mlp.html")["check"])
    if shutil.which("dot"):
        check_drawing(tmp_path / "pictures" / "see_mlp_backward.svg", "∂loss/∂scores")
        check_drawing(tmp_path / "pictures" / "see_mlp_layers.svg", "100,480 parameters")


@pytest.mark.parametrize("units", [1, 35, 36, 37])
def test_mlp_is_drawn_whatever_its_width(units, tmp_path):
    x = np.random.default_rng(0).normal(size=(50, 784)).astype(np.float32)
    model = tl.models.MLP([784, units, 10])
    losses, accuracies = [2.0, 1.0], {1.0: 50.0}
    drawn = load("mnist_mlp").draw(tmp_path, model, x, np.arange(50) % 10, losses, accuracies, 2)
    assert drawn == tmp_path / "mnist_mlp.png"
    check_picture(drawn)


@contextlib.contextmanager
def started(folder, name, *options):
    """A running example, which Ctrl-C interrupts even if this process itself ignores it."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, path(name), *options],
            cwd=folder,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
    finally:
        signal.signal(signal.SIGINT, handler)
    with process:
        try:
            yield process
        finally:
            process.kill()


@needs_mnist
@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGINT to send")
def test_ctrl_c_ends_training_and_shows_what_was_learned(tmp_path):
    with started(tmp_path, "mnist_mlp", "--epochs", "1000", "--batch-size", "500") as process:
        while not process.stdout.readline().startswith("epoch"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        printed, complaints = process.communicate(timeout=300)
        assert process.returncode == 0
    assert re.search(r"Stopped in epoch \d+, after [\d,]+ batches\.", printed)
    assert number(r"([\d.]+) % of 10,000 test images right", printed) > 90
    assert "Traceback" not in complaints
    check_picture(tmp_path / "mnist_mlp.png")
    check_page(tmp_path / "mnist_mlp.html")


@needs_mnist
@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGINT to send")
def test_ctrl_c_before_training_ends_without_a_traceback(tmp_path):
    with started(tmp_path, "mnist_mlp") as process:
        assert process.stdout.readline().startswith("MNIST")
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=300)
        assert process.returncode in (0, 130)  # 0 if it had begun to train
    assert "Traceback" not in complaints


@pytest.mark.parametrize(
    "options, complaint",
    [
        ("--epochs 0", "argument --epochs: must be at least 1, not 0"),
        ("--epochs many", "argument --epochs: invalid integer value: 'many'"),
        ("--batch-size -3", "argument --batch-size: must be at least 1, not -3"),
        ("--lr 0", "argument --lr: must be a positive number, not 0"),
        ("--lr nan", "argument --lr: must be a positive number, not nan"),
        ("--lr fast", "argument --lr: invalid positive_number value: 'fast'"),
        ("--seed -1", "argument --seed: must be at least 0, not -1"),
        ("--optimizer magic", "choose from"),
        ("--data nowhere", "nowhere (root) is no folder"),
        ("--output taken", "taken"),
    ],
)
def test_mnist_refuses_bad_options(options, complaint, tmp_path, monkeypatch, capsys):
    (tmp_path / "taken").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mnist_mlp.py", *options.split()])
    with pytest.raises(SystemExit) as exit:
        load("mnist_mlp").main()
    assert exit.value.code == 2
    printed, complaints = capsys.readouterr()
    assert printed == ""
    assert complaints.startswith("usage: ") and complaint in complaints


@pytest.mark.parametrize("name", NAMES)
def test_importing_an_example_runs_nothing(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert load(name).__doc__
    assert capsys.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_every_example_says_what_it_is(name, monkeypatch, capsys):
    example = load(name)
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as exit:
        example.main()
    assert exit.value.code == 0
    assert "--output" in capsys.readouterr().out


def test_without_matplotlib_there_is_advice_instead_of_a_picture(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["adaline_iris.py"])
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    load("adaline_iris").main()
    printed = capsys.readouterr().out
    assert "accuracy: 100 %" in printed
    assert 'pip install ".[examples]"' in printed
    assert not list(tmp_path.iterdir())


@needs_mnist
def test_without_matplotlib_the_mlp_still_has_its_page(tmp_path, monkeypatch, capsys):
    images, digits, *_ = tl.data.mnist(ROOT / "examples" / "data" / "mnist")
    few = images[:200], digits[:200]
    monkeypatch.setattr(tl.data, "mnist", lambda folder: (*few, *few))
    monkeypatch.setattr(sys, "argv", ["mnist_mlp.py", "--epochs", "2", "--output", str(tmp_path)])
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    load("mnist_mlp").main()
    printed = capsys.readouterr().out
    assert "No pictures: " in printed and 'pip install ".[examples]"' in printed
    assert printed.endswith(f"\nIts graph: {tmp_path / 'mnist_mlp.html'}\n")
    check_page(tmp_path / "mnist_mlp.html")
    assert [file.name for file in tmp_path.iterdir()] == ["mnist_mlp.html"]


def test_without_tqdm_there_is_no_bar(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    batches = [1, 2, 3]
    assert load("mnist_mlp").progress_bar(batches, "epoch 1/1") is batches
