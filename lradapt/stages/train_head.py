"""Stage `train_head`: the new head, on cached activations."""

import numpy as np
from safetensors.torch import save_file

from lradapt.compute.engine import start_engine
from lradapt.config.params import load_params
from lradapt.data.labelled_image import class_names, in_split
from lradapt.data.split_table import read_split
from lradapt.runtime.files import read_json, whole_file
from lradapt.runtime.timings import Spent
from lradapt.stages import Dep, Out, Store
from lradapt.stages.checkpoints import resumable_stage
from lradapt.stages.epochs import epoch_reporter
from lradapt.training.head import HeadRecipe, new_head, train_head
from lradapt.training.history import write_epochs, write_steps
from lradapt.training.imbalance import make_balance
from lradapt.training.inputs.examples import activation_examples


def main(
    *,
    activations: Dep,
    split: Dep,
    rate: Dep,
    checkpoints: Store,
    head: Out,
    steps: Out,
    epochs: Out,
) -> Spent:
    """Train the head with restarts each epoch; return the time of earlier processes."""
    params = load_params()
    recipe = HeadRecipe(**params.train_head.model_dump())
    report = epoch_reporter(recipe.max_epochs)
    engine = start_engine(**params.engine.model_dump())
    rows = read_split(split)
    names = class_names(rows)
    features = np.load(activations, mmap_mode="r")
    training = activation_examples(
        features, in_split(rows, "train"), names, engine.device, seed=params.seed
    )
    validation = activation_examples(features, in_split(rows, "validation"), names, engine.device)
    model = new_head(features.shape[-1], len(names), seed=params.seed).to(engine.device)
    inputs = [activations, split, rate]
    with resumable_stage(__name__, checkpoints, params, engine, inputs=inputs) as run:
        done = train_head(
            model,
            training,
            validation,
            engine,
            recipe,
            max_lr=read_json(rate)["rate"],
            seed=params.seed,
            balance=make_balance(params.imbalance, training.labels, len(names)),
            run=run,
            on_epoch=report,
        )
        with whole_file(head) as partial:
            save_file({name: value.cpu() for name, value in model.state_dict().items()}, partial)
        write_steps(steps, done, ["head"])
        write_epochs(epochs, done)
    return run.earlier
