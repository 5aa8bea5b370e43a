"""A compiled function beside the eager one, at each call: `compile(fn, check=True)`."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..context import Place
from ..errors import OperationError, called
from ..nesting import mapped
from ..random import generator
from ..tensor import Tensor
from .joining import writable
from .version import Version

TOLERANCE = {"d": 1e-10, "f": 1e-4, "e": 1e-2}  # of the largest entry; by the dtype's letter


def compared(
    version: Version, fn: Callable[[], Any], arrays: Sequence[Any], where: Place, exact: bool
) -> Any:
    """Run the program, and then the function itself from where that began; what this returns.

    Raises
    ------
    OperationError
        If the two differ: names the first thing that does, and by how much.
    """
    before = _Moment(version)
    found = version.run(arrays, where)
    after = _Moment(version)
    before.restore()
    returned = fn()
    if found is not None:
        _compare(version, [*_named(found[0])], [*_named(returned)], exact)
        _compare(version, [*after.arrays()], [*_Moment(version).arrays()], exact)
    return returned


class _Moment:
    """All that a step may change, as it is now."""

    def __init__(self, version: Version):
        self.version = version
        self.leaves = [(t, t._data.copy()) for t in version.leaves]
        self.state = [
            (o, o.steps, o._lr, [_copied(entry) for entry in o.state]) for o in version.optimizers
        ]
        self.schedules = [(s, s.count) for s in (*version.earlier, *version.later)]
        rngs = [generator(rng) for rng in version.generators]
        self.rngs = [(rng, rng.bit_generator.state) for rng in rngs]
        self.gradients = [(t, t._grad) for t in version.leaves]

    def restore(self) -> None:
        for t, array in self.leaves:
            if not np.array_equal(t._data, array):
                np.copyto(writable(t._data), array)
        for optimizer, steps, lr, state in self.state:
            optimizer.steps, optimizer._lr = steps, lr
            for entry, saved in zip(optimizer.state, state, strict=True):
                for key, x in saved.items():
                    if isinstance(x, np.ndarray):
                        np.copyto(entry[key], x)
                    else:
                        entry[key] = x
        for schedule, count in self.schedules:
            schedule.count = count
        for rng, drawn in self.rngs:
            rng.bit_generator.state = drawn
        for t, g in self.gradients:
            t._grad = g

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        for i, (t, array) in enumerate(self.leaves):
            yield called(t, f"leaf {i}"), array
        for optimizer, _, _, state in self.state:
            for i, entry in enumerate(state):
                for key, x in entry.items():
                    yield f"{type(optimizer).__name__}.state[{i}][{key!r}]", np.asarray(x)


def _copied(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: x.copy() if isinstance(x, np.ndarray) else x for key, x in entry.items()}


def _named(nest: Any) -> Iterator[tuple[str, np.ndarray]]:
    found: list[tuple[str, np.ndarray]] = []
    mapped(
        nest,
        lambda x, path: found.append((f"result{path}", x._data)) if isinstance(x, Tensor) else None,
        "",
    )
    yield from found


def _compare(version: Version, ours: list[Any], theirs: list[Any], exact: bool) -> None:
    for (name, x), (_, y) in zip(ours, theirs, strict=True):
        if np.array_equal(x, y, equal_nan=x.dtype.kind == "f"):
            continue
        allowed = 0.0 if exact else TOLERANCE.get(x.dtype.char, 0.0)
        size = float(np.max(np.abs(y), initial=0, where=np.isfinite(y)))
        others = ~((x == y) | ((x != x) & (y != y)))
        gap = float(np.max(np.abs(np.subtract(x[others], y[others], dtype=np.float64))))
        if not gap <= allowed * size:
            raise OperationError(
                f"compile: {name} differs from what {version.written.name} gives eagerly, by "
                f"{gap:.3g} where its largest entry is {size:.3g}. Please report it, with "
                "step.source; compile(fn, passes=()) may do without the pass that is wrong."
            )
