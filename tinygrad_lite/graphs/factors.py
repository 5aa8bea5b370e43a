"""What a gradient rule multiplies `g` with, if that is all that it does."""

import re

from .columns import clean


def factor(rule: str) -> str:
    """What a rule multiplies `g` with, `1 - y²`; empty if it does something else."""
    rest = rule.removeprefix("-g * ") if rule.startswith("-g * ") else rule.removeprefix("g * ")
    sign = "-" if rule.startswith("-g * ") else ""
    if rest == rule:
        found = re.fullmatch(r"(-?)g / ([\w.#]+|\([^()]*\))", rule)
        return f"{found[1]}1 / {found[2]}" if found and not _has_g(found[2]) else ""
    if _has_g(rest) or _is_open(rest):
        return ""
    if rest[0] == "(" and _closes(rest) == len(rest) - 1 and not sign:
        rest = rest[1:-1]
    return clean(sign + rest.replace("**2", "²").replace(" * ", " × "), 50)


def _has_g(said: str) -> bool:
    return re.search(r"(?<![\w.])g(?!\w)", said) is not None


def _is_open(said: str) -> bool:
    """Whether it is a sum, so that not all of it is multiplied."""
    depth = 0
    for i, letter in enumerate(said):
        depth += (letter in "([") - (letter in ")]")
        if depth == 0 and said[i : i + 3] in (" + ", " - "):
            return True
    return " if " in said


def _closes(said: str) -> int:
    """Where the bracket closes with which a text begins."""
    depth = 0
    for i, letter in enumerate(said):
        depth += (letter in "([") - (letter in ")]")
        if depth == 0:
            return i
    return -1
