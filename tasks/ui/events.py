"""Events on Prefect's server, for automations: what changed in labels, images or production."""

import threading
from typing import Any

from prefect.events import emit_event
from prefect.events.worker import EventsWorker

from lradapt.config.project_name import project_label
from lradapt.data.retrain_decision import Decision
from lradapt.drift.period_drift import Drift, PeriodDrift
from lradapt.production.release import Outcome
from lradapt.registry.promotions import Promotion
from lradapt.reporting.drift_report import period_as_json

DATA_DRIFTED = "lradapt.data.drifted"
"""The images of a period differ from those that the version in production was tested on."""
LABELS_CHANGED = "lradapt.labels.changed"
"""The data have changed enough for a training, which the run that sends this does not do itself."""
PROMOTED = "lradapt.model.promoted"
"""A new version is in production."""
KEPT = "lradapt.model.kept"
"""The gate has rejected a new version; production is unchanged."""
ROLLED_BACK = "lradapt.model.rolled_back"
"""An earlier version is in production again."""


def labels_changed(name: str, decision: Decision, changes: str) -> None:
    """Emit that the data have changed enough for a training, which this run does not do itself."""
    payload = {"reason": decision.reason, "changes": changes}
    _emit(LABELS_CHANGED, "labels", name, payload)


def data_drifted(name: str, drift: Drift, ended: PeriodDrift) -> None:
    """Emit that the images of a period differ from those that the version was tested on."""
    payload = {"version": drift.version, "level": drift.level} | period_as_json(ended)
    _emit(DATA_DRIFTED, "data", name, payload)


def released(name: str, outcome: Outcome) -> None:
    """Emit that a version was promoted or kept out, and that the previous one was restored.

    A version that was in production already was neither.
    """
    if outcome.promotion:
        _emit(PROMOTED, "model", name, outcome.promotion.as_dict())
    elif outcome.version != outcome.previous:
        payload = {"version": outcome.version, "reason": outcome.verdict.reason}
        _emit(KEPT, "model", name, payload)
    if outcome.restored:
        rolled_back(name, outcome.restored)


def rolled_back(name: str, promotion: Promotion) -> None:
    """Emit that an earlier version was restored."""
    _emit(ROLLED_BACK, "model", name, promotion.as_dict())


def _emit(event: str, kind: str, name: str, payload: dict[str, Any]) -> None:
    """Emit an event about labels, data or model (`kind`) of that name in the registry.

    Its resource names the project, since other projects may use the server, and the same name.
    """
    resource = {
        "prefect.resource.id": f"lradapt.{kind}.{name}",
        "prefect.resource.name": name,
        **project_label(),
    }
    if emit_event(event, resource=resource, payload=payload):
        wait_until_sent()


def wait_until_sent(*, at_most: float = 10.0) -> None:
    """Wait for the thread that sends events, so that a kill after this loses none.

    Args:
        at_most: seconds; a server that does not answer stops no run.
    """
    sending = threading.Thread(target=EventsWorker.instance().wait_until_empty, daemon=True)
    sending.start()
    sending.join(at_most)
