"""What a training has done, as values: its steps, epochs and cycles."""

from dataclasses import dataclass

from torch import Tensor, nn

from lradapt.training.scoring import Score

Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Step:
    """One optimizer step.

    Attributes:
        number: counted from 0 over the whole training.
        rates: of each parameter group, from the input to the head.
        loss: of the batch, before the step.
    """

    number: int
    rates: tuple[float, ...]
    loss: float


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training images, and the validation score after it.

    Attributes:
        number: counted from 0.
        steps: the optimizer steps, at least one.
        validation: None where the validation split is empty.
    """

    number: int
    steps: tuple[Step, ...]
    validation: Score | None

    @property
    def loss(self) -> float:
        """The mean loss of the steps."""
        return sum(step.loss for step in self.steps) / len(self.steps)


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cosine cycle.

    Attributes:
        epochs: at least one; the last has the score of `weights` on the validation split.
        weights: of the whole network at the end of the cycle, where its rates are near zero.
    """

    epochs: tuple[Epoch, ...]
    weights: Weights


def snapshot(model: nn.Module) -> Weights:
    """Return a copy of the weights, BatchNorm's statistics included."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
