"""Where random numbers come from: one generator for all that isn't given its own."""

import numpy as np

from .context import current
from .errors import ArgumentError, OperationError

_generator: "np.random.Generator | None" = None  # made when first needed: numpy.random is heavy


def seed(value: int) -> None:
    """Seed whatever is drawn without an `rng` of its own.

    Parameters
    ----------
    value : int
        At least 0. The same seed and NumPy give the same numbers.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> tl.seed(0)
    >>> a = tl.randn(3)
    >>> tl.seed(0)
    >>> bool((tl.randn(3) == a).all())
    True
    """
    global _generator
    if not isinstance(value, int | np.integer) or value < 0:
        raise ArgumentError(f"seed must be an integer of at least 0, not {value!r}.")
    if (recorder := current.get().recorder) is not None and recorder.compiles:
        raise OperationError(
            "seed: within a compiled function this would happen once, while it is traced, and not "
            "at later calls. Seed before the call."
        )
    _generator = generator(value)


def generator(rng: "np.random.Generator | int | None" = None) -> "np.random.Generator":
    """The generator to draw from: the given one, a new one of a seed, or the common one."""
    global _generator
    if rng is None:
        _generator = np.random.default_rng() if _generator is None else _generator
        return _generator
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, int | np.integer) and rng >= 0:
        return np.random.default_rng(rng)
    raise ArgumentError(
        f"rng must be a numpy.random.Generator, a seed of at least 0, or None, not {rng!r}."
    )
