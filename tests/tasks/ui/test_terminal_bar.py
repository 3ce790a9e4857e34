"""The bar of a flow on a terminal: it is drawn below the log, and makes room for it."""

import io
import logging
import sys

import pytest

from tasks.ui.terminal_bar import TerminalBar, terminal_bar

ERASE = "\r\x1b[2K"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 60 columns."""
    monkeypatch.setenv("COLUMNS", "60")
    return Terminal()


def test_it_shows_the_share_and_what_the_stage_reports_on_one_line(terminal):
    TerminalBar(terminal).draw(25.0, "epoch 1 of 4\n\nabout 7 s left")
    assert terminal.getvalue() == f"{ERASE}{'━' * 6}{' ' * 18}  25 %  epoch 1 of 4 · about 7 s le"
    assert "\n" not in terminal.getvalue()


@pytest.mark.parametrize(("share", "blocks"), [(-1.0, 0), (0.0, 0), (100.0, 24), (130.0, 24)])
def test_it_is_never_longer_than_its_place(terminal, share, blocks):
    TerminalBar(terminal).draw(share, "")
    assert terminal.getvalue().count("━") == blocks


def test_a_line_of_the_log_takes_its_place(terminal, monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal)
    handler = logging.StreamHandler(terminal)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        with terminal_bar() as bar:
            bar.draw(50.0, "half")
            logging.getLogger("lradapt.test").warning("a line")
            logging.getLogger("lradapt.test").warning("another")
            bar.draw(75.0, "more")
    finally:
        root.removeHandler(handler)
    assert f"half{ERASE}a line\nanother\n{ERASE}" in terminal.getvalue()
    assert terminal.getvalue().endswith(f"more{ERASE}")
    assert not handler.filters


def test_a_pipe_gets_none(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with terminal_bar() as bar:
        assert bar is None
