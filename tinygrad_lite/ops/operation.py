"""What an operation is: a NumPy function and, for each input, the rule of its gradient.

Nothing here knows of Tensors. Rules are written on `g` (the gradient of the output), `out` (the
output) and the inputs, and run on whatever answers to NumPy's names.
"""

import inspect
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, overload

import numpy as np

from ..errors import OperationError

Rule = Callable[..., Any]


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
        Gives `g`, `out` and the inputs the axes that the rules are written for.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.f.relu
    <operation relu>
    >>> list(tl.f.relu.rules)
    ['x']
    """

    def __init__(
        self,
        function: Callable[..., Any],
        run: Callable[..., Any],
        rules: dict[str, Rule | None],
        each: Rule | None,
        lift: Callable[..., Any] | None,
        name: str,
    ):
        self.function = function
        self.run = run if each is None else lambda *arrays, **kwargs: run(arrays, **kwargs)
        self._declared = run  # with its own signature
        self.rules = rules
        self._rule_list = list(rules.values())
        self._count = len(rules)
        self.has_zero_rules = None in self._rule_list
        self.trusted = False  # to return arrays that nobody else has: the table's own rows
        self.each = each
        self.lift = lift
        self.name = name
        self.differentiable = each is not None or any(rules.values())
        self.__doc__ = function.__doc__
        self.__module__ = getattr(function, "__module__", __name__)  # older ufuncs have none

    def __repr__(self) -> str:
        return f"<operation {self.name}>"

    def __reduce__(self) -> str:
        return self.name  # found again as functions are, in its module

    def __deepcopy__(self, memo: Any) -> "Operation":
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute on arrays, or have the first argument that can `__apply__` operations do so."""
        if args and not kwargs and len(args) == self._count:
            apply = getattr(type(args[0]), "__apply__", None)
            if apply is not None:
                return apply(self, args)
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
    def attribute_names(self) -> frozenset[str] | None:
        """The keyword arguments that the rules know of; None if every one is welcome."""
        if not self.differentiable:
            return None
        rule = self.each or next(rule for rule in self.rules.values() if rule is not None)
        known = inspect.signature(rule).parameters.values()
        return frozenset(p.name for p in known if p.kind is not p.VAR_KEYWORD)

    def bind(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Tell the inputs of a call from its other arguments, the attributes."""
        try:
            given = self.signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            takes = ", ".join(
                p.name if p.default is p.empty else f"{p.name}={p.default!r}"
                for p in self.signature.parameters.values()
            )
            raise OperationError(f"{self.name}: {error}, in {self.name}({takes}).") from None
        count = 1 if self.each is not None else len(self.rules)
        names = list(self.signature.parameters)[:count]
        missing = [name for name in names if name not in given]
        if missing:
            raise OperationError(f"{self.name}: missing {', '.join(missing)}.")
        inputs = tuple(given.pop(name) for name in names)
        attributes = {k: v for k, v in given.items() if not self._is_default(k, v)}
        unknown = set(attributes) & {"out", "where"}
        if self.attribute_names is not None:
            unknown |= set(attributes) - self.attribute_names
        if unknown:
            options = ", ".join(sorted(unknown))
            raise OperationError(
                f"{self.name}: {options}= isn't supported on Tensors, since no gradient rule knows "
                f"it. Leave it out; or, if {self.name} is your own: an input needs a rule of its "
                f"name, and an attribute is a parameter of the rules, lambda g, out, …, {options}."
            )
        for key, value in attributes.items():
            if hasattr(value, "__apply__"):
                if value.dtype.kind in "iub":  # an index, say
                    attributes[key] = np.asarray(value)
                    continue
                raise OperationError(
                    f"{self.name}: {key} is a {type(value).__name__}, but {self.name} has no "
                    f"gradient rule for it. Declare one, op(…, {key}=…), or give {key}.numpy()."
                )
        return (tuple(inputs[0]) if self.each is not None else inputs), attributes

    def _is_default(self, name: str, value: Any) -> bool:
        return value is self.signature.parameters[name].default

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
        `(g, out, inputs, **attributes)` to the same three with the axes that the rules expect.
    name : str, optional
        By default the function's own.

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
        return lambda function: op(function, run=run, each=each, lift=lift, name=name, **rules)
    name = str(name or getattr(function, "__name__", "operation"))
    if not rules and each is None:
        raise OperationError(
            f"{name}: no gradient rule was given. Give one for each input, by its name: "
            f"op({name}, x=lambda g, out, x: …), or x=None if its gradient is zero."
        )
    for key, rule in rules.items():
        if rule is not None and not callable(rule):
            raise OperationError(
                f"{name}: the rule of {key} must be a function of (g, out, *inputs), "
                f"or None for a gradient of zero, not {rule!r}."
            )
    inputs = list(rules)
    if (
        run is None
        and inspect.isfunction(function)
        and _parameters(function, 0, len(inputs)) != inputs
    ):
        raise OperationError(
            f"{name}: there are rules for {', '.join(inputs)}, but the first parameters of {name} "
            f"are {', '.join(inspect.signature(function).parameters)}. Rules go by the names of "
            "the inputs, in order."
        )
    for key, rule in rules.items():
        if inspect.isfunction(rule) and _parameters(rule, 2, len(inputs)) != inputs:
            raise OperationError(
                f"{name}: the rule of {key} must take (g, out, {', '.join(inputs)}), in this "
                f"order, and then attributes, not ({', '.join(_parameters(rule, 0))})."
            )
    return Operation(function, run or function, rules, each, lift, name)


def _parameters(function: Any, start: int, count: int | None = None) -> list[str]:
    """The names of some of a function's positional parameters."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    return list(names[start:] if count is None else names[start : start + count])


def no_gradient(function: Callable[..., Any], inputs: str = "x") -> Operation:
    """Declare a function that is constant but for its jumps: every gradient is zero."""
    return op(function, **dict.fromkeys(inputs.split()))


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
