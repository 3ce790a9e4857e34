"""A real exported model that tests can foresee: it names the brightest of three channels."""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import torch
from PIL import Image
from torch import nn

from lradapt.data.images.decode import Preprocessing
from lradapt.evaluation.prototypes import find_prototypes
from lradapt.inference.predict import Model
from lradapt.networks.answer_limits import AnswerLimits, SetLimits, UnlikeLimit
from lradapt.networks.normalisation import Normalisation
from lradapt.networks.onnx_export import Deployed, export_onnx
from lradapt.networks.onnx_unlike import with_limits

COLOURS = ("red", "green", "blue")
NORMALISATION = Normalisation((0.5, 0.4, 0.3), (0.25, 0.25, 0.25))


def colour_network(size, temperature=1.0):
    """The network before it is exported: the logits are the means of the channels."""
    linear = nn.Linear(3 * size * size, 3)
    with torch.no_grad():
        undone = torch.tensor(NORMALISATION.mean) / torch.tensor(NORMALISATION.deviation)
        linear.bias.copy_(undone)
        linear.weight.copy_(torch.eye(3).repeat_interleave(size * size, dim=1) / size**2)
    return Deployed(nn.Sequential(nn.Flatten(), linear), NORMALISATION, temperature)


@cache
def _exported(size):
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        export_onnx(
            colour_network(size),
            path,
            class_names=COLOURS,
            architecture="colours",
            preprocessing=Preprocessing(size, 10),
        )
        return path.read_bytes()


def colour_model(class_names=COLOURS, size=8):
    """The ONNX file's bytes; with other class names it is wrong on purpose."""
    model = onnx.load_model_from_string(_exported(size))
    for note in model.metadata_props:
        if note.key == "lradapt.class_names":
            note.value = json.dumps(class_names)
    return model.SerializeToString(deterministic=True)


def doubting_model(least, limit=0.3):
    """The model of colours with limits: a least probability for each, and a distance.

    Its prototypes are the three colours alone.
    """
    pure = torch.eye(3).mul(240).reshape(3, 1, 1, 3).expand(3, 8, 8, 3).to(torch.uint8).numpy()
    features = Model(colour_model(), threads=1).answers(pure).features
    sets = SetLimits(0.9, dict(zip(COLOURS, least, strict=True)), dict.fromkeys(COLOURS, 20))
    limits = AnswerLimits(UnlikeLimit(limit, 0.99, 60), sets)
    return with_limits(colour_model(), find_prototypes(features, np.arange(3)), limits)


def paint(path, colour, seed=0, size=10):
    """Save a picture of mostly one colour as PNG; each seed has pixels of its own."""
    pixels = np.random.default_rng(seed).integers(0, 60, (size, size, 3), dtype=np.uint8)
    pixels[..., COLOURS.index(colour)] += 180
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path
