"""What is told as events: which, of what, and with which payload; test_deployed.py has a server."""

import pytest

from lradapt.data.retrain_decision import Decision
from lradapt.gate.verdict import Verdict
from lradapt.production.release import Outcome
from lradapt.registry.versions import Move
from tasks.ui import events

MOVE = Move(
    seq=2,
    version="new",
    former="old",
    model_sha256="0",
    why="it is better",
    who="t@t",
    when="2026-01-01",
)
BACK = Move(
    seq=3,
    version="old",
    former="new",
    model_sha256="1",
    why="it gave NaN",
    who="t@t",
    when="2026-01-01",
)
BETTER = Verdict(decision="promote", why="it is better")
WORSE = Verdict(decision="keep", why="it is worse")


@pytest.fixture
def told(monkeypatch):
    """A function that gives (event, resource, payload) of all that was emitted."""
    emitted = []
    monkeypatch.setattr(
        events,
        "emit_event",
        lambda event, resource, payload: emitted.append(
            (event, resource["prefect.resource.id"], payload)
        ),
    )
    return lambda: emitted


def test_a_promotion_is_told_with_version_former_and_why(told):
    events.released("classifier", Outcome("new", BETTER, MOVE))
    ((event, resource, payload),) = told()
    assert (event, resource) == ("lradapt.model.promoted", "lradapt.model.classifier")
    assert {name: payload[name] for name in ("version", "former", "why")} == {
        "version": "new",
        "former": "old",
        "why": "it is better",
    }


def test_a_model_that_is_not_promoted_is_told_as_kept_out(told):
    events.released("classifier", Outcome("new", WORSE, None))
    assert told() == [
        (
            "lradapt.model.kept",
            "lradapt.model.classifier",
            {"version": "new", "why": "it is worse"},
        )
    ]


def test_a_model_that_fails_in_production_is_told_twice_promoted_and_rolled_back(told):
    events.released("classifier", Outcome("new", BETTER, MOVE, fault="NaN", restored=BACK))
    emitted = [(event, payload["version"]) for event, _, payload in told()]
    assert emitted == [("lradapt.model.promoted", "new"), ("lradapt.model.rolled_back", "old")]


def test_changed_labels_are_told_with_what_changed_and_why_it_is_worth_a_training(told):
    events.labels_changed("classifier", Decision(True, "changes: 4, asked for: 2"), "4 relabelled")
    assert told() == [
        (
            "lradapt.labels.changed",
            "lradapt.labels.classifier",
            {"why": "changes: 4, asked for: 2", "changes": "4 relabelled"},
        )
    ]
