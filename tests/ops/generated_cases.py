"""The cases of cases_*.py on other shapes, in other stacks, along other axes: `STRATEGIES`.

A case tells how an operation is called, and by its inputs what that is defined on: the same call
then gets entries near those that it has.
"""

from collections import defaultdict
from functools import partial
from itertools import count

import hypothesis.extra.numpy as hnp
import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from . import cases_elementwise, cases_linalg, cases_reductions
from .check import Case
from .strategies import any_shape, axes_of, broadcastable, filled_shape, with_axes

STRATEGIES = {}  # each of cases, by what they are about

# ---- one case, made of another -------------------------------------------------------------------


def near(entries, shape, seed=1):
    """Random ones of these entries, and if they are floating, not quite: none twice, but for 0."""
    rng = np.random.default_rng(seed)
    found = rng.choice(entries, shape, replace=np.prod(shape) > len(entries))
    return found * rng.uniform(0.999, 1.001, shape) if found.dtype.kind == "f" else found


def entries_of(cases):
    """For each input, its entries in all of the cases."""
    inputs = zip(*[case.inputs for case in cases], strict=True)
    return [np.concatenate([x.reshape(-1) for x in some]) for some in inputs]


def again(case, inputs, **options):
    """A case's call with other inputs and options; where NumPy refuses those, none."""
    call, numpy = case.call, case.numpy
    if options:
        call = partial(call.func, **call.keywords | options)
        numpy = partial(numpy.func, **numpy.keywords | options)
    shown = [x.shape if x.dtype.kind == "f" else x for x in inputs]
    try:
        numpy(*inputs)
    except (
        ValueError,
        IndexError,
        ArithmeticError,
        RuntimeWarning,
    ):  # no such axis, a mean of nothing, …
        assume(False)
    return Case(f"{case} {shown} {options or ''}", call, inputs, numpy)


def elementwise(cases):
    entries = entries_of(cases)
    return broadcastable(len(entries)).map(
        lambda shapes: again(cases[0], list(map(near, entries, shapes, count(1))))
    )


@st.composite
def reduction(draw, cases):
    (entries,), shape = entries_of(cases), draw(st.one_of(filled_shape, any_shape))
    options = {"axis": draw(axes_of(shape)), "keepdims": draw(st.booleans())}
    return again(cases[0], [near(entries, shape)], **options)


@st.composite
def along(draw, cases):
    (entries,), shape = entries_of(cases), draw(with_axes)
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    return again(cases[0], [near(entries, shape)], axis=axis)


@st.composite
def stacked(draw, cases):
    """Matrices as in one of the cases, in a stack of another shape."""
    case = draw(st.sampled_from(cases))
    stack = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=2))
    inputs = [x if x.ndim < 2 else stack_of(x, stack) for x in case.inputs]
    return again(case, inputs)


def stack_of(x, stack):
    rng, matrices = np.random.default_rng(x.ndim), x.reshape(-1, *x.shape[-2:])
    found = matrices[rng.integers(len(matrices), size=stack)]
    return found * rng.uniform(0.999, 1.001, found.shape)


# ---- which cases -------------------------------------------------------------------------------


def add_all(cases, key, strategy):
    """Give `STRATEGIES` one for all the cases that agree in `key`, but for those where it is None.

    It has the name of the first.
    """
    groups = defaultdict(list)
    for case in cases:
        groups[key(case)].append(case)
    groups.pop(None, None)
    for some in groups.values():
        options = others(some[0]) if len(some[0].inputs) == 1 else None
        name = f"{strategy.__name__} {words(some[0])} {options or ''}".strip()
        while name in STRATEGIES:  # another function of the same name
            name += "'"
        STRATEGIES[name] = strategy(some)


def words(case):
    """The name of a case, without shapes."""
    return str(case).split(" (")[0]


def options_of(case):
    return getattr(case.call, "keywords", {})


def others(case):
    """The options of a case, but for those that say which axes."""
    return {k: v for k, v in options_of(case).items() if k not in ("axis", "keepdims")}


def with_options(*needed):
    """The key of cases of one array that say by these options which axes."""

    def key(case):
        said = {"axis", "keepdims"} & {*options_of(case)}
        if [x.dtype.kind for x in case.inputs] == ["f"] and said == {*needed}:
            return f"{case.call.func} {others(case)}"
        return None

    return key


def is_filled(case):
    return all(x.size for x in case.inputs)


def takes_stacks(case):
    return any(words(c) == words(case) and c.inputs[0].ndim > 2 for c in MATRICES)


def is_along_one(case):
    return isinstance(options_of(case).get("axis"), int)


REDUCTIONS, MATRICES = (list(filter(is_filled, m.CASES)) for m in (cases_reductions, cases_linalg))
add_all(cases_elementwise.CASES, lambda case: case.call, elementwise)
add_all(REDUCTIONS, with_options("axis", "keepdims"), reduction)
add_all(REDUCTIONS, with_options("keepdims"), stacked)
add_all(filter(is_along_one, REDUCTIONS), with_options("axis"), along)
add_all(filter(takes_stacks, MATRICES), words, stacked)
