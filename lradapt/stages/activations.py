"""Stage `activations`: the frozen body's output for each image, labelled or not."""

from dataclasses import asdict

import numpy as np
import torch

from lradapt.compute.engine import start_engine
from lradapt.compute.forward_pass import images_at_once
from lradapt.config.params import load_params
from lradapt.data.images.image_table import OK, read_table
from lradapt.networks.backbone import read_backbone
from lradapt.networks.classifier import build_body, num_features
from lradapt.networks.facts import require_size
from lradapt.networks.known import backbone_facts
from lradapt.networks.normalisation import Normalisation
from lradapt.runtime.files import sha256_of
from lradapt.runtime.row_cache import NOTHING, keep, made_with, recall
from lradapt.stages import Dep, Out, Store
from lradapt.training.activations import (
    ACTIVATIONS,
    MOST_AT_ONCE,
    FrozenBody,
    square_keys,
    write_activations,
)
from lradapt.training.inputs.augment import Augmentation


def main(*, table: Dep, pixels: Dep, backbone: Dep, store: Store, activations: Out) -> None:
    """Pass every new image, and random views of it if asked for, through the frozen body once."""
    params = load_params()
    architecture = params.model.network
    require_size(backbone_facts(architecture.name), params.data.input_size)
    engine = start_engine(**params.engine.model_dump())
    body = build_body(architecture, read_backbone(backbone, architecture))
    frozen = FrozenBody(
        engine.place(body),
        engine,
        Normalisation(params.data.mean, params.data.deviation),
        Augmentation(**params.augment.model_dump()),
        params.activations.num_views,
        images_at_once(params.data.input_size, MOST_AT_ONCE),
    )
    squares = np.load(pixels, mmap_mode="r")
    rows = [number for number, row in enumerate(read_table(table)) if row.verdict == OK]
    keys = square_keys(squares, rows)
    made = made_with(
        __name__,
        backbone=sha256_of(backbone),
        network=asdict(architecture),
        data=[params.data.mean, params.data.deviation],
        engine=[
            engine.precision,
            engine.memory_format,
            params.engine.threads,
            torch.backends.cpu.get_cpu_capability(),
        ],
        views=[params.activations.num_views, asdict(frozen.augmentation)],
        batch_size=frozen.batch_size,
    )
    # Only on the CPU has it been measured that a row does not depend on its batch.
    on_cpu = engine.device.type == "cpu"
    write_activations(
        activations,
        frozen,
        squares,
        keys,
        num_features=num_features(architecture),
        kept=recall(store, "activations", made) if on_cpu else NOTHING,
    )
    if on_cpu:
        keep(store, "activations", made, keys=keys, files={ACTIVATIONS: activations})
