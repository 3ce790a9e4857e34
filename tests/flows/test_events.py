"""The events: their names, resources and payloads; test_deployed.py has a server."""

import signal
import subprocess
import sys
import threading
from dataclasses import asdict, replace

import pytest
from prefect.events.filters import EventFilter, EventNameFilter

from lradapt.data.retrain_decision import Decision
from lradapt.gate.verdict import Verdict
from lradapt.production.release import Outcome
from lradapt.registry.promotions import Promotion
from tasks.ui import events
from tests.prefect_server import connected
from tests.projects import ROOT
from tests.waiting import wait_for

PROMOTION = Promotion(
    sequence=2,
    kind="promotion",
    version="new",
    previous="old",
    model_sha256="0",
    reason="it is better",
    by="t@t",
    manifest_sha256="",
    at="2026-01-01",
)
RESTORED = replace(PROMOTION, kind="smoke_test_failure", version="old", previous="new")
BETTER = Verdict(decision="promote", reason="it is better")
WORSE = Verdict(decision="keep", reason="it is worse")


@pytest.fixture
def emitted(monkeypatch):
    """A function that gives (event, resource, payload) of all that was emitted."""
    events_emitted = []
    monkeypatch.setattr(
        events,
        "emit_event",
        lambda event, resource, payload: events_emitted.append(
            (event, resource["prefect.resource.id"], payload)
        ),
    )
    return lambda: events_emitted


def test_a_promotion_is_emitted_with_its_record(emitted):
    events.released("classifier", Outcome("new", BETTER, PROMOTION))
    ((event, resource, payload),) = emitted()
    assert (event, resource) == ("lradapt.model.promoted", "lradapt.model.classifier")
    assert payload == PROMOTION.as_dict()
    assert payload.items() <= asdict(PROMOTION).items()
    assert "signature" not in payload  # it has none


def test_a_model_that_is_not_promoted_is_emitted_as_kept_out(emitted):
    events.released("classifier", Outcome("new", WORSE, None))
    assert emitted() == [
        (
            "lradapt.model.kept",
            "lradapt.model.classifier",
            {"version": "new", "reason": "it is worse"},
        )
    ]


def test_a_version_that_was_in_production_already_is_neither_promoted_nor_kept_out(emitted):
    events.released("classifier", Outcome("new", WORSE, None, previous="new"))
    assert emitted() == []


def test_a_model_that_fails_in_production_emits_two_events_promoted_and_rolled_back(emitted):
    events.released("classifier", Outcome("new", BETTER, PROMOTION, fault="NaN", restored=RESTORED))
    found = [(event, payload["version"]) for event, _, payload in emitted()]
    assert found == [("lradapt.model.promoted", "new"), ("lradapt.model.rolled_back", "old")]


def test_changed_labels_are_emitted_with_what_changed_and_why_it_is_worth_a_training(emitted):
    events.labels_changed("classifier", Decision(True, "changes: 4, threshold: 2"), "4 relabelled")
    assert emitted() == [
        (
            "lradapt.labels.changed",
            "lradapt.labels.classifier",
            {"reason": "changes: 4, threshold: 2", "changes": "4 relabelled"},
        )
    ]


def test_the_resource_has_the_label_of_the_project(monkeypatch):
    resources = []
    monkeypatch.setattr(events, "project_label", lambda: {"lradapt.project": "skin"})
    monkeypatch.setattr(
        events, "emit_event", lambda event, resource, payload: resources.append(resource)
    )
    events.released("classifier", Outcome("new", WORSE, None))
    assert [each["lradapt.project"] for each in resources] == ["skin"]


def test_a_run_goes_on_once_its_event_is_sent_or_the_server_does_not_answer(monkeypatch):
    answers, waited = threading.Event(), []

    class Worker:
        def wait_until_empty(self):
            waited.append(answers.wait(10))

    monkeypatch.setattr(events.EventsWorker, "instance", Worker)
    monkeypatch.setattr(events, "emit_event", lambda *_, **__: "event")
    events.wait_until_sent(at_most=0.01)
    assert waited == []
    answers.set()
    events.released("classifier", Outcome("new", WORSE, None))
    assert waited[-1]


EMIT_AND_DIE = """
import os
from tasks.ui import events
from tests.flows.test_events import BETTER, PROMOTION, Outcome
events.released("classifier", Outcome("new", BETTER, PROMOTION))
os.kill(os.getpid(), 9)
"""


@pytest.mark.slow
def test_an_event_of_a_run_that_is_killed_thereafter_is_on_the_server(served):
    command = [sys.executable, "-c", EMIT_AND_DIE]
    assert subprocess.run(command, cwd=ROOT, env=served).returncode == -signal.SIGKILL
    name = EventFilter(event=EventNameFilter(name=[events.PROMOTED]))
    with connected(served) as client:
        found = wait_for(
            lambda: [
                each
                for each in client.read_events(name, limit=50).events
                if each.resource.id == "lradapt.model.classifier"
            ],
            seconds=60,
        )
    assert PROMOTION.as_dict() in [each.payload for each in found]
