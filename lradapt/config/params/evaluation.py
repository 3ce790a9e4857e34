"""Sections about the evaluation on the test set, and the gate that decides on a promotion."""

from functools import partial
from typing import Annotated, Literal
from unicodedata import normalize

from pydantic import AfterValidator, Field, field_validator

from lradapt.config.params.section import Positive, Section, Unit
from lradapt.data.slice_columns import RESERVED
from lradapt.gate.rules import Rules

ClassName = Annotated[str, AfterValidator(partial(normalize, "NFC"))]
"""In the form in which the labels are read."""
Recall = Annotated[float, Unit("recall"), Field(gt=0, le=1)]
Fall = Annotated[float, Unit("coverage"), Field(gt=0, le=1)]
Share = Annotated[float, Unit("share"), Field(ge=0.5, le=0.999)]


def _no_reserved_name(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"the column {name!r} has a meaning of its own; name a further one")
    return name


SliceColumn = Annotated[ClassName, AfterValidator(_no_reserved_name), Field(min_length=1)]
"""A column of labels.csv."""


class EvaluateParams(Section):
    """The evaluation of the exported model on the test set."""

    calibration_bins: Annotated[int, Unit("bins")] = Field(ge=2, le=1000)
    """Equal-width bins of confidence for the expected calibration error."""
    max_parity_difference: Annotated[float, Unit("probability")] = Field(gt=0, le=1)
    """Largest accepted difference of a probability between ONNX and PyTorch."""
    slices: list[SliceColumn]
    """Further columns of labels.csv, such as site or camera: the results are also shown for each of
    their values. They change no training."""

    @field_validator("slices")
    @classmethod
    def _each_once(cls, names: list[str]) -> list[str]:
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} is there more than once")
        return names


class AnswersParams(Section):
    """What an answer tells about its own doubt; no class and no probability depends on it."""

    coverage: Share
    """Of the set `unsure` of the classes that an image may be of: the share of the images of each
    class that have it in their set. 0.9 needs 9 validation images of a class, 0.95 needs 19, 0.99
    needs 99; a class with fewer is in every set."""
    kept: Share
    """The share of images like the validation images that are not called `unlike_training`. 0.99
    needs 99 validation images of all classes; with fewer, none of theirs is beyond the limit."""


class GateParams(Section):
    """Conditions for the promotion of a new model (docs/method.md)."""

    policy: Literal["superior", "not_worse"]
    """Condition on the lower bound of the difference of balanced accuracy: above zero (`superior`),
    or above minus the margin while the difference itself is above zero (`not_worse`)."""
    margin: Annotated[float, Unit("balanced accuracy")] = Field(gt=0, le=0.2)
    """For `not_worse`, and for any policy when a class was added: 0.02 is two points."""
    confidence: Annotated[float, Unit("probability")] = Field(ge=0.8, le=0.999)
    """Of the one-sided lower bound; 0.95 promotes an equal model in at most 5 % of trainings."""
    num_resamples: Annotated[int, Unit("resamples")] = Field(ge=1000, le=1_000_000)
    """Resamples of the bootstrap."""
    min_class_images: Annotated[int, Unit("images")] = Field(ge=0, le=1_000_000)
    """Least number of test images of each class that neither model was trained on; with fewer
    nothing is promoted. 0: a class without such images is left out."""
    max_recall_drop: Annotated[float, Unit("recall")] = Field(gt=0, le=1)
    """Largest accepted loss of recall of a class against the model in production."""
    min_floor_images: Annotated[int, Unit("images")] = Field(ge=1, le=1_000_000)
    """In a class with fewer images a larger loss may be chance: it must be significant."""
    min_recall: dict[ClassName, Recall]
    """Least measured recall of named classes, such as {melanoma: 0.7}; {}: no condition. A name is
    read as written, also yes, 007 or 12:30."""
    min_recall_in: dict[SliceColumn, dict[ClassName, dict[ClassName, Recall]]]
    """The same within slices: column of labels.csv -> its value -> class -> least recall, such as
    {site: {Vienna: {melanoma: 0.6}}}."""
    max_coverage_shortfall: Fall | None
    """Most by which the coverage of the sets `unsure` may be below `answers.coverage` in a class of
    the test set, beyond chance; 0.05 is five points; null: no condition."""
    max_image_seconds: Annotated[Positive, Unit("seconds")] | None
    """Most seconds per image, decoding included, on this machine; null: no condition."""
    max_megabytes: Annotated[Positive, Unit("megabytes")] | None
    """Largest model file; null: no condition."""
    renamed: dict[ClassName, ClassName | None]
    """Class of the model in production -> its name today; null: removed on purpose."""

    @property
    def rules(self) -> Rules:
        """The same as plain values."""
        return Rules(**self.model_dump())
