"""A function's run on recorded copies of its arguments: what every derivative begins with.

The copies are what keeps nested derivatives apart: an inner one differentiates by copies of its
own, and records how it did so if anything outside may be differentiated by.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import autodiff
from .context import Switch, current
from .errors import ArgumentError, GradientError, brief
from .nesting import leaves, rebuilt
from .ops.shapes import stack
from .tensor import Tensor, wrap

Function = Callable[..., Any]


class Run:
    """A function's run on recorded copies of some of its arguments.

    `asked` says whether anything but the copies might be differentiated by; then derivatives are
    recorded. If not, they are plain numbers, and what the function gave has no history.
    """

    def __init__(
        self,
        name: str,
        f: Function,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        argnums: int | Sequence[int],
        has_aux: bool = False,
    ):
        self.out: Any
        self.aux: Any
        self.single = isinstance(argnums, int)
        positions = [argnums] if isinstance(argnums, int) else argnums
        self.arguments = [_argument(name, args, position) for position in positions]
        recording = current.get().recording
        self.copies: list[Tensor] = []
        self.has_aux = has_aux
        given, outside = list(args), False
        with Switch(recording=True):
            for position, argument in zip(positions, self.arguments, strict=True):
                found = [x for _, x in leaves(argument)]
                outside |= any(isinstance(x, Tensor) and x.requires_grad for x in found)
                copies = [_copy(x, recording) for x in found]
                given[position] = rebuilt(argument, copies, keep=True)
                self.copies += copies
            out = f(*given, **kwargs)
        if has_aux and not (isinstance(out, tuple) and len(out) == 2):
            raise ArgumentError(
                f"{name}: with has_aux the function must return a pair, (out, aux), not "
                f"{brief(out)}."
            )
        self.out, self.aux = out if has_aux else (out, None)
        self.results = [x if isinstance(x, Tensor) else Tensor(x) for _, x in leaves(self.out)]
        if not self.results:
            raise GradientError(
                f"{name}: the function must return floating arrays, not {brief(self.out)}."
            )
        self.asked = recording and (outside or _uses_others(self.results, self.copies))

    def value(self) -> Any:
        """What the function gave; with `has_aux` the pair."""
        out = rebuilt(self.out, map(self._released, self.results), keep=True)
        if not self.has_aux:
            return out
        aux = [self._released(x) for _, x in leaves(self.aux)]
        return out, rebuilt(self.aux, aux, keep=True)

    def _released(self, x: Any) -> Any:
        return x if self.asked or getattr(x, "op", None) is None else x.detach()

    def gradients(
        self, seeds: Sequence[autodiff.Seed], wanted: Sequence[Tensor] | None = None
    ) -> list[Tensor]:
        """What the seeds give to the copies, or to others that are wanted; zeros to the rest."""
        wanted = self.copies if wanted is None else wanted
        by_seed = any(isinstance(g, Tensor) and g.requires_grad for _, g in seeds)
        recorded = self.asked or (by_seed and current.get().recording)
        return [
            wrap(np.zeros(x.shape, x.dtype)) if g is None else g
            for x, g in zip(wanted, pulled(seeds, wanted, recorded), strict=True)
        ]

    def rows(self, result: Tensor) -> list[Tensor]:
        """For each copy the derivatives of each entry of `result` by it."""
        ones = np.eye(result.size, dtype=result.dtype).reshape(result.size, *result.shape)
        rows = [self.gradients([(result, one)]) for one in ones]
        if not rows:
            return [wrap(np.zeros(result.shape + x.shape, x.dtype)) for x in self.copies]
        return [
            stack(parts).reshape(result.shape + x.shape)
            for x, *parts in zip(self.copies, *rows, strict=True)
        ]

    def by_argument(self, found: Sequence[Any]) -> Any:
        """What belongs to the leaves of the arguments, nested as they are."""
        values = iter(found)
        nests = tuple(rebuilt(argument, values, keep=False) for argument in self.arguments)
        return nests[0] if self.single else nests


def pulled(
    seeds: Sequence[autodiff.Seed], wanted: Sequence[Tensor], recorded: bool
) -> list[Tensor | None]:
    """What the seeds, pulled back, give to each Tensor; None if nothing reaches it."""
    merged: dict[int, autodiff.Seed] = {}
    with Switch(recording=recorded or None):
        for root, gradient in seeds:
            if root.requires_grad:
                g = autodiff.seed(root, gradient, recorded)
                merged[id(root)] = (root, merged[id(root)][1] + g if id(root) in merged else g)
    return autodiff.gradients(list(merged.values()), wanted, recorded)


def _argument(name: str, args: Sequence[Any], position: int) -> Any:
    if not isinstance(position, int) or not -len(args) <= position < len(args):
        raise ArgumentError(f"{name}: there is no argument {position!r}: {len(args)} were given.")
    argument = args[position]
    if not any(leaves(argument)):
        raise GradientError(
            f"{name}: argument {position} has nothing to differentiate by: only floating-point "
            f"arrays and numbers have gradients, not {brief(argument)}."
        )
    return argument


def _copy(x: Any, recording: bool) -> Tensor:
    """A copy to differentiate by; recorded as one of `x` if that may be asked for, too."""
    if isinstance(x, Tensor) and x.requires_grad and recording:
        return +x
    array = x.data if isinstance(x, Tensor) else np.asarray(x)
    return +Tensor(array, requires_grad=True)


def _uses_others(results: Sequence[Tensor], copies: Sequence[Tensor]) -> bool:
    """Whether anything that requires a gradient, besides the copies, was computed with."""
    seen, todo = set(map(id, copies)), list(results)
    while todo:
        t = todo.pop()
        if id(t) in seen:
            continue
        seen.add(id(t))
        if t.requires_grad and t.op is None:
            return True
        todo += [t.inputs[position] for position in t._sources]
    return False
