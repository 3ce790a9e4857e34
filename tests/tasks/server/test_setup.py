"""The events that trigger the automations, by the rules of Prefect's server, and their posts."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from prefect.settings import PREFECT_UI_URL, temporary_settings

from tasks.server import setup as server
from tasks.ui import events

pytestmark = pytest.mark.slow

FLOWS = ["retrain", "rollback"]
RUN = "prefect.flow-run."


@pytest.fixture
def automations(monkeypatch):
    """Every automation, by the end of its name; the block of the webhook is not saved."""
    saved = SimpleNamespace(save=lambda name, overwrite: UUID(int=1))
    monkeypatch.setattr(server, "Webhook", lambda **settings: saved)
    crashed = [server._mark_dead_runs(FLOWS), server._mark_stranded_runs(FLOWS)]
    made = [*crashed, *server._notify(FLOWS, "http://here")]
    return {each.name.removeprefix("lradapt: "): each for each in made}


@pytest.fixture
def trigger(automations):
    """A function: the trigger of an automation, as the server has it."""
    from prefect.server.events.schemas.automations import EventTrigger

    return lambda name: EventTrigger.model_validate(automations[name].trigger.model_dump())


def happened(name, *, flow="", resource="", project="lradapt", **payload):
    """An event of a run of a flow, or of something else."""
    from prefect.server.events.schemas.events import ReceivedEvent

    role = {"prefect.resource.role": "flow", "prefect.resource.name": flow}
    return ReceivedEvent(
        id=uuid4(),
        occurred=datetime.now(UTC),
        event=name,
        resource={
            "prefect.resource.id": resource or f"{RUN}{uuid4()}",
            "prefect.resource.name": "classifier",
            "lradapt.project": project,
        },
        related=[{"prefect.resource.id": "prefect.flow.1", **role}] if flow else [],
        payload=payload,
    )


def triggers(trigger, event):
    """Whether this event fires the trigger."""
    return trigger.covers(event) and trigger.expects(event.event)


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        *((end, True) for end in ("heartbeat", "Completed", "Failed", "Crashed", "Cancelled")),
        *((other, False) for other in ("Running", "Pending", "Paused")),
    ],
)
def test_a_heartbeat_and_each_end_keep_a_run_from_being_dead(trigger, ending, expected):
    assert triggers(trigger("dead runs"), happened(RUN + ending, flow="retrain")) is expected


def test_only_a_run_of_our_flows_after_a_heartbeat_can_be_dead(trigger):
    dead = trigger("dead runs")
    assert dead.starts_after(RUN + "heartbeat")
    assert not any(dead.starts_after(RUN + begin) for begin in ("Running", "Completed"))
    assert not dead.covers(happened(RUN + "heartbeat", flow="another"))
    assert not dead.covers(happened(RUN + "heartbeat", flow="retrain", resource="prefect.task.1"))


def test_each_run_is_dead_after_90_seconds_without_a_heartbeat(trigger):
    dead = trigger("dead runs")
    assert dead.within.total_seconds() == 90
    assert dead.meets_threshold(0)
    assert not dead.meets_threshold(1)
    one, two = (happened(RUN + "heartbeat", flow="retrain", resource=f"{RUN}{n}") for n in "12")
    assert dead.bucketing_key(one) != dead.bucketing_key(two)


@pytest.mark.parametrize(
    ("next_event", "expected"),
    [
        *((end, True) for end in ("Running", "Completed", "Failed", "Crashed", "Cancelled")),
        *((other, False) for other in ("Pending", "Late", "heartbeat")),
    ],
)
def test_a_start_and_each_end_keep_a_run_from_being_stranded(trigger, next_event, expected):
    stranded = trigger("stranded runs")
    assert triggers(stranded, happened(RUN + next_event, flow="retrain")) is expected


def test_only_a_run_of_our_flows_that_a_worker_has_taken_can_be_stranded(trigger):
    stranded = trigger("stranded runs")
    assert stranded.starts_after(RUN + "Pending")
    assert not any(stranded.starts_after(RUN + name) for name in ("Scheduled", "Late", "Running"))
    assert not stranded.covers(happened(RUN + "Pending", flow="another"))
    assert stranded.within.total_seconds() == server.STRANDED_AFTER_SECONDS
    assert stranded.meets_threshold(0)
    assert not stranded.meets_threshold(1)


def test_dead_and_stranded_runs_are_marked_also_without_a_webhook(monkeypatch):
    monkeypatch.setattr(server, "_create_or_update", lambda automation: None)
    names = ["lradapt: dead runs", "lradapt: stranded runs"]
    assert server.ensure_automations(FLOWS, "") == names


def test_a_stranded_run_is_marked_as_crashed(automations):
    (action,) = automations["stranded runs"].actions
    assert (action.state.value, action.force) == ("CRASHED", False)
    assert action.message == "a worker took it, and had not started it 600 seconds later"


def test_a_dead_run_is_marked_as_crashed(automations):
    (action,) = automations["dead runs"].actions
    assert (action.type, action.state.value, action.force) == (
        "change-flow-run-state",
        "CRASHED",
        False,
    )
    assert action.message == "no heartbeat for 90 seconds"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (events.PROMOTED, True),
        (events.ROLLED_BACK, True),
        (events.KEPT, False),
        (events.LABELS_CHANGED, False),
        (RUN + "Completed", False),
    ],
)
def test_promotions_and_rollbacks_are_posted_at_once(trigger, event, expected):
    models = trigger("notify of promotions and rollbacks")
    assert triggers(models, happened(event, resource="lradapt.model.classifier")) is expected
    assert not triggers(models, happened(event, resource="other.model.classifier"))
    assert models.immediate
    assert models.meets_threshold(1)


@pytest.mark.parametrize(
    ("ending", "expected"),
    [("Failed", True), ("Crashed", True), ("Cancelled", False), ("Completed", False)],
)
def test_failed_runs_of_our_flows_are_posted(trigger, ending, expected):
    failures = trigger("notify of failures")
    assert triggers(failures, happened(RUN + ending, flow="rollback")) is expected
    assert not triggers(failures, happened(RUN + ending, flow="another"))
    assert failures.immediate


def posted(automation, **context):
    """The JSON that the webhook receives."""
    from prefect.server.events.actions import CallWebhook
    from prefect.server.utilities.user_templates import render_user_template_sync

    action = CallWebhook.model_validate(automation.actions[0].model_dump())
    with temporary_settings({PREFECT_UI_URL: "http://ui"}):
        return json.loads(render_user_template_sync(action.payload, context))


def test_a_promotion_is_posted_with_a_text_and_its_payload(automations):
    payload = {"version": "new", "reason": 'it is "better"\n{{ seq }}', "previous": "old"}
    event = happened(events.PROMOTED, resource="lradapt.model.classifier", **payload)
    assert posted(automations["notify of promotions and rollbacks"], event=event) == {
        "text": 'lradapt.model.promoted: new: it is "better"\n{{ seq }}',
        "event": "lradapt.model.promoted",
        "model": "classifier",
        "payload": payload,
    }


def test_a_failure_is_posted_with_flow_run_link_and_reason(automations):
    from prefect.server.schemas.core import Flow, FlowRun
    from prefect.server.schemas.states import Failed

    run = FlowRun(id=UUID(int=7), flow_id=UUID(int=1), name="resnet18", state=Failed(message="no"))
    body = posted(
        automations["notify of failures"],
        event=happened(RUN + "Failed", flow="rollback"),
        flow=Flow(name="rollback"),
        flow_run=run,
    )
    assert body["payload"].pop("url") == f"http://ui/runs/flow-run/{UUID(int=7)}"
    assert body == {
        "text": "rollback: resnet18: Failed",
        "event": "prefect.flow-run.Failed",
        "flow": "rollback",
        "payload": {"run": "resnet18", "reason": "no"},
    }


def test_a_promotion_in_another_project_is_not_posted(trigger):
    event = {"resource": "lradapt.model.classifier", "reason": "it is better"}
    name = "notify of promotions and rollbacks"
    assert triggers(trigger(name), happened(events.PROMOTED, **event))
    assert not triggers(trigger(name), happened(events.PROMOTED, project="skin", **event))


def test_what_a_project_has_on_a_server_has_its_name(monkeypatch):
    monkeypatch.setattr(server, "project_name", lambda: "skin")
    monkeypatch.setattr(server, "project_label", lambda: {"lradapt.project": "skin"})
    blocks = []
    saved = SimpleNamespace(save=lambda name, overwrite: blocks.append(name) or UUID(int=1))
    monkeypatch.setattr(server, "Webhook", lambda **settings: saved)
    made = [server._mark_dead_runs(FLOWS), *server._notify(FLOWS, "http://here")]
    assert blocks == ["skin"]
    assert all(each.name.startswith("skin: ") for each in made)
    assert made[1].trigger.match.model_dump()["lradapt.project"] == "skin"
