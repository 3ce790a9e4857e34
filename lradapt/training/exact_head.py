"""The head solved exactly: logistic regression on scaled activations, as one linear layer.

The penalty is chosen by cross-validation within the training images, whose groups are never
divided. Letters: N images, V views of each, D features, K classes, P of them present.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from lradapt.errors import TrainingError
from lradapt.training.feature_scale import Scale, measure_scale
from lradapt.training.folds import fold_numbers
from lradapt.training.imbalance import class_weights, log_shares
from lradapt.training.logistic import Rows, Solution, solve
from lradapt.training.penalty_search import Fold, Tried, search

log = logging.getLogger(__name__)

PENALTIES = tuple(float(f"{10 ** (1 - step / 2):.3g}") for step in range(13))
"""Penalties to try, from the strongest to the weakest: 10, 3.16, 1, ... 1e-5."""
DEFAULT_PENALTY = 0.1
"""The penalty where no cross-validation is possible."""

NOT_SOLVED: Mapping[str, Any] = {
    "method": "sgd",
    "penalty": None,
    "num_folds": 0,
    "evaluations": 0,
    "note": "",
    "tried": [],
}
"""The record of a head that was trained by gradient descent, with the keys of a solved one."""

_NUM_FOLDS = 3
_TOLERANCE = 1e-8
_PORTION = 4096  # images checked at once


@dataclass(frozen=True, slots=True)
class ExactHead:
    """A solved head.

    Attributes:
        weight, bias: of one linear layer on the activations as they are, fp32 `[K, D]` and `[K]`.
        penalty: factor of half the squared weights, beside the mean loss.
        training_loss: weighted as in training, without the penalty.
        tried: each penalty that was tried, the strongest first; empty without cross-validation.
        num_folds: of the cross-validation; 0 without.
        evaluations: of loss and gradient by the solver, over all folds and penalties.
        note: why there was no cross-validation; empty where there was.
    """

    weight: Tensor
    bias: Tensor
    penalty: float
    training_loss: float
    tried: tuple[Tried, ...] = ()
    num_folds: int = 0
    evaluations: int = 0
    note: str = ""

    def record(self) -> dict[str, Any]:
        """Return what was found, without the layer."""
        return {
            "method": "exact",
            "penalty": self.penalty,
            "num_folds": self.num_folds,
            "evaluations": self.evaluations,
            "note": self.note,
            "tried": [asdict(one) for one in self.tried],
        }

    def linear(self) -> nn.Linear:
        """Return the head as a layer."""
        num_classes, num_features = self.weight.shape
        layer = nn.Linear(num_features, num_classes, device="meta").to_empty(device="cpu")
        layer.load_state_dict({"weight": self.weight, "bias": self.bias})
        return layer


def solve_head(
    features: Tensor,
    labels: Tensor,
    *,
    num_classes: int | None = None,
    groups: Sequence[int] | None = None,
    imbalance: str = "none",
    penalties: Sequence[float] = PENALTIES,
) -> ExactHead:
    """Return the logistic regression whose penalty has the lowest held-out loss.

    The penalties are tried from the strongest to the weakest until the held-out loss falls by less
    than 0.5 %. The same inputs give the same bits on one machine with one number of threads.

    Args:
        features: `[N, D]`, or views of each image `[N, V, D]`, the clean one first; any device.
        labels: int64 `[N]`.
        num_classes: K; None: the largest label + 1. A class without an image gets a constant logit,
            as low as that of a class which one in N images has.
        groups: number of each image's group, whose images are in one fold; None: each image is a
            group.
        imbalance: "none", or a mechanism of `lradapt.training.imbalance`: "class_weights" and
            "balanced_sampling" weight the loss, "logit_adjustment" adjusts the logits.
        penalties: to try. A single one is taken without cross-validation.

    Raises:
        TrainingError: there is no image, or a feature is not finite.
    """
    images = _images(features, labels, num_classes, imbalance)
    if len(penalties) == 1:
        return _solve_at(images, penalties[0], note="the penalty was given")
    folds = _folds(images, range(len(labels)) if groups is None else groups)
    if len(folds) < 2:
        refusal = "no cross-validation: the classes have too few groups to hold any of them out"
        log.warning("%s; the penalty of the head is %g", refusal, DEFAULT_PENALTY)
        return _solve_at(images, DEFAULT_PENALTY, note=refusal)
    found = search(folds, sorted(penalties, reverse=True), images.shares[images.present])
    gram = sum((fold.rows.gram() for fold in folds), torch.zeros(()))
    solution = solve(
        [fold.rows for fold in folds],
        gram,
        found.start,
        penalty=found.best.penalty,
        tolerance=_TOLERANCE,
    )
    return replace(
        _as_head(images, solution, found.best.penalty),
        tried=found.tried,
        num_folds=len(folds),
        evaluations=found.evaluations + solution.evaluations,
    )


def held_out_loss(features: Tensor, labels: Tensor, groups: Sequence[int]) -> float | None:
    """Return the mean loss of held-out images under `DEFAULT_PENALTY`, in nats.

    Args:
        features: `[N, D]`.
        labels: int64 `[N]`.
        groups: number of each image's group, whose images are in one fold.

    Returns:
        None where the classes have too few groups to hold any of them out.

    Raises:
        TrainingError: there is no image, or a feature is not finite.
    """
    images = _images(features, labels, None, "none")
    folds = _folds(images, groups)
    if len(folds) < 2:
        return None
    return search(folds, [DEFAULT_PENALTY], images.shares[images.present]).best.loss


@dataclass(frozen=True, slots=True)
class _Images:
    """The images of a regression, on the CPU.

    Attributes:
        features: fp32 `[N, V, D]`.
        labels: numbers of the present classes, int64 `[N]`.
        weights: of the images in the loss, fp32 `[N]`.
        present: the class of each of these numbers, int64 `[P]`.
        shares: what logit adjustment takes off the biases, fp32 `[K]`; 0 for all other mechanisms.
        scale: of the features.
    """

    features: Tensor
    labels: Tensor
    weights: Tensor
    present: Tensor
    shares: Tensor
    scale: Scale

    def fold(self, images: Tensor) -> Fold:
        """Return some of the images, int64 `[n]`, as scaled rows."""
        inputs, num_views = self.scale.inputs(self.features[images]), self.features.shape[1]
        labels, weights = self.labels[images], self.weights[images]
        rows = Rows(inputs, labels.repeat(num_views), weights.repeat(num_views))
        return Fold(rows, Rows(inputs[: len(images)], labels, weights))


def _images(features: Tensor, labels: Tensor, num_classes: int | None, imbalance: str) -> _Images:
    features, labels = features.detach().float().cpu(), labels.cpu()
    features = features if features.dim() == 3 else features[:, None]
    require_finite(features, labels)
    num_classes = int(labels.max()) + 1 if num_classes is None else num_classes
    present, numbers = torch.unique(labels, return_inverse=True)
    weights, shares = torch.ones(len(labels)), torch.zeros(num_classes)
    if imbalance in ("class_weights", "balanced_sampling"):
        weights = class_weights(labels, num_classes)[labels]
    elif imbalance == "logit_adjustment":
        shares = log_shares(labels, num_classes)
    return _Images(features, numbers, weights, present, shares, measure_scale(features))


def require_finite(features: Tensor, labels: Tensor) -> None:
    """Check the features and labels of a head.

    Args:
        features: `[N, D]` or `[N, V, D]`.
        labels: int64 `[N]`.

    Raises:
        TrainingError: there is no image, their numbers differ, or a feature is not finite.
    """
    if not len(labels):
        raise TrainingError("a head needs training images, found none")
    if len(features) != len(labels):
        raise TrainingError(f"{len(features)} images have features, and {len(labels)} labels")
    # In portions, since each needs three times its memory.
    portions = torch.split(features, _PORTION)
    broken = sum(int((~rows.isfinite()).flatten(1).any(1).sum()) for rows in portions)
    if broken:
        raise TrainingError(
            f"the features of {broken} of {len(features)} images are not finite; replace the "
            "backbone's weights, or compute the features in fp32 (params.yaml: engine.precision)"
        )


def _folds(images: _Images, groups: Sequence[int]) -> list[Fold]:
    """Return the folds; none if one leaves fewer than two classes, or no image could be scored."""
    num_folds = min(_NUM_FOLDS, len(set(groups)))
    numbers = torch.tensor(fold_numbers(images.labels.tolist(), groups, num_folds=num_folds))
    members = [(numbers == number).nonzero()[:, 0] for number in range(num_folds)]
    others = [images.labels[numbers != number] for number in range(num_folds)]
    known = [
        bool(torch.isin(images.labels[member], left).any())
        for member, left in zip(members, others, strict=True)
    ]
    possible = any(known) and min(len(torch.unique(left)) for left in others) >= 2
    return [images.fold(member) for member in members] if possible else []


def _solve_at(images: _Images, penalty: float, *, note: str) -> ExactHead:
    rows = images.fold(torch.arange(len(images.labels))).rows
    gram = rows.gram()
    start = torch.zeros(len(images.present), len(gram))
    solution = solve([rows], gram, start, penalty=penalty, tolerance=_TOLERANCE)
    head = _as_head(images, solution, penalty)
    return replace(head, note=note, evaluations=solution.evaluations)


def _as_head(images: _Images, solution: Solution, penalty: float) -> ExactHead:
    """Return the layer on features as they are, with all classes."""
    weight_PD, bias_P = images.scale.unfold(solution.weights)
    # A bias has no penalty, so training with logits + log share only moves the biases.
    bias_P = bias_P - images.shares[images.present]
    num_classes = len(images.shares)
    weight_KD = torch.zeros(num_classes, weight_PD.shape[1])
    bias_K = torch.full((num_classes,), _lowest_logit(images, weight_PD, bias_P))
    weight_KD[images.present], bias_K[images.present] = weight_PD, bias_P
    return ExactHead(weight_KD, bias_K, penalty, solution.loss)


def _lowest_logit(images: _Images, weight_PD: Tensor, bias_P: Tensor) -> float:
    """Return the logit of a class that is as likely as one image in all N, on their average."""
    logits_NP = images.features[:, 0] @ weight_PD.T + bias_P
    return float(logits_NP.logsumexp(1).mean()) - math.log(len(logits_NP))
