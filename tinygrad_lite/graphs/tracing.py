"""Where Graphs come from: the history of a Tensor, or a function while it runs."""

import inspect
import sys
from collections.abc import Callable, Mapping
from types import FrameType, MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from .. import refusals
from ..autodiff import seed, sweep
from ..context import Switch, current
from ..errors import ArgumentError, GradientError, MutationError, OperationError, brief, called
from ..nesting import mapped
from ..nn import Module
from ..source import SourcePlace
from ..tensor import Tensor
from .names import name_all
from .record import Graph
from .recorder import Recorder
from .steps import Value


def graph(result: Tensor, gradient: Any = None) -> Graph:
    """The graph of how a Tensor was computed, forward and backward, from its own history.

    Parameters
    ----------
    result : Tensor
        Made by operations on something that requires a gradient.
    gradient : array_like of its shape, optional
        What flows in from beyond in the backward pass; 1 for a Tensor of one entry. Without it, the
        graph of a larger one has no backward pass.

    Returns
    -------
    Graph
        It runs the backward pass once more, and writes no `grad`. It keeps the values as they are
        now; so make it before `optimizer.step()` changes parameters.

    Raises
    ------
    GradientError
        If the Tensor has no history.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> x = tl.Tensor(2.0, requires_grad=True)
    >>> y = np.tanh(x * x)
    >>> tl.graph(y)
    <Graph of y: 2 forward, 4 backward steps>
    """
    if not isinstance(result, Tensor):
        raise ArgumentError(f"graph: give the Tensor that was computed, not {brief(result)}.")
    if result.op is None and result.requires_grad:
        raise GradientError(
            f"graph: {called(result)} is a leaf: you made it, no operation did. Give what was "
            "computed from it, as the loss."
        )
    if result.op is None:
        raise GradientError(
            f"graph: {called(result)} has no history: nothing that requires a gradient was "
            "computed on the way to it, or it was under no_grad, or it was detached. tl.trace(fn, "
            "*args) writes down whatever a function computes."
        )
    recorder, error = Recorder(), ""
    recorder.history(result)
    try:
        with Switch(recorder=recorder):
            sweep([(result, seed(result, gradient, False))], (), False)
    except (GradientError, MutationError) as wrong:
        error = str(wrong)
    recorder.finish()
    frame = sys._getframe(1)
    return named(recorder, [result], frame, variables_of(frame), backward_error=error)


def trace(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Graph:
    """The graph of what a function does: forward, backward, and updates of leaves.

    The function runs once, with all its effects. Python itself isn't seen: a loop is seen as what
    it did this time, a counter and a list happen once.

    Parameters
    ----------
    fn : callable
        Any function, a training step, or a Module.
    *args, **kwargs
        Its arguments. Arrays of numbers, also in tuples, lists and dicts, reach it as Tensors, so
        that what is computed from them is seen. What it returns in tuples, lists and dicts are the
        graph's outputs.

    Returns
    -------
    Graph

    Raises
    ------
    OperationError
        If a value leaves the computation unseen, as by `t.item()` or `if t > 0`, or if a shape
        depends on values, as in `t[t > 0]`.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> w = tl.Tensor([1.0, 2.0], requires_grad=True, name="w")
    >>> def step(x):
    ...     loss = (w * x).sum()
    ...     loss.backward()
    ...     with tl.no_grad():
    ...         w.assign(w - 0.1 * w.grad)
    ...     return loss
    >>> graph = tl.trace(step, tl.Tensor([1.0, 1.0]))
    >>> [step.name for step in graph]
    ['multiply', 'sum', 'seed', 'sum → a', 'multiply → w', 'multiply', 'subtract', 'assign']
    """
    return traced("trace", fn, args, kwargs, sys._getframe(1)).graph


class Traced(NamedTuple):
    """A function's run, written down.

    Attributes
    ----------
    graph : Graph
    returned : Any
        What the function returned.
    arguments : dict of str to Value
        What stands for its arguments, by path, `batch['x']`.
    recorder : Recorder
    """

    graph: Graph
    returned: Any
    arguments: dict[str, Value]
    recorder: Recorder


def traced(
    name: str,
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    frame: FrameType,
) -> Traced:
    """Run a function, for whoever is called `name`, and write down what it does."""
    if not callable(fn):
        raise ArgumentError(f"{name}: give a function and its arguments, not {brief(fn)}.")
    if current.get().recorder is not None:
        raise OperationError(f"{name}: this function is being traced already. Trace the outer one.")
    if refusals.runs_in_pieces(fn):
        raise ArgumentError(
            f"{name}: {brief(fn)} is a generator or a coroutine: a call of it runs nothing yet. "
            "Trace a function that runs it."
        )
    recorder = Recorder((frame.f_code, frame.f_lasti), compiles=name == "compile")
    arguments = _arguments(name, fn, args, kwargs)
    given: dict[str, Value] = {}

    def hand_over(x: Any, path: str) -> Any:
        if isinstance(x, np.ndarray) and x.dtype.kind in "fiub":
            x = Tensor(x)
        if isinstance(x, Tensor):
            given[path] = recorder.value(x)
        return x

    args = tuple(mapped(x, hand_over, path) for x, path in zip(args, arguments, strict=True))
    kwargs = {key: mapped(x, hand_over, key) for key, x in kwargs.items()}
    with Switch(recorder=recorder):
        returned = fn(*args, **kwargs)
    if not recorder.values:
        raise ArgumentError(
            f"{name}: {brief(fn)} did nothing with a Tensor. Give it arrays or Tensors: Python's "
            "own numbers are constants."
        )
    results: list[Tensor] = []
    mapped(returned, lambda x, _: results.append(x) if isinstance(x, Tensor) else None, "")
    recorder.finish()
    own = getattr(fn, "__name__", type(fn).__name__)
    title = own if own.isidentifier() else ""  # not of a lambda
    variables = variables_of(frame)
    graph = named(recorder, results, frame, variables, given, title=title, traced=True)
    return Traced(graph, returned, given, recorder)


def _arguments(
    name: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[str]:
    """What a function calls the arguments that it is given by position."""
    try:
        function = fn.forward if isinstance(fn, Module) else fn
        bound = inspect.signature(function).bind(*args, **kwargs)
    except ValueError:  # it doesn't say
        return [f"argument {i}" for i in range(len(args))]
    except TypeError as error:
        raise ArgumentError(f"{name}: {error}, which {brief(fn)} was to be called with.") from None
    names: list[str] = []
    for p in bound.signature.parameters.values():
        if p.kind is p.VAR_POSITIONAL:
            names += [f"{p.name}[{i}]" for i in range(len(bound.arguments.get(p.name, ())))]
        elif p.kind is not p.KEYWORD_ONLY:
            names.append(p.name)
    return names[: len(args)]


def named(
    recorder: Recorder,
    results: list[Any],
    frame: FrameType | None,
    variables: Mapping[str, Any],
    arguments: Mapping[str, Value] = MappingProxyType({}),
    **options: Any,
) -> Graph:
    """The graph of what was recorded, its values named for the `frame` that asked for it."""
    outputs = [recorder.value(x) for x in results]
    name_all(
        recorder.steps,
        recorder.values,
        recorder.tensors,
        recorder.module_calls.values(),
        variables,
        arguments,
        None if frame is None else SourcePlace(frame.f_code, frame.f_lasti),
    )
    return Graph(recorder.steps, recorder.values, outputs, recorder.tensors, **options)


def variables_of(frame: FrameType) -> dict[str, Any]:
    """The global and local variables of a frame."""
    variables = {**frame.f_globals, **frame.f_locals}
    is_function = frame.f_code.co_flags & inspect.CO_OPTIMIZED
    if is_function and isinstance(frame.f_locals, dict):  # before Python 3.13
        frame.f_locals.clear()  # a copy, which would keep Tensors alive until the function ends
    return variables
