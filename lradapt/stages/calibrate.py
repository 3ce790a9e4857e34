"""Stage `calibrate`: the temperature, fitted on the validation split."""

import numpy as np

from lradapt.data.labelled_image import class_names, in_split
from lradapt.data.split_table import read_split
from lradapt.evaluation.calibration import fit_temperature
from lradapt.runtime.files import write_json
from lradapt.stages import Dep, Out


def main(*, logits: Dep, split: Dep, temperature: Out) -> None:
    """Fit the temperature."""
    rows = read_split(split)
    number = {name: index for index, name in enumerate(class_names(rows))}
    labels_N = np.array([number[row.label] for row in in_split(rows, "validation")], dtype=np.int64)
    found = fit_temperature(np.load(logits), labels_N)
    write_json(temperature, {"temperature": found, "images": len(labels_N)})
