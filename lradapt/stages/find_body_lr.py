"""Stage `find_body_lr`: the peak rates of early body, late body and head, given or found.

For pre-trained weights a range test finds them, unless it refuses; the quick start's are given, and
only written down (`lradapt.config.import_recipe`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lradapt.config.params import Params, load_params
from lradapt.runtime.files import write_json
from lradapt.stages import Dep, Out
from lradapt.training.history import write_sweeps

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from lradapt.training.range_test.curve import Sweep


def main(*, pixels: Dep, split: Dep, backbone: Dep, head: Dep, rates: Out, curve: Out) -> None:
    """Find the rates of the fine-tuning, by depth."""
    params = load_params()
    max_lrs: Sequence[float] = params.body_rates.rates
    sweeps: list[Sweep] = []
    source, rule, found = params.body_rates.source, params.find_body_lr.rule, None
    if source != "given":
        from lradapt.training.range_test.measure import scaled
        from lradapt.training.range_test.suggestion import suggest_or_given

        sweeps = _sweeps(params, pixels, split, backbone, head)
        found = suggest_or_given(sweeps, rule, max_lrs[-1], strict=source == "found")
        max_lrs = scaled(max_lrs, found.rate)
    write_sweeps(curve, sweeps)
    names = [group.name for group in params.model.network.groups]
    by_depth = dict(zip(names, max_lrs, strict=True))
    lowest, highest, refusal = (
        (found.lowest, found.highest, found.refusal) if found else (None, None, "")
    )
    read = {"lowest": lowest, "highest": highest, "refusal": refusal, "rule": rule}
    write_json(rates, {"rates": by_depth, **read})


def _sweeps(params: Params, pixels: Path, split: Path, backbone: Path, head: Path) -> "list[Sweep]":
    # Given rates need none of these imports, which take seconds.
    from lradapt.compute.engine import start_engine
    from lradapt.data.labelled_image import class_names
    from lradapt.data.split_table import read_split
    from lradapt.stages.inputs import read_classifier, split_examples
    from lradapt.stages.sweeps import sweep_recipe
    from lradapt.training.imbalance import make_balance
    from lradapt.training.layers import layer_groups
    from lradapt.training.modes import freeze, train_mode
    from lradapt.training.optimizers import make_optimizer
    from lradapt.training.range_test.measure import seeded_sweeps

    recipe, architecture = sweep_recipe(params.find_body_lr, params.finetune), params.model.network
    engine = start_engine(**params.engine.model_dump())
    rows = read_split(split)
    network = engine.place(read_classifier(architecture, backbone, head))
    train_mode(network, batchnorm_frozen=params.finetune.batchnorm == "frozen")
    freeze(network, params.body_rates.rates, architecture.groups)
    training = split_examples("train", params, rows, pixels, engine)

    def optimizer(model: "nn.Module") -> "Optimizer":
        groups = layer_groups(model, params.body_rates.rates, layers=architecture.groups)
        return make_optimizer(
            params.finetune.optimizer, groups, momentum=recipe.momentum, weight_decay=recipe.l2
        )

    return seeded_sweeps(
        lambda seed: network,
        training,
        optimizer,
        engine,
        recipe,
        seed=params.seed,
        balance=make_balance(params.imbalance, training.labels, len(class_names(rows))),
    )
