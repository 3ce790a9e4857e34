"""What commands print, on terminals and in pipes."""

import re

import pytest
from rich.table import Table

from lradapt.cli.output import console, minute, print_json

PATH = "/a/folder" * 30


def table():
    wide = Table("what", "which")
    wide.add_row("a", PATH)
    return wide


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 80 columns for stdout."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")


def test_in_a_pipe_neither_a_text_nor_a_row_is_broken_or_coloured(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    console().print(f"no file {PATH}", style="red")
    console().print(table())
    out = capsys.readouterr().out
    assert out.startswith(f"no file {PATH}\n")
    assert f"│ {PATH} │\n" in out
    assert "\x1b" not in out


def test_on_a_terminal_a_table_fits_and_a_text_is_left_to_the_terminal(terminal, capsys):
    console().print(f"no file {PATH}")
    console().print(table())
    plain = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out)
    text, *rows = plain.splitlines()
    assert text == f"no file {PATH}"
    assert max(map(len, rows)) == 80


def test_names_in_brackets_and_between_colons_are_names(capsys):
    console().print("[red]a[/red] :smile:")
    assert capsys.readouterr().out == "[red]a[/red] :smile:\n"


def test_colour_is_declined_by_a_variable(terminal, capsys, monkeypatch):
    console().print("x", style="red")
    assert capsys.readouterr().out == "\x1b[31mx\x1b[0m\n"
    monkeypatch.setenv("NO_COLOR", "1")
    console().print("x", style="red")
    assert capsys.readouterr().out == "x\n"


def test_json_keeps_letters_and_ends_with_a_line(capsys):
    print_json({"a": "ø"})
    assert capsys.readouterr().out == '{\n  "a": "ø"\n}\n'


def test_a_time_is_reported_to_the_minute():
    assert minute("2026-01-02T03:04:05+00:00") == "2026-01-02 03:04"
    assert minute("") == ""
