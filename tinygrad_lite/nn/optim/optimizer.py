"""What all optimizers share: their parameters, their state, and how a step writes."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from ...context import current, place
from ...errors import ArgumentError, GradientError, StateError
from ...tensor import Tensor
from ..module import Structure, check_state


class Optimizer:
    """Updates parameters by their gradients; a subclass says how, in `update`.

    Parameters
    ----------
    parameters : iterable of Tensor
        Leaves; each once.
    lr : float
        The learning rate, at least 0. Change it as you like: `optimizer.lr = 0.01`.

    Attributes
    ----------
    steps : int
        How many steps were taken.
    state : list of dict of str to ndarray or int
        What is remembered for each parameter, in their order: arrays of its shape, and counts.
    remembered : dict of str to type, of the class
        What a parameter's state must have once there is any: np.ndarray, or int for a count.

    Raises
    ------
    ArgumentError
        If there is no parameter, one is given twice, or isn't a leaf; or if `lr` is negative.

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> class SignDescent(nn.optim.Optimizer):
    ...     def update(self, parameter, gradient, state):
    ...         parameter -= self.lr * np.sign(gradient)
    >>> import numpy as np
    >>> w = nn.Parameter([2.0, -3.0])
    >>> optimizer = SignDescent([w], lr=0.5)
    >>> (w ** 2).sum().backward()
    >>> optimizer.step()
    >>> w
    Parameter([ 1.5, -2.5], shape=(2,), requires_grad=True)
    """

    remembered: ClassVar[dict[str, type]] = {}

    def __init__(self, parameters: Iterable[Tensor], lr: float):
        name = type(self).__name__
        if isinstance(parameters, Tensor):
            parameters = [parameters]
        if not isinstance(parameters, Iterable):
            raise ArgumentError(
                f"{name}: give model.parameters(), not {type(parameters).__name__}."
            )
        self.parameters = list(parameters)
        if not self.parameters:
            raise ArgumentError(
                f"{name}: there are no parameters to train. Is it model.parameters(), and does "
                "the model keep its layers and Parameters in attributes?"
            )
        for i, p in enumerate(self.parameters):
            if not isinstance(p, Tensor) or p.op is not None:
                raise ArgumentError(
                    f"{name}: parameter {i} must be a leaf Tensor, such as a Parameter, not {p!r}."
                )
            first = next(j for j, other in enumerate(self.parameters) if other is p)
            if first != i:
                raise ArgumentError(
                    f"{name}: the same parameter is given twice, as number {first} and {i}, of "
                    f"shape {p.shape}; it would take two steps at once. Give each once."
                )
        self.lr = lr
        self.steps = 0
        self.state: list[dict[str, Any]] = [{} for _ in self.parameters]

    def __repr__(self) -> str:
        count = len(self.parameters)
        return f"{type(self).__name__}(lr={self.lr}, {count} parameter{'' if count == 1 else 's'})"

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("_lr", "lr", "steps"):
            Structure.changes += 1
        super().__setattr__(name, value)

    @property
    def lr(self) -> float:
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = float(self.checked("lr", value, is_number(value), "a number of at least 0"))

    def checked(self, name: str, value: Any, good: bool, expected: str) -> Any:
        """`value`, if it is `good`; else an error that says what was expected."""
        if not good:
            raise ArgumentError(f"{type(self).__name__}: {name} must be {expected}, not {value!r}.")
        return value

    def zero_grad(self) -> None:
        """Forget the gradients of the parameters."""
        for parameter in self.parameters:
            parameter._grad = None

    def step(self) -> None:
        """Update each parameter that has a gradient.

        Raises
        ------
        GradientError
            If none has one: `backward` wasn't called.
        """
        where, recorder = place(2), current.get().recorder
        self.steps += 1
        trained = 0
        for parameter, state in zip(self.parameters, self.state, strict=True):
            gradient = parameter._grad
            if gradient is None or not parameter._requires_grad:
                continue
            trained += 1
            try:
                self.update(parameter._unlock(), gradient._data, state)
            finally:
                parameter._lock(where)
            if recorder is not None:
                recorder.wrote(parameter, self, gradient)
        if not trained:
            self.steps -= 1
            raise GradientError(
                f"{type(self).__name__}.step: none of the {len(self.parameters)} parameters has a "
                "gradient. Call loss.backward() first, and zero_grad() not between the two."
            )

    def update(self, parameter: np.ndarray, gradient: np.ndarray, state: dict[str, Any]) -> None:
        """Change one parameter's array in place, by its gradient; `state` is its memory."""
        raise AttributeError(f"{type(self).__name__} has no update(): define what a step does.")

    def state_dict(self) -> dict[str, Any]:
        """Copies of what changes in a run: learning rate, steps, and state.

        Other options, such as betas, aren't among it: give them again.
        """
        state = [
            {key: v.copy() if isinstance(v, np.ndarray) else v for key, v in entry.items()}
            for entry in self.state
        ]
        kind = type(self).__name__
        return {"kind": kind, "lr": self.lr, "steps": self.steps, "state": state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`; all of it is taken, or nothing.

        Raises
        ------
        StateError
            If it is of another kind of optimizer, or of other parameters, or isn't whole.
        ArgumentError
            If its learning rate is none.
        """
        check_state(self, state)
        name = type(self).__name__
        missing = {"kind", "lr", "steps", "state"} - set(state)
        if missing:
            meant = [k for k, v in state.items() if isinstance(v, dict) and "kind" in v]
            mend = f" Did you mean state[{meant[0]!r}]?" if meant else ""
            raise StateError(f"{name}.load_state_dict: missing {', '.join(sorted(missing))}.{mend}")
        if state["kind"] != name:
            raise StateError(f"{name}.load_state_dict: the state is of {state['kind']}.")
        if not is_count(state["steps"]):
            raise StateError(
                f"{name}.load_state_dict: steps must be an integer of at least 0, not "
                f"{state['steps']!r}."
            )
        if not isinstance(state["state"], list | tuple):
            raise StateError(
                f"{name}.load_state_dict: state must be a list, not {state['state']!r}."
            )
        if len(state["state"]) != len(self.parameters):
            raise StateError(
                f"{name}.load_state_dict: the state is of {len(state['state'])} parameters, this "
                f"optimizer has {len(self.parameters)}."
            )
        pairs = zip(state["state"], self.parameters, strict=True)
        entries = [self._entry(i, entry, p) for i, (entry, p) in enumerate(pairs)]
        self.lr = state["lr"]  # the last that may be refused
        self.steps = int(state["steps"])
        for entry, loaded in zip(self.state, entries, strict=True):
            _fill(entry, loaded)

    def _entry(self, i: int, entry: Any, p: Tensor) -> dict[str, Any]:
        """A copy of what a state remembers for parameter i, if it fits."""
        name = f"{type(self).__name__}.load_state_dict"
        if not isinstance(entry, dict):
            raise StateError(f"{name}: the state of parameter {i} must be a dict, not {entry!r}.")
        if entry and not self.remembered.keys() <= entry.keys():
            raise StateError(
                f"{name}: the state of parameter {i} has {', '.join(sorted(entry))}, but must have "
                f"{', '.join(sorted(self.remembered))}."
            )
        copied: dict[str, Any] = {}
        for key, value in entry.items():
            count = isinstance(value, int | np.integer)
            kind = self.remembered.get(key, int if count else np.ndarray)
            if kind is int and not is_count(value):
                raise StateError(
                    f"{name}: {key} of parameter {i} must be an integer of at least 0, not "
                    f"{value!r}."
                )
            if kind is int:
                copied[key] = int(value)
                continue
            if count:
                raise StateError(f"{name}: {key} of parameter {i} must be an array, not {value!r}.")
            if np.shape(value) != p.shape:
                raise StateError(
                    f"{name}: {key} of parameter {i} has shape {np.shape(value)}, the parameter "
                    f"{p.shape}."
                )
            copied[key] = np.array(value)
            if not np.can_cast(copied[key].dtype, p.dtype, "same_kind"):
                raise StateError(
                    f"{name}: {key} of parameter {i} must be an array of numbers, not "
                    f"{copied[key].dtype}."
                )
        return copied


def is_number(value: Any, below: float = np.inf) -> bool:
    """Whether it is a real number of at least 0, less than `below`."""
    return isinstance(value, int | float | np.integer | np.floating) and bool(0 <= value < below)


def is_count(value: Any) -> bool:
    """Whether it is an integer of at least 0."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 0)


def _fill(entry: dict[str, Any], loaded: dict[str, Any]) -> None:
    """Make an entry of the state another; arrays stay where they are, as programs know them."""
    for key, x in loaded.items():
        known = entry.get(key)
        if isinstance(known, np.ndarray) and isinstance(x, np.ndarray) and known.dtype == x.dtype:
            known[...] = x
        else:
            entry[key] = x
    for key in entry.keys() - loaded.keys():
        del entry[key]
