"""From the pipeline's outputs to production: publish a version, judge it, promote it."""

import csv
import getpass
import io
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import yaml

from lradapt import gate
from lradapt.champion import Champion, write_champion
from lradapt.data.split_table import SplitRow, on_side, read_split
from lradapt.files import read_json, sha256_of
from lradapt.gate import ExamImage, Learnt, Verdict
from lradapt.predict import Model
from lradapt.registry import versions
from lradapt.registry.store import ChangedError, RegistryError, Store
from lradapt.registry.versions import Move, Production
from lradapt.timings import read_timings

_LIBRARIES = ("lradapt", "torch", "torchvision", "onnx", "onnxruntime", "pillow", "numpy")
_RACES = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a release ended.

    Attributes:
        version: that was judged.
        verdict: of the gate.
        move: what it changed; None where the model in production stays.
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
    ancestor = read_json(paths["metrics"])["ancestor"]
    learnt_before = versions.read_file(store, name, ancestor, versions.LEARNT) if ancestor else b""
    files = {
        versions.MODEL: paths["onnx"].read_bytes(),
        versions.WEIGHTS: paths["model"].read_bytes(),
        versions.LEARNT: write_learnt(read_split(paths["split"]), learnt_before),
        "report.html": report,
    }
    return versions.publish(store, name, files, _facts(paths, run))


def judge_and_promote(
    store: Store, name: str, version: str, paths: Mapping[str, Path], *, who: str = ""
) -> Outcome:
    """Judge a published version against what is in production, and promote it if it is better.

    Where another process promotes meanwhile, the version is judged again, against the new champion.

    Raises:
        ChangedError: that happened several times in a row.
    """
    for _ in range(_RACES):
        champion = versions.read_production(store, name)
        verdict = judge(store, name, version, champion, paths)
        if verdict.decision != "promote":
            return Outcome(version, verdict, None)
        try:
            move = versions.promote(
                store,
                name,
                version,
                over=champion,
                why=verdict.why,
                who=who or whoami(),
                when=now(),
            )
        except ChangedError:
            continue
        return Outcome(version, verdict, move)
    raise ChangedError(f"{name} was promoted by others {_RACES} times in a row; run again")


def judge(
    store: Store,
    name: str,
    version: str,
    champion: Production | None,
    paths: Mapping[str, Path],
) -> Verdict:
    """Score both models from the image files, each through its own preprocessing, and decide."""
    metrics = versions.read_manifest(store, name, version)["metrics"]
    parity_passed = bool(metrics["parity"]["passed"])
    if champion is None:
        return gate.decide_first(parity_passed=parity_passed)
    if champion.move.version == version:
        return Verdict(decision="keep", why=f"{version} is in production already")
    contenders = (champion.move.version, version)
    learnt = [
        read_learnt(versions.read_file(store, name, contender, versions.LEARNT))
        for contender in contenders
    ]
    exam = gate.unseen(_exam(paths["split"]), learnt)
    said = [
        _answers(versions.read_file(store, name, contender, versions.MODEL), paths["images"], exam)
        for contender in contenders
    ]
    labels = {image.image: image.label for image in exam}
    return gate.decide(labels, *said, parity_passed=parity_passed)


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


def write_learnt(rows: Iterable[SplitRow], learnt_before: bytes = b"") -> bytes:
    """`learnt.csv`: pixel hash and group of each image that training or tuning has seen.

    Args:
        rows: of the split.
        learnt_before: `learnt.csv` of the version whose weights the training started from.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["pixel_sha256", "group"])
    seen = {(row.pixel_sha256, row.group) for row in rows if row.side != "validation"}
    before = csv.DictReader(io.StringIO(learnt_before.decode()))
    seen |= {(line["pixel_sha256"], line["group"]) for line in before}
    writer.writerows(sorted(seen))
    return text.getvalue().encode()


def read_learnt(content: bytes) -> Learnt:
    """What `write_learnt` wrote."""
    lines = list(csv.DictReader(io.StringIO(content.decode())))
    return Learnt(
        frozenset(line["pixel_sha256"] for line in lines),
        frozenset(line["group"] for line in lines),
    )


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


def _exam(split: Path) -> list[ExamImage]:
    return [
        ExamImage(row.image, row.label, row.pixel_sha256, row.group)
        for row in on_side(read_split(split), "validation")
    ]


def _answers(model: bytes, images: Path, exam: Iterable[ExamImage]) -> dict[str, str]:
    names = [image.image for image in exam]
    predictions = Model(model).classify([images / name for name in names])
    return {name: said.label for name, said in zip(names, predictions, strict=True)}


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
