"""The schema of `params.yaml`: every key, its meaning, unit and bounds; a module for each concern.

No value has a default: `params.yaml` states each, so that one file describes a run. Only
`lradapt.stages` and the tasks read it; the functions that they call take plain values.
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, JsonValue, model_validator

from lradapt.config.params.data import (
    AugmentParams,
    CheckParams,
    DataParams,
    SplitParams,
    WatchParams,
)
from lradapt.config.params.evaluation import AnswersParams, EvaluateParams, GateParams
from lradapt.config.params.reporting import (
    CardParams,
    CostParams,
    ReportParams,
    TrackParams,
)
from lradapt.config.params.section import Section, Unit
from lradapt.config.params.training import (
    ActivationsParams,
    BodyRatesParams,
    CheckpointParams,
    DoubtfulPolicy,
    EngineParams,
    FinetuneParams,
    HeadParams,
    HeadRateParams,
    Imbalance,
    ModelParams,
    RangeTestParams,
)
from lradapt.config.paths import PARAMS_FILE
from lradapt.config.validation import validate
from lradapt.config.yaml_files import read_yaml

DEFAULT_PATH = PARAMS_FILE


class Params(Section):
    """All values of `params.yaml`."""

    seed: Annotated[int, Unit("number")] = Field(ge=0, lt=2**31)
    """Of all random numbers of a run; equal inputs and seed give equal bits on one machine."""
    data: DataParams
    model: ModelParams
    split: SplitParams
    check: CheckParams
    doubtful_labels: DoubtfulPolicy
    engine: EngineParams
    imbalance: Imbalance
    augment: AugmentParams
    activations: ActivationsParams
    find_lr: RangeTestParams
    head_rate: HeadRateParams
    train_head: HeadParams
    find_body_lr: RangeTestParams
    body_rates: BodyRatesParams
    finetune: FinetuneParams
    checkpoint: CheckpointParams
    answers: AnswersParams
    evaluate: EvaluateParams
    gate: GateParams
    watch: WatchParams
    """Read only by flows/watch_labels.py."""
    cost: CostParams
    report: ReportParams
    card: CardParams
    track: TrackParams
    chosen_by_import: dict[str, JsonValue] = Field(default_factory=dict)
    """Keys with dots, and what the last `lradapt import` chose for them. No stage reads it. A value
    that differs from its entry, or has none, is a person's: an import does not change it. Without
    this section, the only one that may be missing, all values are a person's."""

    @model_validator(mode="after")
    def _choices_are_of_known_keys(self) -> Self:
        unknown = [key for key in self.chosen_by_import if not _has(self, key)]
        if unknown:
            raise ValueError(f"chosen_by_import names keys that do not exist: {', '.join(unknown)}")
        return self

    @model_validator(mode="after")
    def _rates_of_a_warm_start_are_given(self) -> Self:
        if self.finetune.start == "champion" and self.body_rates.source != "given":
            raise ValueError(
                "finetune.start is champion, so body_rates.source must be given (got "
                f"{self.body_rates.source}): the range test uses the backbone"
            )
        return self


def _has(params: Params, key: str) -> bool:
    found: object = params
    for part in key.split("."):
        if part not in getattr(type(found), "model_fields", {}):
            return False
        found = getattr(found, part)
    return True


def load_params(path: Path = DEFAULT_PATH) -> Params:
    """Read and validate `path`.

    Raises:
        ParamsError: the file is missing, is not YAML, or has faults; every fault is listed.
    """
    return validate(Params, read_yaml(path), path)
