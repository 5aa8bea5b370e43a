"""Make a computation fast: a training step becomes one short NumPy program."""

from .compiled import Compiled, compile
from .memory import MemoryTable
from .passes import PASSES

__all__ = ["PASSES", "Compiled", "MemoryTable", "compile"]
