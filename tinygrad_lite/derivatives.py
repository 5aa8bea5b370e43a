"""Derivatives as functions: of any function of arrays, to any order.

Each runs the function on recorded copies of its arguments, and lets gradients flow back to them.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from .errors import ArgumentError, ShapeError, brief
from .nesting import alike
from .run import Function, Run, pulled
from .tensor import Tensor


def grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The function that gives the gradient of `f`.

    Parameters
    ----------
    f : callable
        Returns one number; with `has_aux` a pair of it and anything else.
    argnums : int or sequence of int
        The arguments to differentiate by, which are to be given by position. Each may be an array,
        a Tensor, a float, or tuples, lists, dicts and modules of them. Python floats count as
        float64.
    has_aux : bool
        Whether to return what else `f` gave, too: `(gradient, aux)`.

    Returns
    -------
    callable
        Takes what `f` takes. Gives the gradient, nested as the argument, or a tuple if `argnums`
        is a sequence; None in the place of what is no floating array. By a module, it is a
        module with the gradients for parameters.

    Raises
    ------
    GradientError
        If `f` doesn't return one number, or an argument has nothing to differentiate by.

    Notes
    -----
    A gradient can be differentiated again: by an outer derivative, or, if the argument or anything
    that `f` uses requires a gradient, as parameters of a module do, by `backward`. Under `no_grad`
    it has no history, and takes less time and memory.

    `f` is given a copy of a module: what it assigns to attributes is lost, what it writes into
    buffers stays. `float(x)`, `math.exp(x)` are errors in `f`, since they would count as constant.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> tl.grad(np.sin)(0.0)
    Tensor(1., shape=(), dtype=float64)
    >>> tl.grad(tl.grad(lambda x: x ** 3))(2.0)
    Tensor(12., shape=(), dtype=float64)
    >>> tl.grad(lambda p: (p["w"] * p["b"]).sum())({"w": np.array([1.0, 2.0]), "b": 3.0})["b"]
    Tensor(3., shape=(), dtype=float64)
    """

    def gradient(*args: Any, **kwargs: Any) -> Any:
        run = Run("grad", f, args, kwargs, argnums, has_aux)
        found = run.by_argument(run.gradients([(run.number(), None)]))
        return (found, run.aux) if has_aux else found

    return _named("grad", f, gradient)


def value_and_grad(
    f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Function:
    """The function that gives the value of `f` and its gradient; options as for `grad`.

    Returns
    -------
    callable
        Gives `(value, gradient)`, with `has_aux` `((value, aux), gradient)`.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> value, gradient = tl.value_and_grad(lambda x: x ** 2)(3.0)
    >>> value.item(), gradient.item()
    (9.0, 6.0)
    """

    def derivative(*args: Any, **kwargs: Any) -> Any:
        run = Run("value_and_grad", f, args, kwargs, argnums, has_aux)
        gradient = run.by_argument(run.gradients([(run.number(), None)]))
        return ((run.value, run.aux) if has_aux else run.value), gradient

    return _named("value_and_grad", f, derivative)


def elementwise_grad(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The derivative of a function that works entry by entry: at each entry.

    It is the gradient of the sum of all that `f` returns; options as for `grad`. That entries don't
    depend on others, as those of `np.cumsum` do, is taken on trust.

    Raises
    ------
    ShapeError
        If a result doesn't have an entry for each of the argument.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> tl.elementwise_grad(np.square)(np.array([1.0, 2.0, 3.0]))
    Tensor([2., 4., 6.], shape=(3,), dtype=float64)
    """

    def derivative(*args: Any, **kwargs: Any) -> Any:
        run = Run("elementwise_grad", f, args, kwargs, argnums)
        for x, result in product(run.copies, run.results):
            if not _covers(result.shape, x.shape):
                raise ShapeError(
                    f"elementwise_grad: the argument has the shape {x.shape}, the result "
                    f"{result.shape}: not an entry for each. Use grad where the function returns "
                    "one number, jacobian for all derivatives."
                )
        ones = [(result, np.ones(result.shape, result.dtype)) for result in run.results]
        return run.by_argument(run.gradients(ones))

    return _named("elementwise_grad", f, derivative)


def vjp(f: Function, *primals: Any, has_aux: bool = False) -> Any:
    """The value of `f`, and the function that pulls cotangents back: vector times Jacobian.

    Parameters
    ----------
    f : callable
        May return any nesting of arrays.
    *primals
        Its arguments, nested as for `grad`; all are differentiated by.
    has_aux : bool
        Whether `f` returns a pair, of which only the first is differentiated.

    Returns
    -------
    out, vjp_fn
        And `aux`, with `has_aux`. `vjp_fn(cotangent)`, where the cotangent is nested as `out`,
        gives a tuple: for each of `primals` what is nested as it. It may be called many times.

    Raises
    ------
    ArgumentError
        If the cotangent isn't nested as `out`, or a shape differs.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> out, vjp_fn = tl.vjp(np.multiply, np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    >>> vjp_fn(np.array([1.0, 0.0]))[1]
    Tensor([1., 0.], shape=(2,), dtype=float64)
    """
    run = Run("vjp", f, primals, {}, range(len(primals)), has_aux)

    def vjp_fn(cotangent: Any) -> Any:
        seeds = alike("vjp", run.out, cotangent, "the cotangent")
        return run.by_argument(run.gradients(list(zip(run.results, seeds, strict=True))))

    return (run.value, vjp_fn, run.aux) if has_aux else (run.value, vjp_fn)


def jvp(f: Function, primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """The value of `f`, and how it changes when its arguments move along `tangents`.

    Parameters
    ----------
    f : callable
        May return any nesting of arrays.
    primals, tangents : tuple
        The arguments, and a direction for each, nested alike.
    has_aux : bool
        Whether `f` returns a pair, of which only the first is differentiated.

    Returns
    -------
    out, tangent_out
        Nested alike; and `aux`, with `has_aux`.

    Raises
    ------
    ArgumentError
        If `tangents` isn't nested as `primals`, or a shape differs.

    Notes
    -----
    Jacobian times vector by the reverse rules, differentiated twice [1]_: what they pull back is
    linear in the cotangent, and its derivative by the cotangent pushes forward. It costs a
    recorded backward pass and a backward pass through that: about twice a `vjp`, whatever the
    number of arguments and results.

    References
    ----------
    .. [1] J. Townsend, "A new trick for calculating Jacobian vector products", 2017.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> tl.jvp(np.sin, (0.0,), (2.0,))[1]
    Tensor(2., shape=(), dtype=float64)
    """
    _check_tuples("jvp", primals, tangents)
    run = Run("jvp", f, primals, {}, range(len(primals)), has_aux)
    cotangents = [Tensor(np.zeros(x.shape, x.dtype), True) for x in run.results]
    found = pulled(list(zip(run.results, cotangents, strict=True)), run.copies, True)
    directions = alike("jvp", primals, tangents, "tangents")
    seeds = [(g, d) for g, d in zip(found, directions, strict=True) if g is not None]
    pushed = run.gradients(seeds, cotangents)
    change = run.nested(pushed)
    return (run.value, change, run.aux) if has_aux else (run.value, change)


def hvp(f: Function, primals: Any, tangents: Any) -> Any:
    """The Hessian of `f` times a vector, without the Hessian.

    Parameters
    ----------
    f : callable
        Returns one number.
    primals, tangents : tuple
        The arguments of `f`, and the vector: a part for each, nested alike.

    Returns
    -------
    The product, nested as the argument; a tuple if there are several.

    Raises
    ------
    GradientError
        If `f` doesn't return one number.
    ArgumentError
        If `tangents` isn't nested as `primals`, or a shape differs.

    Notes
    -----
    It costs two to three gradients: one that is recorded, and a backward pass through it.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> x, v = np.array([1.0, 2.0]), np.array([1.0, 0.0])
    >>> tl.hvp(lambda x: (x ** 3).sum(), (x,), (v,))
    Tensor([6., 0.], shape=(2,), dtype=float64)
    """
    _check_tuples("hvp", primals, tangents)
    run = Run("hvp", f, primals, {}, range(len(primals)))
    gradient = pulled([(run.number(), None)], run.copies, True)
    vector = alike("hvp", primals, tangents, "tangents")
    seeds = [(g, v) for g, v in zip(gradient, vector, strict=True) if g is not None]
    found = run.by_argument(run.gradients(seeds))
    return found[0] if len(primals) == 1 else found


def jacobian(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The function that gives all derivatives of all that `f` returns.

    Options as for `grad`; `f` may return any nesting of arrays.

    Returns
    -------
    callable
        Gives what is nested as the result, and in each place as the argument: of shape
        `result.shape + argument.shape`. It costs a backward pass for each entry of the result.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> tl.jacobian(lambda x: x ** 2)(np.array([1.0, 2.0]))
    Tensor([[2., 0.],
            [0., 4.]], shape=(2, 2), dtype=float64)
    """

    return _jacobian("jacobian", f, argnums, has_aux)


def hessian(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The function that gives all second derivatives of `f`: `jacobian(jacobian(f))`.

    Options as for `grad`.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> tl.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    Tensor([[4., 2.],
            [2., 0.]], shape=(2, 2), dtype=float64)
    """
    return _jacobian("hessian", _jacobian("hessian", f, argnums), argnums)


def _jacobian(
    name: str, f: Function, argnums: int | Sequence[int], has_aux: bool = False
) -> Function:
    def derivative(*args: Any, **kwargs: Any) -> Any:
        run = Run(name, f, args, kwargs, argnums, has_aux)
        found = run.nested([run.by_argument(run.rows(result)) for result in run.results])
        return (found, run.aux) if has_aux else found

    return _named(name, f, derivative)


def _check_tuples(name: str, primals: Any, tangents: Any) -> None:
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list):
        raise ArgumentError(
            f"{name}: give primals and tangents as tuples, a part for each argument: "
            f"{name}(f, (x,), (v,))."
        )


def _named(name: str, f: Any, derivative: Function) -> Function:
    """What a derivative shows as; and refuses what is no function."""
    if not callable(f):
        raise ArgumentError(f"{name}: give a function, not {brief(f)}: {name}(f)(x).")
    derivative.__name__ = derivative.__qualname__ = f"{name}({getattr(f, '__name__', 'f')})"
    return derivative


def _covers(wide: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether each entry of an array of `shape`, broadcast, has an entry of `wide`."""
    pairs = zip(reversed(shape), reversed(wide), strict=False)
    return len(shape) <= len(wide) and all(n in (1, m) for n, m in pairs)
