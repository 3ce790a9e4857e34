"""What a server of Prefect's must have beside deployments: work pools, the slot, automations."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from prefect.automations import (
    Automation,
    CallWebhook,
    ChangeFlowRunState,
    EventTrigger,
    Posture,
    ResourceSpecification,
)
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound
from prefect.types import SecretDict
from prefect.workers.process import ProcessWorker
from pydantic import SecretStr

from tasks.server import gpu
from tasks.ui import events

DEAD_AFTER_SECONDS = 90
"""Three heartbeats of PREFECT_FLOWS_HEARTBEAT_FREQUENCY, in flows/__init__.py and prefect.yaml."""

_BLOCK = "lradapt"
_HEARTBEAT = "prefect.flow-run.heartbeat"
_ENDS = {f"prefect.flow-run.{end}" for end in ("Completed", "Failed", "Crashed", "Cancelled")}
_FAULTS = {"prefect.flow-run.Failed", "prefect.flow-run.Crashed"}
_MODEL_POST = """{
  "text": {{ (event.event ~ ': ' ~ event.payload.version ~ ': ' ~ event.payload.why) | tojson }},
  "event": {{ event.event | tojson }},
  "model": {{ event.resource.name | tojson }},
  "payload": {{ event.payload | tojson }}
}"""
_FAULT_POST = """{
  "text": {{ (flow.name ~ ': ' ~ flow_run.name ~ ': ' ~ flow_run.state.name) | tojson }},
  "event": {{ event.event | tojson }},
  "flow": {{ flow.name | tojson }},
  "payload": {
    "run": {{ flow_run.name | tojson }},
    "url": {{ flow_run | ui_url | tojson }},
    "why": {{ flow_run.state.message | tojson }}
  }
}"""


def ensure_pools(names: Iterable[str]) -> list[str]:
    """Make the work pools that are missing, of type process; those that are there stay as they are.

    Returns:
        The names of the new ones.
    """
    template = ProcessWorker.get_default_base_job_template()
    with get_client(sync_client=True) as client:
        missing = [name for name in names if not _has_pool(client, name)]
        for name in missing:
            client.create_work_pool(
                WorkPoolCreate(name=name, type=ProcessWorker.type, base_job_template=template)
            )
    return missing


def _has_pool(client: SyncPrefectClient, name: str) -> bool:
    try:
        client.read_work_pool(name)
    except ObjectNotFound:
        return False
    return True


def ensure_slot() -> None:
    """Make the limit of one GPU job at a time."""
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(gpu.LIMIT, 1)


def ensure_automations(flows: Sequence[str], webhook: str) -> list[str]:
    """Make the automations, or bring them up to date.

    Args:
        flows: names of the flows whose runs are watched.
        webhook: URL that is told of promotions, rollbacks and failures; empty: what an earlier call
            made stays.

    Returns:
        The names of those made or brought up to date.
    """
    wanted = [_crash_the_dead(flows)]
    if webhook:
        wanted += _tell(flows, webhook)
    for automation in wanted:
        _put(automation)
    return [automation.name for automation in wanted]


def _put(automation: Automation) -> None:
    with get_client(sync_client=True) as client:
        there = client.read_automations_by_name(automation.name)
    if there:
        automation.id = there[0].id
        automation.update()
    else:
        automation.create()


def _crash_the_dead(flows: Sequence[str]) -> Automation:
    """A run that has given a sign of life, and then neither another one nor an end, is dead."""
    return Automation(
        name="lradapt: dead runs",
        description=f"A run that is silent for {DEAD_AFTER_SECONDS} seconds is marked as crashed",
        trigger=EventTrigger(
            after={_HEARTBEAT},
            expect={_HEARTBEAT, *_ENDS},
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            match_related=_of(flows),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=DEAD_AFTER_SECONDS),
        ),
        actions=[
            ChangeFlowRunState(
                name=None,
                state=StateType.CRASHED,
                message=f"no sign of life for {DEAD_AFTER_SECONDS} seconds",
                force=False,
            )
        ],
    )


def _tell(flows: Sequence[str], url: str) -> list[Automation]:
    """Post to a webhook what becomes of the model, and which runs fail."""
    headers = SecretDict({"Content-Type": "application/json"})
    block = Webhook(url=SecretStr(url), headers=headers).save(_BLOCK, overwrite=True)
    assert isinstance(block, UUID)  # not a coroutine: nothing runs asynchronously here
    models = EventTrigger(
        expect={events.PROMOTED, events.ROLLED_BACK},
        match=ResourceSpecification({"prefect.resource.id": ["lradapt.model.*"]}),
        posture=Posture.Reactive,
    )
    faults = EventTrigger(expect=_FAULTS, match_related=_of(flows), posture=Posture.Reactive)
    return [
        Automation(
            name=f"lradapt: tell of {what}",
            description="Posts to the webhook that was given to `make deploy`",
            trigger=trigger,
            actions=[CallWebhook(block_document_id=block, payload=post)],
        )
        for what, trigger, post in (
            ("promotions and rollbacks", models, _MODEL_POST),
            ("failures", faults, _FAULT_POST),
        )
    ]


def _of(flows: Sequence[str]) -> ResourceSpecification:
    """Events of runs of these flows: a server may hold others, which beat more slowly."""
    return ResourceSpecification(
        {"prefect.resource.role": ["flow"], "prefect.resource.name": list(flows)}
    )
