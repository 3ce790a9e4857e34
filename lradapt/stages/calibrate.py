"""Stage `calibrate`: the temperature, fitted on the tune side."""

import numpy as np
from safetensors.torch import load_file

from lradapt.batches import Normalisation, pixel_examples
from lradapt.calibration import fit_temperature
from lradapt.data.split_table import class_names, on_side, read_split
from lradapt.engine import start_engine
from lradapt.files import write_json
from lradapt.models import load_classifier
from lradapt.params import load_params
from lradapt.stages import Dep, Out
from lradapt.train import predict_logits


def main(*, model: Dep, pixels: Dep, split: Dep, temperature: Out) -> None:
    """Fit the temperature."""
    params = load_params()
    engine = start_engine(**params.engine.model_dump())
    rows = read_split(split)
    names = class_names(rows)
    tune = pixel_examples(
        np.load(pixels, mmap_mode="r"),
        on_side(rows, "tune"),
        names,
        engine.device,
        normalise=Normalisation(params.data.mean, params.data.deviation),
    )
    classifier = load_classifier(params.model.architecture, load_file(model), len(names))
    logits = predict_logits(classifier.to(engine.device), tune, engine)
    found = fit_temperature(logits.numpy(), tune.labels.cpu().numpy())
    write_json(temperature, {"temperature": found, "images": len(tune.labels)})
