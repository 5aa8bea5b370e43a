"""The backward sweep: from a result to everything it was computed from, each Tensor once.

Tensors are visited from the last made to the first, so that a Tensor's gradient is complete, the
sum over all its uses, before it flows on.
"""

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from . import errors
from .anomaly import check_backward, check_unchanged
from .context import current
from .memory import Changed, Memory
from .ops import fit
from .tensor import Tensor, wrap


def backward(root: Tensor, gradient: Any, create_graph: bool) -> None:
    """Add the gradients of `root` to the `grad` of its leaves."""
    found = sweep(root, gradient, (), create_graph)
    for t, g in found:
        if create_graph:
            t._grad = +g if t._grad is None else t._grad + g
        else:
            t._grad = wrap(own(g) if t._grad is None else np.asarray(t._grad._data + g))


def gradient(
    root: Tensor, tensors: tuple[Tensor, ...], gradient: Any, create_graph: bool
) -> tuple[Tensor, ...]:
    """The gradients of `root` by `tensors`, none written anywhere."""
    found = {id(t): g for t, g in sweep(root, gradient, tensors, create_graph)}
    for t in tensors:
        if id(t) not in found:
            raise errors.not_reached(t)
    if create_graph:
        return tuple(+found[id(t)] for t in tensors)  # a recorded copy: nobody else's memory
    return tuple(wrap(own(found[id(t)])) for t in tensors)


def sweep(
    root: Tensor, seed: Any, wanted: Iterable[Tensor], create_graph: bool
) -> list[tuple[Tensor, Any]]:
    """Run the gradient rules from `root` backwards.

    Returns the leaves, the Tensors that retain their gradient, and those `wanted`, each with its
    gradient: arrays, or with `create_graph` Tensors that remember how they were computed.
    """
    gradients = {id(root): _seed(root, seed, create_graph)}
    frontier = [(-root.index, root)]  # results that a gradient has reached, the last made first
    leaves: list[Tensor] = []
    found: list[tuple[Tensor, Any]] = []
    keep = {id(t) for t in wanted}
    anomaly = current.get().anomaly
    out: Any
    inputs: Sequence[Any]
    while frontier:
        _, t = heappop(frontier)
        g = gradients.pop(id(t))  # complete: whatever uses t was made after it
        if t._keeps_grad or id(t) in keep:
            found.append((t, g))
        if create_graph:
            out, inputs = t, t.inputs
        else:
            g.setflags(False)
            out, inputs = t._data, t._arrays
        if Memory.latest > t.index:
            out, inputs = _changed(t, out, inputs)
        if anomaly:
            check_unchanged(t)
        op, attributes, values = t.op, t.attributes or {}, inputs
        if op.lift is not None:
            g, out, values = op.lift(g, out, inputs, **attributes)
        for position in t._sources:
            rule = op.rule(position)
            if rule is None:  # the gradient is zero
                continue
            x = t.inputs[position]
            try:
                flow = rule(g, out, *values, **attributes)
                if flow.shape != values[position].shape:
                    flow = fit(flow, values[position].shape)
            except (AttributeError, IndexError, TypeError, ValueError) as error:
                if isinstance(error, errors.TinygradError):
                    raise
                raise errors.bad_rule(t, position, g, error) from error
            if values is not inputs:
                flow = flow.reshape(x._data.shape)
            if flow.dtype is not x._data.dtype:
                flow = flow.astype(x._data.dtype)
            if anomaly:
                check_backward(flow, t, position)
            key = id(x)
            if key in gradients:
                gradients[key] = gradients[key] + flow
                continue
            gradients[key] = flow
            if x._sources:
                heappush(frontier, (-x.index, x))
            else:
                leaves.append(x)
    return found + [(leaf, gradients[id(leaf)]) for leaf in leaves]


def own(g: Any) -> np.ndarray:
    """A gradient in memory of its own.

    The sweep locks whatever it hands to a rule. So an array that can be written and is no view
    was made by the last rule, and nobody else has it.
    """
    if type(g) is np.ndarray and g.base is None and g.flags.writeable:
        return g
    return np.array(g, order="C")


def _seed(root: Tensor, seed: Any, create_graph: bool) -> Any:
    """What flows into the sweep."""
    if not root._requires_grad or root.op is None:
        raise errors.without_history(root)
    if seed is None:
        if root.size != 1:
            raise errors.no_single_gradient(root)
        one = root._data.dtype.type(1)
        if not create_graph and root.ndim == 0:
            return one
        seed = one.reshape(root.shape)
    if isinstance(seed, Tensor) and create_graph:
        g: Any = seed
    else:
        g = np.array(seed._data if isinstance(seed, Tensor) else seed, root.dtype)
        g = Tensor(g) if create_graph else g
    if g.shape != root.shape:
        raise errors.wrong_shape("backward", "the gradient must have the Tensor's shape", root, g)
    return g


def _changed(t: Tensor, out: Any, inputs: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
    """The output and inputs of what made `t`, those that were written since replaced."""
    written = [
        isinstance(x, Tensor) and x._memory is not None and x._memory.written > t.index
        for x in (t, *t.inputs)
    ]
    if any(written):
        out = Changed(t, t, -1) if written[0] else out
        inputs = [
            Changed(t.inputs[i], t, i) if is_written else x
            for i, (x, is_written) in enumerate(zip(inputs, written[1:], strict=True))
        ]
    return out, inputs
