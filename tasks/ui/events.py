"""What others may wait for, told to Prefect's server as events."""

from dataclasses import asdict

from prefect.events import emit_event

from lradapt.data.retrain_decision import Decision
from lradapt.production.release import Outcome
from lradapt.registry.versions import Move

LABELS_CHANGED = "lradapt.labels.changed"
PROMOTED = "lradapt.model.promoted"
KEPT = "lradapt.model.kept"
ROLLED_BACK = "lradapt.model.rolled_back"


def labels_changed(name: str, decision: Decision, changes: str) -> None:
    """The data have changed so much that a training is worth it, and nobody trains yet.

    Args:
        name: of the model in the registry.
        decision: whose reason is told.
        changes: what has changed, in a sentence.
    """
    payload = {"why": decision.why, "changes": changes}
    emit_event(LABELS_CHANGED, resource=_resource("labels", name), payload=payload)


def released(name: str, outcome: Outcome) -> None:
    """A version was promoted or kept out; one that could not be used there was rolled back."""
    if outcome.move:
        _moved(PROMOTED, name, outcome.move)
    else:
        payload = {"version": outcome.version, "why": outcome.verdict.why}
        emit_event(KEPT, resource=_resource("model", name), payload=payload)
    if outcome.restored:
        rolled_back(name, outcome.restored)


def rolled_back(name: str, move: Move) -> None:
    """A former version is in production again."""
    _moved(ROLLED_BACK, name, move)


def _moved(event: str, name: str, move: Move) -> None:
    emit_event(event, resource=_resource("model", name), payload=asdict(move))


def _resource(kind: str, name: str) -> dict[str, str]:
    return {"prefect.resource.id": f"lradapt.{kind}.{name}", "prefect.resource.name": name}
