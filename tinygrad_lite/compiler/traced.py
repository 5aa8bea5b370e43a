"""Arrays that write down what NumPy is asked to do with them.

The rules of the table, and the updates of optimizers, are plain NumPy. Run on these in place of
arrays, they say of which calls of NumPy they are made.
"""

import operator
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..graphs import Step
from .functions import CREATIONS, FUNCTIONS
from .program import Node, mapped

QUIET: dict[str, str] = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}


class NoForm(Exception):
    """Something that can't be written down as calls of NumPy; no TypeError, which NumPy catches."""


class Tape:
    """What was written down: Nodes, in order."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.source: Step | None = None  # of which step they are a part

    def call(
        self, function: str, compute: Callable[..., Any], inputs: Any, options: Any = None
    ) -> Any:
        """Write down a call of what `compute` does; returns a Traced, or a tuple of them."""
        options = options or {}
        inputs = tuple([_noded(x) for x in inputs])
        options = {key: _noded(x) for key, x in options.items()}
        errors: dict[str, Any] = {**np.geterr()}
        quiet = frozenset(key for key, usual in QUIET.items() if errors[key] != usual)
        example = compute(
            *[mapped(_example, x) for x in inputs],
            **{key: mapped(_example, x) for key, x in options.items()},
        )
        node = Node(function, inputs, options, example, source=self.source, quiet=quiet)
        self.nodes.append(node)
        if isinstance(example, tuple | list):
            parts = [self._part(node, i) for i in range(len(example))]
            return type(example)(*parts) if hasattr(example, "_fields") else parts
        if not isinstance(example, np.ndarray | np.generic | float | int):
            raise NoForm(f"{function} gives a {type(example).__name__}")
        node.view_of = _viewed(node)
        return Traced(self, node)

    def _part(self, whole: Node, i: int) -> "Traced":
        node = Node("part", (whole, i), {}, whole.example[i], source=self.source)
        self.nodes.append(node)
        return Traced(self, node)


class Traced(NDArrayOperatorsMixin):
    """An array that isn't there yet; `+=`, `out=` and item assignment make it another."""

    __slots__ = ("_base", "_index", "node", "tape")

    def __init__(self, tape: Tape, node: Node):
        self.tape = tape
        self.node = node
        self._base: Traced | None = None  # what is written with it: of which it is a view
        self._index: Any = None  # and which entries it is, if not all in another shape

    # ---- what it is --------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return self.node.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.node.dtype

    @property
    def ndim(self) -> int:
        return self.node.ndim

    @property
    def size(self) -> int:
        return self.node.size

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __bool__(self) -> bool:
        """Which way it went; a statement sees to it that it goes the same way again."""
        truth = bool(self.node.example)
        self.tape.nodes.append(
            Node("guard", (self.node, truth), {}, truth, source=self.tape.source)
        )
        return truth

    def _needs_value(self, *_: Any, **__: Any) -> Any:
        raise NoForm("it needs values")

    __float__ = __int__ = __index__ = __array__ = item = tolist = _needs_value
    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Any:
        return iter([self[i] for i in range(len(self))])

    def __pow__(self, exponent: Any) -> Any:
        """NumPy takes squares and roots for what they are."""
        is_plain = type(exponent) in (int, float) and self.dtype.kind == "f"
        if is_plain and isinstance(self.node.example, np.generic):  # and numbers by Python's pow
            return self.tape.call("**", operator.pow, (self, exponent))
        if is_plain and exponent in POWERS:
            return POWERS[exponent](self)
        return np.power(self, exponent)

    # ---- the same entries on other axes ------------------------------------------------------

    def reshape(self, *shape: Any, order: str = "C") -> "Traced":
        shape = (
            shape[0] if len(shape) == 1 and not isinstance(shape[0], int | np.integer) else shape
        )
        shape = tuple([int(n) for n in (shape if isinstance(shape, tuple | list) else [shape])])
        if -1 in shape:
            rest = prod(n for n in shape if n != -1)
            shape = tuple([self.size // rest if n == -1 else n for n in shape])
        if shape == self.shape:
            return self
        options = {} if order == "C" else {"order": order}
        found = self.tape.call(".reshape", np.ndarray.reshape, (_array(self), shape), options)
        found._base = self if found.node.view_of is not None else None
        return found  # type: ignore[no-any-return]

    def transpose(self, *axes: Any) -> "Traced":
        given = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
        order = tuple(range(self.ndim))[::-1]
        if given is not None:
            order = tuple([normalize_axis_index(int(i), self.ndim) for i in given])
        if order == tuple(range(self.ndim)):
            return self
        found: Traced = self.tape.call(".transpose", np.ndarray.transpose, (self, order))
        return found

    @property
    def T(self) -> "Traced":
        return self.transpose()

    @property
    def mT(self) -> "Traced":
        return self.swapaxes(-1, -2)

    def swapaxes(self, axis1: int, axis2: int) -> "Traced":
        order = list(range(self.ndim))
        order[axis1], order[axis2] = order[axis2], order[axis1]
        return self.transpose(tuple(order))

    def squeeze(self, axis: Any = None) -> "Traced":
        gone = [i for i, n in enumerate(self.shape) if n == 1]
        if axis is not None and self.ndim:
            gone = list(normalize_axis_tuple(axis, self.ndim))
        return self.reshape(tuple([n for i, n in enumerate(self.shape) if i not in gone]))

    def ravel(self) -> "Traced":
        return self.reshape(self.size)

    flatten = ravel

    def view(self) -> "Traced":
        return self

    # ---- entries -----------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> "Traced":
        found: Traced = self.tape.call("[]", lambda x, i: x[i], (_array(self), index))
        if found.node.view_of is not None:
            found._base, found._index = self, index
        return found

    def __setitem__(self, index: Any, values: Any) -> None:
        self._become(self.tape.call("[]=", _with_entries, (self, index, values)))

    def astype(self, dtype: Any, copy: bool = True) -> "Traced":
        if np.dtype(dtype) == self.dtype:
            return self.copy() if copy else self
        found: Traced = self.tape.call(
            ".astype", np.ndarray.astype, (_array(self), np.dtype(dtype))
        )
        return found

    def copy(self) -> "Traced":
        found: Traced = self.tape.call(".copy", np.ndarray.copy, (_array(self),))  # in rows
        return found

    def clip(self, low: Any = None, high: Any = None) -> "Traced":
        found: Traced = self.tape.call(".clip", np.ndarray.clip, (_array(self), low, high))
        return found

    def repeat(self, repeats: Any, axis: Any = None) -> "Traced":
        found: Traced = self.tape.call(".repeat", np.ndarray.repeat, (_array(self), repeats, axis))
        return found

    def sum(self, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
        return np.add.reduce(self, axis=axis, dtype=dtype, keepdims=keepdims)  # type: ignore[call-overload]

    def max(self, axis: Any = None, keepdims: bool = False) -> Any:
        return np.maximum.reduce(self, axis=axis, keepdims=keepdims)  # type: ignore[call-overload]

    def min(self, axis: Any = None, keepdims: bool = False) -> Any:
        return np.minimum.reduce(self, axis=axis, keepdims=keepdims)  # type: ignore[call-overload]

    def _become(self, other: "Traced") -> None:
        """It was written into: from now on it is another."""
        if self._base is not None and self._index is not None:
            self._base[self._index] = other
        elif self._base is not None:
            self._base._become(other.reshape(self._base.shape))
        elif self.node.view_of is not None:
            raise NoForm("it writes into a part of an array")
        self.node = other.node

    # ---- NumPy's functions -------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", (None,))
        if method == "reduce":
            found = self._reduced(ufunc, *inputs, **options)
        elif method == "at":
            target, index, *values = inputs
            name = f"{_dotted(ufunc)}.at"
            target._become(self.tape.call(name, _at(ufunc), (target, index, *values)))
            return None
        else:
            name = _dotted(ufunc) if method == "__call__" else f"{_dotted(ufunc)}.{method}"
            compute = ufunc if method == "__call__" else getattr(ufunc, method)
            if isinstance(out[0], Traced):
                compute = _into(compute, out[0].node.example)
            if options.get("where", True) is True:
                found = self.tape.call(name, compute, inputs, options)
            else:
                found = self._where(name, compute, inputs, options, out[0])
        if not isinstance(out[0], Traced):
            return found
        out[0]._become(found)
        return out[0]

    def _where(
        self, name: str, compute: Any, inputs: Any, options: dict[str, Any], out: Any
    ) -> Any:
        """A ufunc of some entries; the others stay what they are."""
        if not isinstance(out, Traced):
            raise NoForm("where= without out= leaves entries undefined")
        chosen = options.pop("where")
        with np.errstate(all="ignore"):  # of the others
            found = self.tape.call(name, compute, inputs, options)
        return np.where(chosen, found, out)

    def _reduced(
        self,
        ufunc: Any,
        x: Any,
        axis: Any = 0,
        dtype: Any = None,
        keepdims: bool = False,
        **more: Any,
    ) -> Any:
        """A reduction; axes that are kept are put back by a view."""
        if more.get("initial", self) is None:
            del more["initial"]
        options = more if dtype is None else {"dtype": np.dtype(dtype), **more}
        if not x.ndim:  # where NumPy lets axis 0 pass
            axis = None if axis in (0, -1) else axis
        axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim)
        if not axes and axis is not None:
            given: Any = ()
        else:
            given = axes[0] if len(axes) == 1 else tuple(sorted(axes))
        found = self.tape.call(f"{_dotted(ufunc)}.reduce", ufunc.reduce, (x, given), options)
        if keepdims:
            return found.reshape(tuple([1 if i in axes else n for i, n in enumerate(x.shape)]))
        return found

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if function in CREATIONS:
            return Traced(self.tape, Node("constant", (), {}, function(*args, **options)))
        known = FUNCTIONS.get(function)
        if known is not None:
            return known(*args, **options)
        return self.tape.call(_dotted(function), function, args, options)


POWERS = {2: np.square, 1: np.positive, 0.5: np.sqrt, -1: np.reciprocal}


class Draws:
    """A generator that writes down what is drawn from it."""

    def __init__(self, tape: Tape, node: Node):
        self.tape = tape
        self.node = node

    def random(self, size: Any = None, dtype: Any = np.float64) -> Any:
        return self._drawn(".random", size, dtype)

    def standard_normal(self, size: Any = None, dtype: Any = np.float64) -> Any:
        return self._drawn(".standard_normal", size, dtype)

    def _drawn(self, method: str, size: Any, dtype: Any) -> Any:
        size = () if size is None else (size,) if isinstance(size, int) else tuple(size)
        example = np.zeros(size, dtype)
        node = Node(method, (self.node, size), {"dtype": np.dtype(dtype)}, example)
        node.source = self.tape.source
        self.tape.nodes.append(node)
        return Traced(self.tape, node)


def _noded(x: Any) -> Any:
    """The same operand with Nodes in the place of what is written down, and of plain arrays."""
    if isinstance(x, tuple | list):  # a named tuple becomes a plain one
        return (list if type(x) is list else tuple)([_noded(part) for part in x])
    if isinstance(x, slice):
        return slice(*(_noded(part) for part in (x.start, x.stop, x.step)))
    if isinstance(x, np.ndarray):
        return Node("constant", (), {}, np.array(x, order="K"))
    return getattr(x, "node", x)


def _example(node: Node) -> Any:
    return node.example


def _array(x: Traced) -> Traced:
    """`x`, whose methods are an array's: NumPy gives numbers for arrays without axes."""
    if not isinstance(x.node.example, np.ndarray):
        x.node.example = np.asarray(x.node.example)
    return x


def _viewed(node: Node) -> Node | None:
    """The input that a result is a view of."""
    if not isinstance(node.example, np.ndarray) or node.example.base is None:
        return None
    for x in node.inputs:
        if isinstance(x, Node) and np.may_share_memory(node.example, np.asarray(x.example)):
            return x
    return None


def _with_entries(x: Any, index: Any, values: Any) -> Any:
    x = np.array(x, order="K")
    x[index] = values
    return x


def _at(ufunc: Any) -> Callable[..., Any]:
    def added(x: Any, index: Any, *values: Any) -> Any:
        x = np.array(x, order="K")
        ufunc.at(x, index, *values)
        return x

    return added


def _into(compute: Any, out: Any) -> Callable[..., Any]:
    """The same, into an array like `out`, whose dtype and order of axes the result gets."""
    return lambda *inputs, **options: compute(
        *inputs, out=np.empty_like(out, subok=False), **options
    )


def _dotted(function: Any) -> str:
    """What a function of NumPy's is called, `np.linalg.inv`."""
    name: str = function.__name__
    for path in ("", getattr(function, "__module__", None) or ""):
        parts = [*path.removeprefix("numpy").strip(".").split("."), name]
        found: Any = np
        for part in filter(None, parts):
            found = getattr(found, part, None)
        if found is function:
            return ".".join(["np", *filter(None, parts)])
    if isinstance(function, np.ufunc):  # of `np.frompyfunc`
        BOUND[name.partition(" ")[0]] = function
        return name.partition(" ")[0]
    raise NoForm(f"{name} is no function of NumPy's")


BOUND: dict[str, Any] = {}  # functions that aren't NumPy's own, by name
