"""The names that `lradapt` offers to programs of other people."""

import ast
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import lradapt

SOURCE = Path(lradapt.__file__)


def typed_homes():
    """Name -> module, as type checkers read them."""
    tree = ast.parse(SOURCE.read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    return {alias.name: node.module for node in block.body for alias in node.names}


def test_type_checkers_and_programs_find_each_name_in_the_same_place():
    homes = {name: f"lradapt.{module}" for name, module in lradapt._HOMES.items()}
    assert homes == typed_homes()
    assert sorted(homes) == lradapt.__all__


@pytest.mark.parametrize("name", lradapt.__all__)
def test_each_name_is_there(name):
    assert getattr(lradapt, name).__name__ == name
    assert name in dir(lradapt)


def test_no_name_is_that_of_a_module_which_would_take_its_place():
    modules = {module.name for module in pkgutil.iter_modules(lradapt.__path__)}
    assert "training" in modules
    assert not modules & set(lradapt.__all__)


def test_another_name_is_no_attribute():
    with pytest.raises(AttributeError, match="'lradapt' has no attribute 'nosuch'"):
        _ = lradapt.nosuch


def test_its_import_imports_nothing_that_is_slow():
    code = "import sys, lradapt; print(*sys.modules)"
    folder = SOURCE.parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "lradapt" in loaded
    assert not {"torch", "numpy", "pandas", "pydantic", "typer", "rich"} & loaded


def test_every_name_is_documented_in_a_section_of_its_own():
    text = (SOURCE.parents[1] / "docs" / "library.md").read_text()
    sections = [line for line in text.splitlines() if line.startswith("## ")]
    for name in lradapt.__all__:
        assert any(f"`{name}`" in line for line in sections), name
