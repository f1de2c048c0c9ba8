"""The rooms import only from rooms to their left; flags and figures stay outside."""

import ast
import pathlib

import pytest

PACKAGE = pathlib.Path(__file__).parents[1] / "scaletime_jax"
CHAIN = ["data", "models", "training", "sweep", "analysis", "plotting"]
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


def allowed_rooms(room):
    if room == "theory":
        return {"theory"}
    left = set(CHAIN[: CHAIN.index(room) + 1])
    return left | {"theory"} if room == "analysis" else left


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_only_from_the_left(path):
    parts = path.relative_to(PACKAGE).parts
    for name in imported(path):
        top, *rest = name.split(".")
        assert top != "absl", f"{path} knows flags"
        assert top != "matplotlib" or parts[0] == "plotting", f"{path} draws"
        if len(parts) > 1 and top == "scaletime_jax" and rest and rest[0] != "errors":
            assert rest[0] in allowed_rooms(parts[0]), f"{path} imports {name}"


def test_the_rooms_are_the_ones_checked():
    rooms = {p.relative_to(PACKAGE).parts[0] for p in MODULES if p.parent != PACKAGE}
    assert rooms == {*CHAIN, "theory"}


def test_the_library_never_sets_jax_config():
    for path in MODULES:
        assert "jax.config" not in path.read_text(), path
