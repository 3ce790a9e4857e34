"""A project whose version in production has its training images, for tests of explanations."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import torch
from colour_model import COLOURS, NORMALISATION, paint
from releases import promote
from torch import nn

from lradapt.config.paths import PROJECT_FILE, read_paths
from lradapt.data.images.decode import Preprocessing
from lradapt.data.images.image_table import ImageRow
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split
from lradapt.gate.held_out import write_trained_on
from lradapt.networks.onnx_export import Deployed, export_onnx
from lradapt.registry import open_registry

ROOT = Path(__file__).parents[2]


@cache
def pooled_model():
    """A model that names the brightest of three channels, by the means of their maps."""
    layers = nn.Conv2d(3, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 3)
    with torch.no_grad():
        for layer, weight in (
            (layers[0], torch.eye(3)[:, :, None, None]),
            (layers[3], torch.eye(3)),
        ):
            layer.weight.copy_(weight)
            layer.bias.copy_(torch.tensor([0.1, 0.2, 0.3]))
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        export_onnx(
            Deployed(nn.Sequential(*layers), NORMALISATION, 2.0),
            path,
            class_names=COLOURS,
            architecture="colours",
            preprocessing=Preprocessing(8, 10),
        )
        return path.read_bytes()


def write_explained_project():
    """Write into the current folder a run of three training images, and promote its version."""
    Path(PROJECT_FILE).write_text((ROOT / PROJECT_FILE).read_text())
    paths = read_paths()
    rows = [
        ImageRow(f"{colour}.png", colour, colour, 10, 10, "ok", "", "PNG", "RGB", 1)
        for colour in COLOURS
    ]
    for colour in COLOURS:
        paint(paths.images / f"{colour}.png", colour)
    images = [LabelledImage(f"{c}.png", c, "", "train", c, row) for row, c in enumerate(COLOURS)]
    paths.table.parent.mkdir(parents=True)
    paths.training_split.parent.mkdir(parents=True)
    pd.DataFrame(rows).to_csv(paths.table, index=False)
    write_split(paths.training_split, images)
    registry = open_registry("registry", "classifier")
    files = {"model.onnx": pooled_model(), "trained_on.csv": write_trained_on(images)}
    promote(registry, registry.publish(files, {}))
    return paths
