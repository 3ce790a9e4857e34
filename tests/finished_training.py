"""The outputs of a small training, as the stages leave them, without any training."""

from pathlib import Path

import numpy as np
import pandas as pd

from lradapt.config.paths import read_paths
from lradapt.data.doubtful_table import write_doubtful
from lradapt.data.images.image_table import ImageRow
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split
from lradapt.evaluation.slice_table import write_slices
from lradapt.runtime.files import write_json

ROOT = Path(__file__).parents[1]
EVIL = "<script>alert('x')</script>"
NO_CURVE = "sweep,lr,loss,baseline,smoothed,rise\n"
PREDICTIONS = [("a b/1.png", EVIL, 0.9), ("a b/2.png", EVIL, 0.8), ("NA", "owl", 0.7)]
"""Image, its predicted class and probability; all of them show the first class."""


def write_outputs():
    """Write the files below the folder where we are, with the paths of this project; the paths."""
    paths = read_paths(ROOT / "dvc.yaml")
    for path in paths.as_dict().values():
        path.parent.mkdir(parents=True, exist_ok=True)
    for name in ("params.yaml", "dvc.yaml"):
        Path(name).write_text((ROOT / name).read_text())
    _write_data(paths)
    _write_training(paths)
    _write_evaluation(paths)
    return paths


def _write_data(paths):
    sides = ("train", "validation", "test")
    classes = {EVIL: (10, 2, 3), "owl": (1000, 2, 0)}
    split = {
        "images": {"train": 1010, "validation": 4, "test": 3},
        "classes": {name: dict(zip(sides, n, strict=True)) for name, n in classes.items()},
        "set_aside": {"empty file": 2000, f"label {EVIL}": 1},
        "warnings": [f"few images of {EVIL}"],
        "annotators": None,
    }
    write_json(paths.split_summary, split)
    judged = {"train": 1010, "validation": 4, "test": 3}
    counts = {"train": 0, "validation": 0, "test": 0}
    write_json(
        paths.doubtful_summary,
        {
            "judged": judged,
            "doubtful": counts,
            "confident": 0,
            "policy": "keep",
            "excluded": 0,
            "skipped_classes": {},
            "note": "",
        },
    )
    write_doubtful(paths.doubtful_labels, [])
    paths.set_aside.write_text(
        f"image,kind,reason\n{EVIL}.png,undecodable,empty file\nNA,undecodable,empty file\n"
    )
    paths.labels.write_text("image,label\n")
    rows = [
        ImageRow("bad.png", "", "", 0, 0, "empty file", "undecodable", "", "", 1),
        ImageRow("a b/1.png", *"12", 5, 5, "ok", "", "PNG", "RGB", 1),
    ]
    pd.DataFrame(rows).to_csv(paths.table, index=False)
    split_rows = [
        LabelledImage(image, EVIL, "", "test", f"{row}", row)
        for row, (image, _, _) in enumerate(PREDICTIONS)
    ]
    write_split(paths.split, split_rows)
    write_split(paths.training_split, split_rows)
    squares = np.zeros((len(PREDICTIONS), 8, 8, 3), np.uint8)
    squares[2] = (10, 20, 30)
    np.save(paths.pixels, squares)


def _write_training(paths):
    write_json(paths.lr, {"rate": 0.0335, "refusal": "", "rule": "edge"})
    rates = {"early": 1.234e-4, "late": 1e-3, "head": 1e-2}
    write_json(paths.body_lr, {"rates": rates, "refusal": "", "rule": "edge"})
    curve = f"{NO_CURVE}0,0.001,2,2,1,0\n0,0.01,1.5,2,0.8,-0.5\n0,0.1,1,2,0.5,-1\n"
    paths.lr_curve.write_text(curve)
    paths.body_lr_curve.write_text(NO_CURVE)
    write_json(paths.head_solution, {"method": "sgd", "penalty": None, "tried": [], "note": ""})
    paths.head_steps.write_text("step,lr_head,loss\n0,0.1,2.0\n1,0.05,1.0\n")
    steps = "0,1,2,3,4\n1,0.5,1,1.5,3\n2,1,2,3,2\n"
    paths.model_steps.write_text("step,lr_early,lr_late,lr_head,loss\n" + steps)
    header = "epoch,train_loss,validation_loss,validation_accuracy\n"
    paths.head_epochs.write_text(header + "1,1.5,1.4,0.75\n")
    paths.model_epochs.write_text(header + "1,3,,\n")
    score = {"loss": 0.5, "accuracy": 0.75, "balanced_accuracy": 0.625}
    choice = {
        "name": "best_snapshot",
        "scores": {"best_snapshot": score},
        "rates": rates,
        "num_cycles": 2,
        "epochs": {"trained": 3, "planned": 7, "given_up": 0},
        "ancestor": "",
    }
    write_json(paths.model_choice, choice)
    write_json(paths.timings, {"split": {"seconds": 61.2, "cpu_seconds": 70.3}})


def _covered(coverage, interval, size, images, always):
    return {
        "coverage": coverage,
        "interval": interval,
        "set_size": size,
        "validation_images": images,
        "in_every_set": always,
    }


def _write_evaluation(paths):
    metrics = {
        "images": 3,
        "accuracy": 2 / 3,
        "balanced_accuracy": 0.5,
        "macro_f1": 0.4,
        "recall": {EVIL: 2 / 3, "owl": None},
        "intervals_95": {
            "accuracy": [0.21, 0.94],
            "balanced_accuracy": [0.31, 0.84],
            "macro_f1": [0.11, 0.74],
            "recall": {EVIL: [0.2077, 0.9385], "owl": None},
        },
        "calibration": {
            "temperature": 1.5,
            "before": 0.0822,
            "after": 0.0311,
            "perfect": {"mean": 0.02, "low": 0.0123, "high": 0.0345},
        },
        "unsure": {
            "asked": 0.9,
            "coverage": 0.7511,
            "interval": [0.211, 0.939],
            "set_size": 1.5111,
            "one_class": 0.5,
            "no_class": 0.0123,
            "classes": {
                EVIL: _covered(0.6543, [0.2077, 0.9385], 1.4321, 12, False),
                "owl": _covered(None, None, None, 2, True),
            },
        },
        "unlike_training": {
            "limit": 0.25,
            "asked": 0.01,
            "expected": 0.0667,
            "validation_images": 14,
            "rejected": 0.3456,
            "interval": [0.06, 0.79],
            "classes": {
                EVIL: {"rejected": 0.3456, "interval": [0.06, 0.79]},
                "owl": {"rejected": None, "interval": None},
            },
        },
        "final_model": "best_snapshot",
        "parity": {"max_difference": 1.2e-6, "num_other_class": 0, "passed": True},
        "backbone": {
            "architecture": "resnet18",
            "source": "none",
            "detail": "by choice",
            "licence": "",
        },
        "ancestor": "",
    }
    write_json(paths.metrics, metrics)
    output = [
        (image, EVIL, name, *((sure, 1 - sure) if name == EVIL else (1 - sure, sure)))
        for image, name, sure in PREDICTIONS
    ]
    columns = ["image", "label", "predicted", f"p_{EVIL}", "p_owl"]
    pd.DataFrame(output, columns=columns).to_csv(paths.predictions, index=False)
    counts = pd.DataFrame([[2, 1], [0, 0]], pd.Index([EVIL, "owl"], name="true"), [EVIL, "owl"])
    counts.to_csv(paths.confusion)
    paths.confusion_plot.write_bytes(b"\x89PNG\r\n")
    write_slices(paths.slices, [])
    paths.reliability.write_text(
        "temperature,low,high,images,confidence,accuracy\n"
        "before,0,0.5,0,,\nbefore,0.5,1,3,0.9,0.5\nafter,0,0.5,0,,\nafter,0.5,1,3,0.8,0.75\n"
    )
