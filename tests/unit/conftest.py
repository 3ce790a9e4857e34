"""The command line, run in an empty folder."""

import sys
from typing import NamedTuple

import pytest

from lradapt.cli.app import run
from lradapt.cli.error_exit import exit_on_error


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def lradapt(tmp_path, monkeypatch, capsys):
    """A function that runs the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def command(*words):
        monkeypatch.setattr(sys, "argv", ["lradapt", *map(str, words)])
        with pytest.raises(SystemExit) as end, exit_on_error():
            run()
        return Said(end.value.code, *capsys.readouterr())

    return command
