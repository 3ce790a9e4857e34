"""Stage `find_body_lr`: the peak rates of early body, late body and head, given or found."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lradapt.files import write_json
from lradapt.history import write_sweeps
from lradapt.params import Params, load_params
from lradapt.stages import Dep, Out

if TYPE_CHECKING:
    from lradapt.lr_curve import Sweep


def main(*, pixels: Dep, split: Dep, backbone: Dep, head: Dep, rates: Out, curve: Out) -> None:
    """Find the rates of the unfrozen network, by depth."""
    params = load_params()
    max_lrs: Sequence[float] = params.body_rates.rates
    sweeps: list[Sweep] = []
    source, refusal = params.body_rates.source, ""
    if source != "given":
        from lradapt.lr_suggestion import suggest_or_given

        sweeps = _sweeps(params, pixels, split, backbone, head)
        rule, default = params.find_body_lr.rule, max_lrs[-1]
        found = suggest_or_given(sweeps, rule, default, strict=source == "found")
        max_lrs = [rate * found.rate / default for rate in max_lrs]
        refusal = found.refusal
    write_sweeps(curve, sweeps)
    names = [group.name for group in params.model.network.groups]
    write_json(rates, {"rates": dict(zip(names, max_lrs, strict=True)), "refusal": refusal})


def _sweeps(params: Params, pixels: Path, split: Path, backbone: Path, head: Path) -> "list[Sweep]":
    # Rates that are given need none of this, and its import takes seconds.
    import numpy as np
    import torch
    from safetensors.torch import load_file
    from torch import nn
    from torch.optim import Optimizer

    from lradapt.backbone import read_backbone
    from lradapt.batches import Normalisation, RandomViews, pixel_examples, training_batches
    from lradapt.data.augment import Augmentation
    from lradapt.data.split_table import class_names, on_side, read_split
    from lradapt.engine import start_engine
    from lradapt.finetune import depth_sgd
    from lradapt.imbalance import make_balance
    from lradapt.models import build_classifier
    from lradapt.range_test import measure

    test, how, architecture = params.find_body_lr, params.finetune, params.model.network
    engine = start_engine(**params.engine.model_dump())
    rows = read_split(split)
    model = build_classifier(architecture, read_backbone(backbone, architecture), load_file(head))
    model = model.to(engine.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    training = pixel_examples(
        np.load(pixels, mmap_mode="r"),
        on_side(rows, "train"),
        class_names(rows),
        engine.device,
        normalise=Normalisation(params.data.mean, params.data.deviation),
        views=RandomViews(Augmentation(**params.augment.model_dump()), params.seed),
    )
    balance = make_balance(params.imbalance, training.labels, len(class_names(rows)))
    peaks = [rate * test.end_lr / params.body_rates.rates[-1] for rate in params.body_rates.rates]

    def optimizer(trial: nn.Module) -> Optimizer:
        return depth_sgd(trial, architecture.groups, peaks, momentum=how.momentum, l2=how.l2)

    return [
        measure(
            model,
            training_batches(
                training,
                batch_size=how.batch_size,
                seed=params.seed + number,
                order=balance.order,
            ),
            optimizer,
            engine,
            loss=balance.loss,
            start_lr=test.start_lr,
            end_lr=test.end_lr,
            num_steps=test.num_steps,
        )
        for number in range(test.num_sweeps)
    ]
