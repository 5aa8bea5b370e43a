"""Places in the user's source: an instruction of compiled code, and what stands there."""

import ast
import dis
import linecache
import os
from functools import lru_cache
from types import BuiltinFunctionType, CodeType, FrameType, ModuleType
from typing import Any, NamedTuple

import numpy as np


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
        return _positions(self.code)[self.instruction // 2]

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
        line = linecache.getline(self.file, first).rstrip().encode()  # columns count bytes
        if end is None or end > len(line):  # the file isn't what was compiled
            return ""
        return line[start:end].decode(errors="replace")

    def __str__(self) -> str:
        where = f"{os.path.basename(self.file)}:{self.line}"
        return f"{where}:  {self.text}" if self.text else where


@lru_cache(maxsize=256)
def _positions(code: CodeType) -> list[tuple[int | None, int | None, int | None, int | None]]:
    return list(code.co_positions())


@lru_cache(maxsize=4096)
def operand_names(place: "tuple[CodeType, int] | None", count: int) -> list[str]:
    """What the operands of an operation are called where it stands in the source, or ''."""
    try:
        text = "" if place is None else SourcePlace(*place).expression.strip()
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return [""] * count
    assert place is not None
    if not isinstance(node, _computed_by(*place)):  # the file isn't what was compiled
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
    return ([*map(_name, operands)] + [""] * count)[:count]


def _name(x: ast.expr) -> str:
    """`x` of `x`, `self.x`, `Tensor(x)`; else ''."""
    if isinstance(x, ast.Call) and ast.unparse(x.func).endswith("Tensor") and x.args:
        x = x.args[0]
    return ast.unparse(x) if isinstance(x, ast.Name | ast.Attribute) else ""


def _computed_by(code: CodeType, instruction: int) -> tuple[type[ast.expr], ...]:
    """What an instruction may look like in the source."""
    while (name := dis.opname[code.co_code[instruction]]) == "CACHE":
        instruction -= 2
    kinds = [kind for start, kind in _INSTRUCTIONS.items() if name.startswith(start)]
    return tuple(kinds)


_INSTRUCTIONS: dict[str, type[ast.expr]] = {
    "BINARY_OP": ast.BinOp,
    "BINARY_S": ast.Subscript,  # BINARY_SUBSCR, BINARY_SLICE; since Python 3.14 a BINARY_OP
    "BINARY_O": ast.Subscript,
    "CALL": ast.Call,
    "PRECALL": ast.Call,
    "COMPARE": ast.Compare,
    "UNARY": ast.UnaryOp,
}


@lru_cache(maxsize=4096)
def assigned_name(place: tuple[CodeType, int]) -> str:
    """The name that the source gives to what an instruction computes: `y` in `y = a + b`; or ''."""
    found = SourcePlace(*place)
    targets = _targets("".join(linecache.getlines(found.file)))
    return targets.get(found.span, "") if None not in found.span else ""


@lru_cache(maxsize=64)
def _targets(source: str) -> dict[tuple[int | None, ...], str]:
    """The names that are assigned to, by the first and last line and column of what they get."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return {}
    found: dict[tuple[int | None, ...], str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            targets: list[ast.expr] = node.targets
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
            targets = [node.target]
        elif isinstance(node, ast.AugAssign):  # the instruction is that of the whole statement
            found[_span(node)] = ast.unparse(node.target)
            continue
        else:
            continue
        if isinstance(targets[0], ast.Name | ast.Attribute) and node.value is not None:
            found[_span(node.value)] = ast.unparse(targets[0])
    return found


def _span(node: ast.expr | ast.stmt) -> tuple[int | None, ...]:
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


# ---- who takes a value ---------------------------------------------------------------------------

STORING, READING = "array[…] = t", "array[t]"
_NUMPY = os.path.dirname(np.__file__) + os.sep
_PACKAGE = os.path.dirname(__file__) + os.sep


def taker(frame: FrameType) -> str:
    """What asks for a value at the instruction that a frame is at, as far as can be known.

    Python's protocols, `__float__` or `__array__`, don't tell who asks. The instruction does:
    one that stores into an index or reads one is `STORING` or `READING`. One that calls a function
    of C's gives its name, such as "math.exp" or "numpy.arange"; NumPy's own Python code is
    "numpy". Nothing, "", is everything else: `float(t)` and other classes, formatting, functions
    that are given a `map`, code compiled without positions.
    """
    if frame.f_code.co_filename.startswith(_NUMPY):
        return numpys_caller(frame) or "numpy"
    action = _action(frame.f_code, frame.f_lasti)
    if action in ("", STORING, READING):
        return action
    name, *attributes = action.split(".")
    for scope in (frame.f_locals, frame.f_globals, frame.f_builtins):
        if name in scope:
            function = _attribute(scope[name], attributes)
            break
    else:
        return ""
    if isinstance(function, type):
        return "numpy" if issubclass(function, np.generic) else ""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ndarray):
        return STORING  # array.fill(t), array.__setitem__(i, t)
    module = str(getattr(function, "__module__", None) or getattr(owner, "__name__", ""))
    if not isinstance(function, BuiltinFunctionType | np.ufunc) or module in ("", "builtins"):
        return ""
    return f"{module}.{function.__name__}"


def numpys_caller(frame: FrameType | None) -> str:
    """ "numpy.full_like", if the user called that, and it called the package."""
    name = ""
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    while frame is not None and frame.f_code.co_filename.startswith(_NUMPY):
        name, frame = frame.f_code.co_name, frame.f_back
    return f"numpy.{name}" if name and not name.startswith("_") and hasattr(np, name) else ""


@lru_cache(maxsize=4096)
def _action(code: CodeType, instruction: int) -> str:
    """`STORING`, `READING`, or the dotted name of what the instruction calls, or "".

    The name of the callee is read off the instructions that load it: those that start where the
    call starts in the source.
    """
    instructions = list(dis.get_instructions(code))
    at = next((i for i, found in enumerate(instructions) if found.offset == instruction), None)
    if at is None:
        return ""
    now = instructions[at]
    if now.opname in ("STORE_SUBSCR", "STORE_SLICE"):
        return STORING
    if now.opname in ("BINARY_SUBSCR", "BINARY_SLICE") or now.argrepr == "[]":
        return READING
    if not now.opname.startswith(("CALL", "PRECALL")) or now.positions is None:
        return ""
    start = now.positions[0], now.positions[2]  # line and column
    names: list[str] = []
    for earlier in instructions[:at]:
        if earlier.positions is None or None in start:
            return ""
        is_callee = (earlier.positions[0], earlier.positions[2]) == start
        if earlier.opname.startswith("LOAD_") and isinstance(earlier.argval, str):
            if is_callee:
                names.append(earlier.argval)
            elif names and earlier.argval == "map":
                return ""  # of what it maps: math.fsum(map(float, tensors)) is explicit
        elif is_callee and earlier.opname.startswith(("CALL", "BINARY", "MAKE", "BUILD")):
            return ""  # the callee is computed
    return ".".join(names)


def _attribute(value: Any, names: list[str]) -> Any:
    """An attribute of a module or an array; looking others up might run code."""
    for name in names:
        if not isinstance(value, ModuleType | np.ndarray):
            return None
        value = getattr(value, name, None)
    return value
