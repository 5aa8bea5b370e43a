"""Write docs/operations.md: every operation with its gradient, as the table itself has them.

Run it after a change of the table: `python docs/make_operations.py`.
"""

import inspect
import re
import sys
from contextlib import suppress
from itertools import zip_longest
from operator import attrgetter
from pathlib import Path
from textwrap import fill, wrap

import numpy as np

from tinygrad_lite.formulas import Symbol, SymbolError, formula
from tinygrad_lite.operators import Operators
from tinygrad_lite.ops import Operation, compositions, functions, rooms, table
from tinygrad_lite.ops.signs import OPERATORS
from tinygrad_lite.ops.updates import Entries

WIDTH, WIDE = 100, 33  # of a line; of its left column, at most
PAGE = Path(__file__).with_name("operations.md")

INTRODUCTION = """\
# Operations and their gradients

What can be done with a Tensor so that its gradient is known. The page is what the rows of the table
print when their rules run on symbols in place of arrays; those about structure carry a text. The
test suite evaluates each line and compares the numbers with the rule's, so it can't go out of date.

CONTENTS

## How to read a rule

A rule tells how the gradient of an output becomes the gradient of one input.

```text
np.divide(x, y)   x:  g / y
x / y             y:  -g * out / y
```

On the left, how the operation is called; on the right, for each input, its gradient, a line of
NumPy without the `np.`.

* `g` is the gradient of the output, `out` the output, and the inputs go by their names. Here, with
  `out = x / y`, an input `x` gets `g / y`.
* Other names, such as `axis`, are options of the call, or helpers that stand below the rules.
  `each` is the rule of any array of a sequence `xs`, the one at `position`.
* An input that was broadcast is smaller than what its rule gives: that is then summed over the
  copies. A result that is smaller than its input, as for sums, is spread over it. This happens in
  one place for all rules, so it isn't seen here.
* *Domain* tells where an operation is defined, if not everywhere, and *kinks* what its gradient is
  where there is no derivative. [Conventions](conventions.md) tells more.

Any rule can be asked for its text, also with the values and names of a call of yours:

```python
>>> import numpy as np
>>> import tinygrad_lite as tl
>>> from tinygrad_lite.formulas import formula
>>> formula(np.divide, "y")
'-g * out / y'
>>> formula(np.multiply, "x", names={"g": "slope", "y": "weight"})
'slope * weight'
>>> formula(tl.f.softmax, "x", {"axis": 0})
'out * (g - sum(g * out, axis=0, keepdims=True))'
```

An operation of your own has a text, too, if its rules don't branch on values:

```python
>>> @tl.op(x=lambda g, out, x: g * 3 * x**2)
... def cube(x):
...     return x**3
>>> formula(cube, "x")
'g * 3 * x**2'
```
"""
COMPOSITIONS = """\
## Functions made of others

These need no rule: each is written in terms of operations above, and its gradient comes from
theirs. What stands on the right is what they compute.
"""
CONSTANTS = """\
## Functions without a gradient

These are constant but for their jumps, so their derivative is 0 wherever there is one. Their
results require no gradient.
"""

# ---- how an operation is called ------------------------------------------------------------------

SPACES = {
    "np": np,
    "np.linalg": np.linalg,
    "np.lib.stride_tricks": np.lib.stride_tricks,
    "tl.f": functions,
}


class Reached(Exception):
    """Tells which operation a method calls."""


class Probe(Operators):
    """Stands for a Tensor."""

    ndim, shape, size, dtype = 2, (1, 1), 1, np.dtype(float)

    @staticmethod
    def __apply__(operation, inputs, attributes=None):
        raise Reached(operation)


def method(name):
    return lambda x, *args: getattr(x, name)(*args)


def ways():
    """What can be written of a Tensor `x`, each with a function of it and further arguments."""
    for text in (*OPERATORS.values(), "abs(x)", "x[index]"):
        given = ", ".join(re.findall(r"\b(?:x|y|index)\b", text))
        yield text, eval(f"lambda {given}: {text}")
    names = [name for kind in reversed(Operators.__mro__) for name in vars(kind)]
    for name in dict.fromkeys(names):
        if isinstance(getattr(Operators, name), property):
            yield f"x.{name}", attrgetter(name)
        elif not name.startswith("_"):
            yield f"x.{name}()", method(name)
    for name, function in vars(Entries).items():
        if not name.startswith("_"):
            given = ", ".join(list(inspect.signature(function).parameters)[1:])
            yield f"x.at[index].{name}({given})", lambda x, *args, f=function: f(x.at[0], *args)


def spellings():
    """By operation, the operators and methods of a Tensor that call it.

    A method that is another of NumPy's functions, made of this one, isn't among them.
    """
    found = {}
    for text, call in ways():
        for count in range(3):
            try:
                call(Probe(), *[1] * count)
            except Reached as reached:
                (row,) = reached.args
                if getattr(np, text[2:-2], row.function) is row.function or text[2:-2] == row.name:
                    found.setdefault(row, []).append(text)
                break
            except TypeError:
                pass  # it takes another number of arguments
    return found


SPELLINGS = spellings()


def in_numpy(row):
    """The name of a row for users, and the composition that calls it if it isn't the function."""
    for prefix, space in SPACES.items():
        function = getattr(space, row.name, None)
        if function is row.function or function is row or function in compositions:
            own = compositions.get(function) if function is not row.function else None
            return f"{prefix}.{row.name}", own
    return None, None


def options(row):
    """What a call takes besides the inputs, as far as the rules know it, with its default."""
    rule = row.each or next((rule for rule in row.rules.values() if rule is not None), None)
    if rule is not None:
        for p in list(inspect.signature(rule).parameters.values())[2 + len(row.rules) :]:
            if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and p.name != "position":
                yield p.name if p.default is p.empty else f"{p.name}={p.default!r}"


def needed(function):
    """The parameters of a call; dots stand for options."""
    parameters = list(inspect.signature(function).parameters.values())
    required = [p for p in parameters if p.default is p.empty]
    names = ["*" * (p.kind is p.VAR_POSITIONAL) + p.name for p in required]
    return names + ["…"] * (len(required) < len(parameters))


def calls(row):
    """All ways to call an operation, its function first; none for one that only rules call."""
    name, composition = in_numpy(row)
    given = [*(["xs"] if row.each is not None else row.rules), *options(row)]
    given = given if composition is None else needed(composition)
    rest = ", ".join(part for part in given[1:] if "=" not in part and part != "…")
    own = f"x.{row.name}()"
    methods = [f"x.{row.name}({rest})" if text == own else text for text in SPELLINGS.get(row, [])]
    function = [] if name is None else [f"{name}({', '.join(given)})"]
    return function + methods


# ---- blocks of text ------------------------------------------------------------------------------


def wrapped(text, width):
    """Lines of a text; further ones are indented as far as a formula is by the input's name."""
    indent = re.match(r"(\w+: {2,})?", text).end() or 4
    return wrap(
        text, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )


def fence(entries, between="\n"):
    """A block of entries in two columns: on the left calls, on the right what is told of them."""
    left = [[part for call in calls for part in wrapped(call, WIDE)] for calls, _ in entries]
    width = 3 + max(len(line) for block in left for line in block)
    right = [[part for t in told for part in wrapped(t, WIDTH - width)] for _, told in entries]
    blocks = [
        "\n".join(f"{a:{width}}{b}".rstrip() for a, b in zip_longest(*pair, fillvalue=""))
        for pair in zip(left, right, strict=True)
    ]
    return f"```text\n{between.join(blocks)}\n```"


def bullets(items):
    return "\n".join(
        fill(f"* {item}", WIDTH, subsequent_indent="  ", break_on_hyphens=False) for item in items
    )


def first_line(function):
    return (inspect.getdoc(function) or "").split("\n")[0]


def plain(sentence):
    """A line of a docstring, as it may stand in a block of text."""
    return re.sub(r"`| \[\d\]_", "", sentence).removesuffix(".")


def lowered(sentence):
    return sentence[:1].lower() + sentence[1:]


def title(name):
    """A heading, or the last part of a module's name, as a title."""
    name = name.rpartition(".")[2].replace("_", " ")
    return name[:1].upper() + name[1:]


# ---- rooms ---------------------------------------------------------------------------------------


def module_of(function):
    return getattr(function, "__module__", None) or "numpy"  # older ufuncs have none


def home(row):
    """The room that an operation is declared in; others may import it."""
    own = [room for room in rooms if room.__name__ == module_of(row.function)]
    return (own or [room for room in rooms if row in vars(room).values()])[0]


def rows_of(room):
    """By heading in the file, the operations that it declares."""
    found, heading = {}, ""
    for line in inspect.getsource(room).splitlines():
        if match := re.match(r"# ---- (.*?) -+$", line):
            heading = match[1].partition(":")[0]
        elif match := re.match(r"(?:def )?(\w+)(?:\(|.* = )", line):
            row = vars(room).get(match[1])
            if isinstance(row, Operation) and home(row) is room:
                found.setdefault(heading, []).append(row)
    return found


def inputs(row):
    return list(row.rules) if row.each is None else ["each"]


def lines(row):
    """What is told of an operation: its gradients above all."""
    if module_of(row.function).startswith("tinygrad_lite") and in_numpy(row)[1] is None:
        yield plain(first_line(row))
    width = 1 + max(map(len, inputs(row)))
    for name in inputs(row):
        yield f"{name + ':':{width}}  {formula(row, name)}"
    for about, text in (("domain", row.domain), ("kinks", row.kinks)):
        if text:
            yield f"{about}: {text}"


def notes(room, rows):
    """What the rules of a room call by name, and what happens before they run."""
    text = " ".join(formula(row, name) for row in rows for name in inputs(row))
    for name in dict.fromkeys(re.findall(r"(?<![\w.])(\w+)\(", text)):
        helper = vars(room).get(name)
        helper = inspect.unwrap(helper.function if isinstance(helper, Operation) else helper)
        is_public = any(hasattr(space, name) for space in SPACES.values())
        if inspect.isfunction(helper) and not is_public:
            given = list(inspect.signature(helper).parameters)
            with suppress(SymbolError):  # one without a docstring may need values to run
                told = lowered(first_line(helper)) or f"`{helper(*map(Symbol, given))}`."
                yield f"`{name}({', '.join(given)})`: {told}"
    for lift in dict.fromkeys(row.lift for row in rows if row.lift and inspect.getdoc(row.lift)):
        names = ", ".join(f"`{row.name}`" for row in rows if row.lift is lift)
        yield f"Before the rules of {names} run: {lowered(first_line(lift))}"


def section(room):
    """A room: what it says of itself, its operations, what their rules call."""
    chapters = {
        heading: [row for row in rows if row.differentiable and calls(row)]
        for heading, rows in rows_of(room).items()
    }
    chapters = {heading: rows for heading, rows in chapters.items() if rows}
    if not chapters:
        return []
    path = room.__name__.replace(".", "/") + ".py"
    parts = [
        f"## {title(room.__name__)}",
        inspect.getdoc(room),
        f"The file: [`{path}`](../{path}).",
    ]
    for heading, rows in chapters.items():
        parts += [f"### {title(heading)}"] * (heading != "")
        parts.append(fence([(calls(row), lines(row)) for row in rows], "\n\n"))
    told = bullets(notes(room, [row for rows in chapters.values() for row in rows]))
    return [*parts, told] if told else parts


# ---- functions without rules ---------------------------------------------------------------------


def composed():
    """The functions that are made of others, by the file that they are in."""
    found, own = {}, {in_numpy(row)[1] for row in table.values()}
    for function, composition in compositions.items():
        if function not in table and composition not in own:
            path = f"{module_of(function)}.{function.__name__}".replace("numpy", "np", 1)
            found.setdefault(sys.modules[composition.__module__], []).append((path, composition))
    for name in functions.__all__:
        if inspect.isfunction(function := getattr(functions, name)):
            found.setdefault(functions, []).append((f"tl.f.{name}", function))
    parts = [COMPOSITIONS.rstrip()]
    for room, members in found.items():
        entries = []
        for path, function in members:
            first, *rest = needed(function)
            calls, name = [f"{path}({', '.join([first, *rest])})"], path.removeprefix("np.")
            if hasattr(Operators, name):
                calls.append(f"x.{name}({', '.join(rest)})")
            entries.append((calls, [plain(first_line(function))]))
        parts += [f"### {title(room.__name__)}", fence(entries)]
    return parts


def constants():
    """The functions that no gradient flows through."""
    parts = [CONSTANTS.rstrip()]
    for room in rooms:
        for heading, rows in rows_of(room).items():
            entries = [
                ([in_numpy(row)[0] or row.name], [", ".join(SPELLINGS.get(row, []))])
                for row in rows
                if not row.differentiable
            ]
            if entries:
                parts += [f"### {title(heading or room.__name__)}", fence(entries)]
    return parts


# ---- the page ------------------------------------------------------------------------------------


def contents(text):
    titles = re.findall(r"^## (.*)$", text, re.MULTILINE)
    anchors = [re.sub(r"[^\w -]", "", t).lower().replace(" ", "-") for t in titles]
    pairs = zip(titles, anchors, strict=True)
    return "\n".join(f"{i}. [{t}](#{anchor})" for i, (t, anchor) in enumerate(pairs, 1))


def page():
    """The whole text."""
    parts = [INTRODUCTION.rstrip()]
    for room in rooms:
        parts += section(room)
    text = "\n\n".join([*parts, *composed(), *constants()]) + "\n"
    return text.replace("CONTENTS", contents(text))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
