"""From the pipeline's outputs to production: publish a version, judge it, promote it."""

import getpass
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import yaml

from lradapt.champion import Champion, write_champion
from lradapt.data.split_table import read_split
from lradapt.files import read_json, sha256_of
from lradapt.gate.rules import Rules
from lradapt.gate.verdict import Verdict
from lradapt.gate.version_tables import write_exam, write_learnt
from lradapt.judge import EXAM, judge
from lradapt.predict import Model
from lradapt.registry import versions
from lradapt.registry.store import ChangedError, RegistryError, Store
from lradapt.registry.versions import Move
from lradapt.timings import read_timings

_LIBRARIES = ("lradapt", "torch", "torchvision", "onnx", "onnxruntime", "pillow", "numpy")
_RACES = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a release ended.

    Attributes:
        version: that was judged.
        verdict: of the gate.
        move: what it changed; None where the model in production stays. With a verdict of "keep" it
            is a person's override.
    """

    version: str
    verdict: Verdict
    move: Move | None


def publish(
    store: Store,
    name: str,
    paths: Mapping[str, Path],
    *,
    report: bytes,
    run: str,
) -> str:
    """Publish the exported model as a version, with what it has learnt from and all that is known.

    Args:
        store: the registry's store.
        name: of the model in the registry.
        paths: of `dvc.yaml`.
        report: the page about this training, HTML.
        run: the orchestrator's id of this run; empty by hand.
    """
    files = {
        versions.MODEL: paths["onnx"].read_bytes(),
        versions.WEIGHTS: paths["model"].read_bytes(),
        versions.LEARNT: _learnt(store, name, paths),
        EXAM: write_exam(read_split(paths["split"])),
        "report.html": report,
    }
    return versions.publish(store, name, files, _facts(paths, run))


def is_published(store: Store, name: str, paths: Mapping[str, Path]) -> bool:
    """Whether the model that the stages have made is a version of the registry."""
    hashes = {
        versions.MODEL: sha256_of(paths["onnx"]),
        versions.LEARNT: sha256(_learnt(store, name, paths)).hexdigest(),
    }
    return versions.exists(store, name, versions.name_of(hashes))


def _learnt(store: Store, name: str, paths: Mapping[str, Path]) -> bytes:
    ancestor = read_json(paths["metrics"])["ancestor"]
    before = versions.read_file(store, name, ancestor, versions.LEARNT) if ancestor else b""
    return write_learnt(read_split(paths["split"]), before)


def judge_and_promote(
    store: Store,
    name: str,
    version: str,
    paths: Mapping[str, Path],
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
        champion = versions.read_production(store, name)
        if champion and champion.move.version == version:
            return Outcome(version, _already(version), None)
        verdict = judge(store, name, version, champion, paths, rules)
        why = _reason(verdict, override.strip())
        if not why:
            return Outcome(version, verdict, None)
        try:
            move = versions.promote(
                store,
                name,
                version,
                over=champion,
                why=why,
                who=who or whoami(),
                when=now(),
            )
        except ChangedError:
            continue
        return Outcome(version, verdict, move)
    raise ChangedError(f"{name} was promoted by others {_RACES} times in a row; run again")


def _already(version: str) -> Verdict:
    return Verdict(decision="keep", why=f"{version} is in production already")


def _reason(verdict: Verdict, override: str) -> str:
    """Why the version is promoted; empty where it is not."""
    if verdict.decision == "keep" and override:
        return f"override: {override} (the gate would keep: {verdict.why})"
    return verdict.why if verdict.decision == "promote" else ""


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


def _facts(paths: Mapping[str, Path], run: str) -> dict[str, Any]:
    lock = Path("dvc.lock")
    return {
        "created": now(),
        "run": run,
        "code": _code(),
        "data": {name: sha256_of(paths[name]) for name in ("labels", "split", "table")},
        "dvc_lock": yaml.safe_load(lock.read_text()) if lock.exists() else None,
        "params": yaml.safe_load(Path("params.yaml").read_text()),
        "libraries": {
            "python": platform.python_version(),
            **{library: version_of(library) for library in _LIBRARIES},
        },
        "machine": f"{platform.machine()} {sys.platform}",
        "ancestor": read_json(paths["metrics"])["ancestor"],
        "metrics": read_json(paths["metrics"]),
        "timings": read_timings(paths["timings"]),
    }


def _code() -> dict[str, Any]:
    """The commit, and whether tracked files differ from it; empty outside git."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        dirty = bool(git("status", "--porcelain", "--untracked-files=no"))
        return {"commit": git("rev-parse", "HEAD"), "dirty": dirty}
    except (OSError, subprocess.CalledProcessError):
        return {}
