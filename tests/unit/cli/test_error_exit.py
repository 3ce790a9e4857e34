import os
import signal

import pytest

from lradapt.cli import exit_codes
from lradapt.cli.error_exit import VARIABLE, enable_tracebacks, exit_on_error
from lradapt.errors import DataError
from lradapt.runtime.termination import Terminated


@pytest.fixture(autouse=True)
def _no_debugging(monkeypatch):
    monkeypatch.setenv(VARIABLE, "")


@pytest.fixture
def ended(capsys):
    """A function: the exit code and stderr of a program that ends with this error."""

    def end(error, *, cause=None, **settings):
        with pytest.raises(SystemExit) as exit_, exit_on_error(**settings):
            raise error from cause
        return exit_.value.code, capsys.readouterr().err

    return end


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (DataError("no images in [b]"), 1, "error: no images in [b]\n"),
        (PermissionError(13, "No right", "a:smile:b"), 1, "error: a:smile:b: No right\n"),
        (
            FileNotFoundError(2, "No file", "a\nerror: b\x1b"),
            1,
            "error: a\\nerror: b\\x1b: No file\n",
        ),
        (OSError("no [red] rate"), 1, "error: no [red] rate\n"),
        (KeyboardInterrupt(), 130, "stopped by Ctrl-C\n"),
        (SystemExit(130), 130, "stopped by Ctrl-C\n"),
        (SystemExit(2), 2, ""),
        (Terminated("ended by SIGTERM"), 143, "error: ended by SIGTERM\n"),
    ],
)
def test_an_error_ends_the_program_with_one_message_and_its_code(ended, error, code, message):
    assert ended(error) == (code, message)


def test_a_message_that_begins_with_error_gets_no_second_prefix(ended):
    assert ended(DataError("error: no images")) == (1, "error: no images\n")


def test_a_message_longer_than_the_screen_is_not_broken(ended, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    path = "/folder" * 30
    assert ended(DataError(f"no file {path}")) == (1, f"error: no file {path}\n")


def test_only_a_terminal_without_no_color_gets_colours(ended, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert ended(DataError("x"))[1] == "\x1b[31merror: x\x1b[0m\n"
    monkeypatch.setenv("NO_COLOR", "1")
    assert ended(DataError("x"))[1] == "error: x\n"


@pytest.mark.parametrize("error", [DataError("x"), KeyError("x"), KeyboardInterrupt()])
@pytest.mark.parametrize("value", ["", "0", "1"])
def test_the_variable_adds_the_traceback_and_keeps_the_code(ended, monkeypatch, error, value):
    code, plain = ended(error)
    monkeypatch.setenv(VARIABLE, value)
    again, output = ended(error)
    assert again == code
    assert output.endswith(plain)
    assert output.startswith("Traceback (most recent call last):\n") == (value == "1")


def test_the_traceback_has_the_causes_of_the_error_and_the_message_alone_has_not(ended):
    cause = KeyError("inner")
    code, message = ended(DataError("outer"), cause=cause)
    assert (code, message) == (1, "error: outer\n")
    _, output = ended(DataError("outer"), cause=cause, debug=True)
    causes = "KeyError: 'inner'\n\nThe above exception was the direct cause of the following"
    assert causes in output
    assert output.endswith(message)


def test_debugging_reaches_the_programs_that_this_one_starts(ended):
    assert "Traceback" in ended(DataError("x"), debug=True)[1]
    assert os.environ[VARIABLE] == "1"
    os.environ[VARIABLE] = "0"
    enable_tracebacks()
    assert os.environ[VARIABLE] == "1"


def test_long_work_shows_the_traceback_of_an_internal_error_only(ended):
    assert ended(KeyError("x"), long_work=True)[1].startswith("Traceback")
    assert ended(DataError("x"), long_work=True) == (1, "error: x\n")


def test_the_codes_are_described_by_their_meanings():
    assert exit_codes.describe(0, 2) == "0 done, 2 wrong usage"
    assert set(exit_codes.MEANINGS) == {0, 1, 2, 3, 70, 130, 128 + signal.SIGTERM}
