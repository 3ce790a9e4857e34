"""The limits of doubtful answers, fitted on the validation split, for the file of a model."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lradapt.config.params.evaluation import AnswersParams
from lradapt.data.labelled_image import LabelledImage
from lradapt.evaluation.conformal import fit_sets, fit_unlike
from lradapt.evaluation.prototypes import distances, find_prototypes
from lradapt.gate.explanation import shortened
from lradapt.inference.answers import Answers
from lradapt.networks.answer_limits import AnswerLimits, fewest_images
from lradapt.networks.onnx_unlike import with_limits

log = logging.getLogger(__name__)

_MOST_IMAGES = 3000
"""Training images whose features are clustered: more take as long as a part of the training."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Answers of the exported model to N images of one split, and their classes as numbers."""

    answers: Answers
    labels: npt.NDArray[np.int64]


def add_limits(
    content: bytes,
    training: Answered,
    validation: Answered,
    class_names: Sequence[str],
    params: AnswersParams,
) -> bytes:
    """Return an exported file with the output `unlike` and the limits of its answers.

    Args:
        content: of a file of `export_onnx`.
        training: training images, see `sample`; only their features are used.
        validation: all validation images; without any the file gets no limits.
        class_names: in the order of the probabilities.
        params: what share of answers the limits are to keep.
    """
    probabilities = validation.answers.probabilities
    sets = fit_sets(probabilities, validation.labels, class_names, params.coverage)
    if sets and sets.always:
        few = shortened(f"{name} {sets.num_images[name]}" for name in sets.always)
        log.warning(
            "%d of %d classes have too few validation images for a coverage of %g, which needs %d "
            "of each, so they are in the set `unsure` of every answer: %s",
            *(len(sets.always), len(class_names), sets.coverage, fewest_images(sets.coverage), few),
        )
    if training.answers.features is None:
        log.warning("the last layer is not linear, so no answer tells how unlike its image is")
        return with_limits(content, None, AnswerLimits(None, sets))
    prototypes = find_prototypes(training.answers.features, training.labels)
    features = validation.answers.features
    unlike = None if features is None else fit_unlike(distances(features, prototypes), params.kept)
    return with_limits(content, prototypes, AnswerLimits(unlike, sets))


def sample(images: Sequence[LabelledImage]) -> list[LabelledImage]:
    """Return at most 3,000 of the images, as many of each class, evenly spaced in their order."""
    labels = sorted({image.label for image in images})
    each = max(1, _MOST_IMAGES // max(1, len(labels)))
    own = [[image for image in images if image.label == label] for label in labels]
    return [one for several in own for one in _evenly(several, each)]


def _evenly(images: Sequence[LabelledImage], count: int) -> list[LabelledImage]:
    if len(images) <= count:
        return list(images)
    return [images[place * len(images) // count] for place in range(count)]
