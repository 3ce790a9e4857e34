"""Evaluate a challenger: compare a published version with the one in production, by the gate.

Both models classify the same test images, from the image files, each with its own preprocessing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lradapt.config.paths import Paths
from lradapt.data.labelled_image import LabelledImage, in_split
from lradapt.data.slice_columns import read_slices
from lradapt.data.split_table import read_split
from lradapt.gate.decide import decide
from lradapt.gate.held_out import TrainedOn, held_out, read_test_images, read_trained_on
from lradapt.gate.rules import Rules
from lradapt.gate.verdict import Candidate, Costs, Sets, Verdict
from lradapt.inference.latency import image_seconds
from lradapt.inference.predict import Model
from lradapt.production.comparison_record import FrozenRules, record_question, record_verdict
from lradapt.production.withdrawn import withdrawal_reason
from lradapt.registry.manifest import MODEL, TEST_IMAGES, TRAINED_ON
from lradapt.registry.promotions import Production
from lradapt.registry.protocol import ComparisonFile
from lradapt.registry.published_version import PublishedVersion
from lradapt.registry.registry import Registry
from lradapt.runtime.files import read_json, sha256_of
from lradapt.runtime.progress import tracked


@dataclass(frozen=True, slots=True)
class EvaluatedChallenger:
    """A version, the gate's verdict on it, and what it was compared with.

    Attributes:
        version: the challenger.
        verdict: of the gate.
        champion: in production then; None before the first promotion.
        manifest_sha256: of the version as it was compared; empty if it was not.
        record: of the comparison in the registry; None if there was none.
    """

    version: str
    verdict: Verdict
    champion: Production | None
    manifest_sha256: str = ""
    record: ComparisonFile | None = None


@dataclass(frozen=True, slots=True)
class _PublishedModel:
    """What the gate needs of a published version."""

    model: Model
    megabytes: float
    trained_on: TrainedOn
    parity_passed: bool
    known: dict[str, str]


def evaluate_challenger(
    registry: Registry, version: str, paths: Paths, frozen: FrozenRules
) -> EvaluatedChallenger:
    """Compare a published version with what is in production now; production does not change.

    The registry gets a record of each comparison. A version that a smoke test or a person has
    withdrawn is not compared again: it is kept out.
    """
    champion = registry.production()
    if champion and champion.version == version:
        verdict = Verdict(decision="keep", reason=f"{version} is in production already")
        return EvaluatedChallenger(version, verdict, champion)
    withdrawn = withdrawal_reason(registry.promotions(), version)
    if withdrawn:
        remedy = "to promote it again: python -m flows.retrain --override REASON"
        verdict = Verdict(decision="keep", reason=f"{withdrawn}; {remedy}")
        return EvaluatedChallenger(version, verdict, champion)
    return _compare_and_record(registry, registry.open(version), champion, paths, frozen)


def _compare_and_record(
    registry: Registry,
    opened: PublishedVersion,
    champion: Production | None,
    paths: Paths,
    frozen: FrozenRules,
) -> EvaluatedChallenger:
    """Record rules and data, predict, decide, and record the verdict."""
    before = [registry.open(champion.version, champion.promotion)] if champion else []
    published = [_read(each, paths) for each in (*before, opened)]
    test_images = in_split(read_split(paths.split), "test")
    images = held_out(test_images, [each.trained_on for each in published])
    asked = record_question(
        registry, opened, champion, frozen, paths, test_images=test_images, held_out=images
    )
    verdict = _compare(published, test_images, images, paths, frozen.rules)
    return EvaluatedChallenger(
        opened.manifest["version"],
        verdict,
        champion,
        opened.sha256,
        record_verdict(registry, asked, verdict),
    )


def _compare(
    published: Sequence[_PublishedModel],
    test_images: Sequence[LabelledImage],
    images: Sequence[LabelledImage],
    paths: Paths,
    rules: Rules,
) -> Verdict:
    """Compare the last of the models with the one before it, if there is one, on `images`."""
    seconds = image_seconds(
        [each.model for each in published], [paths.images / image.image for image in test_images]
    )
    *previous, challenger = [
        _candidate(each.model, paths.images, images, Costs(spent, each.megabytes))
        for each, spent in zip(published, seconds, strict=True)
    ]
    slices = read_slices(paths.labels, list(rules.min_recall_in), [each.image for each in images])
    return decide(
        images,
        previous[0] if previous else None,
        challenger,
        rules,
        parity_passed=published[-1].parity_passed,
        known=published[0].known if previous else None,
        slices=slices,
    )


def _read(version: PublishedVersion, paths: Paths) -> _PublishedModel:
    content = version.read(MODEL)
    return _PublishedModel(
        Model(content),
        len(content) / 1e6,
        read_trained_on(version.read(TRAINED_ON)),
        _parity_passed(version, paths),
        read_test_images(version.read(TEST_IMAGES)),
    )


def _parity_passed(version: PublishedVersion, paths: Paths) -> bool:
    """Return what this run found of its own model, by today's tolerance; else the publishing run.

    A version keeps the metrics of its first publication.
    """
    of_this_run = (
        paths.onnx.is_file()
        and paths.metrics.is_file()
        and sha256_of(paths.onnx) == version.manifest["files"][MODEL]
    )
    metrics = read_json(paths.metrics) if of_this_run else version.manifest.get("metrics", {})
    return bool(metrics.get("parity", {}).get("passed"))


def _candidate(
    model: Model, folder: Path, images: Sequence[LabelledImage], costs: Costs
) -> Candidate:
    predictions = model.classify([folder / image.image for image in images])
    with tracked(predictions, "gate", total=len(images), unit="images") as shown:
        answers = [*shown]
    limits = model.limits.sets
    sets = Sets(limits.coverage, [each.doubt.unsure or () for each in answers]) if limits else None
    return Candidate(model.class_names, [each.label for each in answers], costs, sets)
