"""Events on Prefect's server, for automations: the labels or the version in production changed."""

from dataclasses import asdict

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
    payload = {"reason": decision.why, "changes": changes}
    emit_event(LABELS_CHANGED, resource=_resource("labels", name), payload=payload)


def released(name: str, outcome: Outcome) -> None:
    """Emit that a version was promoted or kept out, and that the previous one was restored."""
    if outcome.promotion:
        _production_changed(PROMOTED, name, outcome.promotion)
    else:
        payload = {"version": outcome.version, "reason": outcome.verdict.why}
        emit_event(KEPT, resource=_resource("model", name), payload=payload)
    if outcome.restored:
        rolled_back(name, outcome.restored)


def rolled_back(name: str, promotion: Promotion) -> None:
    """Emit that an earlier version was restored."""
    _production_changed(ROLLED_BACK, name, promotion)


def _production_changed(event: str, name: str, promotion: Promotion) -> None:
    emit_event(event, resource=_resource("model", name), payload=asdict(promotion))


def _resource(kind: str, name: str) -> dict[str, str]:
    return {"prefect.resource.id": f"lradapt.{kind}.{name}", "prefect.resource.name": name}
