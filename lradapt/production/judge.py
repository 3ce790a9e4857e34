"""Two versions before the gate: both are scored from the image files, each by its own means."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lradapt.config.paths import Paths
from lradapt.data.split_table import in_split, read_split
from lradapt.gate.decide import decide
from lradapt.gate.exam import ExamImage, Learnt, unseen
from lradapt.gate.rules import Rules
from lradapt.gate.verdict import Contender, Costs, Verdict
from lradapt.gate.version_tables import read_exam, read_learnt
from lradapt.inference.latency import image_seconds
from lradapt.inference.predict import Model
from lradapt.registry import versions
from lradapt.registry.store import Store
from lradapt.registry.versions import Production
from lradapt.runtime.progress import tracked

EXAM = "exam.csv"


@dataclass(frozen=True, slots=True)
class _Version:
    """What a published version is and knows."""

    model: Model
    megabytes: float
    learnt: Learnt
    parity_passed: bool
    known: dict[str, str] | None


def judge(
    store: Store,
    name: str,
    version: str,
    champion: Production | None,
    paths: Paths,
    rules: Rules,
) -> Verdict:
    """Judge a published version against what is in production; nothing changes by it.

    Args:
        store: the registry's store.
        name: of the model in the registry.
        version: the challenger.
        champion: what is in production; None before the first.
        paths: of `dvc.yaml`.
        rules: of promotion.
    """
    contenders = [*([champion.move.version] if champion else []), version]
    read = [_read(store, name, contender) for contender in contenders]
    test = _exam(paths.split)
    exam = unseen(test, [each.learnt for each in read])
    seconds = image_seconds(
        [each.model for each in read], [paths.images / image.image for image in test]
    )
    *former, challenger = [
        Contender(
            each.model.class_names,
            _answers(each.model, paths.images, exam),
            Costs(spent, each.megabytes),
        )
        for each, spent in zip(read, seconds, strict=True)
    ]
    return decide(
        exam,
        former[0] if former else None,
        challenger,
        rules,
        parity_passed=read[-1].parity_passed,
        known=read[0].known if former else None,
    )


def _read(store: Store, name: str, version: str) -> _Version:
    manifest = versions.read_manifest(store, name, version)
    content = versions.read_file(store, name, version, versions.MODEL)
    known = EXAM in manifest["files"]
    return _Version(
        Model(content),
        len(content) / 1e6,
        read_learnt(versions.read_file(store, name, version, versions.LEARNT)),
        bool(manifest.get("metrics", {}).get("parity", {}).get("passed")),
        read_exam(versions.read_file(store, name, version, EXAM)) if known else None,
    )


def _exam(split: Path) -> list[ExamImage]:
    return [
        ExamImage(row.image, row.label, row.pixel_sha256, row.group)
        for row in in_split(read_split(split), "test")
    ]


def _answers(model: Model, images: Path, exam: Sequence[ExamImage]) -> list[str]:
    answers = model.classify([images / image.image for image in exam])
    with tracked(answers, "gate", total=len(exam), unit="images") as shown:
        return [said.label for said in shown]
