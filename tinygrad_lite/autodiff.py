"""The backward sweep: from a result to everything it was computed from, each Tensor once.

Tensors are visited from the last made to the first, so that a Tensor's gradient is complete, the
sum over all its uses, before it flows on.
"""

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from operator import attrgetter
from threading import Lock
from typing import Any

import numpy as np

from . import errors, refusals, rule_errors
from .anomaly import check_backward, check_unchanged
from .context import Switch, current
from .memory import Changed, Memory
from .ops import fit
from .tensor import Tensor, wrap

Seed = tuple[Tensor, Any]  # a result, and the gradient that flows into it from beyond
_adding = Lock()  # to `grad`, where threads may share a leaf


def backward(root: Tensor, gradient: Any, create_graph: bool) -> None:
    """Add the gradients of `root` to the `grad` of its leaves."""
    seeds = [(root, seed(root, gradient, create_graph))]
    if create_graph:
        with Switch(recording=True):
            for t, g in sweep(seeds, (), create_graph):
                t._grad = +g if t._grad is None else t._grad + g
        return
    for t, g in sweep(seeds, (), create_graph):
        if t._requires_grad:  # it may have been frozen since the forward pass
            with _adding:
                t._grad = handed_out(t, g, t._grad)


def gradient(
    root: Tensor, tensors: tuple[Tensor, ...], gradient: Any, create_graph: bool
) -> tuple[Tensor, ...]:
    """The gradients of `root` by `tensors`, none written anywhere."""
    for t in tensors:
        if not isinstance(t, Tensor):
            raise refusals.not_reached(t)
    found = gradients([(root, seed(root, gradient, create_graph))], tensors, create_graph)
    for t, g in zip(tensors, found, strict=True):
        if g is None:
            raise refusals.not_reached(t)
    return tuple(g for g in found if g is not None)


def gradients(
    seeds: Sequence[Seed], tensors: Sequence[Tensor], create_graph: bool
) -> list[Tensor | None]:
    """What `seeds`, flowing in, give to each of `tensors`; None if nothing reaches it."""
    with Switch(recording=create_graph or None):
        found = {id(t): g for t, g in sweep(seeds, tensors, create_graph)}
        if create_graph:  # recorded copies: nobody else's memory
            return [+found[id(t)] if id(t) in found else None for t in tensors]
        return [handed_out(t, found[id(t)], None) if id(t) in found else None for t in tensors]


def sweep(
    seeds: Sequence[Seed], wanted: Sequence[Tensor], create_graph: bool
) -> list[tuple[Tensor, Any]]:
    """Run the gradient rules from results backwards, to the Tensors that are wanted, or to all.

    Returns the leaves, the Tensors that retain their gradient, and those `wanted`, each with its
    gradient: arrays, or with `create_graph` Tensors that remember how they were computed.
    """
    if not create_graph and (recorder := current.get().recorder) is not None:
        recorder.swept(seeds)
    gradients: dict[int, Any] = {}
    frontier: list[tuple[int, Tensor]] = []  # results that a gradient has reached
    for root, g in seeds:
        gradients[id(root)] = g
        heappush(frontier, (-root.index, root))  # the last made first
    leaves: list[Tensor] = []
    found: list[tuple[Tensor, Any]] = []
    keep = {id(t) for t in wanted}
    useful = leading_to(wanted, [root for root, _ in seeds]) if wanted else None
    while frontier:
        _, t = heappop(frontier)
        g = gradients.pop(id(t))  # complete: whatever uses t was made after it
        if t._keeps_grad or id(t) in keep:
            found.append((t, g))
        for x, flow in flows(t, g, useful, create_graph):
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


def flows(
    t: Tensor, g: Any, useful: set[int] | None, create_graph: bool
) -> Iterator[tuple[Tensor, Any]]:
    """What flows from the gradient of a result to each of its inputs, in their shape and dtype."""
    out: Any = t
    inputs: Sequence[Any] = t.inputs
    if not create_graph:
        g.setflags(False)  # so that no rule can change what others are given, too; see `own`
        out, inputs = t._data, t._arrays
    op, attributes = t.op, t.attributes or {}
    if Memory.latest > t.index:
        out, inputs = _changed(t, out, inputs)
    state = current.get()
    if state.anomaly:
        check_unchanged(t)
    lifted, position = inputs, t._sources[0]  # lifted: as the rules are written for
    try:
        if op.lift is not None:
            g, out, lifted = op.lift(g, out, inputs, **attributes)
        for position in t._sources:
            x = t.inputs[position]
            if useful is not None and id(x) not in useful:
                continue
            flow = op.rule(position)(g, out, *lifted, **attributes)
            if not op.trusted:
                flow = copied(flow, create_graph, g, lifted[position])
            given = flow
            if flow.shape != lifted[position].shape:
                flow = fit(flow, lifted[position].shape)
            if lifted is not inputs:
                flow = flow.reshape(x._data.shape)
            if flow.dtype is not x._data.dtype:
                flow = flow.astype(x._data.dtype)
            if state.anomaly:
                check_backward(flow, t, position, g)
            if state.recorder is not None and not create_graph:
                state.recorder.flowed(t, position, given, lifted[position], flow)
            yield x, flow
    except (AttributeError, IndexError, TypeError, ValueError, errors.TinygradError) as error:
        if rule_errors.tells_enough(error, op, create_graph):
            raise
        raise rule_errors.bad_rule(t, position, create_graph, error) from error


def leading_to(wanted: Sequence[Tensor], roots: Sequence[Tensor]) -> set[int]:
    """The Tensors, by identity, whose gradients are needed for those of `wanted`."""
    oldest = min(t.index for t in wanted)  # what was made before leads to none
    reached, seen = list(roots), set(map(id, roots))
    for t in reached:  # grows on the way
        for position in t._sources:
            x = t.inputs[position]
            if id(x) not in seen and x.index >= oldest:
                seen.add(id(x))
                reached.append(x)
    useful = set(map(id, wanted))
    for t in sorted(reached, key=attrgetter("index")):
        if any(id(t.inputs[position]) in useful for position in t._sources):
            useful.add(id(t))
    return useful


def copied(flow: Any, create_graph: bool, g: Any, x: Any) -> Any:
    """What a rule of the user's returned for the input `x`, in memory that the user hasn't."""
    rule_errors.refuse(flow, g, x)
    if isinstance(flow, Tensor):
        return flow
    return Tensor(flow) if create_graph else np.array(flow)


def handed_out(t: Tensor, g: Any, before: Tensor | None) -> Tensor:
    """The gradient of `t` as a Tensor, added to the one that there was before."""
    gradient = wrap(own(g) if before is None else np.asarray(before._data + g))
    if (recorder := current.get().recorder) is not None:
        recorder.kept(t, gradient, before)
    return gradient


def own(g: Any) -> np.ndarray:
    """A gradient in memory of its own.

    The sweep locks whatever it hands to a rule. So an array that can be written and is no view
    was made by the last rule, and nobody else has it.
    """
    if type(g) is np.ndarray and g.base is None and g.flags.writeable:
        return g
    return np.array(g, order="C")


def seed(root: Tensor, gradient: Any, create_graph: bool) -> Any:
    """What flows into the sweep at `root`: by default 1, into a single entry."""
    if not root._requires_grad or root.op is None:
        raise refusals.without_history(root)
    if gradient is None:
        if root.size != 1:
            raise refusals.no_single_gradient(root)
        one = root._data.dtype.type(1)
        if not create_graph and root.ndim == 0:
            return one
        gradient = one.reshape(root.shape)
    if not create_graph:  # a view that rules can't write to, and `own` copies where it must
        g: Any = np.asarray(getattr(gradient, "_data", gradient), root.dtype).view()
    else:
        g = gradient if isinstance(gradient, Tensor) else Tensor(np.array(gradient, root.dtype))
    if g.shape != root.shape:
        raise refusals.wrong_shape("backward", "the gradient must have the Tensor's shape", root, g)
    if (recorder := current.get().recorder) is not None:
        g = recorder.seeded(g, gradient)
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
