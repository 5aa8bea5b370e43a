"""Ways to break a function: copies of it with one mistake each.

`mutants` gives them all, made from the function's source; `in_place_of` lets one of them run in
place of the function, wherever that is called from.
"""

import ast
import inspect
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import CodeType

# ---- mistakes in an expression -------------------------------------------------------------------

OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
COMMUTATIVE = ast.Add | ast.Mult | ast.BitAnd | ast.BitOr
NEGATIONS = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
PAIRS = [
    ("cos", "sin"),
    ("cosh", "sinh"),
    ("exp", "expm1"),
    ("floor_divide", "divide"),
    ("isinf", "isfinite"),
    ("max", "min"),
    ("maximum", "minimum"),
    ("rint", "floor"),
    ("sign", "absolute"),
    ("sqrt", "square"),
    ("sum", "mean"),
    ("tril", "triu"),
]
PARTNERS = dict(PAIRS) | {b: a for a, b in PAIRS}


def alternatives(part, names):
    """What could stand by mistake for a part of a function whose inputs are `names`."""
    match part:
        case ast.BinOp(left, operator, right):
            yield left
            yield right
            if not isinstance(operator, COMMUTATIVE):
                yield ast.BinOp(right, operator, left)
            if type(operator) in OPERATORS:
                yield ast.BinOp(left, OPERATORS[type(operator)](), right)
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.Compare(left, [operator], [right]):
            yield ast.Compare(left, [NEGATIONS[type(operator)]()], [right])
        case ast.BoolOp(operator, values):
            yield from values
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(None):
            yield ast.Constant(0)
        case ast.Name(name, ast.Load()) if name in names:
            yield from (ast.Name(other, ast.Load()) for other in names if other != name)
        case ast.Attribute(ast.Name("np") as numpy, name, load) if name in PARTNERS:
            yield ast.Attribute(numpy, PARTNERS[name], load)
        case ast.Attribute(value, "mT" | "T"):
            yield value
        case ast.Subscript(value, ctx=ast.Load()):
            yield value
        case ast.Call(function, arguments, keywords):
            yield from (x for x in arguments[:1] if not isinstance(x, ast.Starred))
            match function:
                case ast.Attribute(ast.Name("np" | "math") | ast.Attribute(ast.Name("np"))):
                    pass
                case ast.Attribute(value):  # without the call of its method
                    yield value
            for i in range(len(arguments) - 1):
                swapped = [*arguments[:i], arguments[i + 1], arguments[i], *arguments[i + 2 :]]
                yield ast.Call(function, swapped, keywords)
            for i in range(len(keywords)):
                yield ast.Call(function, arguments, keywords[:i] + keywords[i + 1 :])


def of_result(result):
    """What could come out by mistake."""
    yield ast.UnaryOp(ast.USub(), result)
    for factor in (2, 0, 1 + 1e-4):
        yield ast.BinOp(ast.Constant(factor), ast.Mult(), result)


NEVER_RUN = "never_run"  # an error in place of a branch, which no test sees if none takes it
BRANCHES = {"value", "body", "orelse"}

# ---- mistakes in a function ----------------------------------------------------------------------


def mutants(function):
    """Every mutant of a function: its source, as far as it differs, and the mutant itself.

    Defaults of parameters that the function doesn't read are left alone.
    """
    tree = source(function)
    lines = set(ast.unparse(tree).splitlines())
    names = [a.arg for a in tree.args.args if a.arg not in defaults_of(tree)]
    seen, found = {ast.unparse(tree)}, list(results(tree))
    for holder, field, i, part in parts(tree):
        others = [*alternatives(part, names), *(of_result(part) if part in found else ())]
        if isinstance(holder, ast.stmt | ast.Lambda | ast.IfExp) and field in BRANCHES:
            others.append(ast.Name(NEVER_RUN, ast.Load()))
        try:
            for other in others:
                put(holder, field, i, other)
                text = ast.unparse(tree)
                if text not in seen:
                    seen.add(text)
                    changed = [line.strip() for line in text.splitlines() if line not in lines]
                    yield "; ".join(changed), defined(tree, function)
        finally:  # also if nobody asks for the next
            put(holder, field, i, part)


def parts(tree):
    """Every expression in a function, and what holds it: a node, the field, the place in a list."""
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    left_alone = [default for name, default in defaults_of(tree).items() if name not in read]
    for holder in [*ast.walk(tree)]:
        for field, value in ast.iter_fields(holder):
            some = enumerate(value) if isinstance(value, list) else [(None, value)]
            for i, part in list(some):
                if isinstance(part, ast.expr) and part not in left_alone:
                    yield holder, field, i, part


def results(tree):
    """What comes out of a function: expressions, for a tuple its parts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Return | ast.Lambda):
            result = node.value if isinstance(node, ast.Return) else node.body
            yield from result.elts if isinstance(result, ast.Tuple) else [result]


def put(holder, field, i, part):
    if i is None:
        setattr(holder, field, part)
    else:
        getattr(holder, field)[i] = part


def defaults_of(tree):
    """By parameter, what it is if it isn't given."""
    args = tree.args
    last = args.args[len(args.args) - len(args.defaults) :]
    named = [*zip(last, args.defaults, strict=True)]
    named += zip(args.kwonlyargs, args.kw_defaults, strict=True)
    return {arg.arg: default for arg, default in named if default is not None}


# ---- source and code -----------------------------------------------------------------------------


def source(function):
    """The syntax tree of a function."""
    return functions_in(inspect.getsourcefile(function))[place_of(function.__code__)]


@cache
def functions_in(path):
    """The syntax trees of a file's functions, by their place in it."""
    kinds = ast.FunctionDef | ast.Lambda
    found = [
        node for node in ast.walk(ast.parse(Path(path).read_text())) if isinstance(node, kinds)
    ]
    return {place_of(compiled(node)): without_extras(node) for node in found}


def without_extras(tree):
    """A function without decorators, docstring and annotations."""
    if isinstance(tree, ast.FunctionDef):
        tree.decorator_list, tree.returns = [], None
        for part in ast.walk(tree):
            if isinstance(part, ast.arg):
                part.annotation = None
        if ast.get_docstring(tree) is not None:
            tree.body = tree.body[1:]
    return tree


def place_of(code):
    """Lines and columns of all that the code of a function does."""
    return code.co_name, frozenset(place for place in code.co_positions() if None not in place)


def compiled(tree):
    """The code of a function."""
    is_lambda = isinstance(tree, ast.Lambda)
    module = ast.Module([ast.Expr(tree) if is_lambda else tree], [])
    found = compile(ast.fix_missing_locations(module), "<mutant>", "exec").co_consts
    name = "<lambda>" if is_lambda else tree.name
    return next(c for c in found if isinstance(c, CodeType) and c.co_name == name)


def defined(tree, function):
    """The function of a syntax tree, with the variables that another one has around it."""
    around = function.__code__.co_freevars
    outer = f"def outer({', '.join(around)}):\n def mutant(): pass\n return mutant"
    module, scope = ast.parse(outer), dict(function.__globals__)
    inner = module.body[0].body[0]
    body = [ast.Return(tree.body)] if isinstance(tree, ast.Lambda) else tree.body
    mentioned = ast.parse("\n".join(around)).body  # codes are exchangeable if they agree in them
    inner.args, inner.body = tree.args, [*body, *mentioned]
    exec(compile(ast.fix_missing_locations(module), "<mutant>", "exec"), scope)
    return scope["outer"](*[cell.cell_contents for cell in function.__closure__ or ()])


@contextmanager
def in_place_of(function, mutant):
    """Have a function do what its mutant does."""
    attributes = ("__code__", "__defaults__", "__kwdefaults__")
    before = [getattr(function, name) for name in attributes]
    for name in attributes:
        setattr(function, name, getattr(mutant, name))
    try:
        yield
    finally:
        for name, value in zip(attributes, before, strict=True):
            setattr(function, name, value)
