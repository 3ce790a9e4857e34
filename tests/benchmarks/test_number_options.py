"""The programs refuse a number that is not finite or out of range, as the commands of lradapt do.

The sources are read: to import each of the programs takes long, and some need a peer.
"""

import ast
import sys
from pathlib import Path

import pytest

from benchmarks.program import run
from benchmarks.serving import LoadSeconds

SOURCES = sorted((Path(__file__).parents[2] / "benchmarks").rglob("*.py"))


def test_no_float_option_of_a_program_is_without_a_range():
    trees = {path: ast.parse(path.read_text()) for path in SOURCES}
    options = [each for tree in trees.values() for each in float_options(tree)]
    checked = [each for each in options if "number_option(" in each]
    assert options == checked
    assert len(checked) == 5  # one of them is of three programs


@pytest.mark.parametrize(
    "source",
    [
        "Seconds = Annotated[float, typer.Option()]",
        "def main(lr: Annotated[float | None, typer.Option()] = None): ...\nrun(main)",
        "def main(lr: float = 1.0): ...\nrun(main)",
        "def main(lrs: list[float]): ...\nrun_program(main)",
    ],
)
def test_an_option_without_a_range_is_found(source):
    assert len(float_options(ast.parse(source))) == 1


def float_options(tree):
    """The annotations of all options that are a float, or may be, as source text."""
    called = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    calls = [each for each in called if ast.unparse(each.func) in ("run", "run_program")]
    commands = {ast.unparse(name) for call in calls for name in call.args}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    arguments = [
        ast.unparse(each.annotation)
        for function in functions
        if function.name in commands
        for each in (*function.args.args, *function.args.kwonlyargs)
    ]
    aliases = [ast.unparse(node.value) for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    options = [*arguments, *(each for each in aliases if each.startswith("Annotated["))]
    return [each for each in options if "float" in each]


def load(seconds: LoadSeconds = 3) -> None:
    """Put a load on a server."""


@pytest.mark.parametrize("value", ["nan", "inf", "0"])
def test_a_program_says_which_number_it_expects(monkeypatch, capsys, value):
    monkeypatch.setattr(sys, "argv", ["program", "--seconds", value])
    with pytest.raises(SystemExit) as ended:
        run(load)
    assert ended.value.code == 2
    words = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert f"Invalid value for '--seconds': {value}; expected a number from 0.1 to 2592000" in words
