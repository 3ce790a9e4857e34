"""Stage `export`: the model as one ONNX file, which also tells how doubtful its answers are."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.torch import load_file

from lradapt.config.params import Params, load_params
from lradapt.data.images.image_table import depth_range_of, read_table
from lradapt.data.labelled_image import LabelledImage, class_names, in_split, pixel_rows
from lradapt.data.split_table import read_split
from lradapt.inference.answers import Answers
from lradapt.inference.predict import Model
from lradapt.networks.classifier import load_classifier
from lradapt.networks.normalisation import Normalisation
from lradapt.networks.onnx_export import Deployed, export_onnx
from lradapt.runtime.files import read_json, whole_file
from lradapt.stages import Dep, Out
from lradapt.stages.limits import Answered, add_limits, sample
from lradapt.training.inputs.examples import label_numbers


def main(
    *,
    model: Dep,
    temperature: Dep,
    split: Dep,
    training_split: Dep,
    table: Dep,
    pixels: Dep,
    onnx: Out,
) -> None:
    """Export the model with normalisation, temperature and softmax inside, and add the limits."""
    params = load_params()
    rows = read_split(split)
    names = class_names(rows)
    found = depth_range_of(read_table(table))
    deployed = Deployed(
        load_classifier(params.model.network, load_file(model), len(names)),
        Normalisation(params.data.mean, params.data.deviation),
        read_json(temperature)["temperature"],
    )
    with whole_file(onnx) as partial:
        export_onnx(
            deployed,
            partial,
            class_names=names,
            architecture=params.model.architecture,
            preprocessing=replace(params.data.preprocessing, depth_range=found),
        )
        training = in_split(read_split(training_split), "train")
        validation = in_split(rows, "validation")
        partial.write_bytes(
            _limited(partial.read_bytes(), pixels, training, validation, names, params)
        )


def _limited(
    content: bytes,
    pixels: Path,
    training: Sequence[LabelledImage],
    validation: Sequence[LabelledImage],
    names: Sequence[str],
    params: Params,
) -> bytes:
    """Return the exported file with the limits of its own answers to training and validation."""
    reference, squares = (
        Model(content, threads=params.engine.threads),
        np.load(pixels, mmap_mode="r"),
    )

    def answered(images: Sequence[LabelledImage]) -> Answered:
        if not images:
            return Answered(Answers(np.empty((0, len(names)), np.float32)), np.empty(0, np.int64))
        answers = reference.answers(squares[pixel_rows(images)])
        return Answered(answers, label_numbers(images, names).numpy())

    return add_limits(
        content, answered(sample(training)), answered(validation), names, params.answers
    )
