"""The arrows between rooms hold; flags and figures stay outside the package's core."""

import ast
import pathlib
import re

import pytest

PACKAGE = pathlib.Path(__file__).parents[1] / "scaletime_jax"
# What each room may import besides itself: the wings make, read and compute.
ARROWS = {
    "data": set(),
    "models": set(),
    "training": {"data", "models"},
    "sweep": {"data", "models", "training", "runs"},
    "runs": set(),
    "theory": set(),
    "stats": set(),
    "laws": {"runs", "stats", "theory"},
    "studies": {"data", "runs", "stats", "theory", "laws"},
    "plotting": {"runs", "stats", "laws", "studies"},
}
EVERYONE = {"errors", "arguments", "words", "track", "keep", "memory"}
# The modules beside the rooms that lead into them.
DOORS = {"__init__.py", "answers.py"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported(path):
    """Returns the dotted names that a module imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_follow_the_arrows(path):
    parts = path.relative_to(PACKAGE).parts
    for name in imported(path):
        top, *rest = name.split(".")
        assert top != "absl", f"{path} knows flags"
        assert top != "flax" or parts[0] == "models", f"{path} knows Flax"
        assert top != "matplotlib" or parts[0] == "plotting", f"{path} draws"
        if top == "scaletime_jax" and rest and rest[0] not in EVERYONE:
            if len(parts) == 1:
                assert parts[0] in DOORS, f"{path} imports {name}"
            else:
                room = parts[0]
                assert rest[0] in ARROWS[room] | {room}, f"{path} imports {name}"


def test_no_module_imports_itself_in_a_circle():
    """Also within a room, where the arrows say nothing."""
    graph = {}
    for path in MODULES:
        own = "scaletime_jax." + ".".join(path.relative_to(PACKAGE).parts)[:-3]
        graph[own] = imported(path)
    edges = {
        a: {
            b
            for b in graph
            if b != a and (b in names or any(n.startswith(b + ".") for n in names))
        }
        for a, names in graph.items()
    }
    done = set()

    def visit(module, above):
        assert module not in above, f"a circle: {[*above, module]}"
        if module not in done:
            for other in sorted(edges[module]):
                visit(other, [*above, module])
            done.add(module)

    for module in graph:
        visit(module, [])


def test_the_rooms_are_the_ones_checked():
    rooms = {p.relative_to(PACKAGE).parts[0] for p in MODULES if p.parent != PACKAGE}
    assert rooms == set(ARROWS)


def test_the_library_names_quantities_and_no_flags():
    """But for the command of another program."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words = node.value.replace("--file_format=array_record", "")
                assert not re.search(r"--[a-z]", words), f"{path}: {node.value!r}"


def test_the_library_never_sets_jax_config():
    for path in MODULES:
        assert "jax.config" not in path.read_text(), path
