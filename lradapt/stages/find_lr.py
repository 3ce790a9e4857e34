"""Stage `find_lr`: the peak rate of the head, given or found on the cached activations.

A head that is solved exactly has no rate. Which rate a sweep says, and when it is refused:
`lradapt.training.range_test.suggestion`.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from lradapt.compute.engine import start_engine
from lradapt.config.params import Params, load_params
from lradapt.data.labelled_image import class_names, in_split
from lradapt.data.split_table import read_split
from lradapt.runtime.files import write_json
from lradapt.stages import Dep, Out
from lradapt.stages.sweeps import sweep_recipe
from lradapt.training.head import new_head
from lradapt.training.history import write_sweeps
from lradapt.training.imbalance import make_balance
from lradapt.training.inputs.examples import activation_examples
from lradapt.training.layers import layer_groups
from lradapt.training.range_test.curve import Sweep
from lradapt.training.range_test.measure import seeded_sweeps
from lradapt.training.range_test.suggestion import given, suggest_or_given

NOT_NEEDED = {
    "rate": None,
    "lowest": None,
    "highest": None,
    "refusal": "not needed: the head is solved exactly (train_head.method)",
    "rule": None,
}
"""The record of a head without a rate."""


def main(*, activations: Dep, split: Dep, rate: Out, curve: Out) -> None:
    """Find the rate of the head, or record that it needs none."""
    params = load_params()
    if params.train_head.method == "exact":
        write_sweeps(curve, [])
        write_json(rate, NOT_NEEDED)
        return
    source, default, rule = params.head_rate.source, params.head_rate.rate, params.find_lr.rule
    sweeps: Sequence[Sweep] = []
    found = given(default)
    if source != "given":
        sweeps = _sweeps(params, activations, split)
        found = suggest_or_given(sweeps, rule, default, strict=source == "found")
    write_sweeps(curve, sweeps)
    write_json(rate, {**asdict(found), "rule": rule})


def _sweeps(params: Params, activations: Path, split: Path) -> list[Sweep]:
    recipe = sweep_recipe(params.find_lr, params.train_head)
    engine = start_engine(**params.engine.model_dump())
    rows = read_split(split)
    names = class_names(rows)
    features = np.load(activations, mmap_mode="r")
    training = activation_examples(
        features, in_split(rows, "train"), names, engine.device, seed=params.seed
    )

    def head(seed: int) -> nn.Module:
        return new_head(features.shape[-1], len(names), seed=seed).to(engine.device)

    def optimizer(model: nn.Module) -> Optimizer:
        groups = layer_groups(model, {"": 1.0})  # any rate: the sweep sets its own
        return torch.optim.SGD(groups, momentum=recipe.momentum, weight_decay=recipe.l2)

    return seeded_sweeps(
        head,
        training,
        optimizer,
        engine,
        recipe,
        seed=params.seed,
        balance=make_balance(params.imbalance, training.labels, len(names)),
    )
