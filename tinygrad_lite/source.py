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
        text = "" if place is None else SourcePlace(*place).expression.strip()
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
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
