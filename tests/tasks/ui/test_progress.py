"""The progress of a stage and its artifact, without a server."""

import json
import logging
import os
import threading
import time
from uuid import UUID

import httpx
import pytest

from lradapt.runtime.progress_file import VARIABLE
from tasks.ui import progress
from tasks.ui.progress import Progress, followed, percent, seconds_left, text
from tests.waiting import wait_for

LOOP = {"what": "epoch 4", "done": 100, "total": 400, "unit": "steps", "seconds": 5.0}
EPOCHS = [
    {
        "epoch": number,
        "num_epochs": 7,
        "loss": 0.5 / number,
        "accuracy": 0.9,
        "rates": [0.001, 0.01],
        "seconds": 10.0 + 20 * number,
    }
    for number in (2, 3)
]


def reported(*entries):
    state = Progress()
    for entry in entries:
        state = state.add(entry)
    return state


def test_without_epochs_the_share_is_that_of_the_loop():
    assert percent(reported(LOOP)) == 25
    assert text(reported(LOOP)) == "epoch 4: 100 of 400 steps, 20/s, 15 s left"
    assert percent(Progress()) == 0


def test_with_epochs_the_share_is_that_of_the_stage():
    state = reported(*EPOCHS)
    assert percent(state) == pytest.approx(100 * 3 / 7)
    assert seconds_left(state) == 4 * 20
    assert percent(state.add(LOOP)) == pytest.approx(100 * 3.25 / 7)
    assert seconds_left(state.add(LOOP)) == 3.75 * 20
    assert text(state.add(LOOP)).split("\n\n") == [
        "epoch 3 of at most 7: loss 0.167, accuracy on the validation split 90.0%, "
        "learning rates up to 0.001, 0.01",
        "about 1 min 15 s left",
        "epoch 4: 100 of 400 steps, 20/s, 15 s left",
    ]


def test_the_time_left_is_estimated_from_the_first_epoch():
    assert seconds_left(reported(EPOCHS[0])) == 5 * 50


def test_another_loop_is_not_part_of_an_epoch_and_is_removed_by_the_next():
    state = reported(*EPOCHS, LOOP | {"what": "score"})
    assert percent(state) == pytest.approx(100 * 3 / 7)
    assert reported(LOOP, EPOCHS[1]).loop is None


def test_epochs_without_a_limit_or_a_validation_split_have_no_such_values():
    state = reported(EPOCHS[1] | {"num_epochs": None, "accuracy": None}, LOOP)
    assert percent(state) == 25
    assert text(state).split("\n\n")[0] == "epoch 3: loss 0.167, learning rates up to 0.001, 0.01"


@pytest.fixture
def shown(monkeypatch):
    """The calls of the server in order; twenty times as fast."""
    calls = []

    def create(share, *, key, description):
        calls.append((key, share, description))
        return UUID(int=1)

    def update(artifact, share, *, description):
        calls.append((artifact.int, share, description))

    monkeypatch.setattr(progress, "create_progress_artifact", create)
    monkeypatch.setattr(progress, "update_progress_artifact", update)
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.1)
    return calls


def write(settings, entry):
    with open(settings[VARIABLE], "a") as file:
        file.write(json.dumps(entry) + "\n")


def test_one_artifact_is_created_and_then_updated(shown):
    with followed() as settings:
        for number, entry in enumerate(EPOCHS, 1):
            write(settings, entry)
            wait_for(lambda number=number: len(shown) == number)
    assert [(key, round(share)) for key, share, _ in shown] == [("progress", 29), (1, 43), (1, 100)]
    assert not os.path.exists(settings[VARIABLE])


def test_a_stage_that_reports_nothing_has_no_artifact(shown):
    with followed():
        time.sleep(0.25)
    assert shown == []


def test_the_artifact_of_a_failed_stage_is_not_completed(shown):
    def fail():
        with followed() as settings:
            write(settings, EPOCHS[0])
            wait_for(lambda: shown)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [round(share) for _, share, _ in shown] == [29]


def test_a_server_that_does_not_answer_gives_a_warning_and_no_delay(shown, monkeypatch, caplog):
    caplog.set_level(logging.WARNING, logger="lradapt")

    asked, answers, answered = threading.Event(), threading.Event(), threading.Event()

    def fail(*_, **__):
        raise httpx.ReadTimeout("no answer")

    def hang(*_, **__):
        asked.set()
        answers.wait(120)
        answered.set()
        fail()

    monkeypatch.setattr(progress, "create_progress_artifact", fail)
    with followed() as settings:
        write(settings, EPOCHS[0])
        wait_for(lambda: caplog.messages)
    assert caplog.messages == ["the server did not accept the progress: ReadTimeout('no answer')"]

    monkeypatch.setattr(progress, "_JOIN_SECONDS", 0.2)
    monkeypatch.setattr(progress, "create_progress_artifact", hang)
    with followed() as settings:
        write(settings, EPOCHS[0])
        assert asked.wait(60)
    assert not answered.is_set(), "the block has waited for the answer"
    answers.set()
