"""The recipe that an import chooses: how the head and the layers of a backbone are trained.

One for random weights, and one for pre-trained ones (ImageNet's, or a file of a person's own) by
the size of the batches; each value with a reason.
"""

from collections.abc import Mapping
from typing import Any

from lradapt.config.import_choices import ParamChoice

USUAL_BATCH, LEAST_BATCH = 64, 16
"""Images of a step: of a large set, and of a small one."""

FROM_SCRATCH: Mapping[str, Any] = {
    "model.reads": "last",
    "train_head.method": "sgd",
    "finetune.optimizer": "sgd",
    "finetune.num_cycles": 3,
    "finetune.first_cycle_epochs": 1,
    "finetune.cycle_growth": 2,
    "finetune.batchnorm": "batch",
    "finetune.choose_by": "balanced_accuracy",
    "finetune.stop": "never",
    "finetune.lower_rates": 0,
    "find_body_lr.start_lr": 1e-3,
    "find_body_lr.end_lr": 10.0,
    "find_body_lr.num_steps": 40,
    "find_body_lr.num_sweeps": 4,
    "find_body_lr.rule": "edge",
    "body_rates.source": "given",
    "body_rates.rates": [3e-3, 1e-2, 3e-2],
}
"""The recipe for a backbone with random weights."""
PRETRAINED: Mapping[str, Any] = {
    "model.reads": "moments",
    "train_head.method": "exact",
    "finetune.optimizer": "adamw",
    "finetune.num_cycles": 1,
    "finetune.first_cycle_epochs": 5,
    "finetune.cycle_growth": 2,
    "finetune.batchnorm": "frozen",
    "finetune.choose_by": "loss",
    "finetune.stop": "no_gain",
    "finetune.lower_rates": 1,
    "find_body_lr.start_lr": 1e-6,
    "find_body_lr.end_lr": 1e-2,
    "find_body_lr.num_steps": 20,
    "find_body_lr.num_sweeps": 2,
    "find_body_lr.rule": "rise",
    "body_rates.source": "found_or_given",
    "body_rates.rates": [0.0, 5e-4, 1e-4],
}
"""The recipe for pre-trained weights and usual batches; for smaller ones: `pretrained_recipe`."""


def pretrained_recipe(batch_size: int) -> dict[str, Any]:
    """Return the recipe for a backbone with pre-trained weights, for a batch size.

    One cycle, in which the early layers are frozen: a step takes 0.6 of the time without them. On
    CIFAR-10 and photographs of food, insects and vehicles it ends up to 1.1 points below five
    epochs of all layers, in a fifth to a half of their seconds. A set of few images has few steps
    to win back what the first ones lose: with small batches it has more of them, and with low rates
    they lose less (docs/log.md).
    """
    if batch_size >= USUAL_BATCH:
        return dict(PRETRAINED)
    if batch_size > LEAST_BATCH:
        return {**PRETRAINED, "body_rates.rates": [0.0, 3e-4, 6e-5]}
    fewer = {"finetune.first_cycle_epochs": 3, "body_rates.rates": [0.0, 2e-4, 4e-5]}
    return {**PRETRAINED, **fewer}


def choose_recipe(*, pretrained: bool, batch_size: int) -> list[ParamChoice]:
    """Choose how the head and the layers are trained, with or without pre-trained weights."""
    if not pretrained:
        reason = "it suits a backbone without pre-trained weights"
        return [ParamChoice(key, value, reason) for key, value in FROM_SCRATCH.items()]
    recipe = pretrained_recipe(batch_size)
    reasons = {
        "model.reads": "early stages see textures that the last one lost, and their deviation over "
        "the image tells a texture from an even surface",
        "train_head.method": "the head is solved in seconds, and needs no learning rate",
        "finetune.optimizer": "it needs fewer epochs on pre-trained layers",
        "finetune.num_cycles": "one cycle is enough for pre-trained layers",
        "finetune.first_cycle_epochs": f"more epochs gain little; for batches of {batch_size}",
        "finetune.cycle_growth": "the paper's; there is one cycle",
        "finetune.batchnorm": "its statistics are better than those of few images",
        "finetune.choose_by": "it depends less on chance than the balanced accuracy of few images",
        "finetune.stop": "finetune.lower_rates needs it; one cycle has no further epochs to save",
        "finetune.lower_rates": "high rates suit some photographs; where they lose a tenth to a "
        "fifth, the training begins again with a third of them",
        "find_body_lr.start_lr": "so low that nothing changes",
        "find_body_lr.end_lr": "so high that the pre-training is lost",
        "find_body_lr.num_steps": "each costs a third more than a step of the training",
        "find_body_lr.num_sweeps": "the rate of one alone changes too much from seed to seed",
        "find_body_lr.rule": "the other rules need a loss that falls; a solved head leaves little",
        "body_rates.source": "a range test finds them for these images and this network; given "
        "rates save its steps",
        "body_rates.rates": "their ratio, and the rates where a range test finds none: without the "
        "early layers (0) a step takes 0.6 of the time; the late ones may change; the head, which "
        f"is solved already, hardly; for batches of {batch_size}",
    }
    return [ParamChoice(key, recipe[key], reason) for key, reason in reasons.items()]
