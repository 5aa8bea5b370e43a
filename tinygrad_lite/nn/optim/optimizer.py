"""What all optimizers share: their parameters, their state, and how a step writes."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...context import place
from ...errors import ArgumentError, GradientError, StateError
from ...tensor import Tensor


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
    state : list of dict of str to ndarray
        What is remembered for each parameter, in their order.

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
        self.state: list[dict[str, np.ndarray]] = [{} for _ in self.parameters]

    @property
    def lr(self) -> float:
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        good = isinstance(value, int | float | np.number) and 0 <= value < np.inf
        self._lr = float(self.checked("lr", value, bool(good), "a number of at least 0"))

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
        where = place(2)
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
        if not trained:
            self.steps -= 1
            raise GradientError(
                f"{type(self).__name__}.step: none of the {len(self.parameters)} parameters has a "
                "gradient. Call loss.backward() first, and zero_grad() only after the step."
            )

    def update(self, parameter: np.ndarray, gradient: np.ndarray, state: dict[str, Any]) -> None:
        """Change one parameter's array in place, by its gradient; `state` is its memory."""
        raise AttributeError(f"{type(self).__name__} has no update(): define what a step does.")

    def state_dict(self) -> dict[str, Any]:
        """Copies of all that a later run needs to go on: learning rate, steps, and state."""
        state = [{key: array.copy() for key, array in entry.items()} for entry in self.state]
        kind = type(self).__name__
        return {"kind": kind, "lr": self.lr, "steps": self.steps, "state": state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`; all of it is taken, or nothing.

        Raises
        ------
        StateError
            If it is of another kind of optimizer, or of other parameters.
        """
        name = type(self).__name__
        missing = {"kind", "lr", "steps", "state"} - set(state)
        if missing:
            raise StateError(f"{name}.load_state_dict: missing {', '.join(sorted(missing))}.")
        if state["kind"] != name:
            raise StateError(f"{name}.load_state_dict: the state is of {state['kind']}.")
        if len(state["state"]) != len(self.parameters):
            raise StateError(
                f"{name}.load_state_dict: the state is of {len(state['state'])} parameters, this "
                f"optimizer has {len(self.parameters)}."
            )
        for i, (entry, p) in enumerate(zip(state["state"], self.parameters, strict=True)):
            for key, array in entry.items():
                if np.shape(array) != p.shape:
                    raise StateError(
                        f"{name}.load_state_dict: {key} of parameter {i} has shape "
                        f"{np.shape(array)}, the parameter {p.shape}."
                    )
        self.lr, self.steps = state["lr"], int(state["steps"])
        self.state = [{k: np.array(a) for k, a in entry.items()} for entry in state["state"]]
