"""The training images of a published version as points of its own features, to find the nearest.

The images are those of the last run of the project. Their features are computed once for a model,
and kept in the row cache.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import numpy as np

from lradapt.config.paths import Paths
from lradapt.data.images.decode import Pixels, Preprocessing, preprocess
from lradapt.data.images.decode_errors import DecodeError
from lradapt.data.images.image_table import read_table
from lradapt.data.images.open_image import quiet
from lradapt.data.labelled_image import TRAIN, LabelledImage, in_split
from lradapt.data.neighbours import Features, Neighbours
from lradapt.data.split_table import read_split
from lradapt.gate.held_out import read_trained_on
from lradapt.registry.manifest import TRAINED_ON
from lradapt.registry.published_version import PublishedVersion
from lradapt.runtime.files import whole_file
from lradapt.runtime.progress import tracked
from lradapt.runtime.row_cache import Kept, keep, recall

log = logging.getLogger(__name__)

_STORED, _FILE = "training_features", "features.npy"
_BATCH_SIZE = 64


class GivesFeatures(Protocol):
    """A model, of which what its last layer reads can be had."""

    @property
    def num_features(self) -> int:
        """Its width D."""
        ...

    def features(self, pixels_NSS3: Pixels) -> Features:
        """Return it for preprocessed pixels `[N, S, S, 3]`, `[N, D]`."""
        ...


@dataclass(frozen=True, slots=True)
class TrainingImage:
    """A training image of a version, in the project of now.

    Attributes:
        image: its line of `split.csv`.
        file: path of the file.
        key: the sha256 of the file in the last run.
    """

    image: LabelledImage
    file: Path
    key: str


def find_training_images(version: PublishedVersion, paths: Paths) -> list[TrainingImage]:
    """Return the training images of the last run that a version has learnt from.

    There are none outside a project, before its first run, and without the files of the images.
    """
    if not (paths.training_split.exists() and paths.table.exists()):
        return []
    table, learnt = read_table(paths.table), read_trained_on(version.read(TRAINED_ON))
    found = [
        TrainingImage(image, paths.images / table[image.row].image, table[image.row].file_sha256)
        for image in in_split(read_split(paths.training_split), TRAIN)
        if image.row is not None and image.pixel_sha256 in learnt.pixel_sha256s
    ]
    return [each for each in found if each.file.is_file()]


def training_neighbours(
    images: Sequence[TrainingImage],
    model: GivesFeatures,
    how: Preprocessing,
    *,
    model_sha256: str,
    store: Path,
) -> Neighbours:
    """Return the training images by the features of a model.

    Args:
        images: the training images.
        model: whose features are compared.
        how: the preprocessing of the model.
        model_sha256: of its file; the cached features of another model are not used.
        store: folder of the row cache.
    """
    features_ND = _read_features(images, model, how, model_sha256, store)
    used = np.flatnonzero(np.isfinite(features_ND[:, 0])).tolist()  # some may be damaged by now
    whole = len(used) == len(images)
    return Neighbours(
        features_ND if whole else features_ND[used],
        [images[row].image.image for row in used],
        [images[row].image.label for row in used],
    )


def _read_features(
    images: Sequence[TrainingImage],
    model: GivesFeatures,
    how: Preprocessing,
    model_sha256: str,
    store: Path,
) -> Features:
    """Return the features `[N, D]`, those of a file that cannot be decoded NaN."""
    made = sha256(f"{model_sha256} {how}".encode()).hexdigest()
    kept = recall(store, _STORED, made)
    keys = [each.key for each in images]
    if kept.files and all(key in kept.row_of for key in keys):
        known_MD: Features = np.load(kept.files[_FILE], mmap_mode="r")
        rows = [kept.row_of[key] for key in keys]
        return known_MD if rows == list(range(len(known_MD))) else known_MD[rows]
    found_ND = _compute(images, model, how, kept)
    _keep(found_ND, keys, made, store)
    return found_ND


def _keep(features_ND: Features, keys: Sequence[str], made: str, store: Path) -> None:
    """Keep the features for the next time; in a project that is read-only, warn instead."""
    path = store / _FILE
    try:
        with whole_file(path) as partial, partial.open("wb") as file:
            np.save(file, features_ND)
        keep(store, _STORED, made, keys=keys, files={_FILE: path})
        path.unlink()
    except OSError as error:
        log.warning("%s: the features are not kept, and computed again next time", error)


def _compute(
    images: Sequence[TrainingImage], model: GivesFeatures, how: Preprocessing, kept: Kept
) -> Features:
    found_ND = np.full((len(images), model.num_features), np.nan, np.float32)
    known = {
        row: kept.row_of[each.key] for row, each in enumerate(images) if each.key in kept.row_of
    }
    if known:
        found_ND[list(known)] = np.load(kept.files[_FILE], mmap_mode="r")[list(known.values())]
    new = [row for row in range(len(images)) if row not in known]
    parts = [new[start : start + _BATCH_SIZE] for start in range(0, len(new), _BATCH_SIZE)]
    with tracked(parts, "training images", total=len(new), unit="images", size=len) as shown:
        for part in shown:
            squares = _decoded({row: images[row].file for row in part}, how)
            if squares:
                found_ND[list(squares)] = model.features(np.stack(list(squares.values())))
    return found_ND


def _decoded(files: Mapping[int, Path], how: Preprocessing) -> dict[int, np.ndarray]:
    """Return the preprocessed pixels of the files that can be decoded."""
    found = {}
    with quiet():
        for row, file in files.items():
            try:
                found[row] = preprocess(file.read_bytes(), how)
            except DecodeError:  # the next run reports it
                continue
    return found
