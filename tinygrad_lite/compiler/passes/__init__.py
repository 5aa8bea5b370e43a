"""What makes a program better, each by itself, in a file of its own."""

from collections.abc import Callable
from typing import Any

from ..program import Program
from .common import common
from .constants import constants
from .dead import dead
from .flat import flat
from .one_hot import one_hot

Pass = Callable[[Program], None]

PASSES: dict[str, Pass] = {
    "constants": constants,
    "common": common,
    "one_hot": one_hot,
    "dead": dead,
    "flat": flat,
}
"""By name, in the order in which they are run."""

INEXACT: frozenset[str] = frozenset()


def chosen(names: Any, exact: bool) -> list[Pass]:
    """The passes of these names, or all; with `exact`, those that change no bit."""
    return [
        improve
        for name, improve in PASSES.items()
        if (names is None or name in names) and not (exact and name in INEXACT)
    ]


__all__ = ["PASSES", "Pass", "chosen"]
