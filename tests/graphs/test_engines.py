"""Graphviz engines: found in order; what they give, and what they say."""

import importlib.util
import shutil
import subprocess
import sys
import sysconfig

import pytest

from tinygrad_lite.errors import RenderError
from tinygrad_lite.graphs import engines
from tinygrad_lite.graphs.engines import render

SOURCE = """digraph {
  a [label=<<b>w</b> × 2 &amp; more>]; b [label="∂y/∂w"]; a -> b
}"""
STARTS = {"svg": b"<?xml", "png": b"\x89PNG\r\n", "pdf": b"%PDF"}
PURE = shutil.which("graphviz-pure", path=sysconfig.get_path("scripts"))


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """A machine without engines; what is put into the folder is on its path."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    return tmp_path


PYTHON = sys.executable


def engine(folder, name, program):
    """A program that acts as an engine."""
    file = folder / name
    file.write_text(f"#!{PYTHON}\nimport os, sys\n{program}\n")
    file.chmod(0o755)


posix = pytest.mark.skipif(sys.platform == "win32", reason="the engines here are scripts")


@pytest.mark.skipif(shutil.which("dot") is None, reason="dot isn't installed")
@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_dot_draws(form):
    picture = render(SOURCE, form)
    assert picture.startswith(STARTS[form])
    again = subprocess.run(["dot", f"-T{form}"], input=SOURCE.encode(), capture_output=True).stdout
    assert len(picture) == len(again)


@pytest.mark.skipif(shutil.which("dot") is None, reason="dot isn't installed")
def test_pdf_says_nothing_of_the_time():
    assert b"CreationDate (D:20000101000000" in render(SOURCE, "pdf")


@pytest.mark.skipif(PURE is None, reason="graphviz-pure isn't installed")
@pytest.mark.parametrize("form", ["svg", "png"])
def test_graphviz_pure_draws(alone, monkeypatch, form):
    monkeypatch.setattr(sys, "executable", PURE)  # it stands beside Python
    assert render(SOURCE, form).startswith(STARTS[form])


@pytest.mark.skipif(PURE is None, reason="graphviz-pure isn't installed")
def test_graphviz_pure_says_that_it_makes_no_pdf(alone, monkeypatch):
    monkeypatch.setattr(sys, "executable", PURE)
    with pytest.raises(RenderError, match='graphviz-pure: Format: "pdf" not recognized') as caught:
        render(SOURCE, "pdf")
    assert "pip install pygraphviz" in str(caught.value)


@pytest.mark.skipif(
    importlib.util.find_spec("pygraphviz") is None, reason="pygraphviz isn't installed"
)
@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_pygraphviz_draws(alone, monkeypatch, form):
    monkeypatch.setattr(sys, "executable", PYTHON)
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "pygraphviz" or None)
    assert render(SOURCE, form).startswith(STARTS[form])


@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_without_engine_there_are_three_ways(alone, form):
    with pytest.raises(RenderError, match=f"A .{form} needs Graphviz") as caught:
        render(SOURCE, form)
    said = str(caught.value)
    assert "apt install graphviz" in said and "brew" in said and "winget" in said
    assert "conda" in said and ".dot" in said and ".md" in said
    assert ("pygraphviz" if form == "pdf" else 'pip install "tinygrad_lite[render]"') in said


@posix
def test_dot_comes_before_the_extra(alone):
    engine(alone, "dot", "sys.stdout.write('dot' + sys.argv[1])")
    engine(alone, "graphviz-pure", "sys.stdout.write('pure' + sys.argv[1])")
    assert render(SOURCE, "svg") == b"dot-Tsvg"
    (alone / "dot").unlink()
    assert render(SOURCE, "png") == b"pure-Tpng"


@posix
def test_engine_beside_python_is_found_off_the_path(alone, monkeypatch, tmp_path_factory):
    scripts = tmp_path_factory.mktemp("scripts")
    engine(scripts, "graphviz-pure", "sys.stdout.write('beside')")
    with pytest.raises(RenderError):
        render(SOURCE, "svg")
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(scripts))
    assert render(SOURCE, "svg") == b"beside"


@posix
def test_the_next_engine_draws_what_one_cannot(alone):
    engine(alone, "dot", "sys.exit('There is no layout engine support for \"dot\"')")
    engine(alone, "graphviz-pure", "sys.stdout.write('drawn')")
    assert render(SOURCE, "svg") == b"drawn"


@posix
def test_what_engines_said_is_in_the_error(alone):
    engine(alone, "dot", "sys.exit('syntax error in line 1')")
    engine(alone, "graphviz-pure", "sys.exit(3)")
    with pytest.raises(RenderError) as caught:
        render(SOURCE, "svg")
    lines = str(caught.value).splitlines()
    assert lines[1:3] == ["  dot: syntax error in line 1", "  graphviz-pure: it ended with code 3"]


@posix
def test_engine_that_gives_nothing_has_failed(alone):
    engine(alone, "dot", "")
    with pytest.raises(RenderError, match="dot: it gave no reason"):
        render(SOURCE, "svg")


@posix
def test_engine_that_cannot_be_run_has_failed(alone):
    (alone / "dot").write_text("#!/nowhere\n")
    (alone / "dot").chmod(0o755)
    with pytest.raises(RenderError, match=r"dot: .*No such file"):
        render(SOURCE, "svg")


@posix
def test_warning_of_the_engine_is_passed_on(alone):
    engine(alone, "dot", "sys.stderr.write('Warning: scaled by 0.5\\n'); sys.stdout.write('x')")
    with pytest.warns(UserWarning, match=r"^dot: Warning: scaled by 0\.5$"):
        assert render(SOURCE, "png") == b"x"


@posix
def test_what_is_said_of_fonts_is_not_passed_on(alone):
    engine(
        alone,
        "dot",
        "sys.stderr.write('Fontconfig warning: reset-dirs\\nWarning: no value for width of "
        "non-ASCII character 226.\\n'); sys.stdout.write('x')",
    )
    assert render(SOURCE, "png") == b"x"  # warnings are errors here


@posix
def test_drawing_is_handed_over_as_it_is(alone):
    engine(alone, "dot", "sys.stdout.buffer.write(sys.stdin.buffer.read())")
    source = "digraph { ∂ → 😀 }\n" + "x" * 1_000_000  # more than a pipe holds
    assert render(source, "svg").decode() == source


@posix
def test_half_a_character_is_replaced(alone):
    engine(alone, "dot", "sys.stdout.buffer.write(sys.stdin.buffer.read())")
    assert render("a\ud800b", "svg") == b"a?b"


@posix
def test_no_file_is_left_behind(alone, monkeypatch):
    engine(alone, "dot", "sys.stdout.write('x')")
    monkeypatch.chdir(alone)
    render(SOURCE, "svg")
    assert [path.name for path in alone.iterdir()] == ["dot"]


def test_pygraphviz_is_told_by_its_own_name():
    assert "pygraphviz" in engines._PYGRAPHVIZ
    compile(engines._PYGRAPHVIZ, "pygraphviz", "exec")
