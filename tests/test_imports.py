"""Who may import whom, and what `import tinygrad_lite` loads."""

import ast
import os
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import tinygrad_lite

PACKAGE = Path(tinygrad_lite.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path):
    """`nn.optim.clipping`; a package goes by its folder, and the whole by ''."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path) for path in MODULES}


def is_for_types(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def import_nodes(nodes, inside_functions):
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not inside_functions:
            continue
        elif not is_for_types(node):
            yield from import_nodes(ast.iter_child_nodes(node), inside_functions)


def imports(path, inside_functions=False):
    """The modules that a file imports: ours by their names here, others as `/numpy`."""
    name = name_of(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in import_nodes(ast.parse(path.read_text()).body, inside_functions):
        if isinstance(node, ast.Import):
            found |= {"/" + alias.name for alias in node.names}
        elif node.level == 0:
            found.add("/" + node.module)
        else:
            parts = package.split(".") if package else []
            base = parts[: len(parts) - node.level + 1] + (node.module or "").split(".")
            base = ".".join(filter(None, base))
            for alias in node.names:
                whole = f"{base}.{alias.name}".strip(".")
                found.add(whole if whole in NAMES else base)
    return found - {name}


def ours(path, **options):
    return {name for name in imports(path, **options) if not name.startswith("/")}


def room(name):
    """The first part of a module's name: its folder, or the module itself."""
    return name.split(".")[0]


CORE = {
    "anomaly",
    "autodiff",
    "context",
    "conversions",
    "dispatch",
    "errors",
    "memory",
    "methods",
    "operators",
    "ops",
    "options",
    "refusals",
    "rule_errors",
    "source",
    "tensor",
    "values",
}
ALLOWED = {
    **dict.fromkeys(CORE, CORE),
    "ops": {"ops", "errors", "refusals", "rule_errors"},
    "errors": {"source"},
    "source": set(),
    "refusals": {"errors", "source"},
    "rule_errors": {"errors"},
    "options": {"ops", "refusals"},
    "context": {"errors", "refusals"},
    "memory": {"context", "refusals"},
    "values": {"errors", "refusals"},
    "random": {"context", "errors"},
    "creation": {"context", "errors", "ops", "random", "tensor", "values"},
    "state": {"errors", "tensor", "nn"},
    "formulas": {"ops", "errors"},
    "graphs": {*CORE, "checking", "formulas", "graphs", "nesting", "nn"},
    "compiler": {*CORE, "compiler", "graphs", "nesting", "nn", "random"},
    "nn": {*CORE, "creation", "nn", "random"},
    "nesting": {"errors", "nn", "tensor"},
    "run": {"autodiff", "context", "errors", "nesting", "ops", "tensor"},
    "derivatives": {"errors", "nesting", "run", "tensor"},
    "checking": {"derivatives", "errors", "nesting", "run", "tensor"},
    "models": {"errors", "nn", "ops", "random", "tensor"},
    "data": {"data", "errors", "random"},
}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    here = room(name_of(path))
    if here == "":
        return  # the package itself imports what it offers
    assert {room(name) for name in ours(path)} <= ALLOWED[here]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_core_knows_nothing_of_what_is_built_on_it(path):
    if room(name_of(path)) in CORE:
        found = {room(name) for name in ours(path, inside_functions=True)}
        assert found <= CORE


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "ops").rglob("*.py")), ids=lambda path: path.name
)
def test_operations_know_nothing_of_tensors(path):
    found = imports(path, inside_functions=True)
    outside = {name[1:].split(".")[0] for name in found if name.startswith("/")}
    assert outside - set(sys.stdlib_module_names) <= {"numpy"}
    assert {room(name) for name in found if not name.startswith("/")} <= ALLOWED["ops"]


def test_there_is_no_cycle_but_that_of_tensor_and_sweep():
    graph = {name_of(path): ours(path) for path in MODULES}
    del graph[""]
    for package in NAMES - {""}:  # a package imports its parts, which import their siblings
        graph[package].discard("")
    with pytest.raises(CycleError) as caught:
        TopologicalSorter(graph).prepare()
    assert set(caught.value.args[1]) == {"tensor", "autodiff"}
    graph["tensor"].discard("autodiff")
    TopologicalSorter(graph).prepare()


def test_the_one_cycle_stands_at_the_bottom_of_its_file():
    last = ast.parse((PACKAGE / "tensor.py").read_text()).body[-1]
    assert isinstance(last, ast.ImportFrom) and [a.name for a in last.names] == ["autodiff"]


HEAVY = [
    "graphviz",
    "hypothesis",
    "matplotlib",
    "numpy.random",
    "pytest",
    "scipy",
    "ssl",
    "torch",
    "tqdm",
    "urllib.request",
]


def test_import_loads_numpy_and_nothing_else_heavy():
    program = "import sys, tinygrad_lite; print(*sys.modules, sep='\\n')"
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "numpy" in loaded and "tinygrad_lite.tensor" in loaded
    assert loaded & set(HEAVY) == set()
