"""What a stage tells of its progress, and what the UI has of it; the server is a twin."""

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
from tasks.ui.progress import Heard, followed, percent, seconds_left, text

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


def heard(*entries):
    told = Heard()
    for entry in entries:
        told = told.add(entry)
    return told


def test_a_loop_alone_is_its_own_measure():
    assert percent(heard(LOOP)) == 25
    assert text(heard(LOOP)) == "epoch 4: 100 of 400 steps, 20/s, 15 s left"
    assert percent(Heard()) == 0


def test_with_epochs_the_measure_is_the_stage():
    told = heard(*EPOCHS)
    assert percent(told) == pytest.approx(100 * 3 / 7)
    assert seconds_left(told) == 4 * 20
    assert percent(told.add(LOOP)) == pytest.approx(100 * 3.25 / 7)
    assert seconds_left(told.add(LOOP)) == 3.75 * 20
    assert text(told.add(LOOP)).split("\n\n") == [
        "epoch 3 of at most 7: loss 0.167, accuracy on the validation split 90.0%, "
        "rates up to 0.001, 0.01",
        "about 1 min 15 s left",
        "epoch 4: 100 of 400 steps, 20/s, 15 s left",
    ]


def test_the_first_epoch_alone_measures_the_others():
    assert seconds_left(heard(EPOCHS[0])) == 5 * 50


def test_another_loop_is_no_part_of_an_epoch_and_goes_with_the_next_one():
    told = heard(*EPOCHS, LOOP | {"what": "score"})
    assert percent(told) == pytest.approx(100 * 3 / 7)
    assert heard(LOOP, EPOCHS[1]).loop is None


def test_epochs_without_an_end_or_a_validation_side_are_told_as_far_as_known():
    told = heard(EPOCHS[1] | {"num_epochs": None, "accuracy": None}, LOOP)
    assert percent(told) == 25
    assert text(told).split("\n\n")[0] == "epoch 3: loss 0.167, rates up to 0.001, 0.01"


@pytest.fixture
def shown(monkeypatch):
    """What the server has been told, in order; twenty times as fast."""
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


def tell(settings, entry):
    with open(settings[VARIABLE], "a") as file:
        file.write(json.dumps(entry) + "\n")
    time.sleep(0.25)


def test_one_artifact_is_made_and_then_kept_up_to_date(shown):
    with followed() as settings:
        for entry in EPOCHS:
            tell(settings, entry)
        time.sleep(0.3)
    assert [(key, round(share)) for key, share, _ in shown] == [("progress", 29), (1, 43), (1, 100)]
    assert not os.path.exists(settings[VARIABLE])


def test_a_stage_that_tells_nothing_has_no_artifact(shown):
    with followed():
        time.sleep(0.25)
    assert shown == []


def test_a_stage_that_failed_stays_where_it_was(shown):
    def fail():
        with followed() as settings:
            tell(settings, EPOCHS[0])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [round(share) for _, share, _ in shown] == [29]


def test_a_server_that_does_not_answer_is_told_of_and_holds_up_nothing(shown, monkeypatch, caplog):
    caplog.set_level(logging.WARNING, logger="lradapt")

    answers, answered = threading.Event(), threading.Event()

    def fail(*_, **__):
        raise httpx.ReadTimeout("no answer")

    def hang(*_, **__):
        answers.wait(30)
        answered.set()
        fail()

    monkeypatch.setattr(progress, "create_progress_artifact", fail)
    with followed() as settings:
        tell(settings, EPOCHS[0])
    assert caplog.messages == ["the server does not take the progress: ReadTimeout('no answer')"]

    monkeypatch.setattr(progress, "_LEAVE_SECONDS", 0.2)
    monkeypatch.setattr(progress, "create_progress_artifact", hang)
    with followed() as settings:
        tell(settings, EPOCHS[0])
    assert not answered.is_set(), "the block has waited for the answer"
    answers.set()
