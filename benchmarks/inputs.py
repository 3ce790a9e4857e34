"""The files that every arm of the comparison starts from, and which split decides."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from torch import nn

from benchmarks.settings import ChosenBy
from lradapt.compute.engine import Engine
from lradapt.config.params import Params
from lradapt.data.labelled_image import LabelledImage, class_names
from lradapt.data.split_table import read_split
from lradapt.networks.backbone import read_backbone
from lradapt.networks.classifier import build_classifier, num_features
from lradapt.stages.inputs import split_examples
from lradapt.training.head import new_head
from lradapt.training.inputs.batches import Examples


@dataclass(frozen=True)
class Inputs:
    """The files that every arm starts from.

    Attributes:
        pixels: `pixels.npy`.
        table: `images.csv`.
        split: `split.csv`.
        backbone: its weights.
        chosen_by: the split that decides when to stop, and which weights to keep.
    """

    pixels: Path
    table: Path
    split: Path
    backbone: Path
    chosen_by: ChosenBy = "validation"

    @cached_property
    def rows(self) -> list[LabelledImage]:
        """Return the images; their split "validation" decides."""
        rows = read_split(self.split)
        return choose_by_test(rows) if self.chosen_by == "test" else rows

    @property
    def measured(self) -> str:
        """Return the split of `rows` whose accuracy counts."""
        return "validation" if self.chosen_by == "test" else "test"

    def new_classifier(self, params: Params) -> nn.Module:
        """Return a network of the backbone and a new head."""
        architecture, num_classes = params.model.network, len(class_names(self.rows))
        head = new_head(num_features(architecture), num_classes, seed=params.seed).state_dict()
        return build_classifier(architecture, read_backbone(self.backbone, architecture), head)

    def examples(self, split: str, params: Params, engine: Engine) -> Examples:
        """Return the images of "train", "validation" or "test"."""
        return split_examples(split, params, self.rows, self.pixels, engine)


def choose_by_test(rows: Iterable[LabelledImage]) -> list[LabelledImage]:
    """Return the rows with the test split as validation and all others as training."""
    return [replace(row, split="validation" if row.split == "test" else "train") for row in rows]
