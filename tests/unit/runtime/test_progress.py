"""The progress of long work: a bar on a terminal, lines in a log, nothing within two seconds."""

import io
import logging
import os
import pty
import re
import subprocess
import sys
from collections import Counter
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from lradapt.runtime.progress import Bar, describe, format_rate, format_seconds, tracked


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def work(caplog):
    """A function: work of items that take so many seconds each; the messages it left in the log."""
    caplog.set_level(logging.INFO, logger="lradapt")

    def done(seconds, total, **settings):
        clock = Clock()
        with tracked(seconds, "ingest", total=total, unit="images", clock=clock, **settings) as own:
            for each in own:
                clock.now += each
        return caplog.messages

    return done


def test_what_takes_less_than_two_seconds_shows_nothing(work):
    assert work([0.19] * 10, 10) == []


def test_a_line_stands_after_two_seconds_and_then_every_ten(work):
    assert work([0.5] * 50, 50) == [
        "ingest: 4 of 50 images, 2.0/s, 23 s left",
        "ingest: 24 of 50 images, 2.0/s, 13 s left",
        "ingest: 44 of 50 images, 2.0/s, 3 s left",
    ]


def test_work_that_stalls_is_shown_when_it_goes_on(work):
    assert work([1, 30, 1, 1], 4) == ["ingest: 2 of 4 images, 15.5 s each, 31 s left"]


def test_items_count_by_their_size(work):
    assert work([3, 1, 3], 700, size=lambda each: 100 * each) == [
        "ingest: 300 of 700 images, 100/s, 4 s left"
    ]


def test_items_pass_as_they_are_and_no_earlier_than_asked_for():
    taken = []

    def source():
        for number in range(3):
            taken.append(number)
            yield number

    with tracked(source(), "work", total=3, unit="items") as items:
        assert (next(items), taken) == (0, [0])
        assert (list(items), taken) == ([1, 2], [0, 1, 2])


def test_a_loop_within_a_loop_shows_nothing_of_its_own(work, caplog):
    clock = Clock()

    def inner():
        with tracked([5, 5], "inner", total=2, unit="steps", clock=clock) as items:
            for each in items:
                clock.now += each

    with tracked([1, 1], "outer", total=2, unit="epochs", clock=clock) as items:
        for _ in items:
            inner()
    assert [message.split(":")[0] for message in caplog.messages] == ["outer", "outer"]
    assert work([3], 1) == [*caplog.messages[:2], "ingest: 1 of 1 images, 3.0 s each, 0 s left"]


def test_after_an_error_the_next_work_is_shown_again(work):
    def broken():
        with tracked([1], "broken", total=1, unit="x"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert len(work([3], 1)) == 1


def test_an_error_of_the_work_itself_arrives():
    def broken():
        yield 1
        raise ZeroDivisionError

    with tracked(broken(), "broken", total=2, unit="x") as items, pytest.raises(ZeroDivisionError):
        list(items)


class Terminal(io.StringIO):
    """A stderr that is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A terminal for stderr, 100 columns wide."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


def bars(terminal):
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())
    return [line for line in re.split(r"[\r\n]+", text) if line.strip()]


def test_on_a_terminal_a_bar_moves_four_times_a_second_and_goes(terminal, work):
    with redirect_stderr(terminal):
        assert work([0.125] * 24, 24) == []
    shown = bars(terminal)
    assert [line.split("━ ")[-1].strip() for line in dict.fromkeys(shown)] == [
        f"{done} of 24 images, 8.0/s, {left} s left"
        for done, left in ((16, 1), (18, 1), (20, 0), (22, 0), (24, 0))
    ]
    assert all(line.startswith("ingest ━") for line in shown)
    assert terminal.getvalue().endswith(("\x1b[2K", "\x1b[?25h\r\x1b[1A\x1b[2K", "\r\x1b[2K"))


def test_the_bar_is_gone_before_an_error_is_shown(terminal):
    clock = Clock()

    def failing():
        with tracked([3, 3], "import", total=2, unit="x", clock=clock) as items:
            for each in items:
                clock.now += each
                if clock.now > 1005:
                    raise OSError("disk full")

    with redirect_stderr(terminal), pytest.raises(OSError, match="full") as caught:
        failing()
    assert bars(terminal)[0].startswith("import ━")
    assert terminal.getvalue().endswith("\x1b[2K"), "the bar, or a hidden cursor, is left"
    assert "\x1b[?25h" in terminal.getvalue()
    assert caught.traceback


def test_words_in_square_brackets_are_no_markup(terminal):
    with redirect_stderr(terminal):
        bar = Bar("[red]x", lambda done, seconds: describe(done, 2, "[b]units", seconds), 2)
        bar.show(1, 1.0)
        bar.close()
    (line,) = set(bars(terminal))
    assert line.startswith("[red]x ━")
    assert line.rstrip().endswith("1 of 2 [b]units, 1.0/s, 1 s left")


def test_nothing_done_yet_has_no_time_left():
    assert describe(0, 10, "x", 3.0, following=10) == "0 of 10 x, 0.0/s, unknown time left"


def test_what_follows_and_a_note_stand_behind_the_numbers(work):
    assert work([1] * 4, 10, following=80, note="accuracy 93.1%") == [
        "ingest: 2 of 10 images, 1.0/s, 8 s left, at most 1 min 28 s in all; accuracy 93.1%"
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (360_000, "100 h 00 min"),
    ],
)
def test_a_duration_is_given_in_its_two_largest_units(seconds, text):
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [(2040.4, "2,040/s"), (10, "10/s"), (3.16, "3.2/s"), (0.25, "4.0 s each"), (0, "0.0/s")],
)
def test_a_rate_is_given_to_two_digits_or_more(rate, text):
    assert format_rate(rate) == text


PROGRAM = (
    "import logging, time\n"
    "from lradapt.runtime.progress import tracked\n"
    "logging.basicConfig(format='%(levelname)s: %(message)s')\n"
    "logging.getLogger('lradapt').setLevel(logging.INFO)\n"
    "with tracked(range(13), 'work', total=13, unit='items') as items:\n"
    "    for _ in items: time.sleep(0.2)\n"
    "print('done')\n"
)
CHILD = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "TERM": "xterm"}


@pytest.mark.slow
def test_in_a_pipe_there_are_lines_and_in_a_terminal_there_is_a_bar():
    piped = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=CHILD
    )
    assert piped.stdout == "done\n"
    assert re.fullmatch(r"(INFO: work: \d+ of 13 items, \d\.\d.*, \d+ s left\n)+", piped.stderr)

    master, slave = pty.openpty()
    subprocess.run([sys.executable, "-c", PROGRAM], stderr=slave, stdout=slave, env=CHILD)
    os.close(slave)
    output = os.read(master, 100_000).decode()
    os.close(master)
    assert "━" in output
    assert "INFO" not in output
    assert output.rstrip().endswith("done")


def test_an_item_costs_three_calls_and_shows_nothing_in_between():
    """The size, the clock and the next item: two microseconds where this was measured."""
    calls, num = Counter(), 1000
    clock = Clock()
    with tracked(range(num), "x", total=num, unit="x", clock=clock) as items:
        sys.setprofile(lambda _, event, __: calls.update([event]))
        try:
            for _ in items:
                pass
        finally:
            sys.setprofile(None)
    assert calls["call"] <= 3 * num + 10
    assert calls["c_call"] <= 10
