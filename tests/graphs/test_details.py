"""What is said beside a step: rules with the names of operands, and true numbers."""

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn
from tinygrad_lite.graphs.arithmetic import sign
from tinygrad_lite.graphs.plugged import with_matrices


def scalar(x, **options):
    return Tensor(x, requires_grad=True, **options)


def shown(graph):
    return graph.explain(places=False, color=False).splitlines()


# ---- rules with the names of their operands ------------------------------------------------------


def rules(graph):
    """What is said of each contribution: the input and the rule."""
    steps = [step for step in graph if isinstance(step, tl.graphs.Contribution)]
    return [f"{step.to.name}: {step.named_rule()}" for step in steps]


def test_rules_name_operands_as_the_user_does():
    x, y, z = scalar(2.0), scalar(3.0), scalar(5.0)
    out = y / x
    y2 = np.tanh(out * z)
    assert rules(tl.graph(y2)) == [
        "a: g * (1 - y2**2)",
        "out: g * z",
        "z: g * out",
        "y: g / x",
        "x: -g * out / x",
    ]


def test_numbers_in_rules_keep_their_meaning():
    x = scalar(2.0)
    y = x**-3.0 * -2.0
    assert rules(tl.graph(y)) == ["a: g * -2", "x: g * -3 * x**-4"]
    (step,) = tl.graph(x**-2.0)[2:]
    assert step.rule({"x": "-3", "y": "n + 1", "g": "[1, 2]"}) == (
        "[1, 2] * (n + 1) * (-3)**((n + 1) - 1)"
    )
    assert step.rule({"x": "-3", "y": "2"}) == "g * 2 * (-3)"
    assert step.rule({"x": "1e-05"}) == "g * y * 1e-05**(y - 1)"
    assert step.rule() == "g * y * x**(y - 1)"


def test_operands_are_named_relative_to_their_module():
    class Scale(nn.Module):
        def __init__(self):
            self.factor = nn.Parameter([2.0, 3.0])

        def forward(self, x):
            return x * self.factor

    model = nn.Sequential(Scale(), Scale())
    y = (model(scalar([1.0, 2.0])) * model[1].factor).sum()
    said = rules(tl.graph(y))
    assert any(s.endswith("0: g * factor") for s in said)
    assert any(s.endswith("g * 1.factor") for s in said) is False
    assert "1.factor: g * sequential.0" in said


def test_number_of_entries_in_a_mean_is_a_number():
    x, n = scalar(np.ones((2, 4))), scalar(3.0)
    assert rules(tl.graph((x.mean(axis=1) * n).sum()))[1:] == ["a: g * n", "n: g * a", "x: g / 4"]


def test_own_g_is_told_from_the_gradient_that_comes_in():
    g, x = scalar(2.0), scalar(3.0)
    y = g * x
    assert rules(tl.graph(y)) == ["g: g * x", "x: (∂y/∂y) * g"]


def test_names_that_a_rule_cannot_hold():
    w, x = scalar(2.0, name="learning rate"), scalar(3.0, name="x" * 90)
    y = w * x
    assert rules(tl.graph(y)) == [
        f"learning rate: g * {'x' * 23}…",
        f"{'x' * 90}: g * (learning rate)",
    ]
    b, x = scalar(2.0, name="7\x1b[31m"), scalar(3.0, name="y")
    a = b * x
    assert rules(tl.graph(a)) == ["7\x1b[31m: g * y", "y: g * x"]
    a = x * b  # the rule's own y would be taken for that y
    assert rules(tl.graph(a))[1] == "7\x1b[31m: g * y"


# ---- numbers that are rounded --------------------------------------------------------------------


def test_formula_that_is_off_as_it_is_rounded_is_nearly_equal():
    x = scalar(1 / 3)
    y = x * 3.0 + 1 / 3
    said = shown(tl.graph(y))
    assert "0.3333 × 3 ≈ 1" in said[1] and "1 + 0.3333 = 1.333" in said[2]


def test_formula_that_is_far_off_gets_more_digits():
    x = scalar(6.0)
    y = np.tanh(x)
    assert "1 × (1 - 0.9999877²) ≈ 2.456e-05" in shown(tl.graph(y))[-2]


def test_sum_of_contributions_is_nearly_equal_as_well():
    x = scalar(2.0)
    y = x * (1 / 3) + x * (1 / 3)
    graph = tl.graph(y)
    assert "adds to 1 earlier contribution: 0.3333 + 0.3333 ≈ 0.6667" in "\n".join(shown(graph))
    assert graph.why(x).startswith("x has a gradient: 0.6667 ≈ 0.3333 + 0.3333\n")


def test_sum_over_copies_is_said_in_the_formula():
    x, y = scalar(2.0), Tensor([1.0, 2.0, 3.0])
    said = "\n".join(shown(tl.graph((x * y).sum())))
    assert "sum([1, 1, 1] × [1, 2, 3]) = 6" in said


@pytest.mark.parametrize(
    ("said", "result", "expected"),
    [
        ("0.42 × 2", 0.84, "="),
        ("0.42 × 2", 0.8399, "≈"),
        ("1 × (1 - 1²)", 2.456e-05, ""),
        ("(-3)²", 9.0, "="),
        ("tanh(1)", 0.7616, "="),
        ("where([True, False], [nan, inf], 0)", [np.nan, 0.0], "="),
        ("[5.1, 1.4] × 3.76", [19.176, 5.264], "="),
        ("[[1, 2]] @ [3, 4]", [11.0], "="),
        ("1 / 4", [0.25, 0.25], "="),
        ("[1, 2] × 3", 3.0, ""),
        ("3 > 2", True, "="),
        ("1 / 0", np.inf, "="),
        ("9**9**9**9", np.inf, "="),
        ("bend(2)", 6.0, None),
        ("__import__('os')", 6.0, None),
        ("x + 1", 6.0, None),
        ("no python", 6.0, None),
    ],
)
def test_sign_is_that_of_the_numbers_as_they_are_shown(said, result, expected):
    assert sign(said, np.asarray(result)) == expected


def test_operation_of_users_is_nearly_equal_where_its_numbers_are_rounded():
    @tl.op(x=lambda g, out, x: g * 3)
    def triple(x):
        return x * 3

    assert "triple(2) = 6" in shown(tl.graph(triple(scalar(2.0))))[1]
    assert "triple(0.3333) ≈ 1" in shown(tl.graph(triple(scalar(1 / 3))))[1]


# ---- matrices of few numbers ---------------------------------------------------------------------


def test_products_of_few_numbers_are_said_with_them():
    model, x = nn.Linear(2, 1), Tensor([5.1, 1.4])
    model.weight.data = [[0.2], [-0.1]]
    e = (model(x) * 3.76).sum()
    said = shown(tl.graph(e))
    assert any("x.mT @ g" in s and "[[5.1], [1.4]] @ [[3.76]]" in s for s in said)
    w = scalar([0.2, -0.1])
    said = shown(tl.graph(tl.f.linear(x, w, Tensor(0.5)) * 3.76))
    assert any(
        " ".join(s.split()).endswith("x.mT @ g [5.1, 1.4] × 3.76 = [19.18, 5.264]") for s in said
    )
    assert "reshaped" not in "\n".join(said)


def test_product_is_written_as_numpy_would_take_it():
    arrays = {"x": np.array([[1.0, 2.0], [3.0, 4.0]]), "g": np.array([[5.0], [6.0]])}
    assert with_matrices("x.mT @ g", arrays, 2) == "[[1, 3], [2, 4]] @ [[5], [6]]"
    assert with_matrices("x.mT @ g", arrays, 1) == "[[1, 3], [2, 4]] @ [5, 6]"
    assert with_matrices("g.mT @ x", arrays, 1) == "[5, 6] @ [[1, 2], [3, 4]]"
    assert with_matrices("x.mT @ g", {**arrays, "g": np.ones((2, 4))}, 2) == ""
    assert with_matrices("x * g", arrays, 2) == with_matrices("x @ z", arrays, 2) == ""


def test_bias_of_a_batch_of_one_is_reshaped():
    model, x = nn.Linear(3, 2), Tensor([[1.0, 2.0, 3.0]])
    said = "\n".join(shown(tl.graph(model(x).sum())))
    assert "reshaped from (1, 2) to (2,)." in said
    x, w, b = Tensor([1.0, 2.0]), scalar([0.2, 0.1]), scalar(0.0)
    assert "reshaped" not in "\n".join(shown(tl.graph(tl.f.linear(x, w, b))))
