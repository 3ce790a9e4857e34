"""The penalty of a logistic regression, by its loss on held-out folds."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lradapt.training.logistic import Rows, solve

log = logging.getLogger(__name__)

LEAST_FALL = 0.005
"""Share of the held-out loss that a weaker penalty must save, or the search ends."""

_TOLERANCE = 3e-6  # the held-out loss is then known to a thousandth


@dataclass(frozen=True, slots=True)
class Fold:
    """Images that are held out together.

    Attributes:
        rows: the rows of all their views.
        clean: the rows of their clean views, on which they are scored.
    """

    rows: Rows
    clean: Rows


@dataclass(frozen=True, slots=True)
class Tried:
    """A penalty, and the scores of held-out images under it.

    Attributes:
        penalty: factor of half the squared weights, beside the mean loss.
        loss: mean cross-entropy, weighted as in training.
        accuracy, balanced_accuracy: in [0, 1].
    """

    penalty: float
    loss: float
    accuracy: float
    balanced_accuracy: float


@dataclass(frozen=True, slots=True)
class Search:
    """The penalties that were tried, the strongest first, and the best of them.

    Attributes:
        start: the mean of the folds' weights at the best penalty, `[K, E]`.
        evaluations: of loss and gradient by the solver.
    """

    tried: tuple[Tried, ...]
    best: Tried
    start: Tensor
    evaluations: int


def search(folds: Sequence[Fold], penalties: Sequence[float], shares_K: Tensor) -> Search:
    """Try the penalties in order until the held-out loss falls by less than `LEAST_FALL`.

    Args:
        folds: two at least; some held-out image has a class that the other folds have.
        penalties: the strongest first; the weights of each start the solution of the next one.
        shares_K: what is taken off the logits for a prediction, `[K]`.
    """
    training = [[other.rows for other in folds if other is not fold] for fold in folds]
    grams = [fold.rows.gram() for fold in folds]
    weights = [torch.zeros(len(shares_K), grams[0].shape[0])] * len(folds)
    tried, starts, evaluations = list[Tried](), list[Tensor](), 0
    for penalty in penalties:
        solutions = [
            solve(
                rows,
                sum((gram for gram in grams if gram is not own), torch.zeros(())),
                start,
                penalty=penalty,
                tolerance=_TOLERANCE,
            )
            for rows, own, start in zip(training, grams, weights, strict=True)
        ]
        weights = [solution.weights for solution in solutions]
        evaluations += sum(solution.evaluations for solution in solutions)
        tried.append(_score(penalty, folds, training, weights, shares_K))
        starts.append(torch.stack(weights).mean(0))
        log.info("head, penalty %g: held-out loss %.4f", penalty, tried[-1].loss)
        if len(tried) > 1 and tried[-1].loss > (1 - LEAST_FALL) * tried[-2].loss:
            break
    best = min(tried, key=lambda one: one.loss)
    return Search((*tried,), best, starts[tried.index(best)], evaluations)


def _score(
    penalty: float,
    folds: Sequence[Fold],
    training: Sequence[Sequence[Rows]],
    weights: Sequence[Tensor],
    shares_K: Tensor,
) -> Tried:
    losses, hits, labels, counts = [], [], [], []
    for fold, others, weights_KE in zip(folds, training, weights, strict=True):
        known = torch.isin(fold.clean.labels, torch.cat([rows.labels for rows in others]))
        logits_KN, losses_N = fold.clean.losses(weights_KE)
        losses.append(losses_N[known])
        counts.append(fold.clean.weights[known])
        labels.append(fold.clean.labels[known])
        hits.append(((logits_KN - shares_K[:, None]).argmax(0) == fold.clean.labels)[known])
    losses_N, counts_N = torch.cat(losses).double(), torch.cat(counts).double()
    labels_N, hits_N = torch.cat(labels), torch.cat(hits).double()
    counts_K = labels_N.bincount()
    recalls_K = (labels_N.bincount(weights=hits_N) / counts_K)[counts_K > 0]
    return Tried(
        penalty,
        float((losses_N * counts_N).sum() / counts_N.sum()),
        float(hits_N.mean()),
        float(recalls_K.mean()),
    )
