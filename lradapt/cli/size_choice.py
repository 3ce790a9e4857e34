"""The input size for pre-trained weights of a person's own, measured on the imported images.

On which size ImageNet's weights were trained is known; of a file of weights nobody here knows it.
Letters: N images, S side in pixels.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lradapt.cli.param_choices import has_own_weights, image_facts, machine_of
from lradapt.config.import_choices import Decision, ParamChoice, decide, may_change, write_decisions
from lradapt.config.import_rules import sizes_to_try
from lradapt.config.params import Params
from lradapt.config.paths import PARAMS_FILE
from lradapt.config.validation import validate
from lradapt.config.yaml_files import read_yaml
from lradapt.data.groups import group_numbers
from lradapt.data.labelled_image import LabelledImage, class_names
from lradapt.data.labels import read_labels
from lradapt.errors import DataError, TrainingError, WeightsError

if TYPE_CHECKING:
    from lradapt.training.activations import Pixels
    from lradapt.training.input_size import FrozenReader, TriedSize

LEAST_IMAGES, MOST_IMAGES = 100, 300
"""Labelled images of a measurement. On CIFAR-10, 300 and 600 order the sizes alike."""
_KEY = "data.input_size"

log = logging.getLogger(__name__)


def choose_own_size(
    images: Path, labels: Path, backbone: Path, *, path: Path = PARAMS_FILE
) -> list[Decision]:
    """Measure at which input size a person's own weights read the images best, and write it.

    Nothing is measured, and the size stays, if a person has set it, if the weights are lradapt's,
    if the pictures are tiny, or if there are fewer than `LEAST_IMAGES`. If labels or weights cannot
    be used, a warning says why; the stages refuse them.

    Args:
        images: their folder; it may be missing.
        labels: the labels.csv; it may be missing.
        backbone: the file of the pre-trained weights; it may be missing.
        path: the params.yaml.
    """
    values = read_yaml(path)
    if not may_change(values, _KEY) or not has_own_weights(backbone):
        return []
    if not images.exists() or not labels.exists():
        return []
    try:
        tried = _tried(images, labels, backbone, validate(Params, values, path))
    except (DataError, TrainingError, WeightsError) as error:
        log.warning("the input size for your weights was not measured: %s", error)
        return []
    decisions = decide(values, [size_choice(tried)] if tried else [], keep=False)
    write_decisions(path, values, decisions)
    return decisions


def size_choice(tried: "Sequence[TriedSize]") -> ParamChoice:
    """Choose the best of the sizes that were tried, one at least."""
    from lradapt.training.input_size import best_size

    losses = ", ".join(f"{one.loss:.3f} at {one.size}" for one in tried)
    reason = f"measured: your weights read these images best at it (held-out loss {losses})"
    return ParamChoice(_KEY, best_size(tried).size, reason)


def spread(labels: Sequence[LabelledImage]) -> list[LabelledImage]:
    """Return at most `MOST_IMAGES` images, of each class about its share."""
    ordered = sorted(labels, key=lambda label: (label.label, label.image))
    return ordered[:: -(-len(ordered) // MOST_IMAGES)]


def _tried(images: Path, labels: Path, backbone: Path, params: Params) -> "list[TriedSize]":
    from lradapt.training.input_size import try_sizes
    from lradapt.training.inputs.examples import label_numbers

    labelled = [label for label in read_labels(labels) if label.label]  # no ties
    sizes = _sizes(images, labelled, params)
    if len(labelled) < LEAST_IMAGES or len(sizes) < 2:
        return []
    reader = _reader(backbone, params)
    read, squares = _read(images, spread(labelled), sizes, params)
    if len(read) < LEAST_IMAGES:
        return []
    numbers_N = label_numbers(read, class_names(read))
    stacked = {size: np.stack(of_size) for size, of_size in squares.items()}
    return try_sizes(stacked, numbers_N, group_numbers(read), reader)


def _sizes(images: Path, labels: Sequence[LabelledImage], params: Params) -> list[int]:
    """Return the sizes to try; none for tiny pictures, or where the network accepts one alone."""
    from lradapt.config.photo_backbone import facts_of

    facts = image_facts(images, Counter(label.label for label in labels), params)
    known = facts_of(params.model.architecture)
    if not facts or facts.tiny or (known and known.fixed_size):
        return []
    least_size = known.least_size if known else 0
    return sizes_to_try(facts, machine_of(params.engine.device), least_size)


def _reader(backbone: Path, params: Params) -> "FrozenReader":
    from lradapt.compute.engine import set_engine
    from lradapt.networks.backbone import read_backbone
    from lradapt.networks.classifier import build_body
    from lradapt.networks.normalisation import Normalisation
    from lradapt.training.input_size import FrozenReader

    network = params.model.network
    body = build_body(network, read_backbone(backbone, network))
    engine = set_engine(**params.engine.model_dump() | {"precision": "fp32"})
    normalise = Normalisation(params.data.mean, params.data.deviation)
    return FrozenReader(engine.place(body), engine, normalise)


def _read(
    images: Path, labels: Sequence[LabelledImage], sizes: Sequence[int], params: Params
) -> "tuple[list[LabelledImage], Mapping[int, list[Pixels]]]":
    """Return the images that can be decoded, with their hashes, and the squares of each size.

    Each image is decoded once, and not kept: 300 photographs can have 11 GB.
    """
    from lradapt.data.images.decode import decode
    from lradapt.data.images.decode_errors import DecodeError
    from lradapt.data.images.fit import fit_square
    from lradapt.data.images.open_image import quiet
    from lradapt.runtime.files import sha256_of

    read = list[LabelledImage]()
    squares: dict[int, list[Pixels]] = {size: [] for size in sizes}
    with quiet():
        for label in labels:
            file = images / label.image
            try:
                picture = decode(file.read_bytes(), max_megapixels=params.data.max_megapixels)
            except (DecodeError, FileNotFoundError):
                continue  # the checks report it
            read.append(replace(label, pixel_sha256=sha256_of(file)))
            for size, of_size in squares.items():
                of_size.append(np.asarray(fit_square(picture, size, params.data.fit)))
    return read, squares
