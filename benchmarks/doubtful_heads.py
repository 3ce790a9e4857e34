"""The head that a user gets on flipped labels, and by what is done about them.

The head, its penalty and its temperature are found as stages `train_head` (method: exact) and
`calibrate` find them, on the training and the validation split. Letter: N images of all splits.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import log_softmax, softmax

from benchmarks.flipped_labels import Features, Floats, Numbers, class_name
from lradapt.data.labelled_image import TEST, TRAIN, VALIDATION
from lradapt.doubtful.exclusion import choose_excluded
from lradapt.doubtful.list_labels import DoubtfulLabels
from lradapt.evaluation.calibration import fit_temperature
from lradapt.evaluation.metrics import compute_metrics
from lradapt.training.exact_head import ExactHead, solve_head


@dataclass(frozen=True, slots=True)
class Outcome:
    """A head, and how it does on the test split, whose labels are true.

    Attributes:
        images: number of training images.
        wrong: number of them whose label is flipped.
        penalty: as chosen by cross-validation.
        accuracy, balanced_accuracy: in [0, 1].
        loss: mean negative log likelihood, of the head as it is.
        calibrated_loss: the same with the temperature that fits the validation split best.
    """

    images: int
    wrong: int
    penalty: float
    accuracy: float
    balanced_accuracy: float
    loss: float
    calibrated_loss: float


def treatments(
    data: Features, labels: Numbers, found: DoubtfulLabels
) -> Iterator[tuple[str, Numbers, Numbers]]:
    """Yield a name, the labels `[N]` and the training images of each treatment.

    "kept" does nothing. "corrected" gives the first of the list their true labels, as many as are
    wrong. "excluded" trains without the images that `doubtful_labels: exclude` leaves out.
    """
    train = data.members(TRAIN)
    yield "kept", labels, train
    if (labels != data.labels).any():
        yield "corrected", corrected(data, labels, found), train
    excluded = choose_excluded(found, data.relabelled(labels), {})
    yield "excluded", labels, np.setdiff1d(train, [int(image) for image in excluded])


def corrected(data: Features, labels: Numbers, found: DoubtfulLabels) -> Numbers:
    """Return the labels after the first of the list were looked at, as many as are wrong."""
    first = listed(found)[: int((labels != data.labels).sum())]
    result = labels.copy()
    result[first] = data.labels[first]
    return result


def listed(found: DoubtfulLabels) -> Numbers:
    """Return the images outside the test split in the order of the list."""
    return np.array([int(one.image) for one in found.labels if one.split != TEST], dtype=np.int64)


def outcome(data: Features, labels: Numbers, train: Numbers) -> Outcome:
    """Solve a head for some labels `[N]` and training images, and measure it."""
    head = solve_head(
        torch.from_numpy(data.features[train]),
        torch.from_numpy(labels[train]),
        num_classes=data.num_classes,
        groups=data.groups(train),
    )
    validation, test = data.members(VALIDATION), data.members(TEST)
    temperature = fit_temperature(_logits(head, data, validation), labels[validation])
    logits, true = _logits(head, data, test), data.labels[test]
    names = [class_name(number) for number in range(data.num_classes)]
    measured = compute_metrics(softmax(logits, axis=1), true, names)
    return Outcome(
        images=len(train),
        wrong=int((labels[train] != data.labels[train]).sum()),
        penalty=head.penalty,
        accuracy=measured["accuracy"],
        balanced_accuracy=measured["balanced_accuracy"],
        loss=_loss(logits, true),
        calibrated_loss=_loss(logits / temperature, true),
    )


def _logits(head: ExactHead, data: Features, members: Numbers) -> Floats:
    features = torch.from_numpy(data.features[members])
    logits: Floats = (features @ head.weight.T + head.bias).numpy()
    return logits


def _loss(logits: Floats, labels: Numbers) -> float:
    likelihoods = log_softmax(logits, axis=1)
    return -float(likelihoods[np.arange(len(labels)), labels].mean())
