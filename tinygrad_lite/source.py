"""Places in the user's source: an instruction of compiled code, and what stands there."""

import ast
import linecache
import os
from types import CodeType
from typing import NamedTuple


class SourcePlace(NamedTuple):
    """An instruction of compiled code, and on demand its place in the source."""

    code: CodeType
    instruction: int

    @property
    def file(self) -> str:
        return self.code.co_filename

    @property
    def span(self) -> tuple[int | None, int | None, int | None, int | None]:
        """First and last line, first and last column."""
        positions = list(self.code.co_positions())
        return positions[self.instruction // 2]

    @property
    def line(self) -> int:
        return self.span[0] or self.code.co_firstlineno

    @property
    def text(self) -> str:
        """The source line, stripped; empty where there is none to be had."""
        return linecache.getline(self.file, self.line).strip()

    @property
    def expression(self) -> str:
        """The expression that the instruction computes, if it stands on one line."""
        first, last, start, end = self.span
        if first is None or first != last:
            return ""
        line = linecache.getline(self.file, first).encode()  # columns count bytes
        return line[start:end].decode(errors="replace")

    def __str__(self) -> str:
        where = f"{os.path.basename(self.file)}:{self.line}"
        return f"{where}:  {self.text}" if self.text else where


def operand_names(place: "tuple[CodeType, int] | None", count: int) -> list[str]:
    """What the operands of an operation are called where it stands in the source, or ''."""
    try:
        assert place is not None
        node = ast.parse(SourcePlace(*place).expression.strip(), mode="eval").body
    except (AssertionError, SyntaxError, ValueError):
        return [""] * count
    operands: list[ast.expr] = []
    if isinstance(node, ast.BinOp):
        operands = [node.left, node.right]
    elif isinstance(node, ast.Compare):
        operands = [node.left, *node.comparators]
    elif isinstance(node, ast.UnaryOp):
        operands = [node.operand]
    elif isinstance(node, ast.Subscript):
        operands = [node.value]
    elif isinstance(node, ast.Call):
        operands = list(node.args)
        first = operands[0] if operands else None
        if isinstance(first, ast.List | ast.Tuple):
            operands = first.elts
        elif isinstance(node.func, ast.Attribute) and len(operands) == count - 1:
            operands = [node.func.value, *operands]
    names = [ast.unparse(x) if isinstance(x, ast.Name | ast.Attribute) else "" for x in operands]
    return (names + [""] * count)[:count]
