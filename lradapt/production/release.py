"""From the pipeline's outputs to production: publish a version, judge it, promote it."""

import getpass
import logging
import os
import socket
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from lradapt.config.paths import Paths
from lradapt.data.split_table import read_split
from lradapt.gate.held_out import write_test_images, write_trained_on
from lradapt.gate.rules import Rules
from lradapt.gate.verdict import Verdict
from lradapt.inference.predict import Model
from lradapt.networks.champion import Champion, write_champion
from lradapt.production import smoke_test as live_check
from lradapt.production.judge import TEST_IMAGES, judge
from lradapt.production.lineage import lineage
from lradapt.production.withdrawn import why_taken_out
from lradapt.registry import versions
from lradapt.registry.store import ChangedError, RegistryError, Store
from lradapt.registry.versions import Move, Production
from lradapt.runtime.files import read_json, sha256_of
from lradapt.runtime.timings import read_timings

log = logging.getLogger(__name__)

_RACES = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a release ended.

    Attributes:
        version: that was judged.
        verdict: of the gate.
        move: what it changed; None where the model in production stays. With a verdict of "keep" it
            is a person's override.
        fault: why the version, when it was in production, could not be used; empty where it could.
        restored: the move that put the former version back for that; None where nothing was.
        former: in production when it was judged; empty before the first.
    """

    version: str
    verdict: Verdict
    move: Move | None
    fault: str = ""
    restored: Move | None = None
    former: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A version that has been judged, and what it was judged against.

    Attributes:
        version: the challenger.
        verdict: of the gate.
        champion: in production then; None before the first.
    """

    version: str
    verdict: Verdict
    champion: Production | None


def publish(
    store: Store,
    name: str,
    paths: Paths,
    *,
    report: bytes,
    card: bytes,
    run: str,
) -> str:
    """Publish the exported model as a version, with its training images and all facts about it.

    Args:
        store: the registry's store.
        name: of the model in the registry.
        paths: of `dvc.yaml`.
        report: the page about this training, HTML.
        card: the model card, Markdown.
        run: the orchestrator's id of this run; empty by hand.
    """
    files = {
        versions.MODEL: paths.onnx.read_bytes(),
        versions.WEIGHTS: paths.model.read_bytes(),
        versions.TRAINED_ON: _trained_on(store, name, paths),
        TEST_IMAGES: write_test_images(read_split(paths.split)),
        versions.REPORT: report,
        versions.CARD: card,
    }
    return versions.publish(store, name, files, _facts(paths, run))


def is_published(store: Store, name: str, paths: Paths) -> bool:
    """Whether the model that the stages have made is a version of the registry."""
    hashes = {
        versions.MODEL: sha256_of(paths.onnx),
        versions.TRAINED_ON: sha256(_trained_on(store, name, paths)).hexdigest(),
    }
    return versions.exists(store, name, versions.name_of(hashes))


def _trained_on(store: Store, name: str, paths: Paths) -> bytes:
    ancestor = read_json(paths.metrics)["ancestor"]
    before = versions.read_file(store, name, ancestor, versions.TRAINED_ON) if ancestor else b""
    return write_trained_on(read_split(paths.split), before)


def judge_and_promote(
    store: Store,
    name: str,
    version: str,
    paths: Paths,
    rules: Rules,
    *,
    override: str = "",
    who: str = "",
) -> Outcome:
    """Judge a published version against what is in production, and promote it if it passes.

    Where another process promotes meanwhile, the version is judged again, against the new champion.

    Args:
        store: the registry's store.
        name: of the model in the registry.
        version: the challenger.
        paths: of `dvc.yaml`.
        rules: of promotion.
        override: a person's reason to promote it although the gate would keep the present model;
            the log has both. It does not help a model that is invalid.
        who: for the log; by default user and host.

    Raises:
        ChangedError: others promoted several times in a row.
    """
    for _ in range(_RACES):
        judged = judge_now(store, name, version, paths, rules)
        try:
            return promote_judged(store, name, judged, paths, override=override, who=who)
        except ChangedError:
            continue
    raise ChangedError(f"{name} was promoted by others {_RACES} times in a row; run again")


def _already(version: str) -> Verdict:
    return Verdict(decision="keep", why=f"{version} is in production already")


def _kept_out(why: str) -> Verdict:
    again = "to try again: python -m flows.retrain --override WHY"
    return Verdict(decision="keep", why=f"{why}; {again}")


def _reason(verdict: Verdict, override: str) -> str:
    """Why the version is promoted; empty where it is not."""
    if verdict.decision == "keep" and override:
        return f"override: {override} (the gate would keep: {verdict.why})"
    return verdict.why if verdict.decision == "promote" else ""


def judge_now(store: Store, name: str, version: str, paths: Paths, rules: Rules) -> Judged:
    """Judge a published version against what is in production now; nothing changes by it.

    One that the live check or a person has taken out is not tried again, but for an override.
    """
    champion = versions.read_production(store, name)
    if champion and champion.move.version == version:
        return Judged(version, _already(version), champion)
    taken_out = why_taken_out(versions.history(store, name), version)
    if taken_out:
        return Judged(version, _kept_out(taken_out), champion)
    return Judged(version, judge(store, name, version, champion, paths, rules), champion)


def promote_judged(
    store: Store,
    name: str,
    judged: Judged,
    paths: Paths,
    *,
    override: str = "",
    who: str = "",
) -> Outcome:
    """Promote a version if its verdict says so, and look whether it can be used from there.

    If it cannot, the former version goes back; both moves are in the log. A version that is there
    already, by an earlier try that was interrupted, is looked at all the same.

    Raises:
        ChangedError: it was judged against something that is no longer in production.
    """
    version, verdict = judged.version, judged.verdict
    former = judged.champion.move.version if judged.champion else ""
    stays = Outcome(version, verdict, None, former=former)
    who = who or whoami()
    live = versions.read_production(store, name)
    if live and live.move.version == version:
        return _looked_at(store, name, stays, live.move, paths, who)
    why = _reason(verdict, override.strip())
    if not why:
        return stays
    move = versions.promote(
        store, name, version, over=judged.champion, why=why, who=who, when=now()
    )
    return _looked_at(store, name, replace(stays, move=move), move, paths, who)


def _looked_at(
    store: Store, name: str, outcome: Outcome, move: Move, paths: Paths, who: str
) -> Outcome:
    fault = live_check.find_fault(store, name, move, live_check.samples(paths))
    if not fault:
        return outcome
    log.error("%s cannot be used from production: %s", outcome.version, fault)
    restored = live_check.put_back(store, name, move, fault, who=who, when=now())
    return replace(outcome, fault=fault, restored=restored)


def bring_champion(store: Store, name: str, into: Path) -> Champion:
    """Bring the weights of the model in production, for a warm start.

    Args:
        store: the registry's store.
        name: of the model in the registry.
        into: `data/champion.safetensors`; left as it is where it holds them already.

    Raises:
        RegistryError: nothing is in production, or what is was published without its weights.
    """
    production = versions.read_production(store, name)
    if production is None:
        raise RegistryError(
            f"nothing of {name} is in production in {store.location}, so no training can start "
            "from it; set finetune.start to backbone for the first model"
        )
    version = production.move.version
    if versions.WEIGHTS not in versions.read_manifest(store, name, version)["files"]:
        raise RegistryError(
            f"version {version} of {name} was published without {versions.WEIGHTS}, by an older "
            "lradapt; set finetune.start to backbone for the next model"
        )
    model = Model(versions.read_file(store, name, version, versions.MODEL))
    champion = Champion(version, model.architecture, tuple(model.class_names))
    write_champion(into, champion, versions.read_file(store, name, version, versions.WEIGHTS))
    return champion


def whoami() -> str:
    """User and host, for the log."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def now() -> str:
    """The time, UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _facts(paths: Paths, run: str) -> dict[str, Any]:
    lock = Path("dvc.lock")
    return {
        "created": now(),
        "run": run,
        **lineage(paths),
        "dvc_lock": yaml.safe_load(lock.read_text()) if lock.exists() else None,
        "ancestor": read_json(paths.metrics)["ancestor"],
        "metrics": read_json(paths.metrics),
        "timings": read_timings(paths.timings),
    }
