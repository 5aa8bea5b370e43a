"""Gradient rules as text: what a rule gives when it is run on symbols in place of arrays.

So the text is the rule, and can't go out of date.
"""

import ast
import inspect
import math
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import numpy as np

from .errors import OperationError
from .ops import Operation


def formula(
    operation: Operation,
    which: int | str,
    attributes: Mapping[str, Any] | None = None,
    names: Mapping[str, str] | None = None,
) -> str:
    """The gradient rule of one input of an operation, as a line of NumPy without its `np.`.

    Parameters
    ----------
    operation : Operation
    which : int or str
        The input, by position or name; "each" for any input of an operation on a sequence.
    attributes : dict, optional
        Those of one call: values, and the defaults of all others, stand for their names.
    names : dict of str to str, optional
        What stands for `g`, `out` and the inputs: `{"x": "weight", "y": "2"}`.

    Returns
    -------
    str
        On `g`, the gradient of the output, `out`, the output, and the inputs; with the axes that
        the operation's `lift` gives them, and before a sum over those that were broadcast.

    Raises
    ------
    OperationError
        If the rule needs values to run, and the operation has no text for it in `formulas`.
    LookupError
        If there is no such input.

    Examples
    --------
    >>> from tinygrad_lite.formulas import formula
    >>> from tinygrad_lite.ops import elementwise, functions
    >>> formula(elementwise.divide, "y")
    '-g * out / y'
    >>> formula(elementwise.multiply, 0, names={"y": "weight"})
    'g * weight'
    >>> formula(functions.softmax, "x", {"axis": 0})
    'out * (g - sum(g * out, axis=0, keepdims=True))'
    """
    inputs = list(operation.rules) or ["xs"]
    name = "each" if operation.each else inputs[which] if isinstance(which, int) else which
    rule = operation.each or operation.rules[name]
    if rule is None:
        return "0"
    options = _options(rule, len(operation.rules), attributes)
    g, out, *symbols = (Symbol((names or {}).get(n, n)) for n in ("g", "out", *inputs))
    if operation.each:
        options["position"] = which if isinstance(which, int) else Symbol("position")
    if name in operation.formulas:
        named = {"g": g, "out": out, **dict(zip(inputs, symbols, strict=True))}
        return _rewritten(operation.formulas[name], named | options)
    if operation.each:
        whole, count = symbols[0], which + 1 if isinstance(which, int) else 2
        symbols = [whole[i] for i in range(count)]
    try:
        text = str(Symbol(_node(_with_helpers(rule)(g, out, *symbols, **options))))
    except Exception as error:
        raise OperationError(
            f"{operation.name}: the rule of {name} needs values, so it can't be written down "
            f"({error}). Give its text: op(…, formulas={{{name!r}: 'g * …'}})."
        ) from error
    if operation.each:  # a rule that hands all inputs on hands on the sequence
        text = text.replace(str(Symbol(_node(tuple(symbols)))), str(whole))
    return text


def _options(
    rule: Callable[..., Any], count: int, attributes: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What stands for the attributes that a rule of `count` inputs knows."""
    options: dict[str, Any] = {}
    for p in list(inspect.signature(rule).parameters.values())[2 + count :]:
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            is_free = attributes is None or p.default is p.empty
            options[p.name] = Symbol(p.name) if is_free else p.default
    for name, value in (attributes or {}).items():
        options[name] = value if _writable(value) else Symbol(name)
    return options


def _with_helpers(rule: Any) -> Any:
    """A rule whose helpers, where they can't run on symbols, give a call of theirs."""
    if not inspect.isfunction(rule):
        return rule
    known = {
        name: _opened(value) if inspect.isfunction(value) else value
        for name, value in rule.__globals__.items()
    }
    again = FunctionType(rule.__code__, known, closure=rule.__closure__)
    again.__defaults__, again.__kwdefaults__ = rule.__defaults__, rule.__kwdefaults__
    return again


def _opened(helper: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return helper(*args, **kwargs)
        except Exception:  # whatever it is that a symbol lacks
            return _call(ast.Name(helper.__name__), args, kwargs)

    return call


def _writable(value: Any) -> bool:
    """Whether a value may stand in a formula; an array, say, stands there by its name."""
    try:
        _node(value)
    except TypeError:
        return False
    return True


# ---- symbols -------------------------------------------------------------------------------------


class _Apply:
    """`Symbol.__apply__` on the class alone: as an attribute, a symbol is a value like others."""

    def __get__(self, symbol: Any, kind: type) -> Callable[..., "Symbol"]:
        if symbol is not None:
            raise AttributeError("__apply__")
        return _applied


class Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """A name that remembers what was done to it: an expression, whose `str` is its text.

    Operators, NumPy's functions, methods and indices give further symbols. A symbol has no value:
    a rule can't branch on it, or go over its parts.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_lite.formulas import Symbol
    >>> x, y = Symbol("x"), Symbol("y")
    >>> print((x + y) * np.cos(x) ** 2 + x.mT[..., 0])
    (x + y) * cos(x)**2 + x.mT[..., 0]
    """

    __slots__ = ("_expression",)
    __apply__ = _Apply()
    __iter__ = None

    def __init__(self, expression: str | ast.expr):
        self._expression = _parsed(expression) if isinstance(expression, str) else expression

    def __str__(self) -> str:
        return ast.unparse(self._expression).replace(" ** ", "**")

    def __repr__(self) -> str:
        return f"<symbol {self}>"

    def __bool__(self) -> bool:
        raise TypeError(f"whether {self} holds isn't known")

    def __getattr__(self, name: str) -> "Symbol":
        if name.startswith("_"):  # NumPy asks for protocols
            raise AttributeError(name)
        return Symbol(ast.Attribute(self._expression, name))

    def __getitem__(self, index: Any) -> "Symbol":
        return Symbol(ast.Subscript(self._expression, _index(index)))

    def __call__(self, *args: Any, **kwargs: Any) -> "Symbol":
        return _call(self._expression, args, kwargs)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> "Symbol":
        if method != "__call__":
            if (ufunc, method) not in _METHODS:
                return _call(ast.Name(f"{ufunc.__name__}.{method}"), inputs, kwargs)
            return _call(ast.Name(_METHODS[ufunc, method]), inputs, {"axis": 0} | kwargs)
        nodes, kind = [_node(x) for x in inputs], _OPERATORS.get(ufunc)
        if isinstance(kind, ast.unaryop):
            return Symbol(ast.UnaryOp(kind, *nodes))
        if isinstance(kind, ast.cmpop):
            return Symbol(ast.Compare(nodes[0], [kind], nodes[1:]))
        if isinstance(kind, ast.operator):
            return Symbol(ast.BinOp(nodes[0], kind, nodes[1]))
        return _call(ast.Name(ufunc.__name__), inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> "Symbol":
        path = f"{function.__module__}.{function.__name__}".removeprefix("numpy.")
        return _call(ast.Name(path), args, kwargs)


_OPERATORS: dict[np.ufunc, ast.AST] = {
    np.add: ast.Add(),
    np.subtract: ast.Sub(),
    np.multiply: ast.Mult(),
    np.divide: ast.Div(),
    np.floor_divide: ast.FloorDiv(),
    np.remainder: ast.Mod(),
    np.power: ast.Pow(),
    np.matmul: ast.MatMult(),
    np.negative: ast.USub(),
    np.positive: ast.UAdd(),
    np.invert: ast.Invert(),
    np.bitwise_and: ast.BitAnd(),
    np.bitwise_or: ast.BitOr(),
    np.bitwise_xor: ast.BitXor(),
    np.equal: ast.Eq(),
    np.not_equal: ast.NotEq(),
    np.less: ast.Lt(),
    np.less_equal: ast.LtE(),
    np.greater: ast.Gt(),
    np.greater_equal: ast.GtE(),
}
_METHODS = {
    (np.add, "reduce"): "sum",
    (np.multiply, "reduce"): "prod",
    (np.maximum, "reduce"): "max",
    (np.minimum, "reduce"): "min",
    (np.add, "accumulate"): "cumsum",
    (np.multiply, "accumulate"): "cumprod",
}
_CONSTANTS = {
    math.inf: "inf",
    math.pi: "pi",
    math.pi / 180: "pi / 180",
    180 / math.pi: "180 / pi",
    2 / math.sqrt(math.pi): "2 / sqrt(pi)",
    math.sqrt(2 / math.pi): "sqrt(2 / pi)",
    math.log(2): "log(2)",
    math.log(10): "log(10)",
}


def _parsed(text: str) -> ast.expr:
    """A text as an expression; as a name if it isn't Python."""
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return ast.Name(text)


def _applied(operation: Operation, inputs: Any, attributes: Any = None) -> Symbol:
    """A call of an operation, options by name."""
    options = dict(attributes or {})
    needed = [p.name for p in operation.signature.parameters.values() if p.default is p.empty]
    given = [inputs] if operation.each is not None else inputs
    given = [*given, *(options.pop(name) for name in needed if name in options)]
    return _call(ast.Name(operation.name), given, options)


def _call(function: ast.expr, args: Any, kwargs: Mapping[str, Any]) -> Symbol:
    keywords = [ast.keyword(name, _node(value)) for name, value in kwargs.items()]
    return Symbol(ast.Call(function, [_node(x) for x in args], keywords))


def _node(value: Any) -> ast.expr:
    """A value as part of an expression."""
    if isinstance(value, np.generic | np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, Symbol):
        return value._expression
    if isinstance(value, tuple):
        return ast.Tuple([_node(part) for part in value])
    if isinstance(value, list):
        return ast.List([_node(part) for part in value])
    if isinstance(value, slice):
        parts: list[Any] = [value.start, value.stop, value.step]
        parts = parts if value.step is not None else parts[value.start is None : 2]
        return _call(ast.Name("slice"), parts, {})._expression
    if isinstance(value, type | np.dtype):
        return ast.Name(np.dtype(value).name)
    if isinstance(value, float):
        if math.isnan(value):
            return ast.Name("nan")
        if abs(value) in _CONSTANTS:
            known = Symbol(_CONSTANTS[abs(value)])
            return _node(known if value > 0 else -known)
        value = int(value) if value.is_integer() and abs(value) < 1e15 else value
    if isinstance(value, int | float) and value < 0:
        return ast.UnaryOp(ast.USub(), _node(-value))
    if value is None or value is ... or isinstance(value, int | float | str):
        return ast.Constant(value)
    raise TypeError(f"no way to write down a {type(value).__name__}")


def _index(index: Any) -> ast.expr:
    """What stands in brackets, slices as `a:b`."""
    if isinstance(index, tuple):
        return ast.Tuple([_index(part) for part in index])
    if isinstance(index, slice):
        ends = [index.start, index.stop, index.step]
        return ast.Slice(*(None if end is None else _node(end) for end in ends))
    return _node(index)


# ---- formulas that were given as text ------------------------------------------------------------


def _rewritten(text: str, values: Mapping[str, Any]) -> str:
    """A formula with values for names; one that isn't Python stays as it is."""
    return str(Symbol(_Rewrite(values).visit(_parsed(text))))


class _Rewrite(ast.NodeTransformer):
    """Puts values for names, but for those of keyword arguments, and leaves out `np.`."""

    def __init__(self, values: Mapping[str, Any]):
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return _node(self.values[node.id]) if node.id in self.values else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if isinstance(node.value, ast.Name) and node.value.id == "np":
            return ast.Name(node.attr)
        return ast.Attribute(self.visit(node.value), node.attr)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        try:
            holds = eval(ast.unparse(node.test), {"__builtins__": {}, "inf": math.inf})
        except (NameError, TypeError):  # not every value is known
            return node
        return node.body if holds else node.orelse
