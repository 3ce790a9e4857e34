"""The one training loop. Range test, head and fine-tuning differ in model, batches and schedule."""

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from lradapt.compute.engine import Engine
from lradapt.compute.precision import require_exact_gradients
from lradapt.errors import TrainingError
from lradapt.runtime.progress import tracked
from lradapt.training.imbalance import Loss
from lradapt.training.inputs.batches import Batch, Examples, clean_batches, clean_places
from lradapt.training.param_groups import set_height
from lradapt.training.schedules import Schedule

log = logging.getLogger(__name__)

_REMEDY = "lower them (params.yaml: head_rate, body_rates) or the end of the range test (end_lr)"


@dataclass(frozen=True, slots=True)
class Step:
    """What one optimiser step did.

    Attributes:
        number: counted from 0 over the whole run.
        rates: of each parameter group, from the input to the head.
        loss: of the batch, before the step.
    """

    number: int
    rates: tuple[float, ...]
    loss: float


@dataclass(frozen=True, slots=True)
class Score:
    """A model on a set of images: mean cross-entropy; accuracy and mean recall, in [0, 1].

    The balanced accuracy is the mean recall over the classes that the set contains.
    """

    loss: float
    accuracy: float
    balanced_accuracy: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training images, and the validation score after it, if there is one.

    Attributes:
        number: counted from 0.
        steps: the optimiser steps, at least one.
        validation: None where the validation split is empty.
    """

    number: int
    steps: tuple[Step, ...]
    validation: Score | None


def train_steps(
    model: nn.Module,
    batches: Iterable[Batch],
    optimizer: Optimizer,
    schedule: Schedule,
    engine: Engine,
    *,
    loss: Loss = F.cross_entropy,
    first_step: int = 0,
) -> Iterator[Step]:
    """Take one optimiser step a batch, for as long as the caller asks for the next.

    Whoever calls puts the model into train or eval mode, stops, validates and records. A loss that
    is not finite is yielded like any other; see `finite`.

    Raises:
        TrainingError: bf16 would train this network wrongly, see `lradapt.compute.precision`.
    """
    for number, (inputs, labels) in enumerate(batches, start=first_step):
        if number == first_step:
            require_exact_gradients(model, inputs, engine)
        rates = set_height(optimizer, schedule(number))
        with engine.autocast():
            value = loss(model(inputs), labels)
        optimizer.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        yield Step(number, rates, value.item())


def finite(steps: Iterable[Step]) -> Iterator[Step]:
    """`steps`, until a loss is not finite.

    Raises:
        TrainingError: a loss is NaN or infinite; names the step, the rates and what to do.
    """
    for step in steps:
        if not math.isfinite(step.loss):
            raise TrainingError(
                f"the loss became {step.loss} at step {step.number} with rates "
                f"{_listed(step.rates)}; {_REMEDY}"
            )
        yield step


def run_epochs(
    model: nn.Module,
    steps: Iterator[Step],
    num_steps: int,
    validation: Examples,
    engine: Engine,
    *,
    first_epoch: int = 0,
    num_epochs: int | None = None,
) -> Iterator[Epoch]:
    """Group `steps` by `num_steps` into epochs, each scored on the validation split.

    `num_epochs` is the most that will be asked for, where that is known; it is told, not counted.

    Raises:
        TrainingError: the score, or without a validation split a weight, is not finite; names the
            epoch, its highest rates and what to do.
    """
    so_far = ""
    for number in count(first_epoch):
        own, what = islice(steps, num_steps), f"epoch {number + 1}"
        following = num_steps * (num_epochs - number - 1) if num_epochs else 0
        with tracked(
            own, what, total=num_steps, unit="steps", following=following, note=so_far
        ) as shown:
            done = tuple(shown)
        epoch = Epoch(number, done, _judge(model, validation, engine, _when(number, done)))
        # The extras are for whoever draws its progress.
        log.info("%s", _told(epoch), extra={"epoch": epoch, "num_epochs": num_epochs})
        so_far = f"accuracy {epoch.validation.accuracy:.1%}" if epoch.validation else ""
        yield epoch


def require_validation(validation: Examples, why: str) -> None:
    """Refuse an empty validation split where something is chosen by it.

    Raises:
        TrainingError: it is empty; names what asks for it.
    """
    if not len(validation.labels):
        raise TrainingError(
            f"{why} needs a validation split, which is empty; raise split.validation_share (0.1), "
            "or assign images to the validation split in labels.csv"
        )


def _judge(model: nn.Module, validation: Examples, engine: Engine, when: str) -> Score | None:
    if len(validation.labels):
        return score(model, validation, engine, when=when)
    broken = [name for name, value in model.state_dict().items() if not value.isfinite().all()]
    if broken:
        raise TrainingError(
            f"{len(broken)} tensor(s) of weights are not finite {when}, the first is {broken[0]}; "
            + _REMEDY
        )
    return None


def _when(number: int, steps: Sequence[Step]) -> str:
    highest = [max(rates) for rates in zip(*(step.rates for step in steps), strict=True)]
    return f"after epoch {number + 1} with rates up to {_listed(highest)}"


def _listed(rates: Sequence[float]) -> str:
    return ", ".join(f"{rate:.3g}" for rate in rates)


def _told(epoch: Epoch) -> str:
    loss = sum(step.loss for step in epoch.steps) / len(epoch.steps)
    validation = (
        f", accuracy on the validation split {epoch.validation.accuracy:.1%}"
        if epoch.validation
        else ""
    )
    return f"epoch {epoch.number + 1}: loss {loss:.3f}{validation}"


@torch.no_grad()
def predict_logits(
    model: nn.Module, examples: Examples, engine: Engine, *, batch_size: int = 512
) -> Tensor:
    """Logits `[N, K]` in fp32 on the CPU, from clean views, with the model in eval mode.

    Several processes share the images, and each gets all logits; `batch_size` is for each of them.
    """
    was_training = model.training
    model.eval()
    processes, count = engine.processes, len(examples.labels)
    whole = batch_size * processes.size
    places = torch.cat([*clean_places(count, whole, processes)])
    batches, logits = clean_batches(examples, batch_size=whole, processes=processes), []
    with tracked(batches, "score", total=len(places), unit="images", size=_num_images) as shown:
        for inputs, _ in shown:
            with engine.autocast():
                logits.append(model(inputs).float().cpu())
    model.train(was_training)
    return processes.joined(torch.cat(logits), places, count)


def _num_images(batch: Batch) -> int:
    return len(batch[1])


def score(model: nn.Module, examples: Examples, engine: Engine, *, when: str = "now") -> Score:
    """Loss and accuracy on clean views.

    Args:
        model: in any mode, which stays as it is.
        examples: at least one.
        engine: where to compute.
        when: it is scored, and at which rates it was trained, for the message of an error.

    Raises:
        TrainingError: the loss or a logit is not finite.
    """
    logits, labels = predict_logits(model, examples, engine), examples.labels.cpu()
    loss = F.cross_entropy(logits, labels).item()
    _require_finite(loss, logits, when)
    hits_N = (logits.argmax(1) == labels).double()
    counts_K = labels.bincount()
    recalls_K = labels.bincount(weights=hits_N)[counts_K > 0] / counts_K[counts_K > 0]
    return Score(loss, hits_N.mean().item(), recalls_K.mean().item())


def _require_finite(loss: float, logits_NK: Tensor, when: str) -> None:
    num_broken = int((~logits_NK.isfinite()).any(dim=1).sum())
    if num_broken or not math.isfinite(loss):
        raise TrainingError(
            f"the loss on the {len(logits_NK)} images that judge is {loss} {when}, and the logits "
            f"of {num_broken} of them are not finite. If rates are to blame, {_REMEDY}; if nothing "
            "was trained yet, mend the backbone's weights"
        )


def sgd(param_groups: list[dict[str, Any]], *, momentum: float, l2: float) -> Optimizer:
    """SGD with momentum and L2 (paper, section 2.3) over groups made by `build_param_groups`."""
    return torch.optim.SGD(param_groups, lr=0.0, momentum=momentum, weight_decay=l2)
