import sys
from pathlib import Path
from typing import Annotated

import pytest
import typer

from benchmarks.program import run


def copy(*, into: Annotated[Path, typer.Option(help="Where to.")]) -> None:
    """Copy."""
    if into == Path("broken"):
        raise ZeroDivisionError("a bug")
    typer.echo(f"to {into}")


def move() -> None:
    """Move."""
    typer.echo("moved")


@pytest.fixture
def program(monkeypatch, capsys):
    """A function: the exit code, stdout and stderr of a program with these words."""

    def called(commands, *words):
        monkeypatch.setattr(sys, "argv", ["program", *words])
        with pytest.raises(SystemExit) as end:
            run(*commands)
        return end.value.code, *capsys.readouterr()

    return called


def test_the_words_reach_the_only_command_or_the_one_they_name(program):
    assert program([copy], "--into", "there") == (0, "to there\n", "")
    assert program([copy, move], "move") == (0, "moved\n", "")


def test_errors_end_a_program_as_long_work_of_lradapt(program):
    code, _, err = program([copy], "--into", "broken")
    assert code == 70
    assert err.startswith("Traceback (most recent call last):\n")
