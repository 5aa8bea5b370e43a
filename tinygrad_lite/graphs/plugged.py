"""Formulas with what stands for their names: numbers, or shapes."""

import ast
import re
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from .numbers import is_few, text

POWERS = dict(zip("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹", strict=True))


@lru_cache(1000)
def names_in(formula: str) -> frozenset[str]:
    """The names in a formula; none if it isn't an expression of Python's."""
    tree = _parsed(formula)
    return frozenset(_names(tree)) if tree else frozenset()


def with_numbers(formula: str, numbers: Mapping[str, str]) -> str:
    """A formula, numbers put for its names: `1 × (1 - 0.7616²)` for `g * (1 - out**2)`.

    Empty where that wouldn't be readable: where it takes parts or attributes of what is named.
    """
    tree = _parsed(formula)
    if tree is None or _has_parts(tree, numbers):
        return ""
    said = ast.unparse(_Numbers(numbers).visit(tree)).replace(" ** ", "**")
    said = re.sub(r"\*\*\((-?\d+) - 1\)", lambda found: _power(int(found[1]) - 1), said)
    return said if "'" in said or '"' in said else said.replace(" * ", " × ")


def with_shapes(formula: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """A product of matrices by their shapes, `(64, 10) @ (10, 128)` for `g @ weight.mT`."""
    sides = [_shape(side, shapes) for side in _factors(formula)]
    return "" if None in sides else " @ ".join(map(str, sides))  # of no sides nothing


def with_matrices(
    formula: str, arrays: Mapping[str, np.ndarray], ndim: int, digits: int = 4
) -> str:
    """A product of few numbers, `[[1, 3]] @ [[0.5], [2]]` for `x.mT @ g`; empty if it is none.

    If its result has fewer than two axes, the product is one of vectors, or by a number,
    `[5.1, 1.4] × 3.76`.
    """
    sides = [_matrix(side, arrays) for side in _factors(formula)]
    found = [side for side in sides if side is not None and is_few(side) and side.ndim > 0]
    if not sides or len(found) < len(sides):
        return ""
    if ndim < 2 and 1 in (found[0].size, found[1].size):
        said = [text(side.reshape(-1 if side.size > 1 else ()), digits) for side in found]
        return " × ".join(said)
    x, y = found
    if ndim < 2 and x.ndim == 2 == y.ndim:
        x, y = x[0] if len(x) == 1 else x, y[:, 0] if y.shape[1] == 1 else y
    return f"{text(x, digits)} @ {text(y, digits)}"


def _parsed(formula: str) -> ast.expr | None:
    try:
        return ast.parse(formula, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # what a user calls a formula
        return None


def _power(n: int) -> str:
    """`x` for `x**(2 - 1)`, `x²` for `x**(3 - 1)`: as the power rule is known."""
    return "" if n == 1 else POWERS.get(str(n), f"**{n}")


def _has_parts(tree: ast.expr, names: Mapping[str, str]) -> bool:
    """Whether anything but the values of what is named plays a part."""
    return any(
        isinstance(node, ast.Subscript | ast.Lambda | ast.comprehension)
        or (isinstance(node, ast.Attribute) and not names.keys().isdisjoint(_names(node)))
        for node in ast.walk(tree)
    )


def _names(tree: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _factors(formula: str) -> list[ast.expr]:
    """The two sides of a product of matrices; nothing if it is none."""
    tree = _parsed(formula)
    is_product = isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.MatMult)
    return [tree.left, tree.right] if isinstance(tree, ast.BinOp) and is_product else []


def _turned(side: ast.expr) -> tuple[str, str]:
    """What a side of a product is called, and whether it is transposed: `mT`, `T` or nothing."""
    turn = side.attr if isinstance(side, ast.Attribute) and side.attr in ("mT", "T") else ""
    name = side.value if isinstance(side, ast.Attribute) and turn else side
    return name.id if isinstance(name, ast.Name) else "", turn


def _shape(side: ast.expr, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...] | None:
    """The shape of a matrix, or of its transpose."""
    name, turn = _turned(side)
    shape = shapes.get(name, ())
    if len(shape) < 2 or (len(shape) > 2 and turn == "T"):
        return None
    return (*shape[:-2], shape[-1], shape[-2]) if turn else shape


def _matrix(side: ast.expr, arrays: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """A matrix, or its transpose."""
    name, turn = _turned(side)
    array = arrays.get(name)
    return array.T if array is not None and turn else array


class _Numbers(ast.NodeTransformer):
    """Puts numbers for names, and `x²` for `x**2`."""

    def __init__(self, numbers: Mapping[str, str]):
        self.numbers = numbers

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Name(self.numbers.get(node.id, node.id))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        values = [ast.keyword(k.arg, self.visit(k.value)) for k in node.keywords]
        return ast.Call(node.func, [self.visit(x) for x in node.args], values)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        return ast.UnaryOp(node.op, _atom(self.visit(node.operand), "-"))

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        left, right = self.visit(node.left), self.visit(node.right)
        if not isinstance(node.op, ast.Pow):
            return ast.BinOp(left, node.op, right)
        left, power = _atom(left, "-⁰¹²³⁴⁵⁶⁷⁸⁹"), ast.unparse(right)
        if power in POWERS:
            said = left if isinstance(left, ast.Name | ast.Call) else _in_brackets(left)
            return ast.Name(ast.unparse(said) + POWERS[power])
        return ast.BinOp(left, node.op, right)


def _atom(node: ast.expr, ends: str) -> ast.expr:
    """A number in brackets if it begins or ends with one of these."""
    is_bare = isinstance(node, ast.Name) and (node.id[:1] in ends or node.id[-1:] in ends)
    return _in_brackets(node) if is_bare else node


def _in_brackets(node: ast.expr) -> ast.expr:
    return ast.Name(f"({ast.unparse(node)})")
