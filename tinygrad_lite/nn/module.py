"""Parameter, Buffer, and Module: what is trained, what is saved, and what holds both."""

import sys
import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ..context import Call, calls
from ..errors import GradientError, StateError
from ..tensor import Tensor


class Structure:
    """Counts up whenever a module or an optimizer becomes another, but for values.

    A compiled program was made for them as they were: while nothing was changed, it looks at none.
    """

    changes = 0


class Parameter(Tensor):
    """A Tensor that is trained: optimizers find it, also while `requires_grad` is off (frozen).

    Parameters
    ----------
    data : array_like, floating
        Copied.
    requires_grad : bool
        False freezes it.

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> nn.Parameter([0.0, 1.0])
    Parameter([0., 1.], shape=(2,), requires_grad=True)
    """

    __slots__ = ()

    def __init__(
        self,
        data: ArrayLike | Tensor,
        requires_grad: bool = True,
        *,
        dtype: DTypeLike | None = None,
        name: str | None = None,
    ):
        super().__init__(data, requires_grad, dtype=dtype, name=name)


class Buffer(Tensor):
    """A Tensor that is saved with its module, but not trained: a running mean, a mask.

    Examples
    --------
    >>> from tinygrad_lite import nn
    >>> nn.Buffer([0.0])
    Buffer([0.], shape=(1,))
    """

    __slots__ = ()


class Module:
    """Something with parameters that computes: define `forward`, call the module.

    Parameters, buffers and modules are found where you put them: in attributes, and in lists,
    tuples and dicts among the attributes. There is nothing to register, and no
    `super().__init__()` to call. Values for a parameter go into its `data`: only another Parameter
    or Buffer, or None, can take its place (GradientError).

    Attributes
    ----------
    training : bool
        Whether layers such as Dropout are to behave as in training; see `train` and `eval`.

    Examples
    --------
    >>> import tinygrad_lite as tl
    >>> from tinygrad_lite import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         self.factor = nn.Parameter(2.0)
    ...     def forward(self, x):
    ...         return self.factor * x
    >>> Scale()(tl.Tensor([1.0, 2.0]))
    Tensor([2., 4.], shape=(2,), op=multiply)
    """

    training = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes. Every module defines its own."""
        raise AttributeError(f"{type(self).__name__} has no forward(): define what it computes.")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        caller = sys._getframe(1)
        line = caller.f_code, caller.f_lasti
        call = Call(weakref.ref(self), type(self), calls.get(), line)
        token = calls.set(call)
        try:
            return self.forward(*args, **kwargs)
        finally:
            calls.reset(token)

    def __setattr__(self, name: str, value: Any) -> None:
        held = vars(self).get(name)
        if isinstance(held, Parameter | Buffer) and not (
            value is None or isinstance(value, Parameter | Buffer)
        ):
            kind = type(held).__name__
            raise GradientError(
                f"{type(self).__name__}.{name} is a {kind}, and a {type(value).__name__} in its "
                f"place would be lost to parameters() and state_dict(). Write values with "
                f"m.{name}.data = …, or give a new nn.{kind}(…)."
            )
        Structure.changes += 1
        super().__setattr__(name, value)

    # ---- what it holds -----------------------------------------------------------------------

    def named_modules(self) -> Iterator[tuple[str, "Module"]]:
        """This module, as '', and those below it, by path, each once."""
        yield "", self
        for path, member in _members(self):
            if isinstance(member, Module):
                yield path, member

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Paths and Parameters, in the order of their assignment, each once.

        Raises
        ------
        GradientError
            If an attribute is a Tensor that requires a gradient, but no Parameter; or a set of
            modules or Tensors.
        """
        for path, member in _members(self):
            if isinstance(member, Parameter):
                yield path, member
            elif isinstance(member, Tensor) and member._requires_grad and member.op is None:
                raise GradientError(
                    f"{type(self).__name__}.{path} is a Tensor that requires a gradient, but no "
                    f"Parameter, so it wouldn't be trained. Use nn.Parameter(…), or detach it."
                )

    def parameters(self) -> list[Parameter]:
        """What is trained, frozen ones, too."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Paths and Buffers, in the order of their assignment, each once."""
        for path, member in _members(self):
            if isinstance(member, Buffer):
                yield path, member

    # ---- what is done to all of it -----------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Have this module and all below it behave as in training. Returns the module."""
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Have this module and all below it behave as in use. Returns the module."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of all parameters and buffers, by path."""
        return {path: member.numpy() for path, member in self._saved().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy a `state_dict` in: all of it, or if anything doesn't fit, nothing.

        Raises
        ------
        StateError
            Lists what is missing, what is unexpected, and what has the wrong shape or dtype. Or
            says that `state` is no state, or holds it among other things.
        """
        check_state(self, state)
        members = self._saved()
        for key, part in state.items():
            if isinstance(part, dict) and members.keys() & part.keys():
                raise StateError(
                    f"{type(self).__name__}.load_state_dict: the state has {', '.join(state)}: did "
                    f"you mean state[{key!r}]?"
                )
        arrays = {path: np.asarray(value) for path, value in state.items()}
        wrong = [
            f"  missing     {path}  {m.shape}" for path, m in members.items() if path not in arrays
        ]
        wrong += [
            f"  unexpected  {path}  {a.shape}" for path, a in arrays.items() if path not in members
        ]
        for path, member in members.items():
            array = arrays.get(path)
            if array is None:
                continue
            if array.shape != member.shape:
                wrong.append(f"  shape       {path}  is {member.shape} here, {array.shape} there")
            elif not np.can_cast(array.dtype, member.dtype, "same_kind"):
                wrong.append(f"  dtype       {path}  is {member.dtype} here, {array.dtype} there")
        if wrong:
            lines = [f"{type(self).__name__}.load_state_dict: the state doesn't fit:", *wrong]
            raise StateError("\n".join([*lines, "  Nothing was loaded."]))
        for path, member in members.items():
            member.assign(arrays[path])

    def _saved(self) -> dict[str, Tensor]:
        members: dict[str, Tensor] = {}
        for path, member in [*self.named_parameters(), *self.named_buffers()]:
            if path in members:
                raise StateError(
                    f"{type(self).__name__}: two of its Tensors have the path {path}, so that a "
                    "state can't tell them apart. Rename a key of the dict that holds one."
                )
            members[path] = member
        return members

    # ---- how it reads ------------------------------------------------------------------------

    def summary(self) -> str:
        """The module on one line, without what it holds: `Linear(784 → 128)`."""
        return f"{type(self).__name__}()"

    def __repr__(self) -> str:
        rows = []
        for path, member in _members(self):
            if isinstance(member, Module):
                count = sum(p.size for p in member.parameters())
                rows.append((path, member.summary() + (f": {_counted(count)}" if count else "")))
            elif isinstance(member, Parameter | Buffer) and not any(
                path.startswith(f"{above}.") for above, _ in self.named_modules() if above
            ):
                rows.append((path, f"{type(member).__name__} {member.shape}"))
        width = max((len(path) for path, _ in rows), default=0)
        total = sum(p.size for p in self.parameters())
        lines = [f"{self.summary()}: {_counted(total)}"]
        return "\n".join([*lines, *(f"  {path:{width}}  {said}" for path, said in rows)])


def check_state(owner: Any, state: Any) -> None:
    """Refuse what can't be a state at all, such as the path of its file."""
    if not isinstance(state, Mapping):
        raise StateError(
            f"{type(owner).__name__}.load_state_dict takes a state, a dict, not a "
            f"{type(state).__name__}: tl.load(path) reads one from a file."
        )


def _counted(n: int) -> str:
    return f"{n:,} parameter{'' if n == 1 else 's'}"


def _members(root: Module) -> Iterator[tuple[str, Any]]:
    """Paths and Tensors and Modules below `root`, in order, each once, by identity."""
    seen = {id(root)}

    def walk(prefix: str, parts: Iterable[tuple[Any, Any]]) -> Iterator[tuple[str, Any]]:
        for key, value in parts:
            path = f"{prefix}{key}"
            if isinstance(value, set | frozenset) and any(
                isinstance(part, Module | Tensor) for part in value
            ):
                raise GradientError(
                    f"{type(root).__name__}.{path} is a {type(value).__name__} of modules or "
                    "Tensors, which has no order to name or save them in. Use a list."
                )
            if not isinstance(value, Module | Tensor | dict | list | tuple) or id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, Module | Tensor):
                yield path, value
            if isinstance(value, Module):
                yield from walk(f"{path}.", vars(value).items())
            elif isinstance(value, dict):
                yield from walk(f"{path}.", value.items())
            elif isinstance(value, list | tuple):
                yield from walk(f"{path}.", enumerate(value))

    return walk("", vars(root).items())
