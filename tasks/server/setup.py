"""What a Prefect server needs besides deployments: work pools, the GPU slot, automations."""

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

from lradapt.config.project_name import project_label, project_name
from tasks.server import gpu
from tasks.ui import events

DEAD_AFTER_SECONDS = 90
"""Three heartbeats of PREFECT_FLOWS_HEARTBEAT_FREQUENCY, in flows/settings.py and prefect.yaml."""

STRANDED_AFTER_SECONDS = 600
"""From a run's submission to its start: the worker loads the project, or pulls an image. Less than
`grace_period_seconds` in prefect.yaml: after that the server gives the run's slot to another one,
and its end would release that slot once more."""

_HEARTBEAT = "prefect.flow-run.heartbeat"
_ENDS = {f"prefect.flow-run.{end}" for end in ("Completed", "Failed", "Crashed", "Cancelled")}
_PENDING, _RUNNING = "prefect.flow-run.Pending", "prefect.flow-run.Running"
_FAULTS = {"prefect.flow-run.Failed", "prefect.flow-run.Crashed"}
_MODEL_POST = """{
  "text": {{ (event.event ~ ': ' ~ event.payload.version ~ ': ' ~ event.payload.reason) | tojson }},
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
    "reason": {{ flow_run.state.message | tojson }}
  }
}"""


def ensure_pools(names: Iterable[str]) -> list[str]:
    """Create missing work pools of type process; existing ones are not changed.

    Returns:
        The names of the new work pools.
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
    """Create the limit of one GPU job at a time."""
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(gpu.LIMIT, 1)


def ensure_automations(flows: Sequence[str], webhook: str) -> list[str]:
    """Create or update the automations.

    Args:
        flows: names of the flows whose runs are watched.
        webhook: URL that receives promotions, rollbacks and failures; if it is empty, the
            automations of an earlier call are kept.

    Returns:
        The names of the automations that were created or updated.
    """
    wanted = [_mark_dead_runs(flows), _mark_stranded_runs(flows)]
    if webhook:
        wanted += _notify(flows, webhook)
    for automation in wanted:
        _create_or_update(automation)
    return [automation.name for automation in wanted]


def _create_or_update(automation: Automation) -> None:
    with get_client(sync_client=True) as client:
        existing = client.read_automations_by_name(automation.name)
    if existing:
        automation.id = existing[0].id
        automation.update()
    else:
        automation.create()


def _mark_dead_runs(flows: Sequence[str]) -> Automation:
    """Mark a run as crashed that sent a heartbeat, and then neither another one nor an end."""
    return _mark_as_crashed(
        "dead runs",
        flows,
        after=_HEARTBEAT,
        expect={_HEARTBEAT, *_ENDS},
        seconds=DEAD_AFTER_SECONDS,
        message=f"no heartbeat for {DEAD_AFTER_SECONDS} seconds",
    )


def _mark_stranded_runs(flows: Sequence[str]) -> Automation:
    """Mark a run as crashed that a worker has taken and not started: the worker has died.

    Such a run would hold the slot of its deployment, and each later run would be skipped.
    """
    return _mark_as_crashed(
        "stranded runs",
        flows,
        after=_PENDING,
        expect={_RUNNING, *_ENDS},
        seconds=STRANDED_AFTER_SECONDS,
        message=f"a worker took it, and had not started it {STRANDED_AFTER_SECONDS} seconds later",
    )


def _mark_as_crashed(
    what: str, flows: Sequence[str], *, after: str, expect: set[str], seconds: int, message: str
) -> Automation:
    """Mark a run as crashed that sent one event, and then for some time none of others."""
    return Automation(
        name=f"{project_name()}: {what}",
        description=f"Marks runs as crashed: {message}",
        trigger=EventTrigger(
            after={after},
            expect=expect,
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            match_related=_runs_of(flows),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=seconds),
        ),
        actions=[
            ChangeFlowRunState(name=None, state=StateType.CRASHED, message=message, force=False)
        ],
    )


def _notify(flows: Sequence[str], url: str) -> list[Automation]:
    """Post promotions, rollbacks and failed runs to a webhook."""
    headers = SecretDict({"Content-Type": "application/json"})
    block = Webhook(url=SecretStr(url), headers=headers).save(project_name(), overwrite=True)
    assert isinstance(block, UUID)  # not a coroutine: nothing runs asynchronously here
    models = EventTrigger(
        expect={events.PROMOTED, events.ROLLED_BACK},
        match=ResourceSpecification(
            {"prefect.resource.id": ["lradapt.model.*"], **project_label()}
        ),
        posture=Posture.Reactive,
    )
    faults = EventTrigger(expect=_FAULTS, match_related=_runs_of(flows), posture=Posture.Reactive)
    return [
        Automation(
            name=f"{project_name()}: notify of {what}",
            description="Posts to the webhook that was given to `make deploy`",
            trigger=trigger,
            actions=[CallWebhook(block_document_id=block, payload=post)],
        )
        for what, trigger, post in (
            ("promotions and rollbacks", models, _MODEL_POST),
            ("failures", faults, _FAULT_POST),
        )
    ]


def _runs_of(flows: Sequence[str]) -> ResourceSpecification:
    """Match events of these flows only: a server may have others with slower heartbeats."""
    return ResourceSpecification(
        {"prefect.resource.role": ["flow"], "prefect.resource.name": list(flows)}
    )
