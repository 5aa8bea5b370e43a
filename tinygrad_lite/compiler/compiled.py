"""What users see of the compiler: `compile`, and the step that it gives."""

import sys
from collections.abc import Callable, Iterable
from functools import partial
from threading import RLock
from types import MethodType
from typing import Any

import numpy as np

from ..context import State, current
from ..errors import ArgumentError, GradientError, OperationError, brief
from ..graphs import Graph
from ..memory import ReadOnlyArray
from ..nesting import mapped
from ..nn import Module
from ..tensor import Tensor
from .comparing import compared
from .memory import MemoryTable
from .passes import PASSES
from .version import Options, Version
from .warning import warn_of_failure, warn_of_many


def compile(
    fn: Callable[..., Any] | None = None,
    *,
    exact: bool = False,
    grads: bool = False,
    check: bool = False,
    passes: Iterable[str] | None = None,
) -> Any:
    """Turn a function, such as a whole training step, into one short NumPy program.

    Parameters
    ----------
    fn : callable
        Takes arrays, Tensors, and tuples, lists and dicts of them; returns Tensors, nested
        likewise. It may run `backward`, `tl.grad` and optimizers. Without it, `compile` with its
        options is a decorator, also of methods.
    exact : bool
        Whether to leave out the passes that change the last bits: the program then gives what `fn`
        gives, bit for bit.
    grads : bool
        Whether leaves are to have their `grad` after a call. Without it, that is None then.
    check : bool
        Whether to run `fn` itself beside the program at each call, and to compare.
    passes : iterable of str, optional
        The names of the passes that are to make the program better; by default all, see
        `tl.compiler.PASSES`.

    Returns
    -------
    Compiled
        Called like `fn`. The first call with new shapes and dtypes runs `fn` itself, and makes a
        program of what it did; later ones run the program.

    Raises
    ------
    OperationError
        At the first call, if a value leaves the computation unseen, as by `loss.item()` or
        `if loss > 1`; if a shape depends on values; if something can't be written as calls of
        NumPy. It names the line.

    Notes
    -----
    Parameters, learning rates, counts of steps, what schedules do, random draws and the arrays of
    the user's that `fn` reads are read at each call. If modules, optimizers or variables that `fn`
    reads become others, a new program is made, and so is for each value of a Python number that
    is an argument: give an array. Whatever else Python does in `fn`, such as `print` or
    `np.random`, happens once, while it is traced.

    Parameters of one optimizer move into one flat array, of which they are views from then on. What
    shared their memory before, as `p.data` or `p.detach()` did, keeps the old one.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> model = tl.models.Adaline(2)
    >>> optimizer = tl.nn.optim.SGD(model.parameters(), lr=0.1)
    >>> @tl.compile
    ... def step(x, y):
    ...     loss = tl.nn.mse_loss(model(x), y)
    ...     optimizer.zero_grad()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> x, y = np.ones((4, 2), np.float32), np.ones(4, np.float32)
    >>> [round(step(x, y).item(), 4) for _ in range(3)]
    [1.0, 0.16, 0.0256]
    """
    if passes is not None:
        passes = frozenset([passes] if isinstance(passes, str) else passes)
        if unknown := passes - PASSES.keys():
            raise ArgumentError(
                f"compile: there is no pass {min(unknown)!r}. There are {', '.join(PASSES)}."
            )
    options = Options(exact, grads, check, passes)
    if fn is None:
        return lambda fn: Compiled(fn, options)
    return Compiled(fn, options)


class Compiled:
    """A function that runs as a NumPy program; made by `compile`, called like the function.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_lite as tl
    >>> double = tl.compile(lambda x: 2 * x)
    >>> double(np.ones(2)), double(np.ones(2))[0].item()
    (Tensor([2., 2.], shape=(2,), dtype=float64), 2.0)
    >>> double
    <compiled <lambda>: 1 program>
    """

    def __init__(self, fn: Callable[..., Any], options: Options):
        if not callable(fn):
            raise ArgumentError(f"compile: give a function, not {brief(fn)}.")
        self.fn = fn
        self.options = options
        self.versions: dict[Any, list[Version]] = {}
        self._latest: Version | None = None
        self._running = RLock()  # programs have one set of buffers
        self.__wrapped__ = fn  # for `help` and `inspect.signature`
        self.__doc__ = fn.__doc__
        self.__name__ = getattr(fn, "__name__", type(fn).__name__)

    def __repr__(self) -> str:
        count = sum(map(len, self.versions.values()))
        return f"<compiled {self.__name__}: {count} program{'' if count == 1 else 's'}>"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """A method that was decorated: each object has programs of its own."""
        if instance is None:
            return self
        key = f"_compiled {self.__name__} {id(self)}"
        method, found = MethodType(self.fn, instance), vars(instance).get(key)
        if found is None or found.fn != method:  # a copy of an object has what that one had
            found = vars(instance)[key] = Compiled(method, self.options)
        return found

    def __reduce__(self) -> Any:
        return Compiled, (self.fn, self.options)  # a copy makes programs of its own

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        state = current.get()
        if state.recorder is not None or state.anomaly:  # these look at operations
            return self.fn(*args, **kwargs)
        caller = sys._getframe(1)
        with self._running:
            version, arrays = self._latest, None
            if version is not None and not kwargs and state is version.state:
                arrays = version.taken(args)
            if version is None or arrays is None or not version.fits():
                arrays = []
                key = _signature(args, kwargs, arrays, state)
                version = next((v for v in self.versions.get(key, ()) if v.fits()), None)
                if version is None:
                    version = Version(self.fn, args, kwargs, caller, self.options)
                    self.versions.setdefault(key, []).append(version)
                    self._latest = version
                    warn_of_many(self.fn, self.__name__, self.versions, key)
                    return version.returned
                self._latest = version
            where = caller.f_code, caller.f_lasti
            if self.options.exact:  # as Tensors are made: in rows, or in columns
                arrays = [x if x.flags.forc else np.array(x) for x in arrays]
            if self.options.check:
                eager = partial(self._eagerly, args, kwargs, version)
                return compared(version, eager, arrays, where, self.options.exact)
            found = version.run(arrays, where)
        if found is None:
            return self._eagerly(args, kwargs, version)
        return found[0]

    def _eagerly(self, args: Any, kwargs: Any, version: Version) -> Any:
        """Run the function itself, where the program would go another way, or can't go on."""
        arguments = mapped((args, kwargs), _tensor, "")
        returned = self.fn(*arguments[0], **arguments[1])
        version.settle()
        if version.error is not None:
            warn_of_failure(self.__name__, version.error)
            version.error = None
        return mapped(returned, _result, "")

    @property
    def latest(self) -> Version:
        """What the latest call ran: its program, and what that was made for."""
        if self._latest is None:
            raise OperationError(
                f"compile: {self.__name__} has no program yet: the first call makes it."
            )
        return self._latest

    @property
    def source(self) -> str:
        """The program of the latest call, as Python."""
        return self.latest.written.source

    @property
    def memory(self) -> MemoryTable:
        """Where every byte of the latest call's program is: a table."""
        return self.latest.written.memory

    @property
    def optimized_graph(self) -> Graph:
        """The statements of the latest call's program, as a Graph."""
        return self.latest.optimized_graph()

    @property
    def graph(self) -> Graph:
        """The Graph of the function, as it was traced for the latest call."""
        return self.latest.graph


def _tensor(x: Any, path: str) -> Any:
    return Tensor(x) if isinstance(x, np.ndarray) and x.dtype.kind in "fiub" else x


def _result(x: Any, path: str) -> Any:
    return x.detach() if isinstance(x, Tensor) and x.op is not None else x


def _signature(args: Any, kwargs: Any, arrays: list[Any], state: State) -> Any:
    """What a program is made for; the arrays that it is given are put into `arrays`."""

    def part(x: Any) -> Any:
        if isinstance(x, Tensor):
            if x._requires_grad:
                raise GradientError(
                    "compile: an argument requires a gradient, and no gradient flows out of a "
                    "program. Compile what computes the gradient, too, as tl.compile(tl.grad(fn)); "
                    "or give t.detach()."
                )
            arrays.append(x._data)
            return x._data.shape, x._data.dtype
        if isinstance(x, np.ndarray) and x.dtype.kind in "fiub":
            arrays.append(np.array(x) if isinstance(x, ReadOnlyArray) else x)  # a leaf's memory
            return x.shape, x.dtype
        if isinstance(x, dict):
            return dict, tuple([(key, part(value)) for key, value in x.items()])
        if isinstance(x, list | tuple):
            return type(x), tuple([part(value) for value in x])
        if isinstance(x, set | frozenset):
            return type(x), frozenset(x)
        if isinstance(x, Module) or x.__hash__ is None:
            return type(x), id(x)
        return type(x), repr(x) if type(x) is float else x

    found = [part(x) for x in args], [(key, part(x)) for key, x in kwargs.items()]
    return tuple(found[0]), tuple(found[1]), state.recording, state.deriving
