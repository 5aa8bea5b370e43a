"""Make a computation fast: a training step becomes one short NumPy program."""

from .compiled import Compiled, compile

__all__ = ["Compiled", "compile"]
