"""What an operation is: a NumPy function and, for each input, the rule of its gradient.

Nothing here knows of Tensors. Rules are written on `g` (the gradient of the output), `out` (the
output) and the inputs, and run on whatever answers to NumPy's names.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, overload

import numpy as np

from .. import refusals, rule_errors

Rule = Callable[..., Any]


@dataclass(eq=False, repr=False)
class Operation:
    """A NumPy function that has gradients; made by `op`, called like the function itself.

    Attributes
    ----------
    name : str
    function : callable
        What users call: `np.multiply`.
    run : callable
        What computes the output from arrays: `function`, or something cheaper to call.
    rules : dict of str to (callable or None)
        For each input, in order, how `g` becomes its gradient. None: the gradient is zero.
    each : callable or None
        The one rule of an operation on any number of inputs, told the input's `position`.
    lift : callable or None
        Prepares what the rules are written for: gives `g`, `out` and the inputs more axes, say.
    domain, kinks : str
        Where it is defined, if not everywhere; what its gradient is where there is no derivative.
    formulas : dict of str to str
        Rules as text, for those that don't print themselves well.
    shape_by : str
        The input or attribute whose values the shape of the output depends on, if there is one.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.f.relu
    <operation relu>
    >>> list(tl.f.relu.rules)
    ['x']
    """

    function: Callable[..., Any]
    run: Callable[..., Any]
    rules: dict[str, Rule | None]
    each: Rule | None
    lift: Callable[..., Any] | None
    name: str
    domain: str
    kinks: str
    formulas: dict[str, str]
    shape_by: str

    def __post_init__(self) -> None:
        self._declared = run = self.run  # with its own signature
        if self.each is not None:
            self.run = lambda *arrays, **kwargs: run(arrays, **kwargs)
        self._rule_list = list(self.rules.values())
        self._count = len(self.rules)
        self.has_zero_rules = None in self._rule_list
        self.trusted = False  # to return arrays that nobody else has: the table's own rows
        self.differentiable = self.each is not None or any(self.rules.values())
        self.__doc__ = self.function.__doc__
        self.__module__ = getattr(self.function, "__module__", __name__)  # older ufuncs have none

    def __repr__(self) -> str:
        return f"<operation {self.name}>"

    def __reduce__(self) -> Any:
        """Found again as functions are, in its module; rows in the table."""
        return (_row, (self.name,)) if self.trusted else self.name

    def __deepcopy__(self, memo: Any) -> "Operation":
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute on arrays, or have the first argument that can `__apply__` operations do so."""
        if not kwargs and len(args) == self._count:  # the inputs alone
            for value in args:
                apply = getattr(type(value), "__apply__", None)
                if apply is not None:
                    return apply(self, args)
            return self.function(*args)
        values = (*args, *kwargs.values())
        for value in values[0] if self.each is not None and values else values:
            apply = getattr(type(value), "__apply__", None)
            if apply is not None:
                return apply(self, *self.bind(args, kwargs))
        return self.function(*args, **kwargs)

    @cached_property
    def signature(self) -> inspect.Signature:
        for function in (self._declared, self.function):
            try:
                return inspect.signature(function)
            except ValueError:  # a builtin
                pass
        kind = inspect.Parameter.POSITIONAL_ONLY
        return inspect.Signature([inspect.Parameter(name, kind) for name in self.rules])

    @cached_property
    def options(self) -> frozenset[str]:
        """The keyword arguments that are welcome: those that the rules know of."""
        known = self.signature
        if self.differentiable:
            rule = self.each or next(rule for rule in self.rules.values() if rule is not None)
            known = inspect.signature(rule)
        return frozenset(p.name for p in known.parameters.values()) - {"out", "where"}

    def bind(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Tell the inputs of a call from its other arguments, the attributes."""
        given = self._by_name(args, kwargs)
        count = 1 if self.each is not None else len(self.rules)
        names, defaults = self._names[0][:count], self._names[1]
        inputs = tuple([given.pop(name) if name in given else defaults[name] for name in names])
        attributes = {k: v for k, v in given.items() if v is not defaults.get(k, given)}
        for key, value in attributes.items():
            for part in value if isinstance(value, list | tuple) else [value]:
                if hasattr(part, "__apply__") and part.dtype.kind == "f":
                    raise refusals.no_rule_for(self, key, part)
            if hasattr(value, "__apply__"):  # an index, say
                attributes[key] = value._data
        if unknown := attributes.keys() - self.options:
            raise refusals.unknown_option(self, sorted(unknown))
        return (tuple(inputs[0]) if self.each is not None else inputs), attributes

    @cached_property
    def _names(self) -> tuple[list[str], dict[str, Any], frozenset[str], frozenset[str]]:
        """The parameters by position, those with a default, those without, those by keyword."""
        named = [p for p in self.signature.parameters.values() if p.kind not in (2, 4)]  # * and **
        return (
            [p.name for p in named if p.kind is not p.KEYWORD_ONLY],
            {p.name: p.default for p in named if p.default is not p.empty},
            frozenset(p.name for p in named if p.default is p.empty),
            frozenset(p.name for p in named if p.kind is not p.POSITIONAL_ONLY),
        )

    def _by_name(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """As `signature.bind` does, which takes several times as long."""
        positional, _, required, keywords = self._names
        given = dict(zip(positional, args, strict=False)) | kwargs
        complete = len(given) == len(args) + len(kwargs) and required <= given.keys()
        if complete and kwargs.keys() <= keywords:
            return given
        try:
            return self.signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise refusals.wrong_call(self.name, error, self.signature, self.options) from None

    def rule(self, position: int) -> Rule | None:
        """The gradient rule of one input."""
        if self.each is not None:
            return partial(self.each, position=position)
        return self._rule_list[position]


@overload
def op(function: Callable[..., Any], **options: Any) -> Operation: ...
@overload
def op(**options: Any) -> Callable[[Callable[..., Any]], Operation]: ...
def op(
    function: Callable[..., Any] | None = None,
    *,
    run: Callable[..., Any] | None = None,
    each: Rule | None = None,
    lift: Callable[..., Any] | None = None,
    name: str | None = None,
    domain: str = "",
    kinks: str = "",
    formulas: dict[str, str] | None = None,
    shape_by: str = "",
    **rules: Rule | None,
) -> Any:
    """Declare an operation: a NumPy function, and the gradient rule of each of its inputs.

    Parameters
    ----------
    function : callable, optional
        Computes the output from arrays; without it, `op` is a decorator. Its first parameters are
        the inputs, in the order of `rules`; the others are attributes, handed to every rule by
        keyword.
    **rules : callable or None
        For each input a function `(g, out, *inputs, **attributes)` in plain NumPy, where `g`
        has the shape of `out`. It may return anything that broadcasts to the input's shape, or
        that the input broadcasts to: the engine sums or spreads. None: the gradient is zero.
    run : callable, optional
        What computes in place of `function`, if something gives the same faster.
    each : callable, optional
        For a function of a sequence of arrays: the one rule, which is also told `position`.
    lift : callable, optional
        `(g, out, inputs, **attributes)` to the three that the rules are written for, such as
        the same with more axes.
    name : str, optional
        By default the function's own.
    domain, kinks : str, optional
        For readers: where the function is defined, `"x > 0"`, and what the gradient is where there
        is no derivative, `"0 at 0"`.
    formulas : dict of str to str, optional
        For readers: rules as text, by input (or "each"), where the rule itself prints badly.
    shape_by : str, optional
        The input or attribute whose values the shape of the output depends on: while a computation
        is traced, those must not be computed.

    Returns
    -------
    Operation
        Call it as you would call `function`, on Tensors or arrays.

    Raises
    ------
    OperationError
        If there is no rule, or a rule isn't a function.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> @tl.op(x=lambda g, out, x: g * 3 * x ** 2)
    ... def cube(x):
    ...     return x ** 3
    >>> x = tl.Tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad
    Tensor(12., shape=())
    """
    if function is None:
        options: dict[str, Any] = dict(run=run, each=each, lift=lift, name=name, domain=domain)
        options |= dict(kinks=kinks, formulas=formulas, shape_by=shape_by)
        return lambda function: op(function, **options, **rules)
    name = str(name or getattr(function, "__name__", "operation"))
    if (wrong := rule_errors.misdeclared(name, function, run, each, rules)) is not None:
        raise wrong
    run, texts = run or function, formulas or {}
    return Operation(function, run, rules, each, lift, name, domain, kinks, texts, shape_by)


def no_gradient(function: Callable[..., Any], inputs: str = "x", **options: Any) -> Operation:
    """Declare a function that is constant but for its jumps: every gradient is zero."""
    return op(function, **options, **dict.fromkeys(inputs.split()))


def _row(name: str) -> Operation:
    from . import table

    return next(row for row in table.values() if row.name == name)


def fit(g: Any, shape: tuple[int, ...]) -> Any:
    """Give a gradient its input's shape.

    An input that was broadcast gets the sum over its copies; one that was summed gets the
    gradient of the sum in each entry.
    """
    extra = g.ndim - len(shape)
    if g.ndim == 0:
        return spread(g, shape)
    if extra == 1 and g.shape[1:] == shape:
        return np.add.reduce(g, 0)
    if extra > 0:
        g = np.add.reduce(g, axis=tuple(range(extra)))
    ones = tuple(i for i in range(g.ndim) if shape[i - g.ndim] == 1 != g.shape[i])
    if ones:
        g = np.add.reduce(g, axis=ones, keepdims=True)
    return g if g.shape == shape else spread(g, shape)


def spread(g: Any, shape: tuple[int, ...]) -> Any:
    """`np.broadcast_to(g, shape)`, several times as fast for a number."""
    if g.ndim == 0 and isinstance(g, np.ndarray | np.generic):
        return np.ndarray(shape, g.dtype, g, 0, (0,) * len(shape))
    return np.broadcast_to(g, shape)
