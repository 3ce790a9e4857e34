"""Class imbalance: three mechanisms, of which a training uses at most one (paper, section 4).

    class_weights       the loss of an image counts inversely to the size of its class
    balanced_sampling   every class is drawn equally often, with replacement
    logit_adjustment    the logarithm of its share is added to a class's logit while training
                        (Menon et al. 2020, arXiv:2007.07314, equation 10, tau = 1)

Each alone aims at balanced accuracy; two together would correct for the classes twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from lradapt.compute.processes import Processes

Loss = Callable[[Tensor, Tensor], Tensor]
"""Logits `[B, K]` and labels `[B]` to the mean loss of a batch, a scalar."""
Weight = Callable[[Tensor], Tensor]
"""Labels `[B]` to their total weight in the mean over a larger batch, a scalar."""
Order = Callable[[Tensor, torch.Generator], Tensor]
"""Labels `[N]` and random numbers to the images of one epoch, int64 `[N]` on the CPU."""


def shuffled(labels_N: Tensor, numbers: torch.Generator) -> Tensor:
    """Return every image once, in a random order."""
    return torch.randperm(len(labels_N), generator=numbers)


def balanced(labels_N: Tensor, numbers: torch.Generator) -> Tensor:
    """Return as many draws with replacement as there are images, each class equally likely."""
    labels_N = labels_N.cpu()
    shares_N = 1 / labels_N.bincount().double()[labels_N]
    return torch.multinomial(shares_N, len(labels_N), replacement=True, generator=numbers)


def class_weights(labels_N: Tensor, num_classes: int) -> Tensor:
    """Return N / (K n_k) for each class k, fp32 `[K]`: scikit-learn's "balanced" weights."""
    return len(labels_N) / (num_classes * _counts(labels_N, num_classes))


def log_shares(labels_N: Tensor, num_classes: int) -> Tensor:
    """Return the logarithm of each class's share of the images, fp32 `[K]`."""
    return (_counts(labels_N, num_classes) / len(labels_N)).log()


def number(labels_B: Tensor) -> Tensor:
    """Return the number of labels, fp32."""
    return torch.tensor(float(len(labels_B)), device=labels_B.device)


@dataclass(frozen=True, slots=True)
class Balance:
    """How a training treats unbalanced classes: by its loss, or by the order of its images.

    The loss of a batch is the mean of its parts' losses, each counted by its `weight`.
    """

    loss: Loss = F.cross_entropy
    order: Order = shuffled
    weight: Weight = number


NO_BALANCE = Balance()


def make_balance(mechanism: str, labels_N: Tensor, num_classes: int) -> Balance:
    """Return the balance for a training set.

    Args:
        mechanism: "none", "class_weights", "balanced_sampling" or "logit_adjustment".
        labels_N: of the training images, int64, on the device of the training.
        num_classes: K.
    """
    if mechanism == "class_weights":
        weights_K = class_weights(labels_N, num_classes)
        return Balance(
            loss=partial(F.cross_entropy, weight=weights_K),
            weight=lambda labels: weights_K[labels].sum(),
        )
    if mechanism == "logit_adjustment":
        shares_K = log_shares(labels_N, num_classes)
        return Balance(loss=lambda logits, labels: F.cross_entropy(logits + shares_K, labels))
    if mechanism == "balanced_sampling":
        return Balance(order=balanced)
    assert mechanism == "none", mechanism
    return NO_BALANCE


def loss_of_part(balance: Balance, processes: Processes) -> Loss:
    """Return a loss of one part of a batch; its mean over the processes is the whole batch's."""
    if processes.size == 1:
        return balance.loss

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        weight = balance.weight(labels)
        return balance.loss(logits, labels) * (weight / processes.mean(weight))

    return loss


def _counts(labels_N: Tensor, num_classes: int) -> Tensor:
    # A class without a training image has no weight to be divided by.
    return labels_N.bincount(minlength=num_classes).clamp(min=1).float()
