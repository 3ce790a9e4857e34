"""The reference of a version for drift: its own test and validation images, and its answers.

The images are those of the last run of the project. What the model gives for them is computed once
and kept in the row cache.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from lradapt.config.paths import Paths
from lradapt.data.images.decode import Pixels, preprocess
from lradapt.data.images.decode_errors import DecodeError
from lradapt.data.images.image_table import read_table
from lradapt.data.images.looks import brightness_and_sharpness
from lradapt.data.images.open_image import quiet
from lradapt.data.labelled_image import VALIDATION, LabelledImage, group_name
from lradapt.data.split_table import read_split
from lradapt.drift.observed import Observed, Reference
from lradapt.errors import DataError
from lradapt.gate.held_out import read_test_images
from lradapt.inference.predict import Model
from lradapt.registry.manifest import MODEL, TEST_IMAGES
from lradapt.registry.published_version import PublishedVersion
from lradapt.runtime.files import sha256_of, whole_file
from lradapt.runtime.progress import tracked
from lradapt.runtime.row_cache import keep, recall

log = logging.getLogger(__name__)

FEWEST = 50
"""Images of a reference; with fewer, nothing but the grossest shift would be seen."""

_STORED = "drift_reference"
_FILES = ("probabilities.npy", "features.npy", "brightness.npy", "sharpness.npy")
_BATCH_SIZE = 64


@dataclass(frozen=True, slots=True)
class HeldOutImage:
    """A test or validation image of a version, in the project of now.

    Attributes:
        file: path of the file.
        key: the sha256 of the file in the last run.
        label: its class.
        group: that it belongs to: a patient, joined groups, or the image itself.
    """

    file: Path
    key: str
    label: str
    group: str


def make_reference(version: PublishedVersion, paths: Paths) -> Reference:
    """Return the images that a version is tested and validated on, with what it gives for them.

    Raises:
        DataError: too few of them are here.
        ModelError: the version's model cannot be used.
    """
    content = version.read(MODEL)
    model = Model(content)
    images = [each for each in _find(version, paths) if each.label in model.class_names]
    _require_enough(len(images), version)
    observed, rows = _read_or_observe(images, model, sha256(content).hexdigest(), paths.store)
    _require_enough(len(rows), version)
    labels = [model.class_names.index(images[row].label) for row in rows]
    groups = np.unique([images[row].group for row in rows], return_inverse=True)[1]
    name, classes = version.manifest["version"], tuple(model.class_names)
    return Reference(name, classes, np.array(labels), groups, observed)


def observe(model: Model, pixels_NSS3: Pixels) -> Observed:
    """Return what a model gives for preprocessed pixels, rounded as a record rounds it."""
    answers, looks = model.answers(pixels_NSS3), brightness_and_sharpness(pixels_NSS3)
    features_ND = answers.features
    if features_ND is None:
        features_ND = np.empty((len(pixels_NSS3), 0), np.float32)
    limit = float(np.finfo(np.float16).max)
    return Observed(
        answers.probabilities,
        np.clip(features_ND, -limit, limit).astype(np.float16).astype(np.float32),
        looks[0].round(2),
        looks[1].round(3),
    )


def _find(version: PublishedVersion, paths: Paths) -> list[HeldOutImage]:
    """Return the test images of a version that are here, and its validation images.

    The validation images are known where the split of the project is still that of the version,
    and the version has no ancestor.
    """
    if not (paths.split.exists() and paths.table.exists()):
        return []
    tested, table = read_test_images(version.read(TEST_IMAGES)), read_table(paths.table)
    manifest = version.manifest
    same_split = manifest.get("data", {}).get("split") == sha256_of(paths.split)
    validated = same_split and not manifest.get("ancestor")  # which may have learnt from them

    def is_held_out(image: LabelledImage) -> bool:
        return image.pixel_sha256 in tested or (validated and image.split == VALIDATION)

    found = [
        HeldOutImage(
            paths.images / table[image.row].image,
            table[image.row].file_sha256,
            tested.get(image.pixel_sha256, image.label),
            group_name(image),
        )
        for image in read_split(paths.split)
        if image.row is not None and is_held_out(image)
    ]
    return [each for each in found if each.file.is_file()]


def _require_enough(found: int, version: PublishedVersion) -> None:
    if found < FEWEST:
        named = len(read_test_images(version.read(TEST_IMAGES)))
        raise DataError(
            f"drift is measured against the test and validation images of version "
            f"{version.manifest['version']}, of which {found} are here, expected {FEWEST} or more "
            f"(it was tested on {named}). Run this in the project that trained the version, after "
            "its last run: build/split, build/ingest and data/images have them"
        )


def observe_files(files: Sequence[Path], model: Model) -> tuple[Observed, list[int]]:
    """Return what a model gives for the files that can be decoded, and their rows in `files`.

    Raises:
        DataError: none of them can be decoded.
    """
    parts = [range(start, start + _BATCH_SIZE) for start in range(0, len(files), _BATCH_SIZE)]
    found: list[Observed] = []
    rows: list[int] = []
    with tracked(parts, "reference", total=len(files), unit="images", size=len) as shown:
        for part in shown:
            squares = _decoded({row: files[row] for row in part if row < len(files)}, model)
            if squares:
                found.append(observe(model, np.stack(list(squares.values()))))
                rows += squares
    if not found:
        raise DataError(f"none of the {len(files)} images of the reference can be decoded")
    return Observed.joined(found), rows


def _decoded(files: Mapping[int, Path], model: Model) -> dict[int, Pixels]:
    """Return the preprocessed pixels of the files that can be decoded."""
    found = {}
    with quiet():
        for row, file in files.items():
            try:
                found[row] = preprocess(file.read_bytes(), model.preprocessing)
            except DecodeError:  # the next run reports it
                continue
    return found


def _read_or_observe(
    images: Sequence[HeldOutImage], model: Model, model_sha256: str, store: Path
) -> tuple[Observed, list[int]]:
    """Return what the model gives for the images, and the rows of those that can be decoded."""
    made = sha256(f"{model_sha256} {model.preprocessing}".encode()).hexdigest()
    kept, keys = recall(store, _STORED, made), [each.key for each in images]
    if kept.files and all(key in kept.row_of for key in keys):
        known = Observed(*(np.load(kept.files[name]) for name in _FILES))
        return known.at(np.array([kept.row_of[key] for key in keys])), list(range(len(keys)))
    observed, rows = observe_files([each.file for each in images], model)
    _keep(observed, [keys[row] for row in rows], made, store)
    return observed, rows


def _keep(observed: Observed, keys: Sequence[str], made: str, store: Path) -> None:
    """Keep what was observed for the next time; in a project that is read-only, warn instead."""
    try:
        files = {name: store / name for name in _FILES}
        for path, values in zip(files.values(), observed.arrays(), strict=True):
            with whole_file(path) as partial, partial.open("wb") as file:
                np.save(file, values)
        keep(store, _STORED, made, keys=keys, files=files)
        for path in files.values():
            path.unlink()
    except OSError as error:
        log.warning("%s: the reference is not kept, and computed again next time", error)
