"""The range test on somebody's own model, batches and optimiser."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import Optimizer

from lradapt.compute.engine import Engine
from lradapt.errors import LayersError, TrainingError
from lradapt.training.imbalance import Loss
from lradapt.training.inputs.batches import Batch
from lradapt.training.range_test.curve import Sweep, mean_sweep
from lradapt.training.range_test.rules import RULES
from lradapt.training.range_test.suggestion import Suggestion, suggest
from lradapt.training.range_test.sweeps import sweep


@dataclass(frozen=True, slots=True)
class RangeTest:
    """What a range test has measured.

    Attributes:
        sweeps: at least one.
        shares: the rate of each group of the optimiser in shares of the last group's.
        rule: by which a rate is read off.
    """

    sweeps: tuple[Sweep, ...]
    shares: tuple[float, ...]
    rule: str

    @property
    def curve(self) -> Sweep:
        """The mean of the sweeps: rates of the last group, losses, and the smoothed curve."""
        return mean_sweep(self.sweeps)

    @property
    def suggestion(self) -> Suggestion:
        """The peak rate of the last group, and the lowest and highest that one sweep suggests.

        Raises:
            TrainingError: nothing can be read off the curve; the text says why, and what to change.
        """
        return suggest(self.sweeps, self.rule)

    def apply_to(self, optimizer: Optimizer) -> None:
        """Set the rates of its groups: the suggestion, to which the others keep their ratio.

        Raises:
            TrainingError: see `suggestion`.
        """
        rate = self.suggestion.rate
        for group, share in zip(optimizer.param_groups, self.shares, strict=True):
            group["lr"] = share * rate


def range_test(
    model: nn.Module,
    batches: Iterable[Batch],
    optimizer: Optimizer,
    *,
    loss: Loss = F.cross_entropy,
    start_lr: float = 1e-5,
    end_lr: float = 10.0,
    num_steps: int = 100,
    num_sweeps: int = 1,
    rule: str = "edge",
) -> RangeTest:
    """Train a copy of `model` at rising rates, beside one that is not trained, until it diverges.

    Model, optimiser and random state stay as they are (Smith 2017, arXiv:1506.01186). Batches are
    moved to where the model's parameters are.

    Args:
        model: in train or eval mode, as it is to be trained.
        batches: of inputs and labels, such as a DataLoader; gone through again where they are
            fewer than a sweep has steps.
        optimizer: of the model's parameters, as it is to train them. The rates tried are the last
            group's; the others keep their ratio to it.
        loss: of the model's output and the labels, as it is to be trained.
        start_lr: rate of the first step.
        end_lr: rate of the last step.
        num_steps: steps of a sweep.
        num_sweeps: sweeps, one after the other on further batches. Their mean is less of a chance.
        rule: by which the rate is read off: edge, steepest, valley, slide or minimum.

    Raises:
        LayersError: the optimiser's parameters are not the model's, or its last rate is zero.
        TrainingError: there are no batches, or no more of them.
        ValueError: a rule that is not known, or rates and steps that make no sweep.
    """
    if rule not in RULES:
        raise ValueError(f"no rule {rule!r}; there is {', '.join(RULES)}")
    shares = _shares(model, optimizer)
    engine = Engine(next(model.parameters()).device, "fp32")
    endless = _endless(batches, engine.device)
    sweeps = []
    for number in range(num_sweeps):
        trial, copied = _copies(model, optimizer, [share * end_lr for share in shares])
        sweeps.append(
            sweep(
                trial,
                copied,
                copy.deepcopy(model),
                endless,
                engine,
                start_lr=start_lr,
                end_lr=end_lr,
                num_steps=num_steps,
                loss=loss,
                following_steps=num_steps * (num_sweeps - number - 1),
            )
        )
    return RangeTest(tuple(sweeps), shares, rule)


def _shares(model: nn.Module, optimizer: Optimizer) -> tuple[float, ...]:
    own = {id(parameter) for parameter in model.parameters()}
    used = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    foreign = sum(id(parameter) not in own for parameter in used)
    if foreign:
        raise LayersError(
            f"{foreign} of the optimiser's {len(used)} parameters are not the model's; make the "
            "optimiser from the parameters of the model that is to be tested"
        )
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    if not rates[-1] > 0:
        raise LayersError(
            f"the last group of the optimiser has the rate {rates[-1]:g}, to which the others have "
            "no ratio; make it with any rate above zero"
        )
    return tuple(rate / rates[-1] for rate in rates)


def _copies(
    model: nn.Module, optimizer: Optimizer, peaks: Sequence[float]
) -> tuple[nn.Module, Optimizer]:
    # Copied together, so that the one's parameters are still the other's.
    trial, copied = copy.deepcopy((model, optimizer))
    for group, peak in zip(copied.param_groups, peaks, strict=True):
        group["max_lr"] = peak
    return trial, copied


def _endless(batches: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    while True:
        empty = True
        for inputs, labels in batches:
            empty = False
            yield inputs.to(device), labels.to(device)
        if empty:
            raise TrainingError(
                "there are no batches, or no more of them; give what can be gone through again, "
                "such as a DataLoader or a list, or as many as num_steps times num_sweeps"
            )
