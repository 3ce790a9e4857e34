"""`lradapt queue`: pick what to label next from a record."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated

import typer

from lradapt.cli.options import AsJson, Location, Name
from lradapt.cli.output import console, print_json
from lradapt.config.paths import Paths, read_paths
from lradapt.errors import DataError
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_record, open_registry
from lradapt.registry.record_place import RecordPlace
from lradapt.registry.timeline import parse_time

if TYPE_CHECKING:
    from lradapt.recording.lines import Floats
    from lradapt.recording.read import Reading, Recorded
    from lradapt.review.recorded_queue import Queued

log = logging.getLogger(__name__)

_WORDS = {"random": "by chance", "unsure": "least sure", "unlike": "least like training"}


def queue(
    record: Annotated[
        str, typer.Argument(metavar="RECORD", help="Of `lradapt serve --record`: DIR or s3://...")
    ],
    count: Annotated[int, typer.Option(min=1, help="The most images that are picked.")] = 100,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only answers from then on; ISO 8601.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only answers before then; ISO 8601.")
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(help="Only answers of this version.", show_default="the latest that answered"),
    ] = None,
    as_json: AsJson = False,
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """Pick recorded images that are to be labelled next.

    A tenth is drawn by chance; the others are those of which the model was least
    sure, and those least like its training images, no two of them alike. They are
    copied from the record, which must have been kept with --record-images, into
    data/queue; `lradapt review --queue recorded` shows them. Images that are in
    the project or in the queue already are left out.

    Where requests have named groups, such as patients: of a group that is in the
    validation or test split, or of which an image was drawn by chance, images are
    only drawn by chance, since models are measured on them.
    """
    from lradapt.recording.read import read_record
    from lradapt.review.picking import first_of_each, pick
    from lradapt.review.recorded_queue import FOLDER, add_to_queue, lines_of, read_queue

    paths = read_paths()
    place = open_record(record)
    reading = read_record(place, *(parse_time(text) if text else None for text in (since, until)))
    recorded = _chosen(reading, version, record)
    folder = paths.labels.with_name(FOLDER)
    queued = read_queue(folder)
    known = _in_project(paths) | {line.sha256 for line in queued}
    keys = _kept_images(place, recorded, record)
    rows = first_of_each(recorded, known | (set(recorded.sha256) - set(keys)))
    distances = _distances(recorded, paths, registry, name)
    picked = pick(recorded, rows, count, distances, _held_out(paths, queued))
    lines = lines_of(recorded, picked, keys, [] if distances is None else distances.tolist())
    added = add_to_queue(folder, lines, place, keys)
    if as_json:
        print_json([asdict(line) for line in added])
    else:
        _print(recorded, rows, added, count)


def _chosen(reading: "Reading", version: str | None, record: str) -> "Recorded":
    """Return the answers of one version: features of two versions cannot be compared."""
    for fault in reading.faults[:3]:
        log.warning("skipped: %s", fault)
    if len(reading.faults) > 3:
        log.warning("skipped: %d more lines", len(reading.faults) - 3)
    found = sorted(reading.recorded, key=lambda each: each.times[-1])
    wanted = [each for each in found if version in (None, each.version)]
    if not wanted:
        if not found:
            raise DataError(
                f"{record} has no answers in this span: expected a record that `lradapt serve "
                "--record --record-images` writes, and --since and --until around its answers"
            )
        versions = ", ".join(each.version for each in found)
        raise DataError(
            f"{record} has no answers of version {version} in this span, but of {versions}"
        )
    others = sum(len(each) for each in found) - len(wanted[-1])
    if others:
        log.warning("%d answers of other versions are left out (--version)", others)
    return wanted[-1]


def _kept_images(place: RecordPlace, recorded: "Recorded", record: str) -> dict[str, str]:
    """Return the place in the record of each image that it has, by the hash of the image."""
    from lradapt.review.recorded_queue import kept_images

    keys = kept_images(place, set(recorded.segments))
    if not keys:
        raise DataError(
            f"{record} has answers, but no images of them: serve with --record-images first"
        )
    return keys


def _in_project(paths: Paths) -> set[str]:
    """Return the hashes of the files of the last run."""
    from lradapt.data.images.image_table import read_table

    if not paths.table.exists():
        raise DataError(f"no {paths.table}: run `make retrain` first: it reads the images")
    return {row.file_sha256 for row in read_table(paths.table)}


def _held_out(paths: Paths, queued: Sequence["Queued"]) -> set[str]:
    """Return the groups that models are measured on, or may be after the next run."""
    from lradapt.data.labelled_image import RANDOM, TEST, VALIDATION
    from lradapt.data.split_table import read_split

    images = read_split(paths.split) if paths.split.exists() else []
    measured = {image.group for image in images if image.split in (VALIDATION, TEST)}
    return measured | {line.group for line in queued if line.queue == RANDOM}


def _distances(recorded: "Recorded", paths: Paths, registry: str, name: str) -> "Floats | None":
    """Return the distance of each answer to the training images; None where it is not known."""
    import numpy as np

    if recorded.unlike is not None and np.isfinite(recorded.unlike).all():
        return recorded.unlike
    if not recorded.features.shape[1]:
        log.warning("the record has no features: none is picked as unlike the training images")
        return None
    training_MD = _training_features(recorded.version, paths, registry, name)
    if training_MD is None:
        log.warning(
            "the training images of version %s are not here: none is picked as unlike them",
            recorded.version,
        )
        return None
    from lradapt.review.picking import distances_to_training

    return distances_to_training(recorded.features, training_MD)


def _training_features(version: str, paths: Paths, registry: str, name: str) -> "Floats | None":
    """Return the features of the training images of a version, `[M, D]`; None without images."""
    from lradapt.inference.predict import Model
    from lradapt.production.training_features import find_training_images, training_neighbours
    from lradapt.registry.manifest import MODEL

    opened = open_registry(registry, name).open(version)
    images = find_training_images(opened, paths)
    if not images:
        return None
    content = opened.read(MODEL)
    model = Model(content)
    return training_neighbours(
        images,
        model,
        model.preprocessing,
        model_sha256=sha256(content).hexdigest(),
        store=paths.store,
    ).features


def _print(recorded: "Recorded", rows: list[int], added: "list[Queued]", count: int) -> None:
    counts = Counter(line.kind for line in added)
    kinds = ", ".join(f"{counts[kind]} {words}" for kind, words in _WORDS.items() if counts[kind])
    screen = console()
    screen.print(
        f"{len(recorded):,} answers of version {recorded.version}, {len(rows):,} images that are "
        f"new and kept; picked: {len(added):,}" + (f" ({kinds})" if kinds else "")
    )
    if len(added) < min(count, len(rows)):
        screen.print(
            f"fewer than {min(count, len(rows)):,}, since the others are nearly the same as picked "
            "ones, damaged, or of groups that models are measured on"
        )
    if added:
        screen.print("`lradapt review --queue recorded` shows them")
