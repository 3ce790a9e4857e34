import os
import signal

import pytest

from lradapt.cli import exit_codes
from lradapt.cli.program_end import VARIABLE, errors_told, show_tracebacks
from lradapt.errors import DataError
from lradapt.runtime.termination import Terminated


@pytest.fixture(autouse=True)
def _no_debugging(monkeypatch):
    monkeypatch.setenv(VARIABLE, "")


@pytest.fixture
def ended(capsys):
    """A function: the exit code and stderr of a program that ends with this."""

    def end(error, **settings):
        with pytest.raises(SystemExit) as exit_, errors_told(**settings):
            raise error
        return exit_.value.code, capsys.readouterr().err

    return end


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (DataError("no images in [b]"), 1, "error: no images in [b]\n"),
        (PermissionError(13, "No right", "a:smile:b"), 1, "error: a:smile:b: No right\n"),
        (OSError("no [red] rate"), 1, "error: no [red] rate\n"),
        (KeyboardInterrupt(), 130, "stopped by Ctrl-C\n"),
        (SystemExit(130), 130, "stopped by Ctrl-C\n"),
        (SystemExit(2), 2, ""),
        (Terminated("ended by SIGTERM"), 143, "error: ended by SIGTERM\n"),
    ],
)
def test_what_ends_a_program_is_one_message_and_its_code(ended, error, code, said):
    assert ended(error) == (code, said)


def test_last_words_that_say_error_themselves_stand_as_they_are(ended):
    assert ended(DataError("error: no images")) == (1, "error: no images\n")


def test_a_message_longer_than_the_screen_is_not_broken(ended, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    path = "/folder" * 30
    assert ended(DataError(f"no file {path}")) == (1, f"error: no file {path}\n")


def test_colour_is_for_terminals_alone_and_not_where_it_is_declined(ended, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert ended(DataError("x"))[1] == "\x1b[31merror: x\x1b[0m\n"
    monkeypatch.setenv("NO_COLOR", "1")
    assert ended(DataError("x"))[1] == "error: x\n"


@pytest.mark.parametrize("error", [DataError("x"), KeyError("x"), KeyboardInterrupt()])
@pytest.mark.parametrize("value", ["", "0", "1"])
def test_the_variable_adds_the_traceback_and_changes_no_code(ended, monkeypatch, error, value):
    code, plain = ended(error)
    monkeypatch.setenv(VARIABLE, value)
    again, said = ended(error)
    assert again == code
    assert said.endswith(plain)
    assert said.startswith("Traceback (most recent call last):\n") == (value == "1")


def test_debugging_reaches_the_programs_that_this_one_starts(ended):
    assert "Traceback" in ended(DataError("x"), debug=True)[1]
    assert os.environ[VARIABLE] == "1"
    os.environ[VARIABLE] = "0"
    show_tracebacks()
    assert os.environ[VARIABLE] == "1"


def test_long_work_shows_the_traceback_of_a_fault_and_of_nothing_else(ended):
    assert ended(KeyError("x"), long_work=True)[1].startswith("Traceback")
    assert ended(DataError("x"), long_work=True) == (1, "error: x\n")


def test_the_codes_are_told_with_their_meanings():
    assert exit_codes.told(0, 2) == "0 done, 2 wrong usage"
    assert set(exit_codes.MEANINGS) == {0, 1, 2, 3, 70, 130, 128 + signal.SIGTERM}
