"""Operations that reduce axes: for their rules `g` and `out` have kept the reduced axes, as 1.

A gradient smaller than its input is spread over it by the engine. In formulas `n` is the number of
entries that each entry of `out` stands for.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .operation import Operation, Rule, op


def keep_axes(
    g: Any, out: Any, inputs: Sequence[Any], axis: Any = None, keepdims: bool = False, **_: Any
) -> tuple[Any, Any, Sequence[Any]]:
    """Undo what `keepdims=False` did to `g` and `out`."""
    if axis is None or keepdims or inputs[0].ndim == 0:
        return g, out, inputs
    shape = list(inputs[0].shape)
    for i in axis if isinstance(axis, tuple) else (axis,):
        shape[i] = 1
    return g.reshape(shape), out.reshape(shape), inputs


def reduction(function: Callable[..., Any], formula: str, x: Rule, **options: Any) -> Operation:
    return op(function, lift=keep_axes, formulas={"x": formula}, x=x, **options)


# ---- values, by cheaper calls than NumPy's own functions -----------------------------------------


def like(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """Declare the options of NumPy's function, so that those without a rule are refused by name."""
    defaults = {"keepdims": False, "where": True}
    parameters = [
        p.replace(default=defaults.get(p.name, p.default))
        for p in inspect.signature(function).parameters.values()
    ]

    def declare(run: Any) -> Any:
        run.__signature__ = inspect.Signature(parameters)
        return run

    return declare


def reduced(function: Callable[..., Any], ufunc: np.ufunc) -> Callable[..., Any]:
    """What computes `function`: `ufunc.reduce`."""

    @like(function)
    def run(a: Any, axis: Any = None, **options: Any) -> Any:
        return ufunc.reduce(a, axis, **options)

    return run  # type: ignore[no-any-return]


@like(np.mean)
def _mean(a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False) -> Any:
    if a.dtype.char not in "fd" or dtype is not None:  # np.mean knows how
        return np.mean(a, axis=axis, dtype=dtype, keepdims=keepdims)
    total = np.add.reduce(a, axis=axis, keepdims=keepdims)
    return total / entries(a.size, total.size)


@like(np.var)
def _var(a: Any, axis: Any = None, dtype: Any = None, ddof: Any = 0, keepdims: Any = False) -> Any:
    if a.dtype.char not in "fd" or dtype is not None:
        return np.var(a, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims)
    total = np.add.reduce(a, axis=axis, keepdims=True)
    n = entries(a.size, total.size)
    deviation = a - total / n
    deviation *= deviation
    return np.add.reduce(deviation, axis=axis, keepdims=keepdims) / max(n - ddof, 0)


@like(np.std)
def _std(a: Any, **options: Any) -> Any:
    return np.sqrt(_var(a, **options))


# ---- what the rules are made of ------------------------------------------------------------------


def entries(size: int, left: int) -> int:
    """How many of `size` entries each of those that are `left` stands for."""
    return int(size // (left or 1))


def one_over(n: float) -> float:
    """1/n as Python's number, as half precision can't hold a large n; NaN where there is none."""
    return 1 / n if n > 0 else float("nan")


def deviations(x: Any, axis: Any) -> Any:
    """Entries less their mean, which half precision would round too much."""
    x = x.astype(np.float32) if x.dtype == np.float16 else x
    total = np.add.reduce(x, axis=axis, keepdims=True)
    return x - total / entries(x.size, total.size)


def over(g: Any, length: Any) -> Any:
    """`g / length`, but 0 where the length is 0."""
    return g / np.where(length == 0, np.inf, length)


def evenly(g: Any, mask: Any, axis: Any) -> Any:
    """`g`, shared evenly among the entries along `axis` where `mask` holds; 0 for the others."""
    count = np.sum(mask, axis=axis, keepdims=True, dtype=np.float32)
    return mask * (g / np.maximum(count, 1))  # NumPy multiplies faster than it chooses


def to_equal(g: Any, x: Any, out: Any, axis: Any) -> Any:
    """`g` to the entry of `x` that gave `out`, shared evenly among those that tie."""
    mask = x == out
    if type(mask) is np.ndarray and np.count_nonzero(mask) == np.count_nonzero(out == out):
        return mask * g  # none tie
    return evenly(g, mask, axis)


def to_between(g: Any, x: Any, out: Any, axis: Any, part: float) -> Any:
    """`g` to the two neighbours in order that `out` lies between, `part` of it to the upper."""
    lower = np.max(np.where(x <= out, x, -np.inf), axis=axis, keepdims=True)
    upper = np.min(np.where(x >= out, x, np.inf), axis=axis, keepdims=True)
    lower, upper = (np.where(out == out, each, out) for each in (lower, upper))  # NaN stays NaN
    return to_equal(g * (1 - part), x, lower, axis) + to_equal(g * part, x, upper, axis)


# ---- sums and means ------------------------------------------------------------------------------

sum_ = reduction(
    np.sum,
    run=reduced(np.sum, np.add),
    x=lambda g, out, x, axis=None, dtype=None, keepdims=False: g,
    formula="g",
)
mean = reduction(
    np.mean,
    run=_mean,
    x=lambda g, out, x, axis=None, dtype=None, keepdims=False: (
        g * one_over(entries(x.size, out.size))
    ),
    formula="g / n",
    domain="n > 0",
)
var = reduction(
    np.var,
    run=_var,
    x=lambda g, out, x, axis=None, dtype=None, ddof=0, keepdims=False: (
        g * (2 * one_over(entries(x.size, out.size) - ddof)) * deviations(x, axis)
    ),
    formula="2 * g * (x - np.mean(x, axis, keepdims=True)) / (n - ddof)",
    domain="n > ddof",
)
std = reduction(
    np.std,
    run=_std,
    x=lambda g, out, x, axis=None, dtype=None, ddof=0, keepdims=False: (
        over(g, out) * one_over(entries(x.size, out.size) - ddof) * deviations(x, axis)
    ),
    formula="g * (x - np.mean(x, axis, keepdims=True)) / ((n - ddof) * out)",
    domain="n > ddof",
    kinks="0 where all entries are equal",
)

# ---- extremes and order --------------------------------------------------------------------------

TIES = "ties share evenly"


def extreme(function: Callable[..., Any], run: Callable[..., Any] | None = None) -> Operation:
    return reduction(
        function,
        run=run,
        x=lambda g, out, x, axis=None, keepdims=False: to_equal(g, x, out, axis),
        formula="g * (x == out) / np.sum(x == out, axis, keepdims=True)",
        domain="n > 0",
        kinks=TIES,
    )


max_ = extreme(np.max, reduced(np.max, np.maximum))
min_ = extreme(np.min, reduced(np.min, np.minimum))
nanmax = extreme(np.nanmax)
nanmin = extreme(np.nanmin)
median = reduction(
    np.median,
    x=lambda g, out, x, axis=None, keepdims=False: to_between(g, x, out, axis, 1 / 2),
    formula="to_between(g, x, out, axis, 1 / 2)",
    domain="n > 0",
    kinks=TIES,
)


def part_of(q: Any, x: Any, n: int) -> float:
    """How far above the lower of its two neighbours a quantile lies, 0 to 1, as NumPy rounds it."""
    q = np.asarray(q, x.dtype if isinstance(q, int | float) else None)
    return float(q * (n - 1) % 1)


quantile = reduction(
    np.quantile,
    x=lambda g, out, x, q, axis=None, keepdims=False: to_between(
        g, x, out, axis, part_of(q, x, entries(x.size, out.size))
    ),
    formula="to_between(g, x, out, axis, q * (n - 1) % 1)",
    domain="0 <= q <= 1",
    kinks=TIES,
)

# ---- norms ---------------------------------------------------------------------------------------


def signed_power(x: Any, p: float) -> Any:
    """`sign(x) * abs(x)**p`, and 0 at 0; as a plain power where that is the same."""
    if p % 2 == 1 and p > 0:
        return x**p
    return np.sign(x) * np.absolute(np.where(x == 0, 1, x)) ** p


def norm_slope(g: Any, x: Any, out: Any, p: Any, axis: Any) -> Any:
    """The gradient of `sum(abs(x)**p)**(1 / p)`."""
    if p in (None, "fro", "f", 2):
        return over(g, out) * x
    if p == 1:
        return g * np.sign(x)
    if p in (np.inf, -np.inf):
        return to_equal(g, np.absolute(x), out, axis) * np.sign(x)
    if p == 0:  # it counts
        return g * 0.0
    return g * signed_power(over(x, out), float(p) - 1)


def norm_like(function: Callable[..., Any]) -> Operation:
    return reduction(
        function,
        x=lambda g, out, x, ord=None, axis=None, keepdims=False: norm_slope(g, x, out, ord, axis),
        formula="g * x / out if ord in (None, 2) else norm_slope(g, x, out, ord, axis)",
        kinks="0 at the origin, and by entries of 0 for ord <= 1; ties share evenly",
    )


norm = norm_like(np.linalg.norm)  # of vectors, and of all entries; compositions has the others
vector_norm = norm_like(np.linalg.vector_norm)
