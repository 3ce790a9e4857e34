"""A new head for the current labels in one process, from the cached activations: seconds.

Calls the stages of `dvc.yaml` one after the other with files in a separate folder, so the project
does not change; the frozen body is exported once and kept.
"""

import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.torch import load_file
from scipy.special import softmax

from lradapt.compute.engine import set_engine
from lradapt.config.params import Params, load_params
from lradapt.config.paths import PROJECT_FILE, Paths
from lradapt.data.images.image_table import depth_range_of, read_table
from lradapt.data.labelled_image import class_names, in_split, pixel_rows
from lradapt.data.split_table import read_split
from lradapt.errors import LradaptError
from lradapt.inference.answers import Answers
from lradapt.networks.backbone import read_backbone
from lradapt.networks.classifier import build_classifier, num_features
from lradapt.networks.normalisation import Normalisation
from lradapt.networks.onnx_export import Deployed, export_onnx
from lradapt.networks.onnx_head import with_head
from lradapt.review.confirmed import write_confirmed
from lradapt.runtime.files import read_json, sha256_of, whole_file
from lradapt.runtime.row_cache import keep, made_with, recall
from lradapt.stages import calibrate, doubtful_labels, find_lr, split, train_head
from lradapt.stages.limits import Answered, add_limits, sample
from lradapt.training.head import new_head
from lradapt.training.inputs.examples import activation_examples, label_numbers
from lradapt.training.scoring import predict_logits

log = logging.getLogger(__name__)

_STORED = "body"


@dataclass(frozen=True, slots=True)
class QuickHead:
    """The result.

    Attributes:
        onnx: the exported model: the frozen body and the new head.
        rate: of the head's training; None where it was solved exactly.
        penalty: of the exact solution; None where it was trained.
        validation_accuracy: in [0, 1]; None without a validation split.
        temperature: fitted on the validation split.
    """

    onnx: Path
    rate: float | None
    penalty: float | None
    validation_accuracy: float | None
    temperature: float


def make_head(paths: Paths, into: Path) -> QuickHead:
    """Split, find the rate, train, calibrate and export a head on the cached activations.

    Raises:
        LradaptError: a stage that brings images or activations has not run yet.
    """
    _require(paths)
    params = load_params()
    made = paths.directly_in(into)
    split.main(
        table=paths.table,
        pixels=paths.pixels,
        labels=paths.labels,
        split=made.split,
        set_aside=made.set_aside,
        summary=made.split_summary,
    )
    training_split = _training_split(params, paths, made)
    inputs = {"activations": paths.activations, "split": training_split}
    find_lr.main(**inputs, rate=made.lr, curve=made.lr_curve)
    train_head.main(
        **inputs,
        rate=made.lr,
        checkpoints=made.checkpoints,
        head=made.head,
        solution=made.head_solution,
        steps=made.head_steps,
        epochs=made.head_epochs,
    )
    logits, hits = _validation_logits(params, made, paths.activations)
    with whole_file(made.validation_logits) as partial, partial.open("wb") as file:
        np.save(file, logits)
    calibrate.main(logits=made.validation_logits, split=made.split, temperature=made.temperature)
    temperature = float(read_json(made.temperature)["temperature"])
    training = _training_features(training_split, made.split, paths.activations)
    validation = _validation_answers(made.split, paths.activations, logits, temperature)
    _write_onnx(params, paths, made, temperature, (training, validation))
    accuracy = float(hits.mean()) if len(hits) else None
    rate, penalty = read_json(made.lr)["rate"], read_json(made.head_solution)["penalty"]
    return QuickHead(made.onnx, rate, penalty, accuracy, temperature)


def _training_split(params: Params, paths: Paths, made: Paths) -> Path:
    """Return the split to train on: by params without the images whose labels are doubtful."""
    if params.doubtful_labels == "keep":
        return made.split
    write_confirmed(PROJECT_FILE)
    doubtful_labels.main(
        activations=paths.activations,
        split=made.split,
        confirmed=paths.confirmed,
        doubtful=made.doubtful_labels,
        summary=made.doubtful_summary.with_name("doubtful_summary.json"),  # beside that of `split`
        training_split=made.training_split,
    )
    return made.training_split


def _require(paths: Paths) -> None:
    needed = (paths.table, paths.pixels, paths.labels, paths.activations, paths.backbone)
    missing = [str(path) for path in needed if not path.exists()]
    if missing:
        raise LradaptError(
            f"missing: {', '.join(missing)}. Run the whole pipeline once: make retrain or dvc repro"
        )


def _validation_logits(
    params: Params, made: Paths, activations: Path
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Return the logits of the validation images `[N, K]`, and which of them are right."""
    engine = set_engine(**params.engine.model_dump())  # the stages have logged it already
    rows = read_split(made.split)
    names, features = class_names(rows), np.load(activations, mmap_mode="r")
    validation = activation_examples(features, in_split(rows, "validation"), names, engine.device)
    head = new_head(features.shape[-1], len(names), seed=params.seed)
    head.load_state_dict(load_file(made.head))
    logits_NK = predict_logits(head.to(engine.device), validation, engine).numpy()
    return logits_NK, logits_NK.argmax(axis=1) == validation.labels.cpu().numpy()


def _training_features(training_split: Path, split: Path, activations: Path) -> Answered:
    """Return the features of training images, as the last layer reads them; no probabilities."""
    images, names = (
        sample(in_split(read_split(training_split), "train")),
        class_names(read_split(split)),
    )
    features_ND = np.load(activations, mmap_mode="r")[pixel_rows(images), 0]
    nothing = np.empty((len(images), 0), np.float32)
    return Answered(Answers(nothing, features_ND), label_numbers(images, names).numpy())


def _validation_answers(
    split: Path, activations: Path, logits_NK: npt.NDArray[np.float32], temperature: float
) -> Answered:
    """Return what the exported model answers to the validation images, from its activations."""
    rows = read_split(split)
    images = in_split(rows, "validation")
    features_ND = np.load(activations, mmap_mode="r")[pixel_rows(images), 0]
    probabilities_NK = softmax(logits_NK / np.float32(temperature), axis=1)
    labels_N = label_numbers(images, class_names(rows)).numpy()
    return Answered(Answers(probabilities_NK, features_ND), labels_N)


def _write_onnx(
    params: Params,
    paths: Paths,
    made: Paths,
    temperature: float,
    reference: tuple[Answered, Answered],
) -> None:
    head, names = load_file(made.head), class_names(read_split(made.split))
    content = with_head(
        _exported_body(params, paths, made.onnx.with_name("body.onnx")),
        head["weight"].numpy(),
        head["bias"].numpy(),
        temperature,
        names,
    )
    content = add_limits(content, *reference, names, params.answers)
    with whole_file(made.onnx) as partial:
        partial.write_bytes(content)


def _exported_body(params: Params, paths: Paths, into: Path) -> bytes:
    """Return the body with a placeholder head as ONNX; export it only where it is not cached."""
    network, data = params.model.network, params.data
    how = replace(data.preprocessing, depth_range=depth_range_of(read_table(paths.table)))
    known = made_with(
        __name__,
        backbone=sha256_of(paths.backbone),
        network=asdict(network),
        data=data.model_dump(exclude={"memory_share"}),
        depth_range=how.depth_range,
    )
    found = recall(paths.store, _STORED, known).files
    if not found:
        log.info("exporting the body, once")
        head = new_head(num_features(network), 2, seed=0).state_dict()
        body = build_classifier(network, read_backbone(paths.backbone, network), head)
        export_onnx(
            Deployed(body, Normalisation(data.mean, data.deviation), 2.0),
            into,
            class_names=["0", "1"],
            architecture=network.name,
            preprocessing=how,
        )
        keep(paths.store, _STORED, known, keys=[], files={"onnx": into})
        return into.read_bytes()
    return found["onnx"].read_bytes()
