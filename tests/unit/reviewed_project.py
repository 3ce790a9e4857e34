"""A small project as a run leaves it: images, labels, tables, activations, doubtful labels."""

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from lradapt.config.params import load_params
from lradapt.config.paths import read_paths
from lradapt.data.doubtful_table import DoubtfulLabel, write_doubtful
from lradapt.data.images.image_table import read_table
from lradapt.data.images.ingest import ingest
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split
from lradapt.review.decisions import Decisions
from lradapt.review.desk import Desk
from lradapt.review.project import Project
from tests.path_table import path_variables

ROOT = Path(__file__).parents[2]
CLASSES = ("benign", "malignant", "nevus, common")
NUM_IMAGES = 12


def picture(number):
    """Random blobs in the colour of the class."""
    random = np.random.default_rng(number)
    coarse = random.integers(0, 120, (6, 6, 3))
    coarse[..., number % 3] += 100
    return Image.fromarray(coarse.astype(np.uint8)).resize((96, 72), Image.Resampling.BICUBIC)


def write_project(folder, *, num_images=NUM_IMAGES):
    """Write the project; images 0 and 3 have the wrong label, test is every fourth image."""
    shutil.copy(ROOT / "params.yaml", folder)
    (folder / "dvc.yaml").write_text(path_variables() + "stages: {}\n")
    names = [f"case {number:02}.png" for number in range(num_images)]
    images = folder / "data/images"
    images.mkdir(parents=True)
    for number, name in enumerate(names):
        picture(number).save(images / name)
    picture(2).save(images / "copy.png")
    picture(4).resize((90, 68)).resize((96, 72)).save(images / "near.png")
    labels = [CLASSES[number % 3] for number in range(num_images)]
    labels[0] = labels[3] = "malignant"
    rows = list(
        zip([*names, "copy.png", "near.png"], [*labels, "benign", "malignant"], strict=True)
    )
    lines = [f'{name},"{label}",p{n // 2},note {n}' for n, (name, label) in enumerate(rows)]
    text = "image,label,group,remark\r\n" + "\r\n".join(lines) + "\r\n"
    (folder / "data/labels.csv").write_bytes(text.encode())
    _write_build(folder, dict(rows))


def _write_build(folder, label_of):
    paths = read_paths(folder / "dvc.yaml").below(folder)
    how = load_params(folder / "params.yaml").data.preprocessing
    ingest(paths.images, pixels=paths.pixels, table=paths.table, how=how)
    names = [row.image for row in read_table(paths.table)]
    split = [
        "test" if n % 4 == 0 and name.startswith("case") else "train"
        for n, name in enumerate(names)
    ]
    split[-1] = "train"
    write_split(
        paths.split,
        [
            LabelledImage(name, label_of[name], f"p{n}", split[n], "", n)
            for n, name in enumerate(names)
        ],
    )
    paths.activations.parent.mkdir(parents=True)
    features = np.random.default_rng(0).normal(size=(len(names), 1, 8)).astype(np.float32)
    np.save(paths.activations, features)
    write_doubtful(
        paths.doubtful_labels,
        [
            DoubtfulLabel("case 03.png", "malignant", "benign", "train", 0.04, 0.93, "p1"),
            DoubtfulLabel("case 01.png", "malignant", "benign", "train", 0.31, 0.66, "p0"),
            DoubtfulLabel("case 02.png", "nevus, common", "benign", "train", 0.4, 0.5, "p1"),
            DoubtfulLabel("case 00.png", "malignant", "benign", "test", 0.1, 0.8, "p0"),
        ],
    )


def open_desk():
    """The desk of the project in the current folder."""
    paths, params = read_paths(), load_params()
    project = Project(paths, params.check.rules, max_megapixels=params.data.max_megapixels)
    return Desk(project, Decisions(paths.labels, images=paths.images))
