"""Publish, judge and promote: effects on the registry."""

from typing import Any

from prefect import task
from prefect.runtime import flow_run

from lradapt.config.params import load_params
from lradapt.config.paths import read_paths
from lradapt.networks.champion import ensure_file
from lradapt.production import release
from lradapt.production.release import Judged, Outcome
from lradapt.production.rollback import roll_back as put_back
from lradapt.registry import open_store
from lradapt.registry.store import ChangedError, UnreachableError
from lradapt.registry.versions import Move
from lradapt.reporting import model_card, report
from lradapt.reporting.changes_report import ChangesSummary
from lradapt.runtime.timings import Timings


def _may_pass(task: Any, run: Any, state: Any) -> bool:
    """Whether the same again may end otherwise: not after a denial, or with a damaged file."""
    return isinstance(state.result(raise_on_failure=False), UnreachableError | ChangedError)


_PATIENT: dict[str, Any] = {
    "persist_result": False,
    "retries": 2,
    "retry_delay_seconds": 5,
    "retry_condition_fn": _may_pass,
}
"""How every effect on the registry is tried."""


@task(persist_result=False)
def ensure_champion_file() -> None:
    """Make the file that DVC asks for, also where no training starts from the champion."""
    ensure_file(read_paths().champion)


@task(**_PATIENT)
def bring_champion(registry: str, name: str) -> bool:
    """Bring the weights of the model in production; whether the training is to start from them."""
    warm = load_params().finetune.start == "champion"
    if warm:
        release.bring_champion(open_store(registry), name, read_paths().champion)
    return warm


@task(**_PATIENT)
def publish(registry: str, name: str, former: Timings, changes: ChangesSummary) -> str:
    """Publish the model that the stages have made; the version's name.

    Args:
        registry: its location.
        name: of the model in it.
        former: the timings before this run.
        changes: of the data since the version last trained on.
    """
    paths, params = read_paths(), load_params()
    page = report.render(
        paths,
        None,
        previous=former,
        price=params.cost.price,
        num_mistakes=params.report.mistakes,
        changes=changes,
    )
    return release.publish(
        open_store(registry),
        name,
        paths,
        report=page.encode(),
        card=model_card.render(paths, name, params.card.model_dump()).encode(),
        run=str(flow_run.get_id() or ""),
    )


@task(**_PATIENT)
def is_published(registry: str, name: str) -> bool:
    """Whether the model that the stages have made is in the registry; False before the first."""
    paths = read_paths()
    return paths.onnx.exists() and release.is_published(open_store(registry), name, paths)


@task(**_PATIENT)
def judge_and_promote(registry: str, name: str, version: str, override: str) -> Outcome:
    """Promote the version if it passes the gate, or for a person's reason although it does not."""
    return release.judge_and_promote(
        open_store(registry),
        name,
        version,
        read_paths(),
        load_params().gate.rules,
        override=override,
    )


@task(**_PATIENT)
def judge(registry: str, name: str, version: str) -> Judged:
    """Judge the version against what is in production; nothing changes by it."""
    return release.judge_now(
        open_store(registry), name, version, read_paths(), load_params().gate.rules
    )


@task(**_PATIENT)
def promote_judged(registry: str, name: str, judged: Judged) -> Outcome:
    """Promote the version if its verdict says so."""
    return release.promote_judged(open_store(registry), name, judged, read_paths())


@task(persist_result=False)
def roll_back(registry: str, name: str, version: str, why: str) -> Move:
    """Put a former version back; the one before the present where none is named.

    It is not tried again by itself: where the first try has had its effect, the version before the
    present would be the one that was to go.
    """
    return put_back(
        open_store(registry),
        name,
        version or None,
        why=why,
        who=release.whoami(),
        when=release.now(),
    )
