"""A function's run on recorded copies of its arguments: what every derivative begins with.

The copies are what keeps nested derivatives apart: an inner one differentiates by copies of its
own, and records how it did so if anything outside may be differentiated by.
"""

from collections.abc import Callable, Sequence
from operator import index
from typing import Any, SupportsIndex

import numpy as np

from . import autodiff
from .context import Switch, current
from .errors import ArgumentError, GradientError, brief
from .nesting import is_leaf, leaves, rebuilt
from .ops.shapes import stack
from .tensor import Tensor, wrap

Function = Callable[..., Any]


class Run:
    """One call of a function, on copies of the arguments to differentiate by.

    Attributes
    ----------
    arguments, copies
        Those arguments, nested as they are; a copy of each of their leaves.
    out, results
        What the function returned; its leaves, as Tensors.
    value, aux
        The same, to be given to the user, and what came along with `has_aux`.
    recorded : bool
        Whether anything but the copies might be differentiated by. If not, derivatives are plain
        numbers, and the value has no history.
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
        positions, self.single = _positions(name, argnums, len(args))
        self.name = name
        self.arguments = [_argument(name, args[position], position) for position in positions]
        recording = current.get().recording
        found = [[x for _, x in leaves(argument)] for argument in self.arguments]
        with Switch(recording=True, deriving=True):
            copies = [[_copy(x, recording) for x in parts] for parts in found]
            given = list(args)
            for position, argument, parts in zip(positions, self.arguments, copies, strict=True):
                given[position] = rebuilt(argument, parts, keep=True)
            out = f(*given, **kwargs)
        if has_aux and not (isinstance(out, tuple) and len(out) == 2):
            raise ArgumentError(
                f"{name}: with has_aux the function must return a pair, (out, aux), not "
                f"{brief(out)}."
            )
        self.copies = [copy for parts in copies for copy in parts]
        self.out, aux = out if has_aux else (out, None)
        self.results = [_as_tensor(x) for _, x in leaves(self.out, frozen=True)]
        if not self.results:
            raise GradientError(
                f"{name}: the function must return floating arrays, not {brief(self.out)}."
            )
        outside = any(isinstance(x, Tensor) and x.requires_grad for parts in found for x in parts)
        self.recorded = recording and (outside or _uses_others(self.results, self.copies))
        self.value = self.nested(map(self._released, self.results), keep=True)
        aux_leaves = [self._released(x) for _, x in leaves(aux)]
        self.aux = rebuilt(aux, aux_leaves, keep=True)

    def number(self) -> Tensor:
        """The result of a function that must return one number."""
        if not is_leaf(self.out) or self.results[0].size != 1:
            shape = f"a Tensor of shape {self.out.shape}" if is_leaf(self.out) else brief(self.out)
            raise GradientError(
                f"{self.name}: the function must return one number, not {shape}. For the "
                "derivative entry by entry use elementwise_grad, for all of them jacobian."
            )
        return self.results[0]

    def nested(self, values: Any, *, keep: bool = False) -> Any:
        """What belongs to the results, nested as the function returned them."""
        return rebuilt(self.out, values, keep=keep, frozen=True)

    def by_argument(self, found: Sequence[Any]) -> Any:
        """What belongs to the copies, nested as the arguments are."""
        values = iter(found)
        nests = tuple(rebuilt(argument, values, keep=False) for argument in self.arguments)
        return nests[0] if self.single else nests

    def gradients(
        self, seeds: Sequence[autodiff.Seed], wanted: Sequence[Tensor] | None = None
    ) -> list[Tensor]:
        """What the seeds give to the copies, or to others that are wanted; zeros to the rest."""
        wanted = self.copies if wanted is None else wanted
        by_seed = any(isinstance(g, Tensor) and g.requires_grad for _, g in seeds)
        recorded = self.recorded or (by_seed and current.get().recording)
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

    def _released(self, x: Any) -> Any:
        return x if self.recorded or getattr(x, "op", None) is None else x.detach()


def pulled(
    seeds: Sequence[autodiff.Seed], wanted: Sequence[Tensor], recorded: bool
) -> list[Tensor | None]:
    """What the seeds, pulled back, give to each Tensor; None if nothing reaches it."""
    merged: dict[int, autodiff.Seed] = {}
    with Switch(recording=recorded or None):
        for root, gradient in seeds:
            if root.op is not None:  # nothing flows on from constants and leaves
                g = autodiff.seed(root, gradient, recorded)
                merged[id(root)] = (root, merged[id(root)][1] + g if id(root) in merged else g)
    return autodiff.gradients(list(merged.values()), wanted, recorded)


def _positions(name: str, argnums: int | Sequence[int], count: int) -> tuple[list[int], bool]:
    """The positions of the arguments to differentiate by; whether one was asked for by itself."""
    single = isinstance(argnums, SupportsIndex)
    try:
        found = [index(n) for n in ((argnums,) if isinstance(argnums, SupportsIndex) else argnums)]
    except TypeError:
        raise ArgumentError(f"{name}: argnums are positions, not {brief(argnums)}.") from None
    for n in found:
        if not -count <= n < count:
            raise ArgumentError(
                f"{name}: there is no argument {n}: {count} were given by position. What is to be "
                "differentiated by must be."
            )
    found = [n % count for n in found]
    if len(set(found)) < len(found):
        raise ArgumentError(f"{name}: argnums={argnums!r} name the same argument twice.")
    return found, single


def _argument(name: str, argument: Any, position: int) -> Any:
    if not any(leaves(argument)):
        raise GradientError(
            f"{name}: argument {position} has nothing to differentiate by: only floating-point "
            f"arrays and numbers have gradients, not {brief(argument)}. Convert it, or close over "
            "it: lambda x: f(x, n)."
        )
    return argument


def _copy(x: Any, recording: bool) -> Tensor:
    """A copy to differentiate by; recorded as one of `x` if that may be asked for, too."""
    if isinstance(x, Tensor) and x.requires_grad and recording:
        return +x
    return +Tensor(x._data if isinstance(x, Tensor) else np.asarray(x), requires_grad=True)


def _as_tensor(x: Any) -> Tensor:
    return x if isinstance(x, Tensor) else Tensor(np.asarray(x))


def _uses_others(results: Sequence[Tensor], copies: Sequence[Tensor]) -> bool:
    """Whether something older than the copies, which requires a gradient, was computed with."""
    first = min(copy.index for copy in copies)
    seen, todo = set(map(id, copies)), list(results)
    while todo:
        t = todo.pop()
        if id(t) in seen:
            continue
        seen.add(id(t))
        if t.requires_grad and t.index < first:
            return True
        todo += [t.inputs[position] for position in t._sources]
    return False
