import sys
from pathlib import Path
from typing import Annotated

import pytest
import typer

from benchmarks.program import run
from lradapt.errors import LradaptError


@pytest.fixture
def program(monkeypatch, capsys):
    """A function: the exit code, stdout and stderr of a program with these words."""

    def called(main, *words):
        monkeypatch.setattr(sys, "argv", ["program", *words])
        with pytest.raises(SystemExit) as end:
            run(main)
        return end.value.code, *capsys.readouterr()

    return called


def copy(*, into: Annotated[Path, typer.Option(help="Where to.")]) -> None:
    """Copy what there is."""
    typer.echo(f"to {into}")


def test_the_words_reach_the_program_and_its_end_is_0(program):
    assert program(copy, "--into", "there") == (0, "to there\n", "")


@pytest.mark.parametrize("error", [LradaptError("no [red] rate"), OSError("no [red] rate")])
def test_an_error_that_a_user_can_mend_is_one_message_and_exit_code_1(program, error):
    def main():
        raise error

    assert program(main) == (1, "", "error: no [red] rate\n")


def test_its_help_lists_its_own_options_alone(program):
    code, out, _ = program(copy, "--help")
    assert code == 0
    assert "--into" in out
    assert "--install-completion" not in out


def test_a_bug_after_hours_of_work_has_its_traceback_and_a_code_of_its_own(program):
    def main():
        raise ZeroDivisionError("a bug")

    code, _, err = program(main)
    assert code == 70
    assert err.startswith("Traceback (most recent call last):\n")
    assert "\nerror: ZeroDivisionError: a bug. This is an internal error of lradapt" in err
