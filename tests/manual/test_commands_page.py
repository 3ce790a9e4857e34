"""The page of all command lines has every command, with its options and exit codes."""

import re

import pytest

from manual.commands_page import FLOWS, commands_page
from tests.docs.documents import ROOT


@pytest.fixture(scope="module")
def sections():
    """Heading -> text of each section."""
    parts = re.split(r"^## (.+)\n", commands_page(), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_each_command_has_a_section_also_those_of_groups(sections):
    for name in ("lradapt", "lradapt check", "lradapt import folder", "lradapt keys trust"):
        assert name in sections


def test_each_flow_that_is_a_program_has_a_section(sections):
    programs = [
        path.stem
        for path in (ROOT / "flows").glob("*.py")
        if "\ndef main(" in path.read_text() and path.stem != "stage"
    ]
    assert sorted(FLOWS) == sorted(programs)
    assert {f"python -m flows.{name}" for name in FLOWS} <= set(sections)


def test_an_option_shows_its_values_meaning_and_default(sections):
    expected = r"| `--period` `<day\|week>` | The span to compare as a whole, in UTC. | `week` |"
    assert expected in sections["lradapt drift"]
    assert "| `RECORD` `<str>` | The record:" in sections["lradapt drift"]
    assert (
        "| `--reason` `<str>` | The reason, for the log. | needed |" in sections["lradapt rollback"]
    )


def test_a_command_shows_its_examples_and_exit_codes(sections):
    text = sections["lradapt check"]
    assert "```\nlradapt check\nlradapt check --folder photos --html page.html\n" in text
    assert "Exit codes: 0 done, 1 error (message on stderr), 2 wrong usage, 3 done, but" in text


def test_words_that_markdown_would_change_are_escaped_but_not_in_code(sections):
    text = sections["lradapt token"]
    assert r"LRADAPT\_TOKENS has the entries" in text
    assert "`Authorization: Bearer TOKEN`" in text
