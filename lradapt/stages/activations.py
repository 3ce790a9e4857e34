"""Stage `activations`: the frozen body's output for each image, labelled or not."""

import numpy as np

from lradapt.activations import write_activations
from lradapt.backbone import read_backbone
from lradapt.batches import Normalisation, RandomViews
from lradapt.data.augment import Augmentation
from lradapt.data.ingest import OK, read_table
from lradapt.engine import start_engine
from lradapt.models import build_body, num_features
from lradapt.params import load_params
from lradapt.stages import Dep, Out

_VIEWS_SEED = 0  # not the run's: another seed of the training does not make these anew


def main(*, table: Dep, pixels: Dep, backbone: Dep, activations: Out) -> None:
    """Pass every image, and random views of it if asked for, through the frozen body once."""
    params = load_params()
    architecture = params.model.network
    write_activations(
        activations,
        build_body(architecture, read_backbone(backbone, architecture)),
        np.load(pixels, mmap_mode="r"),
        [number for number, row in enumerate(read_table(table)) if row.verdict == OK],
        start_engine(**params.engine.model_dump()),
        normalise=Normalisation(params.data.mean, params.data.deviation),
        num_features=num_features(architecture),
        views=RandomViews(Augmentation(**params.augment.model_dump()), _VIEWS_SEED),
        num_views=params.activations.num_views,
    )
