"""Lines of progress for other programs: only where requested, and never in the way."""

import json
import logging

import pytest

from lradapt.runtime.progress import tracked
from lradapt.runtime.progress_file import VARIABLE, ProgressFile


@pytest.fixture
def lines(tmp_path, monkeypatch):
    """A function: the lines so far."""
    path = tmp_path / "lines"
    monkeypatch.setenv(VARIABLE, str(path))
    return lambda: [json.loads(line) for line in path.read_text().splitlines()]


def work(seconds):
    now = [0.0]
    with tracked(seconds, "ingest", total=9, unit="images", clock=lambda: now[0]) as items:
        for each in items:
            now[0] += each


def test_a_loop_writes_a_line_every_two_seconds(lines):
    work([1.0] * 6)
    assert lines() == [
        {"what": "ingest", "done": done, "total": 9, "unit": "images", "seconds": float(done)}
        for done in (2, 4, 6)
    ]


def test_floats_are_rounded_to_six_digits(lines):
    ProgressFile().write(loss=1 / 3, rates=[1e-3 / 3, 2.0], epoch=3, accuracy=None)
    assert lines() == [
        {"loss": 0.333333, "rates": [0.000333333, 2.0], "epoch": 3, "accuracy": None}
    ]


def test_without_the_variable_nothing_is_written(lines, tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE)
    work([3.0])
    ProgressFile().write(epoch=1)
    assert list(tmp_path.iterdir()) == []


def test_another_process_than_the_first_writes_nothing(lines, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    ProgressFile().write(epoch=1)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_reported_once_and_ends_no_work(monkeypatch, caplog):
    monkeypatch.setenv(VARIABLE, "/dev/full")
    caplog.set_level(logging.WARNING, logger="lradapt")
    work([3.0, 3.0, 3.0])
    (message,) = caplog.messages
    assert message.startswith("no progress is shown from here on: ")
