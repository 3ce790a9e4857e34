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
from lradapt.data.images.decode import DecodeError, Pixels, Preprocessing, preprocess, quiet
from lradapt.data.images.image_table import read_table
from lradapt.data.images.looks import measure_looks
from lradapt.data.labelled_image import VALIDATION, LabelledImage
from lradapt.data.split_table import read_split
from lradapt.drift.observed import Observed, Reference
from lradapt.errors import DataError
from lradapt.gate.held_out import read_test_images
from lradapt.inference.explaining_model import ExplainingModel
from lradapt.inference.predict import Model
from lradapt.networks.onnx_graph import NoLinearHeadError
from lradapt.registry.manifest import MODEL, TEST_IMAGES
from lradapt.registry.published_version import PublishedVersion
from lradapt.runtime.files import sha256_of, whole_file
from lradapt.runtime.progress import tracked
from lradapt.runtime.row_cache import keep, recall

log = logging.getLogger(__name__)

FEWEST = 100
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
    """

    file: Path
    key: str
    label: str


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
    observer = Observer(model, content)
    observed, rows = _read_or_observe(images, observer, sha256(content).hexdigest(), paths.store)
    _require_enough(len(rows), version)
    labels = [model.class_names.index(images[row].label) for row in rows]
    return Reference(
        version.manifest["version"], tuple(model.class_names), np.array(labels), observed
    )


class Observer:
    """A model, and what drift compares of its answers."""

    def __init__(self, model: Model, content: bytes) -> None:
        """Take a model and its file's content; one without a linear head gives no features."""
        self._model = model
        try:
            self._inside: ExplainingModel | None = ExplainingModel(content)
        except NoLinearHeadError:
            self._inside = None

    @property
    def preprocessing(self) -> Preprocessing:
        """Of the images."""
        return self._model.preprocessing

    def observe(self, pixels_NSS3: Pixels) -> Observed:
        """Return what the model gives for preprocessed pixels, rounded as a record rounds it."""
        looks = measure_looks(pixels_NSS3)
        features_ND = (
            self._inside.features(pixels_NSS3) if self._inside else np.empty((len(pixels_NSS3), 0))
        )
        limit = float(np.finfo(np.float16).max)
        return Observed(
            self._model.probabilities(pixels_NSS3),
            np.clip(features_ND, -limit, limit).astype(np.float16).astype(np.float32),
            looks.brightness.round(2),
            looks.sharpness.round(3),
        )


def _find(version: PublishedVersion, paths: Paths) -> list[HeldOutImage]:
    """Return the test images of a version that are here, and its validation images.

    The validation images are known where the split of the project is still that of the version.
    """
    if not (paths.split.exists() and paths.table.exists()):
        return []
    tested, table = read_test_images(version.read(TEST_IMAGES)), read_table(paths.table)
    same_split = version.manifest.get("data", {}).get("split") == sha256_of(paths.split)

    def is_held_out(image: LabelledImage) -> bool:
        return image.pixel_sha256 in tested or (same_split and image.split == VALIDATION)

    found = [
        HeldOutImage(
            paths.images / table[image.row].image,
            table[image.row].file_sha256,
            tested.get(image.pixel_sha256, image.label),
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


def observe_files(files: Sequence[Path], observer: Observer) -> tuple[Observed, list[int]]:
    """Return what a model gives for the files that can be decoded, and their rows in `files`.

    Raises:
        DataError: none of them can be decoded.
    """
    parts = [range(start, start + _BATCH_SIZE) for start in range(0, len(files), _BATCH_SIZE)]
    found: list[Observed] = []
    rows: list[int] = []
    with tracked(parts, "reference", total=len(files), unit="images", size=len) as shown:
        for part in shown:
            squares = _decoded({row: files[row] for row in part if row < len(files)}, observer)
            if squares:
                found.append(observer.observe(np.stack(list(squares.values()))))
                rows += squares
    if not found:
        raise DataError(f"none of the {len(files)} images of the reference can be decoded")
    return Observed.joined(found), rows


def _decoded(files: Mapping[int, Path], observer: Observer) -> dict[int, Pixels]:
    """Return the preprocessed pixels of the files that can be decoded."""
    found = {}
    with quiet():
        for row, file in files.items():
            try:
                found[row] = preprocess(file.read_bytes(), observer.preprocessing)
            except DecodeError:  # the next run reports it
                continue
    return found


def _read_or_observe(
    images: Sequence[HeldOutImage], observer: Observer, model_sha256: str, store: Path
) -> tuple[Observed, list[int]]:
    """Return what the model gives for the images, and the rows of those that can be decoded."""
    made = sha256(f"{model_sha256} {observer.preprocessing}".encode()).hexdigest()
    kept, keys = recall(store, _STORED, made), [each.key for each in images]
    if kept.files and all(key in kept.row_of for key in keys):
        known = Observed(*(np.load(kept.files[name]) for name in _FILES))
        return known.at(np.array([kept.row_of[key] for key in keys])), list(range(len(keys)))
    observed, rows = observe_files([each.file for each in images], observer)
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
