"""What makes a program better, each by itself, in a file of its own."""

from collections.abc import Callable
from typing import Any

from ..program import Program
from .common import common
from .constants import constants
from .copies import copies
from .dead import dead
from .flat import flat
from .masks import masks
from .one_hot import one_hot
from .products import products
from .relus import relus
from .scalars import scalars
from .sums import sums

Pass = Callable[[Program], None]

PASSES: dict[str, Pass] = {
    "copies": copies,
    "constants": constants,
    "dead": dead,
    "flat": flat,
    "common": common,
    "one_hot": one_hot,
    "masks": masks,
    "relus": relus,
    "scalars": scalars,
    "sums": sums,
    "products": products,
}
"""By name, in the order in which they are run."""

INEXACT = frozenset(("scalars", "sums", "products"))


def chosen(names: Any, exact: bool) -> list[Pass]:
    """The passes of these names, or all; with `exact`, those that change no bit."""
    taken = [
        name
        for name in PASSES
        if (names is None or name in names) and not (exact and name in INEXACT)
    ]
    again = [name for name in ("common", "dead") if name in taken]  # what the others left over
    return [PASSES[name] for name in taken + again]


__all__ = ["PASSES", "Pass", "chosen"]
