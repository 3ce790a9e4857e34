"""A labelled image: one type from `labels.csv` to the gate, whose fields are filled step by step.

`labels.csv` gives `image`, `label`, `group` and perhaps `split`. Admission (`data/admission.py`)
adds `pixel_sha256`, `row` and `joined`, and assigns the split. `split.csv` holds all of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TRAIN, VALIDATION, TEST)
CHOSEN, RANDOM = "chosen", "random"
PICKS = (CHOSEN, RANDOM)
"""How `lradapt queue` has picked a recorded image: by the answer of a model, or by chance."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """The label that one annotator gives an image."""

    annotator: str
    label: str


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """One image and its label.

    Attributes:
        image: path below the images folder, with forward slashes.
        label: class name; of several annotators the one that most give, empty for a tie.
        group: patient or lesion, whose images stay in one split; empty: the image is its own group.
        split: "train", "validation" or "test"; empty while none is given or assigned.
        pixel_sha256: of the full-size pixels, hexadecimal; empty where they are not known.
        row: of `pixels.npy` and of the activations; None where the image has none.
        slices: column and value of each column that an import keeps; empty elsewhere, since they
            are read from `labels.csv` where they are needed (`lradapt.data.slice_columns`).
        annotations: by annotator; empty where `labels.csv` has no column `annotator`.
        queue: "chosen" or "random" for an image that `lradapt queue` has picked; else empty.
        joined: one value for the groups that only a copy which was set aside joins; else empty.
    """

    image: str
    label: str
    group: str = ""
    split: str = ""
    pixel_sha256: str = ""
    row: int | None = None
    annotations: tuple[Annotation, ...] = ()
    slices: tuple[tuple[str, str], ...] = ()
    queue: str = ""
    joined: str = ""


def group_name(image: LabelledImage) -> str:
    """Return the name of an image's group after the split: joined groups, its own, or the image."""
    return image.joined or image.group or image.pixel_sha256


def in_split(images: Iterable[LabelledImage], split: str) -> list[LabelledImage]:
    """Return the images of one split, in order."""
    return [image for image in images if image.split == split]


def class_names(images: Iterable[LabelledImage]) -> list[str]:
    """Return the classes in alphabetical order, which is the order of a model's outputs.

    An image on which annotators are tied has none.
    """
    return sorted({image.label for image in images} - {""})


def pixel_rows(images: Sequence[LabelledImage]) -> list[int]:
    """Return the row of each image in `pixels.npy`, which is also its row of the activations."""
    rows = [image.row for image in images if image.row is not None]
    assert len(rows) == len(images), "an image without pixels was to be read"
    return rows
