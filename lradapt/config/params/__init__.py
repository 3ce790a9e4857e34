"""The schema of `params.yaml`: every key, its meaning, unit and bounds; a module for each concern.

No key has a default: `params.yaml` states every value, so that one file describes a run. Only
`lradapt.stages` and the tasks read it; the functions that they call take plain values.
"""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from lradapt.config.params.data import (
    AugmentParams,
    CheckParams,
    DataParams,
    SplitParams,
    WatchParams,
)
from lradapt.config.params.evaluation import EvaluateParams, GateParams
from lradapt.config.params.reporting import CardParams, CostParams, ReportParams
from lradapt.config.params.section import Section
from lradapt.config.params.training import (
    ActivationsParams,
    BodyRatesParams,
    CheckpointParams,
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

    seed: int = Field(ge=0, lt=2**31)
    data: DataParams
    model: ModelParams
    split: SplitParams
    check: CheckParams
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
    evaluate: EvaluateParams
    gate: GateParams
    watch: WatchParams
    """Read only by flows/watch_labels.py."""
    cost: CostParams
    report: ReportParams
    card: CardParams

    @model_validator(mode="after")
    def _rates_of_a_warm_start_are_given(self) -> Self:
        if self.finetune.start == "champion" and self.body_rates.source != "given":
            raise ValueError(
                "finetune.start is champion, so body_rates.source must be given (got "
                f"{self.body_rates.source}): the range test uses the backbone"
            )
        return self


def load_params(path: Path = DEFAULT_PATH) -> Params:
    """Read and validate `path`.

    Raises:
        ParamsError: the file is missing, is not YAML, or has faults; every fault is listed.
    """
    return validate(Params, read_yaml(path), path)
