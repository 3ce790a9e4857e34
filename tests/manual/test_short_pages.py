"""The pages of the library, the events and the exit codes are complete."""

import types

import pytest

import lradapt
from lradapt.cli.exit_codes import MEANINGS
from manual import short_pages
from tasks.ui import events
from tests.docs.documents import read


def test_each_public_name_is_on_the_page_of_the_library():
    page = short_pages.api_page()
    assert [name for name in lradapt.__all__ if f"\n::: lradapt.{name}\n" not in page] == []


def test_each_event_has_its_meaning_and_is_on_the_page_of_operations():
    values = [value for name, value in vars(events).items() if name.isupper()]
    assert len(values) == 5
    for value in values:
        assert f"| `{value}` | " in short_pages.events_page()
        assert f"`{value}`" in read("docs/operations.md")


def test_an_event_without_a_meaning_is_an_error(tmp_path, monkeypatch):
    module = types.ModuleType("events_of_a_test")
    source = 'KNOWN = "a.b"\n"""Text."""\nUNKNOWN = "a.c"\n'
    exec(compile(source, "events", "exec"), module.__dict__)
    monkeypatch.setattr(short_pages, "events", module)
    monkeypatch.setattr(short_pages.inspect, "getsource", lambda _: source)
    with pytest.raises(short_pages.UndocumentedEventError, match="without a meaning: UNKNOWN"):
        short_pages.events_page()


def test_each_exit_code_is_on_its_page_and_on_that_of_the_terminal():
    for code, meaning in MEANINGS.items():
        assert f"| {int(code)} | {meaning} |" in short_pages.exit_codes_page()
        assert f"\n| {int(code)} | " in read("docs/terminal.md")
