"""The same pixels, labels and weights for every program, made once in a folder.

The pixels are scikit-learn's handwritten digits, scaled up; the weights are random, of a fixed
seed. Neither changes what a step costs. Letters: N images, S side in pixels.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from benchmarks.peers.work import Work
from benchmarks.range_tests.arrays import enlarged_digits, save
from lradapt.compute.engine import Engine, seeded
from lradapt.data.images.decode import Preprocessing
from lradapt.networks.architectures import ARCHITECTURES, Architecture
from lradapt.networks.classifier import build, load_classifier
from lradapt.networks.normalisation import Normalisation
from lradapt.networks.onnx_export import Deployed, export_onnx
from lradapt.runtime.files import whole_file
from lradapt.training.inputs.examples import PixelExamples, Preparation

CLASSES = [str(digit) for digit in range(10)]
NORMALISE = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True, slots=True)
class Given:
    """The inputs of a program.

    Attributes:
        work: to do.
        examples: uint8 pixels `[N, S, S, 3]` and labels `[N]`.
        weights: the state dict of the whole network.
        onnx: the exported model, for a classification.
        engine: device and precision; its start has set the threads.
    """

    work: Work
    examples: PixelExamples
    weights: dict[str, Tensor]
    onnx: Path
    engine: Engine

    @property
    def architecture(self) -> Architecture:
        """Return the architecture of the network."""
        return ARCHITECTURES[self.work.architecture]

    def model(self) -> nn.Module:
        """Build the network with the weights, in train mode and torchvision's memory format."""
        return load_classifier(self.architecture, self.weights, len(CLASSES)).train()


def make_inputs(works: Iterable[Work], folder: Path) -> None:
    """Make the files that are missing."""
    for work in works:
        pixels, weights = folder / _pixels_name(work), folder / f"{work.architecture}.safetensors"
        if not pixels.exists():
            _write_pixels(work, pixels)
        if not weights.exists():
            _write_weights(ARCHITECTURES[work.architecture], weights)
        onnx = folder / _onnx_name(work)
        if work.kind == "classify" and not onnx.exists():
            model = load_classifier(
                ARCHITECTURES[work.architecture], load_file(weights), len(CLASSES)
            )
            export_onnx(
                Deployed(model, NORMALISE, temperature=1.0),
                onnx,
                class_names=CLASSES,
                architecture=work.architecture,
                preprocessing=Preprocessing(work.size, 80),
            )


def read_given(work: Work, folder: Path, engine: Engine) -> Given:
    """Read the inputs of a program from a folder of `make_inputs`."""
    arrays = np.load(folder / _pixels_name(work))
    pixels, labels = (torch.from_numpy(arrays[name]) for name in ("pixels", "labels"))
    examples = PixelExamples(pixels, labels, Preparation(NORMALISE))
    weights = load_file(folder / f"{work.architecture}.safetensors")
    return Given(work, examples, weights, folder / _onnx_name(work), engine)


def _pixels_name(work: Work) -> str:
    return f"digits-{work.num_images}-{work.size}.npz"


def _onnx_name(work: Work) -> str:
    return f"{work.architecture}-{work.size}.onnx"


def _write_pixels(work: Work, into: Path) -> None:
    pixels, labels = enlarged_digits(work.size)
    save(into, {"pixels": pixels[: work.num_images], "labels": labels[: work.num_images]})


def _write_weights(architecture: Architecture, into: Path) -> None:
    with seeded(0):
        model = build(architecture, len(CLASSES))
    with whole_file(into) as partial:
        save_file(model.state_dict(), partial)
