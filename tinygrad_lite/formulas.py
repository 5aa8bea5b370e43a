"""Gradient rules as text: what a rule gives when it is run on symbols in place of arrays.

So the text is the rule, and can't go out of date.
"""

import ast
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from .errors import BoundsError, OperationError
from .ops import Operation, compositions, table
from .ops.signs import OPERATORS, UFUNC_METHODS


def formula(
    operation: Operation | Callable[..., Any],
    which: int | str,
    attributes: Mapping[str, Any] | None = None,
    names: Mapping[str, str] | None = None,
) -> str:
    """The gradient rule of one input of an operation, as a line of NumPy without its `np.`.

    Parameters
    ----------
    operation : Operation or callable
        Or the NumPy function that it is found by, `np.exp`.
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
        If the function has no rule; or its rule needs values to run, and there is no text for it
        in the operation's `formulas`.
    BoundsError
        If there is no such input.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> from tinygrad_lite.formulas import formula
    >>> formula(np.divide, "y")
    '-g * out / y'
    >>> formula(np.multiply, 0, names={"y": "weight"})
    'g * weight'
    >>> formula(tl.f.softmax, "x", {"axis": 0})
    'out * (g - sum(g * out, axis=0, keepdims=True))'
    """
    operation = _row(operation)
    inputs = list(operation.rules) or ["xs"]
    name, rule = _rule(operation, which)
    if rule is None:
        return "0"
    options = _options(rule, len(operation.rules), attributes)
    g, out, *symbols = (Symbol((names or {}).get(n, n)) for n in ("g", "out", *inputs))
    if operation.each:
        options["position"] = which if isinstance(which, int) else Symbol("position")
    if name in operation.formulas:
        named = {"g": g, "out": out, **dict(zip(inputs, symbols, strict=True))}
        return str(_rewritten(operation.formulas[name], named | options))
    if operation.each:
        whole, count = symbols[0], which + 1 if isinstance(which, int) else 2
        symbols = [whole[i] for i in range(count)]
    try:
        text = str(Symbol(_node(_with_helpers(rule)(g, out, *symbols, **options))))
    except SymbolError as error:
        raise OperationError(
            f"{operation.name}: the rule of {name} needs values, so it can't be written down "
            f"({error}). Give its text: op(…, formulas={{{name!r}: 'g * …'}})."
        ) from error
    if operation.each:  # a rule that hands all inputs on hands on the sequence
        text = text.replace(str(Symbol(_node(tuple(symbols)))), str(whole))
    return text


def call_text(operation: Operation, inputs: Sequence[Any], attributes: Mapping[str, Any]) -> str:
    """A call of an operation as a line of NumPy: `h @ w`, `sum(h, axis=0)`.

    Inputs are Symbols or numbers; an attribute that can't be written down stands there by its name.
    """
    given = list(inputs)
    while given and given[-1] is None:  # a bias that isn't there
        given.pop()
    options = {key: x if _writable(x) else Symbol(key) for key, x in attributes.items()}
    if operation.name == "getitem":
        return str(given[0][options["index"]])
    if operation.function in OPERATORS and not options:
        return str(operation.function(*given))
    return str(_applied(operation, given, options))


def _row(function: Any) -> Operation:
    """The operation that is meant: itself, or the table's."""
    if isinstance(function, Operation):
        return function
    if function in table:
        return table[function]
    name = getattr(function, "__name__", repr(function))
    why = " of its own: it is made of functions that have" if function in compositions else ""
    raise OperationError(f"formula: {name} has no gradient rule{why}.")


def _rule(operation: Operation, which: int | str) -> tuple[str, Callable[..., Any] | None]:
    """The name of an input, "each" for all of a sequence, and its rule."""
    if operation.each is not None:
        return "each", operation.each
    inputs = list(operation.rules)
    if which in inputs or which in range(len(inputs)):
        name = inputs[which] if isinstance(which, int) else which
        return name, operation.rules[name]
    raise BoundsError(
        f"formula: {operation.name} has no input {which!r}. Its inputs are {', '.join(inputs)}."
    )


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
        except SymbolError:
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


class SymbolError(Exception):
    """What a symbol was asked for needs values; no TypeError, which NumPy would replace."""


def _needs_value(symbol: "Symbol", *_: Any, **__: Any) -> Any:
    raise SymbolError(f"{symbol} is a symbol, without a value")


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
    __bool__ = __iter__ = __len__ = __index__ = __int__ = __float__ = __array__ = _needs_value
    __hash__ = _needs_value

    def __init__(self, expression: str | ast.expr):
        self._expression = _parsed(expression) if isinstance(expression, str) else expression

    def __str__(self) -> str:
        return ast.unparse(self._expression).replace(" ** ", "**")

    def __repr__(self) -> str:
        return f"<symbol {self}>"

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
            function = UFUNC_METHODS.get((ufunc, method))
            if function is None:
                return _call(ast.Name(f"{ufunc.__name__}.{method}"), inputs, kwargs)
            return _call(ast.Name(function.__name__), inputs, {"axis": 0} | kwargs)
        if ufunc in OPERATORS:
            return _rewritten(OPERATORS[ufunc], dict(zip("xy", inputs, strict=False)))
        return _call(ast.Name(ufunc.__name__), inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> "Symbol":
        path = f"{function.__module__}.{function.__name__}".removeprefix("numpy.")
        return _call(ast.Name(path), args, kwargs)


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
    """A text as an expression; as a name if it isn't Python, as the layer `0` or `h#1`."""
    if "#" in text:  # would begin a comment
        return ast.Name(text)
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):  # the latter for what can't be encoded
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


def _rewritten(text: str, values: Mapping[str, Any]) -> Symbol:
    """A formula with values for names; one that isn't Python stays as it is."""
    return Symbol(_Rewrite(values).visit(_parsed(text)))


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
