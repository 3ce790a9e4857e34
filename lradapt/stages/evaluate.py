"""Stage `evaluate`: evaluate the ONNX file itself on the test split."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.torch import load_file

from lradapt.compute.engine import set_engine
from lradapt.config.params import Params, load_params
from lradapt.data.groups import group_numbers
from lradapt.data.labelled_image import class_names, in_split, pixel_rows
from lradapt.data.slice_columns import read_slices
from lradapt.data.split_table import read_split
from lradapt.evaluation.doubt_metrics import measure_sets, measure_unlike
from lradapt.evaluation.intervals import metric_intervals
from lradapt.evaluation.metrics import (
    compute_calibration,
    compute_metrics,
    compute_parity,
    confusion,
    write_confusion,
    write_predictions,
)
from lradapt.evaluation.reliability import write_reliability
from lradapt.evaluation.slice_results import slice_results
from lradapt.evaluation.slice_table import write_slices
from lradapt.inference.answers import Answers
from lradapt.inference.predict import Model
from lradapt.networks.answer_limits import AnswerLimits
from lradapt.networks.backbone import read_origin
from lradapt.networks.classifier import load_classifier
from lradapt.networks.normalisation import Normalisation
from lradapt.networks.onnx_export import Deployed, probabilities
from lradapt.plots.confusion import confusion_plot
from lradapt.runtime.files import read_json, write_bytes, write_json
from lradapt.stages import Dep, Out
from lradapt.training.inputs.examples import label_numbers


def main(
    *,
    onnx: Dep,
    model: Dep,
    temperature: Dep,
    choice: Dep,
    pixels: Dep,
    split: Dep,
    labels: Dep,
    backbone: Dep,
    metrics: Out,
    predictions: Out,
    matrix: Out,
    matrix_plot: Out,
    reliability: Out,
    slices: Out,
) -> None:
    """Evaluate the exported model, and compare it with PyTorch's on every test image."""
    params = load_params()
    set_engine(**params.engine.model_dump())
    rows = read_split(split)
    names = class_names(rows)
    images = in_split(rows, "test")
    label_N = label_numbers(images, names).numpy()
    squares = np.load(pixels, mmap_mode="r")[pixel_rows(images)]
    fitted = read_json(temperature)["temperature"]
    exported = Model(onnx.read_bytes(), threads=params.engine.threads)
    answers = exported.answers(squares)
    found = answers.probabilities
    parity = compute_parity(found, _by_torch(squares, model, params, fitted, len(names)))
    write_predictions(predictions, [image.image for image in images], found, label_N, names)
    counts = confusion(found, label_N, names)
    write_confusion(matrix, counts, names)
    title = f"{params.model.architecture}\n{len(images)} test images"
    write_bytes(matrix_plot, confusion_plot(counts, names, title).png())
    num_bins = params.evaluate.calibration_bins
    calibration = compute_calibration(found, label_N, temperature=fitted, num_bins=num_bins)
    write_reliability(reliability, found, label_N, temperature=fitted, num_bins=num_bins)
    groups = np.array(group_numbers(images))
    values = read_slices(labels, params.evaluate.slices, [image.image for image in images])
    predicted = found.argmax(axis=1)
    write_slices(slices, slice_results(label_N, predicted, groups, names, values))
    passed = parity.max_difference <= params.evaluate.max_parity_difference
    write_json(
        metrics,
        {
            **compute_metrics(found, label_N, names),
            "intervals_95": metric_intervals(label_N, predicted, groups, names),
            "calibration": calibration,
            **_doubt(answers, exported.limits, label_N, groups, names),
            "parity": {**asdict(parity), "passed": passed},
            "backbone": asdict(read_origin(backbone)),
            "final_model": read_json(choice)["name"],
            "ancestor": read_json(choice)["ancestor"],
        },
    )


def _doubt(
    answers: Answers,
    limits: AnswerLimits,
    label_N: npt.NDArray[np.int64],
    groups_N: npt.NDArray[np.int64],
    names: Sequence[str],
) -> dict[str, Any]:
    """Return what the doubt in the answers is worth; None for what the model does not measure."""
    given = (label_N, groups_N, names)
    sets, unlike, distances_N = limits.sets, limits.unlike, answers.unlike
    return {
        "unsure": measure_sets(sets, answers.probabilities, *given) if sets else None,
        "unlike_training": None
        if unlike is None or distances_N is None
        else measure_unlike(unlike, distances_N, *given),
    }


def _by_torch(
    squares: npt.NDArray[np.uint8],
    model: Path,
    params: Params,
    temperature: float,
    num_classes: int,
) -> npt.NDArray[np.float32]:
    """Return the probabilities `[N, K]` of the trained network itself."""
    return probabilities(
        Deployed(
            load_classifier(params.model.network, load_file(model), num_classes),
            Normalisation(params.data.mean, params.data.deviation),
            temperature,
        ),
        squares,
    )
