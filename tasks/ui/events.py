"""Events on Prefect's server, for automations: the labels or the version in production changed."""

from typing import Any

from prefect.events import emit_event

from lradapt.data.retrain_decision import Decision
from lradapt.production.release import Outcome
from lradapt.registry.promotions import Promotion

LABELS_CHANGED = "lradapt.labels.changed"
PROMOTED = "lradapt.model.promoted"
KEPT = "lradapt.model.kept"
ROLLED_BACK = "lradapt.model.rolled_back"


def labels_changed(name: str, decision: Decision, changes: str) -> None:
    """Emit that the data have changed enough for a training, which this run does not do itself."""
    payload = {"reason": decision.reason, "changes": changes}
    _emit(LABELS_CHANGED, "labels", name, payload)


def released(name: str, outcome: Outcome) -> None:
    """Emit that a version was promoted or kept out, and that the previous one was restored."""
    if outcome.promotion:
        _emit(PROMOTED, "model", name, outcome.promotion.as_dict())
    else:
        payload = {"version": outcome.version, "reason": outcome.verdict.reason}
        _emit(KEPT, "model", name, payload)
    if outcome.restored:
        rolled_back(name, outcome.restored)


def rolled_back(name: str, promotion: Promotion) -> None:
    """Emit that an earlier version was restored."""
    _emit(ROLLED_BACK, "model", name, promotion.as_dict())


def _emit(event: str, kind: str, name: str, payload: dict[str, Any]) -> None:
    """Emit an event about the labels or the model (`kind`) of that name in the registry."""
    resource = {"prefect.resource.id": f"lradapt.{kind}.{name}", "prefect.resource.name": name}
    emit_event(event, resource=resource, payload=payload)
