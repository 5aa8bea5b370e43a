"""Learning rates that change over time: call `step()` after each epoch, or each batch."""

import math
from collections.abc import Mapping
from typing import Any

from ...context import current
from ...errors import ArgumentError, StateError
from ..module import check_state
from .optimizer import Optimizer, is_count, is_number


class Schedule:
    """Sets `optimizer.lr` to `rate(count)`, where `count` grows by one with each `step`.

    A subclass defines `rate`.

    Parameters
    ----------
    optimizer : Optimizer
        Its learning rate now is the schedule's `base`.

    Attributes
    ----------
    base : float
    count : int

    Raises
    ------
    ArgumentError
        If `optimizer` is none.

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> class Halves(nn.optim.Schedule):
    ...     def rate(self, count):
    ...         return self.base / 2 ** count
    >>> optimizer = nn.optim.SGD([nn.Parameter([0.0])], lr=1.0)
    >>> schedule = Halves(optimizer)
    >>> schedule.step()
    >>> optimizer.lr
    0.5
    """

    def __init__(self, optimizer: Optimizer):
        if not isinstance(optimizer, Optimizer):
            raise ArgumentError(
                f"{type(self).__name__}: give the optimizer first, not {optimizer!r}."
            )
        self.optimizer = optimizer
        self.base = optimizer.lr
        self.count = 0
        optimizer.lr = self.rate(0)

    def rate(self, count: int) -> float:
        """The learning rate after `count` steps."""
        raise AttributeError(f"{type(self).__name__} has no rate(): define the learning rate.")

    def step(self) -> None:
        """One step on."""
        self.count += 1
        self.optimizer.lr = self.rate(self.count)
        if (recorder := current.get().recorder) is not None:
            recorder.scheduled(self)

    def state_dict(self) -> dict[str, Any]:
        """What a later run needs to go on."""
        return {"base": self.base, "count": self.count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`; all of it is taken, or nothing.

        Raises
        ------
        StateError
            If it isn't one of a schedule.
        """
        self._check(state)
        self.base, self.count = float(state["base"]), int(state["count"])
        self.optimizer.lr = self.rate(self.count)

    def _check(self, state: Mapping[str, Any]) -> None:
        check_state(self, state)
        name = f"{type(self).__name__}.load_state_dict"
        missing = set(self.state_dict()) - set(state)
        if missing:
            raise StateError(f"{name}: missing {', '.join(sorted(missing))}.")
        base, count = state["base"], state["count"]
        if not is_number(base):
            raise StateError(f"{name}: base must be a number of at least 0, not {base!r}.")
        if not is_count(count):
            raise StateError(f"{name}: count must be an integer of at least 0, not {count!r}.")


class StepLR(Schedule):
    """Times `gamma` every `step_size` steps.

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> optimizer = nn.optim.SGD([nn.Parameter([0.0])], lr=1.0)
    >>> schedule = nn.optim.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> [schedule.rate(count) for count in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1):
        self.step_size = _positive("StepLR", "step_size", step_size)
        self.gamma = gamma
        super().__init__(optimizer)

    def rate(self, count: int) -> float:
        return self.base * self.gamma ** (count // self.step_size)


class ExponentialLR(Schedule):
    """Times `gamma` every step.

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> optimizer = nn.optim.SGD([nn.Parameter([0.0])], lr=1.0)
    >>> schedule = nn.optim.ExponentialLR(optimizer, gamma=0.5)
    >>> [schedule.rate(count) for count in range(3)]
    [1.0, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, gamma: float):
        self.gamma = gamma
        super().__init__(optimizer)

    def rate(self, count: int) -> float:
        return self.base * self.gamma**count


class CosineAnnealingLR(Schedule):
    """Half a wave of a cosine from the base to `eta_min` in `T_max` steps [1]_; there it stays.

    References
    ----------
    .. [1] Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> optimizer = nn.optim.SGD([nn.Parameter([0.0])], lr=1.0)
    >>> schedule = nn.optim.CosineAnnealingLR(optimizer, T_max=4)
    >>> [round(schedule.rate(count), 3) for count in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0):
        self.T_max = _positive("CosineAnnealingLR", "T_max", T_max)
        self.eta_min = eta_min
        super().__init__(optimizer)

    def rate(self, count: int) -> float:
        wave = (1 + math.cos(math.pi * min(count, self.T_max) / self.T_max)) / 2
        return self.eta_min + (self.base - self.eta_min) * wave


class LinearWarmup(Schedule):
    """From `start_factor` times the base up to it, in `steps` even steps; then another schedule.

    Parameters
    ----------
    schedule : Schedule or Optimizer
        What follows, counted from the end of the warm-up; after an Optimizer the rate stays.
    steps : int
    start_factor : float
        In (0, 1].

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> optimizer = nn.optim.SGD([nn.Parameter([0.0])], lr=1.0)
    >>> cosine = nn.optim.CosineAnnealingLR(optimizer, T_max=2)
    >>> schedule = nn.optim.LinearWarmup(cosine, steps=2, start_factor=0.5)
    >>> [schedule.rate(count) for count in range(5)]
    [0.5, 0.75, 1.0, 0.5, 0.0]
    """

    def __init__(self, schedule: Schedule | Optimizer, steps: int, start_factor: float = 1 / 3):
        self.after = schedule if isinstance(schedule, Schedule) else None
        self.warmup = _positive("LinearWarmup", "steps", steps)
        if not 0 < start_factor <= 1:
            raise ArgumentError(
                f"LinearWarmup: start_factor must be in (0, 1], not {start_factor!r}."
            )
        self.start_factor = start_factor
        optimizer = schedule.optimizer if isinstance(schedule, Schedule) else schedule
        if self.after is not None:
            optimizer.lr = self.after.base
        super().__init__(optimizer)

    def state_dict(self) -> dict[str, Any]:
        after = {} if self.after is None else {"after": self.after.state_dict()}
        return {**super().state_dict(), **after}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._check(state)  # before the schedule that follows takes its part
        if self.after is not None:
            self.after.load_state_dict(state["after"])
        super().load_state_dict(state)

    def rate(self, count: int) -> float:
        if count < self.warmup:
            share = count / self.warmup
            return self.base * (self.start_factor + (1 - self.start_factor) * share)
        return self.base if self.after is None else self.after.rate(count - self.warmup)


def _positive(kind: str, name: str, value: int) -> int:
    if not is_count(value) or value < 1:
        raise ArgumentError(f"{kind}: {name} must be an integer of at least 1, not {value!r}.")
    return int(value)
