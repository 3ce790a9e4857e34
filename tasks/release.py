"""Publish, evaluate, promote, roll back: effects on the registry. Flows open it once."""

from collections.abc import Callable
from functools import partial
from typing import Any

from prefect import task
from prefect.runtime import flow_run

from lradapt.config.params import load_params
from lradapt.config.paths import read_paths
from lradapt.data.split_table import read_split
from lradapt.networks.champion import ensure_file
from lradapt.production import (
    challenger,
    comparison_record,
    known_classes,
    publish,
    release,
    rollback,
    warm_start,
)
from lradapt.production.challenger import EvaluatedChallenger
from lradapt.production.comparison_record import FrozenRules
from lradapt.production.release import Outcome
from lradapt.registry.promotions import Promotion
from lradapt.registry.registry import Registry
from lradapt.registry.store import ChangedError, UnreachableError
from lradapt.reporting import model_card, report
from lradapt.reporting.changes_report import ChangesSummary
from lradapt.runtime.timings import Timings
from tasks.ui import events


def _may_succeed_later(task: Any, run: Any, state: Any) -> bool:
    """Return whether a retry may succeed: not after a denial, or with a damaged file."""
    return isinstance(state.result(raise_on_failure=False), UnreachableError | ChangedError)


_RETRIED: dict[str, Any] = {
    "persist_result": False,
    "retries": 2,
    "retry_delay_seconds": 5,
    "retry_condition_fn": _may_succeed_later,
}


@task(persist_result=False)
def ensure_champion_file() -> None:
    """Make the file that DVC needs, also where no training starts from the champion."""
    ensure_file(read_paths().champion)


@task(**_RETRIED)
def require_known_classes(registry: Registry) -> None:
    """Refuse a floor or a rename for a class that does not exist."""
    classes = {image.label for image in read_split(read_paths().split)}
    known_classes.require_known_classes(registry, load_params().gate.rules, classes)


@task(**_RETRIED)
def bring_champion(registry: Registry) -> bool:
    """Bring the weights in production if the training starts from them; return whether it does."""
    warm = load_params().finetune.start == "champion"
    if warm:
        warm_start.bring_champion(registry, read_paths().champion)
    return warm


@task(**_RETRIED)
def freeze_rules(registry: Registry) -> FrozenRules:
    """Write the gate's rules into the registry before anything is trained, and return them."""
    return comparison_record.freeze(registry, load_params().gate.rules)


@task(**_RETRIED)
def publish_version(
    registry: Registry,
    previous: Timings,
    changes: ChangesSummary,
    rules: FrozenRules,
    pictures: report.Pictures,
) -> str:
    """Publish the model that the stages have made; return the version's name."""
    paths, params = read_paths(), load_params()
    page = report.render(
        paths,
        None,
        pictures=pictures,
        previous=previous,
        price=params.cost.price,
        num_mistakes=params.report.mistakes,
        changes=changes,
    )
    return publish.publish(
        registry,
        paths,
        report=page.encode(),
        card=model_card.render(paths, registry.name, params.card.model_dump()).encode(),
        run=str(flow_run.get_id() or ""),
        rules=rules,
    )


@task(**_RETRIED)
def is_published(registry: Registry) -> bool:
    """Return whether the registry has the model that the stages have made; False before any."""
    paths = read_paths()
    return paths.onnx.exists() and publish.is_published(registry, paths)


def _events_of(registry: Registry) -> Callable[[Outcome], None]:
    """Return a function that emits how a release of this model ended."""
    return partial(events.released, registry.name)


@task(**_RETRIED)
def complete_interrupted(registry: Registry, version: str) -> None:
    """Test and report what a killed run with another version has put into production."""
    release.complete_interrupted(registry, version, read_paths(), tell=_events_of(registry))


@task(**_RETRIED)
def evaluate_and_promote(
    registry: Registry, version: str, override: str, rules: FrozenRules
) -> Outcome:
    """Promote the version if it passes the gate, or if a person overrides it; emit the end."""
    return release.evaluate_and_promote(
        registry, version, read_paths(), rules, override=override, tell=_events_of(registry)
    )


@task(**_RETRIED)
def evaluate_challenger(
    registry: Registry, version: str, rules: FrozenRules
) -> EvaluatedChallenger:
    """Compare the version with what is in production, which does not change."""
    return challenger.evaluate_challenger(registry, version, read_paths(), rules)


@task(**_RETRIED)
def promote_challenger(registry: Registry, evaluated: EvaluatedChallenger) -> Outcome:
    """Promote the version if its verdict says so; emit the end."""
    return release.promote_challenger(registry, evaluated, read_paths(), tell=_events_of(registry))


@task(persist_result=False)
def roll_back(registry: Registry, version: str, reason: str) -> Promotion:
    """Restore a version, by default the previous one; without retries.

    If another version were promoted meanwhile, a second attempt would withdraw that one.
    """
    return rollback.roll_back(registry, version or None, reason=reason)
