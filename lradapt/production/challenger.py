"""Two versions before the gate: both are scored from the image files, each by its own means."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lradapt.config.paths import Paths
from lradapt.data.labelled_image import LabelledImage, in_split
from lradapt.data.split_table import read_split
from lradapt.gate.decide import decide
from lradapt.gate.held_out import TrainedOn, held_out, read_test_images, read_trained_on
from lradapt.gate.rules import Rules
from lradapt.gate.verdict import Candidate, Costs, Verdict
from lradapt.inference.latency import image_seconds
from lradapt.inference.predict import Model
from lradapt.registry import versions
from lradapt.registry.store import Store
from lradapt.registry.versions import Production
from lradapt.runtime.progress import tracked

TEST_IMAGES = "test_images.csv"


@dataclass(frozen=True, slots=True)
class _Version:
    """What a published version is and knows."""

    model: Model
    megabytes: float
    trained_on: TrainedOn
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
    names = [*([champion.move.version] if champion else []), version]
    read = [_read(store, name, each) for each in names]
    test_images = in_split(read_split(paths.split), "test")
    images = held_out(test_images, [each.trained_on for each in read])
    seconds = image_seconds(
        [each.model for each in read], [paths.images / image.image for image in test_images]
    )
    *previous, challenger = [
        Candidate(
            each.model.class_names,
            _predictions(each.model, paths.images, images),
            Costs(spent, each.megabytes),
        )
        for each, spent in zip(read, seconds, strict=True)
    ]
    return decide(
        images,
        previous[0] if previous else None,
        challenger,
        rules,
        parity_passed=read[-1].parity_passed,
        known=read[0].known if previous else None,
    )


def _read(store: Store, name: str, version: str) -> _Version:
    manifest = versions.read_manifest(store, name, version)
    content = versions.read_file(store, name, version, versions.MODEL)
    known = TEST_IMAGES in manifest["files"]
    return _Version(
        Model(content),
        len(content) / 1e6,
        read_trained_on(versions.read_file(store, name, version, versions.TRAINED_ON)),
        bool(manifest.get("metrics", {}).get("parity", {}).get("passed")),
        read_test_images(versions.read_file(store, name, version, TEST_IMAGES)) if known else None,
    )


def _predictions(model: Model, folder: Path, images: Sequence[LabelledImage]) -> list[str]:
    predictions = model.classify([folder / image.image for image in images])
    with tracked(predictions, "gate", total=len(images), unit="images") as shown:
        return [prediction.label for prediction in shown]
