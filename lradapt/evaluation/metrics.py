"""The metrics of a model on the test set, and the tables of its predictions."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lradapt.evaluation.calibration import (
    Floats,
    Labels,
    expected_calibration_error,
    perfect_calibration,
    untempered,
)
from lradapt.runtime.files import whole_file
from lradapt.text import table_cell


@dataclass(frozen=True, slots=True)
class Parity:
    """The agreement of two versions of one model on the same images.

    Attributes:
        max_difference: largest difference of any probability.
        num_other_class: images whose most probable class differs.
    """

    max_difference: float
    num_other_class: int


def compute_metrics(
    probabilities_NK: Floats, labels_N: Labels, class_names: Sequence[str]
) -> dict[str, Any]:
    """Return the figures of `metrics.json`, in [0, 1] except for the counts.

    Means over classes (balanced accuracy, macro-F1) are over the classes in the test set; a class
    without an image has recall None.
    """
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    predicted_N = probabilities_NK.argmax(axis=1)
    present = sorted(set(labels_N.tolist()))
    recalls = recall_score(labels_N, predicted_N, labels=present, average=None)
    recall_of = dict(zip(present, map(float, recalls), strict=True))
    return {
        "images": len(labels_N),
        "accuracy": float(accuracy_score(labels_N, predicted_N)),
        "balanced_accuracy": float(np.mean(recalls)),
        "macro_f1": float(
            f1_score(labels_N, predicted_N, labels=present, average="macro", zero_division=0)
        ),
        "recall": {name: recall_of.get(index) for index, name in enumerate(class_names)},
    }


def compute_calibration(
    probabilities_NK: Floats, labels_N: Labels, *, temperature: float, num_bins: int
) -> dict[str, Any]:
    """Return the calibration error with and without the temperature, and a perfect model's."""
    before_NK = untempered(probabilities_NK, temperature)
    return {
        "temperature": temperature,
        "before": expected_calibration_error(before_NK, labels_N, num_bins=num_bins),
        "after": expected_calibration_error(probabilities_NK, labels_N, num_bins=num_bins),
        "perfect": asdict(perfect_calibration(probabilities_NK, num_bins=num_bins)),
    }


def compute_parity(one_NK: Floats, other_NK: Floats) -> Parity:
    """Compare the probabilities of two versions of one model."""
    return Parity(
        float(np.abs(one_NK - other_NK).max()),
        int((one_NK.argmax(axis=1) != other_NK.argmax(axis=1)).sum()),
    )


def confusion(
    probabilities_NK: Floats, labels_N: Labels, class_names: Sequence[str]
) -> npt.NDArray[np.int64]:
    """Count the images `[K, K]`: a row for each true class, a column for each predicted one."""
    from sklearn.metrics import confusion_matrix

    matrix: npt.NDArray[np.int64] = confusion_matrix(
        labels_N, probabilities_NK.argmax(axis=1), labels=np.arange(len(class_names))
    )
    return matrix


def write_predictions(
    path: Path,
    images: Sequence[str],
    probabilities_NK: Floats,
    labels_N: Labels,
    class_names: Sequence[str],
) -> None:
    """Write a line for each image: its name, true and predicted class, and every probability."""
    names = np.array([table_cell(name) for name in class_names])
    table = pd.DataFrame(np.round(probabilities_NK, 6), columns=[f"p_{n}" for n in class_names])
    table.insert(0, "image", [table_cell(image) for image in images])
    table.insert(1, "label", names[labels_N])
    table.insert(2, "predicted", names[probabilities_NK.argmax(axis=1)])
    with whole_file(path) as partial:
        table.to_csv(partial, index=False, lineterminator="\n")


def write_confusion(path: Path, matrix: npt.NDArray[np.int64], class_names: Sequence[str]) -> None:
    """Write the confusion matrix as a table: a line for each true class."""
    names = [table_cell(name) for name in class_names]
    table = pd.DataFrame(matrix, index=pd.Index(names, name="true"), columns=names)
    with whole_file(path) as partial:
        table.to_csv(partial, lineterminator="\n")
