"""The schema of `params.yaml`: every key, its meaning, unit and bounds.

No key has a default: `params.yaml` states every value, so a run can be read from that one file.
Only `lradapt.stages` read it; what they call takes plain values.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lradapt.errors import ParamsError, listed

DEFAULT_PATH = Path("params.yaml")

Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Channels = tuple[float, float, float]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class DataParams(_Section):
    """Decoding, and the normalisation the backbone was trained with."""

    input_size: int = Field(ge=8, le=1024)
    """Side in pixels of the square that every image is resized and centre-cropped to."""
    max_megapixels: float = Field(gt=0, le=89)
    """A larger image is set aside before it is decoded (a decompression bomb)."""
    mean: Channels
    """Mean of each channel (red, green, blue), on the scale 0 to 1."""
    deviation: tuple[Positive, Positive, Positive]
    """Standard deviation of each channel, on the scale 0 to 1."""


class ModelParams(_Section):
    """The network."""

    architecture: Literal[
        "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "densenet161"
    ]


class SplitParams(_Section):
    """Who learns and who is examined."""

    train_per_validation: float = Field(ge=1, le=100)
    """Training images for each validation image (the paper's 5:1, section 2.1)."""
    tune_share: float = Field(ge=0, lt=1)
    """Share of the training side kept for what chooses or fits: early stopping, temperature."""


class EngineParams(_Section):
    """How the machine computes. All three change the last bits of a result, so they are params."""

    device: Literal["auto", "cpu", "cuda"]
    precision: Literal["fp32", "bf16"]
    """Autocast type. bf16 is faster on GPUs and on CPUs with AVX512-BF16, slower elsewhere."""
    threads: int = Field(ge=1, le=256)
    """CPU threads of torch and ONNX Runtime."""


class AugmentParams(_Section):
    """Random views of a training image; each image has its own draw (paper, section 2.1)."""

    max_shift: Fraction
    """Crop: largest shift along each axis, as a share of the side; the border is mirrored."""
    max_zoom: float = Field(ge=1, le=4)
    """Largest magnification."""
    horizontal_flip: bool
    vertical_flip: bool


class RangeTestParams(_Section):
    """LR range test (Smith 2017, arXiv:1506.01186; paper, section 2.2)."""

    start_lr: Positive
    end_lr: Positive
    num_steps: int = Field(ge=20, le=10_000)
    """Optimiser steps of a sweep, one for each rate tried."""
    num_sweeps: int = Field(ge=1, le=100)
    """Sweeps, each with a seed of its own; the rate is read off the mean of their curves."""
    rule: Literal["steepest", "valley", "slide", "minimum", "edge"]
    """Which point of the smoothed curve is suggested; see lradapt.range_test."""

    @model_validator(mode="after")
    def _rates_rise(self) -> Self:
        if self.start_lr >= self.end_lr:
            raise ValueError(f"start_lr {self.start_lr} must be below end_lr {self.end_lr}")
        return self


class SgdParams(_Section):
    """Stochastic gradient descent."""

    batch_size: int = Field(ge=2, le=65_536)
    momentum: float = Field(ge=0, lt=1)
    l2: float = Field(ge=0, le=1)
    """Weight decay (the paper's L2 regularisation, section 2.3)."""


class HeadParams(SgdParams):
    """Training of the new head on cached activations (paper, section 2.3)."""

    max_epochs: int = Field(ge=1, le=1000)
    """Ceiling; the rate restarts each epoch."""
    patience_epochs: int = Field(ge=1, le=1000)
    """Epochs without a gain on the tune side after which the head has settled."""
    min_gain: Fraction
    """Least rise of accuracy on the tune side that counts as a gain."""


class BodyRatesParams(_Section):
    """The peak rates of early body, late body and head when all layers train."""

    source: Literal["given", "found"]
    """`given`: the three rates below. `found`: their ratio, under a rate found by range test."""
    rates: tuple[Positive, Positive, Positive]
    """Early body, late body, head; the paper's are 1e-4, 1e-3, 1e-2 (section 2.4)."""


class FinetuneParams(SgdParams):
    """Training of all layers in growing cycles (paper, section 2.4)."""

    num_cycles: int = Field(ge=1, le=12)
    first_cycle_epochs: int = Field(ge=1, le=1000)
    cycle_growth: int = Field(ge=1, le=10)
    """Length of a cycle over the one before it (the paper's 2^n: 2)."""


class EvaluateParams(_Section):
    """The exam."""

    calibration_bins: int = Field(ge=2, le=1000)
    """Equal-width bins of confidence for the expected calibration error."""
    max_parity_difference: float = Field(gt=0, le=1)
    """Largest difference of a probability between ONNX and PyTorch that passes."""


class Params(_Section):
    """All of `params.yaml`."""

    seed: int = Field(ge=0, lt=2**31)
    data: DataParams
    model: ModelParams
    split: SplitParams
    engine: EngineParams
    augment: AugmentParams
    find_lr: RangeTestParams
    train_head: HeadParams
    find_body_lr: RangeTestParams
    body_rates: BodyRatesParams
    finetune: FinetuneParams
    evaluate: EvaluateParams


def load_params(path: Path = DEFAULT_PATH) -> Params:
    """Read and check `path`.

    Raises:
        ParamsError: the file is missing, is not YAML, or has faults; all of them are named at once.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"no {path}: run from the folder that holds params.yaml") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path} is not valid YAML: {error}") from None
    try:
        # Lists of YAML become tuples only outside strict mode, so JSON's rules are used.
        return Params.model_validate_json(_as_json(values))
    except ValidationError as error:
        faults = [_explain(fault) for fault in error.errors()]
        raise ParamsError(
            f"{path} has {len(faults)} fault(s); lradapt/params.py documents every key:\n"
            + listed(faults)
        ) from None


def _as_json(values: object) -> str:
    import json

    return json.dumps(values, default=str)  # YAML knows dates


def _explain(fault: object) -> str:
    assert isinstance(fault, dict)
    where = ".".join(str(part) for part in fault["loc"]) or "the file"
    messages = {
        "missing": "missing",
        "extra_forbidden": "unknown key; remove it or mend its name",
        "value_error": fault["msg"].removeprefix("Value error, "),
    }
    if fault["type"] in messages:
        return f"{where}: {messages[fault['type']]}"
    given = fault["input"]
    as_text = fault["type"] in ("int_type", "float_type") and isinstance(given, str)
    remedy = " (text to YAML: remove the quotes, write 1e-4 as 1.0e-4)" if as_text else ""
    return f"{where}: {fault['msg'].replace('an object', 'a mapping')}, got {given!r}{remedy}"
