"""The choice of the final weights: the last, a snapshot, their average, or the head alone.

The choice is made on the validation split, never on the test images. Averages of weights along a
cyclic schedule: Izmailov et al. 2018, arXiv:1803.05407; their BatchNorm statistics must be
estimated anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from lradapt.compute.engine import Engine
from lradapt.training.inputs.batches import Examples, clean_batches
from lradapt.training.modes import is_frozen, kept_modes, train_mode
from lradapt.training.records import Cycle, Weights, snapshot
from lradapt.training.scoring import Criterion, Score, score

LAST, BEST_SNAPSHOT, AVERAGE = "last", "best_snapshot", "average"
HEAD_ALONE = "head_alone"
"""The network before all layers were trained: the new head on the backbone; after a warm start, the
champion."""


EQUAL_LOSSES = 0.25
"""Losses whose difference is below this share of the standard error of the lower one are equal.

On few validation images the loss alone is near a toss-up: of 220 solar cells it preferred five
epochs to the head by 1.6 %, which lost 7.5 points of the balanced accuracy (docs/log.md).
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """The name of the chosen weights, and the score of each candidate on the validation split.

    Without a validation split the last weights are chosen, and there are no scores.
    """

    name: str
    scores: Mapping[str, Score]


def choose_final(
    model: nn.Module,
    cycles: Sequence[Cycle],
    training: Examples,
    validation: Examples,
    engine: Engine,
    *,
    batch_size: int,
    before: Weights,
    score_before: Score | None = None,
    batchnorm_frozen: bool = False,
    by: Criterion = "balanced_accuracy",
) -> Choice:
    """Load into `model` the candidate with the best score on the validation split.

    Where the losses are equal within chance, the balanced accuracy decides; among equals the first
    of last, head alone, snapshot and average.

    Args:
        model: as the last cycle left it.
        cycles: of `finetune`, at least one.
        training: for the BatchNorm statistics of the average; clean views are used.
        validation: may be empty.
        engine: where to compute.
        batch_size: of the pass that estimates the statistics.
        before: the weights with which the first cycle began.
        score_before: of these, on the validation split; None: it is measured.
        by: what decides.
        batchnorm_frozen: whether the statistics are those of the pre-training in every candidate.

    Raises:
        TrainingError: the loss of a candidate on the validation split is not finite.
    """
    if not len(validation.labels):
        return Choice(LAST, {})
    candidates = {HEAD_ALONE: before, LAST: cycles[-1].weights}
    scores = {LAST: score(model, validation, engine)}
    if score_before is None:
        model.load_state_dict(before)
        score_before = score(model, validation, engine, when="before the first cycle")
    scores[HEAD_ALONE] = score_before
    if len(cycles) > 1:
        best = max(cycles[:-1], key=lambda cycle: _end_score(cycle).rank(by))
        candidates[BEST_SNAPSHOT], scores[BEST_SNAPSHOT] = best.weights, _end_score(best)
        model.load_state_dict(average_weights([cycle.weights for cycle in cycles]))
        if not batchnorm_frozen:
            estimate_batchnorm(model, training, engine, batch_size=batch_size)
        candidates[AVERAGE] = snapshot(model)
        scores[AVERAGE] = score(model, validation, engine, when="with the average of the snapshots")
    chosen = _best(scores, by)
    model.load_state_dict(candidates[chosen])
    return Choice(chosen, scores)


def _best(scores: Mapping[str, Score], by: Criterion) -> str:
    """Return the name of the best candidate: the first of equals."""
    if by == "balanced_accuracy":
        return max(scores, key=lambda name: scores[name].rank(by))
    lowest = min(scores.values(), key=lambda score: score.tempered_loss)
    limit = lowest.tempered_loss + EQUAL_LOSSES * lowest.loss_error
    equal = {name: score for name, score in scores.items() if score.tempered_loss <= limit}
    return _best(equal, "balanced_accuracy")


def average_weights(snapshots: Sequence[Weights]) -> Weights:
    """Return the mean of each floating-point tensor; of the others (counters) the last."""
    return {
        name: torch.stack([weights[name] for weights in snapshots]).mean(dim=0)
        if value.is_floating_point()
        else value
        for name, value in snapshots[-1].items()
    }


def estimate_batchnorm(
    model: nn.Module, training: Examples, engine: Engine, *, batch_size: int
) -> None:
    """Set BatchNorm's statistics to the mean over one pass of clean images; change nothing else.

    Those of frozen layers stay, and these layers normalise by them in that pass.
    """
    size = _without_lone_images(len(training.labels), batch_size, engine.processes.size)
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    momenta = {norm: norm.momentum for norm in norms if not is_frozen(norm)}
    with kept_modes(model), torch.no_grad(), engine.autocast():
        train_mode(model, batchnorm_frozen=True)
        for norm in momenta:
            norm.train().reset_running_stats()
            norm.momentum = None  # PyTorch then takes the mean over all batches
        for inputs, _ in clean_batches(training, batch_size=size, processes=engine.processes):
            model(inputs)
    for norm, momentum in momenta.items():
        norm.momentum = momentum


def _without_lone_images(count: int, batch_size: int, num_processes: int) -> int:
    """Return the largest size up to `batch_size` whose last batch has two images a process.

    BatchNorm needs two; where no size has them, the images are one batch.
    """
    sizes = range(batch_size, 1, -1)
    return next((each for each in sizes if not 0 < count % each < 2 * num_processes), count)


def _end_score(cycle: Cycle) -> Score:
    end = cycle.epochs[-1].validation
    assert end is not None, "cycles are compared without a validation split"
    return end
