"""What explain() prints."""

import re
import sys

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.graphs.columns import clean, cut, lines, width
from tinygrad_lite.graphs.numbers import number

POWERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def shown(graph):
    """The lines without places, which are those of this file."""
    said = graph.explain(color=False)
    return [line for line in said.splitlines() if "test_explain.py:" not in line]


def scalar(x, **options):
    return Tensor(x, requires_grad=True, **options)


BLACKBOARD = """\
forward
  1  a = w * x            multiply   -3 × 2                  = -6
  2  b = a + 7            add        -6 + 7                  =  1
  3  y = tanh(b)          tanh       tanh(1)                 =  0.7616
backward
  4  y                               ∂y/∂y                   =  1
  5  y = tanh(b)   → b    g * (1 - y**2)   1 × (1 - 0.7616²) =  0.42
  6  b = a + 7     → a    g                0.42              =  0.42
  7  a = w * x     → w    g * x            0.42 × 2          ≈  0.8399
  8                → x    g * w            0.42 × -3         = -1.26
gradients: w 0.8399 · x -1.26"""


def test_three_scalars_are_explained_as_on_a_blackboard():
    x, w = scalar(2.0), scalar(-3.0)
    y = np.tanh(w * x + 7.0)
    assert shown(tl.graph(y)) == BLACKBOARD.splitlines()


def test_headings_are_the_source_lines_where_they_change():
    x = scalar(2.0)
    a = x * x
    y = np.tanh(a) + a
    said = tl.graph(y).explain(color=False).splitlines()
    headings = [line for line in said if "test_explain.py:" in line]
    assert [h.partition(": ")[2] for h in headings] == [
        "a = x * x",
        "y = np.tanh(a) + a",
        "y = np.tanh(a) + a",
        "a = x * x",
    ]
    assert said[1] == headings[0] and re.fullmatch(r"  test_explain\.py:\d+: a = x \* x", said[1])


def test_steps_of_modules_stand_under_their_path():
    class Block(nn.Module):
        def __init__(self):
            self.inner = nn.Sequential(nn.Linear(2, 3), nn.Tanh())

        def forward(self, x):
            return self.inner(x) * 2.0

    model = nn.Sequential(Block(), nn.Linear(3, 1))
    said = tl.graph(model(Tensor([[1.0, 2.0]])).sum()).explain(color=False)
    found = [line.strip().partition("   ")[0] for line in said.splitlines() if ": " in line]
    assert found[:2] == ["0.inner.0: Linear(2 → 3)", "0.inner.1: Tanh()"]
    assert "1: Linear(3 → 1)" in found


def test_steps_after_a_module_stand_under_their_source_line_again():
    model, x = nn.Sequential(nn.Linear(3, 2)), Tensor([[1.0, 2.0, 3.0]])
    y = model(x).sum()
    said = tl.graph(y).explain(color=False).splitlines()
    headings = [line.strip() for line in said if "test_explain.py:" in line]
    assert len(headings) == 3  # the module, then the line alone; backward the line, then the module
    assert headings[0] == f"0: Linear(3 → 2)   {headings[1]}"
    assert headings[1] == headings[2]
    assert "  0: Linear(3 → 2)" in said


def test_second_contribution_adds_to_the_first():
    e = scalar(3.0)
    y = e * e
    said = "\n".join(shown(tl.graph(y)))
    assert "adds to 1 earlier contribution: 3 + 3 = 6" in said
    assert said.endswith("gradients: e 6")


def test_third_contribution_adds_to_two():
    x = scalar(3.0)
    y = x * x + x
    said = "\n".join(shown(tl.graph(y)))
    assert "adds to 2 earlier contributions: 4 + 3 = 7" in said.replace("1 + 3 = 4", "")


def test_bias_is_summed_over_the_rows_it_was_broadcast_to():
    z, b2 = Tensor(np.zeros((64, 10))), scalar(np.zeros(10))
    said = shown(tl.graph((z + b2).sum()))
    (at,) = [i for i, line in enumerate(said) if "summed" in line]
    sentence = "(64, 10) summed over axis 0 → (10,): b2 was broadcast to 64 rows."
    assert said[at].endswith(f"→ b2    g   {sentence}")
    assert said[at + 1] == " " * said[at].index("(64") + "mean 64 · largest size 64"


def test_sum_over_several_axes_names_them():
    x, y = Tensor(np.ones((2, 3, 4))), scalar(np.ones((3, 1)))
    assert "summed over axes 0, 2 → (3, 1): y was broadcast to (2, 3, 4)." in "\n".join(
        shown(tl.graph((x * y).sum()))
    )


def test_gradient_of_a_sum_is_spread():
    x = scalar(np.ones((64, 10)))
    assert "() spread over (64, 10): every entry gets the same." in "\n".join(
        shown(tl.graph(x.sum()))
    )
    y = x.mean(axis=1)
    said = "\n".join(shown(tl.graph(y, np.ones(64))))
    assert "(64, 1) spread over (64, 10): along axis 1 it is the same." in said


def test_matrices_are_shown_by_their_shapes():
    x, w = Tensor(np.ones((64, 784))), scalar(np.zeros((784, 10)))
    said = "\n".join(shown(tl.graph((x @ w).sum())))
    assert "(64, 784) @ (784, 10) → (64, 10)" in said
    assert "(784, 64) @ (64, 10) → (784, 10)" in said


def test_gradients_that_are_large_have_a_line_each():
    model = tl.models.MLP([20, 8, 10])
    loss = nn.cross_entropy_loss(model(Tensor(np.ones((4, 20), np.float32))), np.arange(4))
    said = shown(tl.graph(loss))
    said = said[said.index("gradients") + 1 :]
    assert [line.split()[0] for line in said] == [name for name, _ in model.named_parameters()]
    assert "(20, 8)" in said[0] and "· largest size" in said[0]


def test_result_of_many_entries_says_why_there_is_no_backward_pass():
    x = scalar([1.0, 2.0])
    said = "\n".join(shown(tl.graph(x * x)))
    assert "backward\n  none: a Tensor of shape (2,) has no single gradient." in said
    assert "t.backward(gradient)" in said and "gradients" not in said


def test_value_that_changed_is_never_shown():
    w = scalar(4.25)
    y = w * w + w
    with tl.no_grad():
        w -= 1.0
    said = "\n".join(shown(tl.graph(y)))
    assert "w changed since = 18.06" in said
    assert "4.25" not in said and "3.25" not in said
    assert "  stops here: multiply needs the value that `w` had" in said
    assert "gradients" not in said  # w's is not complete


def test_view_of_what_changed_is_never_shown():
    w = scalar([4.25, 2.0])
    v = w.reshape(2, 1)
    y = (v * 1.0).sum()
    with tl.no_grad():
        w -= 1.0
    said = tl.graph(y).explain(color=False)
    assert re.search(r"v = reshape\(.* changed since\n", said)
    assert "3.25" not in said.replace("= [[4.25], [2]]", "")


def test_contribution_to_a_result_adds_to_what_flows_in_from_beyond():
    def both(x):
        h = x * 3.0
        return h, h * 2.0

    def step(x):
        _, pull = tl.vjp(both, x)
        return pull((Tensor(5.0), Tensor(7.0)))

    said = tl.trace(step, Tensor(1.0)).explain(color=False)
    assert "adds to 1 earlier contribution: 5 + 14 = 19" in said


def test_training_step_is_explained_with_its_updates():
    w = scalar(2.0, name="w")
    optimizer = nn.optim.SGD([w], lr=0.5)

    def step(x):
        loss = w * x
        loss.backward()
        optimizer.step()
        return loss

    said = tl.trace(step, Tensor(3.0)).explain(color=False).splitlines()
    assert [line for line in said if line[0] != " "] == [
        "forward",
        "backward",
        "update",
        "gradients: w 3",
    ]
    assert said[-2].split() == ["4", "w", "SGD(lr=0.5)", "by", "∂loss/∂w", "2", "→", "0.5"]


def test_gradients_of_two_passes_are_those_that_grad_holds():
    w = scalar(2.0, name="w")

    def twice(x):
        (w * x).backward()
        (w * w).backward()

    said = tl.trace(twice, Tensor(3.0)).explain(color=False)
    assert said.endswith(f"gradients: w {number(w.grad.item())}") and w.grad.item() == 7


def test_leaf_that_nothing_reached_has_none():
    u, w = scalar(2.0), scalar(3.0)

    def step():
        np.sign(u)
        (w * w).backward()

    assert tl.trace(step).explain(color=False).endswith("gradients: u none · w 6")


def test_trace_without_a_backward_pass_has_the_forward_section_alone():
    said = tl.trace(lambda x: x * x, Tensor(3.0)).explain(color=False)
    assert said.startswith("forward\n") and "backward" not in said and "gradients" not in said


def test_everything_that_inputs_can_be():
    x, empty = scalar([np.nan, np.inf, 1.0]), scalar(np.zeros((0, 3)))
    mask, n = Tensor([True, False, True]), Tensor([1, 2, 3])
    layer = nn.Linear(3, 2, bias=False)
    y = np.where(mask, x, 0.0).sum() + empty.sum() + (n * np.array([0.5, 2.0, 4.0]) + x).sum(axis=0)
    said = "\n".join(shown(tl.graph(y + layer(x).sum())))
    assert "where([True, False, True], [nan, inf, 1], 0)" in said
    assert "no entries" in said and "(0, 3)" in said
    assert "= nan" in said


def test_rule_without_text_is_named():
    @tl.op(x=lambda g, out, x: g * (3 if x > 0 else 2))
    def bend(x):
        return x * 3

    said = shown(tl.graph(bend(scalar(2.0))))
    assert re.search(r"→ \w +the rule of bend +=( +)3$", said[-2])


def test_name_of_an_attribute_is_not_taken_for_an_input():
    @tl.op(x=lambda g, out, x, factor: g * factor)
    def scaled(x, factor):
        return x * factor

    w, x = scalar([3.0, 5.0], name="w"), Tensor([2, 1], name="x")  # as the rule calls the input

    def step(x):
        scaled(w, factor=x).sum().backward()

    said = tl.trace(step, x).explain(color=False)
    assert re.search(r"g \* x .* = \[2, 1\]$", said, re.MULTILINE)
    assert "[1, 1] × [3, 5]" not in said


# ---- updates, and nothing at all -----------------------------------------------------------------


def test_update_of_few_entries_is_shown_before_and_after():
    w, b = scalar([0.2, -0.1], name="w"), scalar(np.ones(9), name="b")
    optimizer = nn.optim.SGD([w, b], lr=0.01)

    def step(x):
        ((w * x).sum() + b.sum()).backward()
        optimizer.step()

    said = tl.trace(step, Tensor([1.0, 2.0])).explain(color=False).splitlines()
    updates = [" ".join(line.split()) for line in said[said.index("update") :]]
    assert any(
        "w SGD(lr=0.01) by" in line and "[0.2, -0.1] → [0.19, -0.12]" in line for line in updates
    )
    assert any("b SGD(lr=0.01) by" in line and "largest change 0.01" in line for line in updates)


def test_graph_of_nothing_says_so():
    assert tl.trace(lambda x: None, Tensor(1.0)).explain() == "nothing was computed"


def test_text_shows_itself_as_it_is():
    x = scalar(2.0)
    graph = tl.graph(x * x)
    for said in (graph.explain(), graph.why(x), graph.why(Tensor(1.0))):
        assert repr(said) == str(said) and "\n" in repr(said)


# ---- hostile text, and terminals -----------------------------------------------------------------

HOSTILE = "\x1b[31m<&>\"'\\\n\r\t\u202e\u2028\ud800 😀 " + "long" * 2500


def test_text_of_users_can_do_nothing_to_the_terminal():
    @tl.op(x=lambda g, out, x: g * 2, name=HOSTILE, formulas={"x": HOSTILE})
    def double(x):
        return x * 2

    class Odd(nn.Module):
        def summary(self):
            return HOSTILE

        def forward(self, x):
            return double(x)

    x = Tensor(2.0, requires_grad=True, name=HOSTILE)
    graph = tl.graph(Odd()(x))
    said = graph.explain(color=False)
    assert all(c.isprintable() or c == "\n" for c in said)
    assert all(line.count("long") < 60 for line in said.splitlines())
    assert [line[:5] for line in said.splitlines() if line[2:3].isdigit()] == [
        "  1  ",
        "  2  ",
        "  3  ",
    ]
    assert all(c.isprintable() or c == "\n" for c in graph.why(x))
    said.encode()


def plain(said):
    return re.sub(r"\x1b\[\d+m", "", said)


def test_colour_is_only_colour():
    x = scalar(2.0)
    graph = tl.graph(np.tanh(x * x))
    said = graph.explain(color=True)
    assert "\x1b[34mforward\x1b[0m" in said and "\x1b[33mbackward\x1b[0m" in said
    assert plain(said) == graph.explain(color=False)


@pytest.mark.parametrize(
    ("terminal", "variables", "shows"),
    [
        (True, {"TERM": "xterm"}, True),
        (False, {"TERM": "xterm"}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "xterm", "NO_COLOR": ""}, True),
    ],
)
def test_colour_is_for_terminals_that_want_it(monkeypatch, terminal, variables, shows):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    x = scalar(2.0)
    assert ("\x1b[" in tl.graph(x * x).explain()) == shows


def test_same_program_gives_the_same_text():
    def build():
        tl.seed(0)
        model = tl.models.MLP([5, 4, 3])
        return tl.graph(model(Tensor(np.ones((2, 5), np.float32))).sum()).explain(color=False)

    assert build() == build()
    assert " at 0x" not in build() and not re.search(r"\w/\w", build())  # no paths of files


def test_every_step_of_a_long_recurrence_has_its_line():
    w, h = scalar(0.5), scalar(1.0)
    for _ in range(500):
        h = np.tanh(h * w)
    graph = tl.graph(h)
    said = graph.explain(color=False).splitlines()
    numbers = [int(m[1]) for line in said if (m := re.match(r"  ? {0,3}(\d+)  ", line))]
    assert numbers == list(range(1, len(graph) + 1))


def test_columns_count_what_a_terminal_shows():
    assert width("∂→²a") == 4
    assert width("e\u0301") == 1
    assert width("日本") == 4
    assert cut("日本語", 5) == "日本…" and cut("abc", 3) == "abc"
    assert clean(" a\tb\x1b\x07\nc ") == "a b c"


def test_cell_whose_column_is_taken_begins_a_line():
    assert lines([(0, "abc", ""), (2, "d", ""), (5, "e", "")], False) == ["abc", "  d  e"]
