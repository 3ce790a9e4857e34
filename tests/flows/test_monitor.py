"""The order of `monitor`, without a server: what is shown, and when the event is sent."""

from datetime import datetime

import pytest
from found_drift import FOUND

from flows import monitor as module
from tasks.ui import events


@pytest.fixture
def monitored(monkeypatch):
    """A function that runs the flow at noon of a day: what was shown, and the events."""

    def at(day):
        shown, emitted = [], []

        class Clock(datetime):
            @classmethod
            def now(cls, zone):
                return datetime.fromisoformat(day).replace(tzinfo=zone)

        monkeypatch.setattr(module, "datetime", Clock)
        monkeypatch.setattr(module.monitoring, "find_drift", lambda *_: FOUND)
        monkeypatch.setattr(module.artifacts, "show_drift", shown.append)
        monkeypatch.setattr(
            events,
            "emit_event",
            lambda event, resource, payload: emitted.append(
                (event, resource["prefect.resource.id"], payload)
            ),
        )
        assert module.monitor.fn("record") is FOUND
        assert shown == [FOUND]
        return emitted

    return at


def test_a_drift_of_the_week_that_has_just_ended_is_an_event_with_its_figures(monitored):
    ((event, resource, payload),) = monitored("2026-11-30T01:00:00")
    assert (event, resource) == ("lradapt.data.drifted", "lradapt.data.classifier")
    assert payload["version"] == "4baf7865a8d8"
    assert (payload["name"], payload["signals"]) == ("2026-W48", ["features", "brightness"])


def test_without_a_record_nothing_is_compared(caplog):
    with caplog.at_level("INFO", "lradapt"):
        assert module.monitor.fn("") is None
    assert "no record is set" in caplog.text


def test_an_older_drift_and_a_week_that_was_not_tested_send_nothing(monitored):
    assert monitored("2026-12-07T01:00:00") == []
    assert monitored("2026-11-23T01:00:00") == []


def test_a_week_without_a_drift_sends_nothing(monitored):
    assert monitored("2026-11-16T01:00:00") == []
