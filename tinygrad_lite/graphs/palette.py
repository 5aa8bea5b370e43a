"""The colours of drawings by what they are for, each for light and for dark surroundings.

Two accents: blue for the forward pass, orange for the backward pass, which people with any colour
vision tell apart. All else is grey. Every colour is used for one thing only, so that it can be
swapped for its dark one wherever it stands in an SVG file.
"""

from typing import NamedTuple


class Color(NamedTuple):
    """The two shades of a colour, `#rrggbb` in lower case."""

    light: str
    dark: str


BACKGROUND = Color("#fefefe", "#14171c")
TEXT = Color("#1f2328", "#e4e7eb")  # titles of boxes
MUTED = Color("#5f6873", "#9aa4b0")  # shapes, notes, titles of groups
OUTLINE = Color("#aeb6c0", "#4d5662")  # of operations and inputs
FILL = Color("#ffffff", "#1b1f26")  # of operations
INPUT = Color("#f1f3f5", "#252b34")  # fill of what the computation is given
PARAMETER = Color("#e3effb", "#16304a")  # fill of what is trained
MODULE = Color("#f6f7f9", "#20252d")  # fill of a module that isn't opened
GROUP = Color("#fafbfc", "#181c22")  # fill of a module that is
FRAME = Color("#d5dae0", "#343b45")  # its outline
FORWARD = Color("#1b62b5", "#7ab8f5")  # values, and the outline of parameters
FLOW = Color("#3f7fc8", "#5b9ce0")  # arrows of data
BACKWARD = Color("#a94a00", "#f5a35c")  # gradients and rules
RETURN = Color("#d9731a", "#d9853b")  # arrows of gradients
GRADIENT = Color("#fdf1e5", "#38260f")  # fill of a gradient
UPDATE = Color("#6a737e", "#8d97a3")  # arrows and outline of updates
REPEAT = Color("#8f99a5", "#6d7783")  # arrows from one repetition to the next

COLORS = {name: color for name, color in vars().items() if isinstance(color, Color)}


def dark_style() -> str:
    """The rules of CSS that swap the colours of an SVG drawing where dark ones are asked for.

    Examples
    --------
    >>> from tinygrad_lite.graphs.palette import dark_style
    >>> print(dark_style().splitlines()[0])
    @media (prefers-color-scheme: dark) {
    """
    rules = [
        f'  [{attribute}="{color.light}"] {{ {attribute}: {color.dark}; }}'
        for color in COLORS.values()
        for attribute in ("fill", "stroke")
    ]
    return "\n".join(["@media (prefers-color-scheme: dark) {", *rules, "}"])
