"""The requirements of the gate, the section `gate` of params.yaml, as plain values; their hash."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

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

    def as_dict(self) -> dict[str, Any]:
        """Return the rules by name, as JSON can hold them."""
        return asdict(self)


def rules_sha256(rules: Mapping[str, Any]) -> str:
    """Return the sha256 of rules, whatever the order of their keys.

    Args:
        rules: as `Rules.as_dict` returns them, or as they were read from JSON.
    """
    text = json.dumps(rules, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
