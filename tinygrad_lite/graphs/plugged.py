"""Formulas with what stands for their names: numbers, or shapes."""

import ast
from collections.abc import Mapping

POWERS = dict(zip("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹", strict=True))


def names_in(text: str) -> set[str]:
    """The names in a formula; none if it isn't an expression of Python's."""
    tree = _parsed(text)
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} if tree else set()


def with_numbers(text: str, numbers: Mapping[str, str]) -> str:
    """A formula, numbers put for its names: `1 × (1 - 0.7616²)` for `g * (1 - out**2)`.

    Empty where that wouldn't be readable: where it takes parts or attributes of what is named.
    """
    tree = _parsed(text)
    if tree is None or _has_parts(tree, numbers):
        return ""
    said = ast.unparse(_Numbers(numbers).visit(tree)).replace(" ** ", "**")
    return said if "'" in said or '"' in said else said.replace(" * ", " × ")


def with_shapes(text: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """A product of matrices by their shapes, `(64, 10) @ (10, 128)` for `g @ weight.mT`."""
    tree = _parsed(text)
    if not isinstance(tree, ast.BinOp) or not isinstance(tree.op, ast.MatMult):
        return ""
    sides = [_shape(side, shapes) for side in (tree.left, tree.right)]
    return "" if None in sides else " @ ".join(map(str, sides))


def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # what a user calls a formula
        return None


def _has_parts(tree: ast.expr, names: Mapping[str, str]) -> bool:
    """Whether anything but the values of what is named plays a part."""
    return any(
        isinstance(node, ast.Subscript | ast.Lambda | ast.comprehension)
        or (isinstance(node, ast.Attribute) and not names.keys().isdisjoint(_names(node)))
        for node in ast.walk(tree)
    )


def _names(tree: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _shape(side: ast.expr, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...] | None:
    """The shape of a matrix, or of its transpose."""
    is_turned = isinstance(side, ast.Attribute) and side.attr in ("mT", "T")
    name = side.value if isinstance(side, ast.Attribute) and is_turned else side
    shape = shapes.get(name.id, ()) if isinstance(name, ast.Name) else ()
    if len(shape) < 2 or (is_turned and len(shape) > 2 and getattr(side, "attr", "") == "T"):
        return None
    return (*shape[:-2], shape[-1], shape[-2]) if is_turned else shape


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
