"""Stage `evaluate`: the ONNX file itself, on the test images."""

from dataclasses import asdict

import numpy as np
from safetensors.torch import load_file

from lradapt.compute.engine import set_engine
from lradapt.config.params import load_params
from lradapt.data.split_table import class_names, in_split, read_split
from lradapt.evaluation.intervals import exam_intervals
from lradapt.evaluation.metrics import (
    compute_calibration,
    compute_metrics,
    compute_parity,
    confusion,
    write_confusion,
    write_predictions,
)
from lradapt.evaluation.reliability import write_reliability
from lradapt.gate.exam import ExamImage, group_numbers
from lradapt.inference.predict import Model
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
    backbone: Dep,
    metrics: Out,
    predictions: Out,
    matrix: Out,
    matrix_plot: Out,
    reliability: Out,
) -> None:
    """Evaluate the exported model on the test images, and compare it with PyTorch's on each."""
    params = load_params()
    set_engine(**params.engine.model_dump())
    rows = read_split(split)
    names = class_names(rows)
    test_images = in_split(rows, "test")
    labels = label_numbers(test_images, names).numpy()
    squares = np.load(pixels, mmap_mode="r")[[row.row for row in test_images]]
    fitted = read_json(temperature)["temperature"]
    deployed = Model(onnx.read_bytes(), threads=params.engine.threads)
    found = deployed.probabilities(squares)
    reference = Deployed(
        load_classifier(params.model.network, load_file(model), len(names)),
        Normalisation(params.data.mean, params.data.deviation),
        fitted,
    )
    parity = compute_parity(found, probabilities(reference, squares))
    write_predictions(predictions, [row.image for row in test_images], found, labels, names)
    counts = confusion(found, labels, names)
    write_confusion(matrix, counts, names)
    num_bins = params.evaluate.calibration_bins
    calibration = compute_calibration(found, labels, temperature=fitted, num_bins=num_bins)
    write_reliability(reliability, found, labels, temperature=fitted, num_bins=num_bins)
    groups = group_numbers(
        [ExamImage(row.image, row.label, row.pixel_sha256, row.group) for row in test_images]
    )
    title = f"{params.model.architecture}, {len(test_images)} test images"
    write_bytes(matrix_plot, confusion_plot(counts, names, title).png())
    passed = parity.max_difference <= params.evaluate.max_parity_difference
    write_json(
        metrics,
        {
            **compute_metrics(found, labels, names),
            "intervals_95": exam_intervals(labels, found.argmax(axis=1), np.array(groups), names),
            "calibration": calibration,
            "parity": {**asdict(parity), "passed": passed},
            "backbone": asdict(read_origin(backbone)),
            "final_model": read_json(choice)["name"],
            "ancestor": read_json(choice)["ancestor"],
        },
    )
