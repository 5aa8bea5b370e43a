"""The subscripts of `einsum`, and how to compute what they ask for."""

from collections.abc import Callable
from functools import lru_cache
from math import prod
from string import ascii_letters
from typing import Any

import numpy as np


@lru_cache
def split(subscripts: str) -> tuple[list[str], str]:
    """The letters of each operand's axes, and of the output's."""
    terms, output = subscripts.split("->")
    return terms.split(","), output


@lru_cache
def explicit(subscripts: str, ndims: tuple[int, ...]) -> str:
    """Subscripts with letters in place of an ellipsis, and with an output."""
    terms_text, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = terms_text.split(",")
    if len(terms) != len(ndims):
        raise ValueError(f"{subscripts!r} has {len(terms)} operands, not {len(ndims)}")
    named = [term.replace("...", "") for term in terms]
    if not "".join([*named, output.replace("...", "")]).isalpha() and any([*named, output]):
        raise ValueError(f"{subscripts!r}: axes are named by letters")
    unnamed = [n - len(letters) for n, letters in zip(ndims, named, strict=True)]
    for term, count, n in zip(terms, unnamed, ndims, strict=True):
        if count < 0 or (count > 0 and "..." not in term):
            raise ValueError(f"{term!r} in {subscripts!r} doesn't fit an operand with {n} axes")
    free = "".join(c for c in ascii_letters if c not in subscripts)[: max(unnamed)]
    full = [
        term.replace("...", free[len(free) - count :])
        for term, count in zip(terms, unnamed, strict=True)
    ]
    if not arrow:
        every = "".join(named)
        output = "..." + "".join(sorted(c for c in every if every.count(c) == 1))
    if free and "..." not in output:
        raise ValueError(f"{subscripts!r}: the output needs the axes of the ellipsis, too")
    output = output.replace("...", free)
    if not set(output) <= set("".join(full)) or len(set(output)) < len(output):
        raise ValueError(f"{subscripts!r}: the output names axes of the operands, each once")
    return ",".join(full) + "->" + output


def contract(operands: Any, subscripts: str) -> Any:
    """`np.einsum` of explicit subscripts, which gives BLAS the products that it can do."""
    shapes = tuple([getattr(x, "shape", ()) for x in operands])
    product = planned(subscripts, shapes)
    if product is not None:
        x, y = operands
        if x.dtype == y.dtype and x.dtype.char in "fd":
            return product(x, y)
    if len(operands) > 2 and len(path := steps(subscripts, shapes)) > 1:
        left = [*operands]
        for taken, text in path:
            parts = [left[i] for i in taken]
            left = [x for i, x in enumerate(left) if i not in taken]
            left.append(contract(parts, text))
        return left[0]
    return np.einsum(subscripts, *operands)


@lru_cache(1024)
def steps(subscripts: str, shapes: tuple[Any, ...]) -> list[tuple[tuple[int, ...], str]]:
    """An order for more than two operands: which of those left to take, and their subscripts."""
    terms, output = split(subscripts)
    path = np.einsum_path(subscripts, *(np.broadcast_to(0.0, shape) for shape in shapes))[0]
    found = []
    for taken in path[1:]:
        parts = [terms[i] for i in taken]
        terms = [term for i, term in enumerate(terms) if i not in taken]
        needed = "".join([*terms, output])
        made = "".join(c for c in dict.fromkeys("".join(parts)) if c in needed)
        terms.append(made if terms else output)
        found.append((taken, ",".join(parts) + "->" + terms[-1]))
    return found


@lru_cache(1024)
def planned(subscripts: str, shapes: tuple[Any, ...]) -> Callable[[Any, Any], Any] | None:
    """What computes the einsum of two arrays as one (stack of) matrix product, if it is one."""
    terms, output = split(subscripts)
    lengths = lengths_of(shapes, terms, subscripts)
    if len(terms) != 2:
        return None
    if [tuple(lengths[c] for c in term) for term in terms] != [*shapes]:
        return None  # an axis of 1 beside longer ones
    first, second = terms
    batch = "".join(c for c in output if c in first and c in second)
    rows, columns = ("".join(c for c in output if c not in term) for term in (second, first))
    inner = "".join(c for c in first if c in second and c not in output)
    if not inner or (batch and not rows and not columns):  # NumPy's loop is as fast
        return None
    arrange_x = arranged(first, [batch, rows, inner], lengths)
    arrange_y = arranged(second, [batch, inner, columns], lengths)
    long = [lengths[c] for c in batch + rows + columns]
    order = [(batch + rows + columns).index(c) for c in output]

    def product(x: Any, y: Any) -> Any:
        return np.matmul(arrange_x(x), arrange_y(y)).reshape(long).transpose(order)

    return product


def lengths_of(shapes: tuple[Any, ...], terms: list[str], subscripts: str) -> dict[str, int]:
    """How long the axis of each letter is; as in NumPy, an axis of 1 fits any length."""
    lengths: dict[str, int] = {}
    for shape, term in zip(shapes, terms, strict=True):
        for letter, n in zip(term, shape, strict=True):
            known = lengths.get(letter, 1)
            if 1 != known != n != 1:
                raise ValueError(f"the axes {letter} of {subscripts!r} are {known} and {n} long")
            lengths[letter] = n if known == 1 else known
    return lengths


def arranged(term: str, groups: list[str], lengths: dict[str, int]) -> Callable[[Any], Any]:
    """Makes a (stack of) matrix of an array with axes `term`; sums over those in no group."""
    kept = "".join(c for c in term if c in "".join(groups))
    alone = tuple(i for i, c in enumerate(term) if c not in kept)
    order = [kept.index(c) for c in "".join(groups)]
    stack, *pair = groups
    shape = [*(lengths[c] for c in stack), *(prod(lengths[c] for c in group) for group in pair)]

    def arrange(x: Any) -> Any:
        x = np.add.reduce(x, axis=alone) if alone else x
        return x.transpose(order).reshape(shape)

    return arrange


@lru_cache(1024)
def backward_subscripts(subscripts: str, position: int) -> str:
    """Of `g` and the other operands to the axes that this operand shares with them."""
    terms, output = split(subscripts)
    rest = ",".join([output, *terms[:position], *terms[position + 1 :]])
    return rest + "->" + "".join(c for c in terms[position] if c in rest)
