"""Lines of progress for whoever watches from outside: only where asked for, never in the way."""

import json
import logging

import pytest

from lradapt.runtime.progress import tracked
from lradapt.runtime.progress_file import VARIABLE, epochs_told
from lradapt.training.loop import Epoch, Score, Step

EPOCH = Epoch(
    number=2,
    steps=(Step(0, (0.001, 0.01), 1.0), Step(1, (0.002, 0.005), 2.0)),
    validation=Score(0.5, 0.875, 0.8),
)


@pytest.fixture
def lines(tmp_path, monkeypatch):
    """A function: the lines told so far."""
    path = tmp_path / "lines"
    monkeypatch.setenv(VARIABLE, str(path))
    return lambda: [json.loads(line) for line in path.read_text().splitlines()]


def work(seconds):
    now = [0.0]
    with tracked(seconds, "ingest", total=9, unit="images", clock=lambda: now[0]) as items:
        for each in items:
            now[0] += each


def log_epoch():
    extra = {"epoch": EPOCH, "num_epochs": 7}
    logger = logging.getLogger("lradapt.training.loop")
    logger.setLevel(logging.INFO)
    logger.info("epoch 3", extra=extra)
    logger.info("something else")


def test_a_loop_tells_every_two_seconds(lines):
    work([1.0] * 6)
    assert lines() == [
        {"what": "ingest", "done": done, "total": 9, "unit": "images", "seconds": float(done)}
        for done in (2, 4, 6)
    ]


def test_an_epoch_is_told_when_it_has_ended(lines):
    with epochs_told():
        log_epoch()
    log_epoch()  # out of the block nobody is told
    (line,) = lines()
    assert line.pop("seconds") < 5
    assert line == {
        "epoch": 3,
        "num_epochs": 7,
        "loss": 1.5,
        "accuracy": 0.875,
        "rates": [0.002, 0.01],
    }


def test_without_the_variable_nothing_is_written(lines, tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE)
    work([3.0])
    with epochs_told():
        log_epoch()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_told_once_and_ends_no_work(monkeypatch, caplog):
    monkeypatch.setenv(VARIABLE, "/dev/full")
    caplog.set_level(logging.WARNING, logger="lradapt")
    work([3.0, 3.0, 3.0])
    (said,) = caplog.messages
    assert said.startswith("progress is not shown from here on: ")
