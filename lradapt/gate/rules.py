"""The requirements of the gate: the section `gate` of params.yaml as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Policy = Literal["superior", "not_worse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of promotion; `lradapt.config.params.evaluation.GateParams` documents each."""

    policy: Policy
    margin: float
    confidence: float
    num_resamples: int
    min_class_images: int
    max_recall_drop: float
    min_floor_images: int
    min_recall: Mapping[str, float]
    min_recall_in: Mapping[str, Mapping[str, Mapping[str, float]]]
    max_coverage_shortfall: float | None
    max_image_seconds: float | None
    max_megabytes: float | None
    renamed: Mapping[str, str | None]
