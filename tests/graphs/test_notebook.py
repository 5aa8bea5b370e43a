"""What Graphs, Tensors and Modules show of themselves in a notebook, and that they never raise."""

import base64
import os
import re
import subprocess
import sys
import types
import warnings
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.errors import RenderError
from tinygrad_lite.graphs import engines, notebook
from tinygrad_lite.graphs.notebook import bundle, module_html, register, tensor_html

GIVEN = b'<svg width="30pt" height="15pt"\n xmlns="http://www.w3.org/2000/svg"><g></g></svg>\n'


@pytest.fixture
def engine(monkeypatch):
    """Stands for Graphviz: keeps what it was asked to draw."""
    asked = []

    def render(source, form):
        asked.append(source)
        return GIVEN

    monkeypatch.setattr(engines, "render", render)
    return asked


@pytest.fixture
def no_engine(monkeypatch):
    def render(source, form):
        raise RenderError("A .svg needs Graphviz")

    monkeypatch.setattr(engines, "render", render)


def computed():
    x = tl.Tensor(2.0, requires_grad=True, name="x")
    w = tl.Tensor(-3.0, requires_grad=True, name="w")
    return np.tanh(w * x + 7.0)


class Tree(HTMLParser):
    """Checks that all that is opened is closed, and keeps the tags and the text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


# ---- Graphs --------------------------------------------------------------------------------------


def test_graph_is_text_and_a_picture(engine):
    graph = tl.graph(computed())
    found = graph._repr_mimebundle_()
    assert found.keys() == {"text/plain", "image/svg+xml"}
    assert found["text/plain"] == repr(graph)
    ElementTree.fromstring(found["image/svg+xml"])
    assert engine == [graph.draw().source]


def test_graph_without_engine_says_how_to_get_one(no_engine):
    graph = tl.graph(computed())
    assert bundle(graph) == {"text/plain": f"{graph!r}\nA .svg needs Graphviz"}


@pytest.mark.parametrize("error", [ValueError("x"), RecursionError(), MemoryError()])
def test_graph_that_cannot_be_drawn_is_text(monkeypatch, error):
    def render(source, form):
        raise error

    monkeypatch.setattr(engines, "render", render)
    said = bundle(tl.graph(computed()))["text/plain"]
    assert said.endswith(f"\nIt can't be drawn: {type(error).__name__}.")


def test_broken_graph_is_displayed(engine):
    graph = tl.graph(computed())
    graph.steps = None
    said = bundle(graph)["text/plain"]
    assert "Graph" in said and " at 0x" not in said


def test_warning_of_the_engine_is_shown_and_does_not_break_the_display(monkeypatch):
    def render(source, form):
        warnings.warn("scaled", UserWarning, stacklevel=1)
        return GIVEN

    monkeypatch.setattr(engines, "render", render)
    with pytest.warns(UserWarning, match="scaled"):
        warnings.simplefilter("error")
        assert "image/svg+xml" in bundle(tl.graph(computed()))


def test_graph_without_steps_is_displayed(engine):
    assert "text/plain" in bundle(tl.graphs.Graph([], [], []))


# ---- Tensors -------------------------------------------------------------------------------------


def picture(text):
    found = re.search(r'src="data:image/svg\+xml;base64,([^"]*)"', text)
    return base64.b64decode(found[1]).decode()


def test_tensor_is_its_text_and_its_history(engine):
    y = computed()
    found = tensor_html(y)
    tree = Tree(found)
    assert tree.tags == ["pre", "img"] and tree.text == [repr(y)]
    ElementTree.fromstring(picture(found))
    source = engine[0]
    assert "w * x" in source and "tanh" in source and "∂" not in source


def test_tensor_without_history_is_its_text(engine):
    x = tl.Tensor(2.0, requires_grad=True)
    with tl.no_grad():
        y = x * 2
    assert tensor_html(x) is tensor_html(y) is tensor_html(nn.Parameter(1.0)) is None
    assert not engine


def test_tensor_without_engine_is_its_text(no_engine):
    assert tensor_html(computed()) is None


def test_text_of_a_tensor_is_escaped(engine):
    y = tl.Tensor(2.0, requires_grad=True) * 2
    y.name = "</pre><script>&"
    tree = Tree(tensor_html(y))
    assert tree.tags == ["pre", "img"] and "".join(tree.text) == repr(y)


def test_displaying_runs_no_backward_pass_and_changes_nothing(engine):
    calls = []
    double = tl.op(lambda x: 2 * x, name="double", x=lambda g, out, x: calls.append(1) or 2 * g)
    x = tl.Tensor(2.0, requires_grad=True)
    y = double(x)
    state = np.random.get_state()[1].tolist()
    tl.seed(0)
    expected = tl.randn(3).numpy()
    tl.seed(0)
    assert tensor_html(y) is not None
    np.testing.assert_array_equal(tl.randn(3).numpy(), expected)
    assert np.random.get_state()[1].tolist() == state
    assert calls == [] and x.grad is None and y.grad is None
    y.backward()
    assert x.grad.item() == 2.0 and calls == [1]


def test_displaying_copies_no_array(engine):
    x = tl.Tensor(np.ones(10), requires_grad=True)
    graph = notebook._history(x * 2)
    assert np.shares_memory(graph.values[0].array, x._data)


def test_long_history_is_not_gone_through(engine, monkeypatch):
    monkeypatch.setattr(notebook, "MOST_OPERATIONS", 50)
    h = tl.Tensor(1.0, requires_grad=True)
    for _ in range(49):
        h = h + 1
    assert "img" in Tree(tensor_html(h)).tags
    tree = Tree(tensor_html(h + h + h))
    assert tree.tags == ["pre", "div", "code"]
    assert "more than 50 operations" in "".join(tree.text)


def test_drawing_beside_a_tensor_is_small(engine, monkeypatch):
    total, rng = tl.Tensor(1.0, requires_grad=True), np.random.default_rng(0)
    for kind in rng.integers(4, size=40):  # in no order that could be folded
        total = (np.sin, np.cos, np.tanh, np.square)[kind](total)
    for most in (500, 10):
        monkeypatch.setattr(notebook, "MOST_BOXES", most)
        tensor_html(total)
    whole, small = (len(re.findall(r"^ *b\d+ \[", source, re.MULTILINE)) for source in engine)
    assert whole > 10 >= small > 0


def test_values_of_large_arrays_are_not_gone_through(engine, monkeypatch):
    y = tl.Tensor(np.ones(1000), requires_grad=True).sum()
    tensor_html(y)
    monkeypatch.setattr(notebook, "MOST_ENTRIES", 500)
    tensor_html(y)
    assert "1000" in engine[0]
    assert "mean 1" in engine[0] and "mean 1" not in engine[1]


def test_variables_of_the_notebook_name_values(engine, monkeypatch):
    a = tl.Tensor(1.0, requires_grad=True)
    z = eval("t * 2", {"t": a})
    fake_ipython(monkeypatch, {"weight_of_user": a})
    tensor_html(z)
    assert "weight_of_user" in engine[0]


def test_tensor_that_cannot_be_read_is_left_to_its_text(engine, monkeypatch):
    monkeypatch.setattr(tl.Tensor, "__repr__", lambda self: 1 / 0)
    assert tensor_html(computed()) is None


# ---- Modules -------------------------------------------------------------------------------------


def test_module_is_a_tree_with_counts():
    model = tl.models.MLP([784, 128, 10])
    tree = Tree(module_html(model))
    text = "".join(tree.text)
    assert tree.tags.count("details") == tree.tags.count("summary") == 3
    assert "MLP(784 → 128 → 10) 101,770 parameters" in text
    assert "layers.0 Linear(784 → 128) 100,480 parameters" in text
    assert "weight (784, 128) float32" in text and "layers.1 ReLU()" in text


def test_counts_are_those_of_the_module():
    block = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Tanh(), nn.Linear(4, 2)))
    text = "".join(Tree(module_html(block)).text)
    for path, module in block.named_modules():
        size = sum(p.size for p in module.parameters())
        if size:
            said = f"{path} {module.summary()} {size:,} parameters".strip()
            assert said in text


class Odd(nn.Module):
    def __init__(self):
        self.by_name = {"<b>": nn.Linear(1, 1), "two": nn.Parameter(np.zeros(2))}
        self.mean = nn.Buffer(np.zeros(3))
        self.frozen = nn.Parameter(np.zeros(4), requires_grad=False)

    def summary(self):
        return '<script>alert("1")</script> &' + "n" * 10_000


def test_names_and_summaries_are_escaped_and_cut():
    found = module_html(Odd())
    text = "".join(Tree(found).text)
    assert "<script" not in found and '<script>alert("1")</script> &nn' in text
    assert "n" * 400 not in found and "n…" in text
    assert "by_name.<b>" in text
    assert "by_name.two (2,)" in text
    assert "mean (3,) float64 · buffer" in text
    assert "frozen (4,) float64 · frozen" in text


def test_module_of_many_parts_is_cut():
    model = nn.Sequential(*(nn.Linear(1, 1) for _ in range(notebook.MOST_ROWS + 5)))
    tree = Tree(module_html(model))
    assert tree.tags.count("details") == notebook.MOST_ROWS + 1
    assert "… and 5 more" in "".join(tree.text)


def test_module_that_cannot_be_read_is_left_to_its_text():
    class Broken(nn.Module):
        def summary(self):
            raise ValueError

    assert module_html(Broken()) is None
    stray = nn.Sequential()
    stray.weight = tl.Tensor(1.0, requires_grad=True)
    assert module_html(stray) is None


# ---- IPython -------------------------------------------------------------------------------------


def fake_ipython(monkeypatch, user_ns=None):
    """A running IPython, as far as it is asked."""
    types_of = {}
    formatter = types.SimpleNamespace(for_type=types_of.__setitem__)
    formatters = types.SimpleNamespace(formatters={"text/html": formatter})
    shell = types.SimpleNamespace(display_formatter=formatters, user_ns=user_ns or {})
    module = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", module)
    return types_of


def test_register_tells_a_running_ipython(monkeypatch):
    types_of = fake_ipython(monkeypatch)
    register()
    assert types_of == {tl.Tensor: tensor_html, nn.Module: module_html}


@pytest.mark.parametrize(
    "module",
    [None, types.SimpleNamespace(), types.SimpleNamespace(get_ipython=lambda: None)],
)
def test_register_without_a_running_ipython_does_nothing(monkeypatch, module):
    monkeypatch.setitem(sys.modules, "IPython", module)
    before = {} if module is None else dict(vars(module))
    register()
    assert module is None or vars(module) == before


def test_register_loads_nothing():
    program = (
        "import sys, types, tinygrad_lite\n"
        "from tinygrad_lite.graphs import notebook\n"
        "notebook.register()\n"
        "print(*({'graphviz', 'IPython', 'subprocess'} & set(sys.modules)))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(tl.__file__).parents[1])}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == []


def test_real_ipython_displays_them(engine):
    shell_module = pytest.importorskip("IPython.core.interactiveshell")
    shell = shell_module.InteractiveShell.instance()
    try:
        shell.display_formatter.active_types = list(shell.display_formatter.formatters)
        register()
        y = computed()
        found, _ = shell.display_formatter.format(y)
        assert found["text/plain"] == repr(y) and "<img" in found["text/html"]
        found, _ = shell.display_formatter.format(tl.Tensor(1.0))
        assert found.keys() == {"text/plain"}
        found, _ = shell.display_formatter.format(nn.Linear(2, 3))
        assert "<details" in found["text/html"]
        found, _ = shell.display_formatter.format(tl.graph(y))
        assert found.keys() == {"text/plain", "image/svg+xml"}
    finally:
        shell_module.InteractiveShell.clear_instance()
