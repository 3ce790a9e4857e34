"""A model's predictions and score on labelled images."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lradapt.compute.engine import Engine
from lradapt.errors import DivergedError, TrainingError
from lradapt.evaluation.calibration import fit_temperature
from lradapt.runtime.progress import tracked
from lradapt.training.inputs.batches import Batch, Examples, clean_batches, clean_places
from lradapt.training.modes import eval_mode

LOWER_RATES = (
    "lower the rates (params.yaml: head_rate, body_rates; where a range test finds them, set its "
    "source to given) or the end of the range test (end_lr)"
)
"""The remedy in the messages about values that are not finite."""


Criterion = Literal["balanced_accuracy", "loss"]
"""By which of two models the better one is chosen."""


@dataclass(frozen=True, slots=True)
class Score:
    """A model on a set of images: mean cross-entropy; accuracy and mean recall, in [0, 1].

    The balanced accuracy is the mean recall over the classes that the set contains.

    Attributes:
        tempered_loss: the loss after the temperature that stage `calibrate` fits on these images.
        loss_error: the standard error of that loss over the images.
    """

    loss: float
    accuracy: float
    balanced_accuracy: float
    tempered_loss: float
    loss_error: float = 0.0

    def rank(self, by: Criterion) -> tuple[float, float]:
        """Return a value that is higher for the better of two models.

        The loss uses every image's probability; the balanced accuracy of a few rare images is often
        higher by chance. Each decides where the other is equal. It is the loss after the
        temperature: training makes a network too sure of itself, which the temperature undoes.
        """
        if by == "loss":
            return -self.tempered_loss, self.balanced_accuracy
        return self.balanced_accuracy, -self.tempered_loss


@torch.no_grad()
def predict_logits(model: nn.Module, examples: Examples, engine: Engine) -> Tensor:
    """Return logits `[N, K]` in fp32 on the CPU, from clean views, with the model in eval mode.

    Several processes share the images, and each gets all logits.
    """
    processes, count = engine.processes, len(examples.labels)
    whole = examples.at_once * processes.size
    places = torch.cat([*clean_places(count, whole, processes)])
    batches, logits = clean_batches(examples, batch_size=whole, processes=processes), []
    with (
        eval_mode(model),
        tracked(batches, "score", total=len(places), unit="images", size=_num_images) as shown,
    ):
        for inputs, _ in shown:
            with engine.autocast():
                logits.append(model(inputs).float().cpu())
    return processes.joined(torch.cat(logits), places, count)


def _num_images(batch: Batch) -> int:
    return len(batch[1])


def score(model: nn.Module, examples: Examples, engine: Engine, *, when: str = "now") -> Score:
    """Return loss and accuracy on clean views.

    Args:
        model: in any mode, which stays as it is.
        examples: at least one.
        engine: where to compute.
        when: the moment of the training and its rates, for an error message.

    Raises:
        DivergedError: the loss or a logit is not finite.
    """
    logits, labels = predict_logits(model, examples, engine), examples.labels.cpu()
    loss = F.cross_entropy(logits, labels).item()
    _require_finite(loss, logits, when)
    hits_N = (logits.argmax(1) == labels).double()
    counts_K = labels.bincount()
    recalls_K = labels.bincount(weights=hits_N)[counts_K > 0] / counts_K[counts_K > 0]
    losses_N = _tempered_losses(logits, labels)
    return Score(
        loss,
        hits_N.mean().item(),
        recalls_K.mean().item(),
        losses_N.mean().item(),
        losses_N.std(correction=0).item() / math.sqrt(len(labels)),
    )


def _tempered_losses(logits_NK: Tensor, labels_N: Tensor) -> Tensor:
    temperature = fit_temperature(logits_NK.numpy(), labels_N.numpy())
    return F.cross_entropy(logits_NK / temperature, labels_N, reduction="none")


def _require_finite(loss: float, logits_NK: Tensor, when: str) -> None:
    num_broken = int((~logits_NK.isfinite()).any(dim=1).sum())
    if num_broken or not math.isfinite(loss):
        raise DivergedError(
            f"the loss on {len(logits_NK)} validation images is {loss} {when}, and the logits of "
            f"{num_broken} of them are not finite. If the rates are the cause, {LOWER_RATES}; if "
            "nothing was trained yet, replace the backbone's weights"
        )


def validate(model: nn.Module, validation: Examples, engine: Engine, *, when: str) -> Score | None:
    """Return the score on the validation split; None where it is empty.

    Raises:
        DivergedError: the score or, without a validation split, a weight is not finite.
    """
    if len(validation.labels):
        return score(model, validation, engine, when=when)
    broken = [name for name, value in model.state_dict().items() if not value.isfinite().all()]
    if broken:
        raise DivergedError(
            f"{len(broken)} tensor(s) of weights are not finite {when}, the first is {broken[0]}; "
            + LOWER_RATES
        )
    return None


def require_validation(validation: Examples, needed_by: str) -> None:
    """Refuse an empty validation split where it is needed for a choice.

    Raises:
        TrainingError: it is empty; names what needs it.
    """
    if not len(validation.labels):
        raise TrainingError(
            f"{needed_by} needs a validation split, which is empty; raise "
            "split.validation_share (0.1), or assign images to the validation split in labels.csv"
        )
