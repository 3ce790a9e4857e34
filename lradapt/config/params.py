"""The schema of `params.yaml`: every key, its meaning, unit and bounds.

No key has a default: `params.yaml` states every value, so a run can be read from that one file.
Only `lradapt.stages` and the tasks read it; what they call takes plain values.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from lradapt.config.paths import PARAMS_FILE
from lradapt.config.yaml_schema import check, read_values
from lradapt.data.checks.findings import Rules
from lradapt.data.checks.problem_kinds import KINDS, Kind, Policy
from lradapt.gate.rules import Rules as GateRules
from lradapt.networks.architectures import ARCHITECTURES, Architecture
from lradapt.runtime.costs import Price

DEFAULT_PATH = PARAMS_FILE

Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Channels = tuple[float, float, float]


class Section(BaseModel):
    """A mapping of which every key is known and stated."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class DataParams(Section):
    """Decoding, and the normalisation the backbone was trained with."""

    input_size: int = Field(ge=8, le=1024)
    """Side in pixels of the square that every image is resized and centre-cropped to."""
    max_megapixels: float = Field(gt=0, le=89)
    """A larger image is set aside before it is decoded (a decompression bomb)."""
    mean: Channels
    """Mean of each channel (red, green, blue), on the scale 0 to 1."""
    deviation: tuple[Positive, Positive, Positive]
    """Standard deviation of each channel, on the scale 0 to 1."""
    memory_share: float = Field(ge=0, le=0.9)
    """Of the training device's free memory, that the pixels may take; where not all of them fit,
    each batch is read from the disk while the one before is computed. 0: always. It changes no
    result, and no stage depends on it."""


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]


class LayersParams(Section):
    """The layers of a network that lradapt does not know; the first pattern that matches wins."""

    head: str
    """Qualified name of its last linear layer, such as classifier.2."""
    early: Pattern
    """Regular expression searched for in the names of parameters: the first layers."""
    late: Pattern
    """The rest of the body."""


class ModelParams(Section):
    """The network."""

    architecture: str
    """Name of a classifier in torchvision."""
    layers: LayersParams | None
    """null for the ResNets and DenseNets, whose layers lradapt knows."""

    @model_validator(mode="after")
    def _layers_are_known(self) -> Self:
        if self.architecture not in ARCHITECTURES and not self.layers:
            known = ", ".join(ARCHITECTURES)
            raise ValueError(
                f"the layers of {self.architecture!r} are not known; name them in model.layers "
                f"(head, early, late), or take one of {known}"
            )
        return self

    @property
    def network(self) -> Architecture:
        """The architecture with its layers; what `layers` says goes before what is known."""
        if not self.layers:
            return ARCHITECTURES[self.architecture]
        return Architecture(name=self.architecture, **self.layers.model_dump())


class SplitParams(Section):
    """The split into train, validation and test."""

    train_per_test: float = Field(ge=1, le=100)
    """Training images for each test image (the paper's 5:1, section 2.1)."""
    validation_share: float = Field(ge=0, lt=1)
    """Share of the training split kept for what chooses or fits: early stopping, temperature."""


MustLeave = Literal["stop", "set_aside"]
"""Of what cannot take part: `stop` the run, or `set_aside` the images by name and reason.

Elsewhere there is also `keep`: with a warning."""


class PoliciesParams(Section):
    """What is done about each kind of finding (lradapt.data.checks.problem_kinds)."""

    undecodable: MustLeave
    truncated: MustLeave
    lfs_pointer: MustLeave
    bomb: MustLeave
    """More pixels than data.max_megapixels."""
    hidden: MustLeave
    """Files and folders that begin with a dot."""
    wrong_extension: Policy
    """Named .jpg, but a PNG; decoded by its content."""
    tiny: Policy
    odd_mode: Policy
    """CMYK, 16 bit, palette, transparency; greyscale where the set mixes it with colour."""
    rotated: Policy
    """By EXIF; the picture is turned as it asks."""
    label_without_image: MustLeave
    image_without_label: MustLeave
    two_labels: Policy
    """The same pixels under two labels: all of them are concerned."""
    two_groups: Policy
    """The same pixels in two groups; where kept, both groups are in one split."""
    duplicate: Policy
    """The same pixels; the first always stays. Where all are kept, they are in one split."""
    near_duplicate: Policy
    """Other pixels that look alike; the first always stays. Where kept, both splits may have one.
    """
    split_leak: MustLeave
    """A group or its duplicates in two given splits (column split): test keeps its images, then
    validation."""
    few_groups: Policy
    """A class of one group: where kept, it is trained on and not in the test set."""


class CheckParams(Section):
    """What is looked for in the data before it is used."""

    min_side: int = Field(ge=1, le=1024)
    """Pixels; a picture with a shorter side is tiny."""
    near_correlation: float = Field(ge=0.8, le=1)
    """Of the grey values of two pictures: from here on they are near duplicates."""
    policies: PoliciesParams

    @property
    def rules(self) -> Rules:
        """The rules for lradapt.data.checks.run_checks."""
        policies: dict[Kind, Policy] = {kind: getattr(self.policies, kind) for kind in KINDS}
        return Rules(self.min_side, self.near_correlation, policies)


class EngineParams(Section):
    """How the machine computes. All of it changes the last bits of a result, so it is in params.

    `lradapt tune-engine` measures what is fastest here, and writes nothing.
    """

    device: Literal["auto", "cpu", "cuda"]
    precision: Literal["fp32", "bf16"]
    """Autocast type. bf16 is faster on GPUs and on CPUs with AVX512-BF16, slower elsewhere."""
    threads: int = Field(ge=1, le=256)
    """CPU threads of torch and ONNX Runtime; beside another busy program one can beat two."""
    memory_format: Literal["channels_last", "contiguous"]
    """How images and the weights of convolutions lie in memory; which is faster depends on device,
    precision and size."""


class AugmentParams(Section):
    """Random views of a training image; each image has its own draw (paper, section 2.1)."""

    max_shift: Fraction
    """Crop: largest shift along each axis, as a share of the side; the border is mirrored."""
    max_zoom: float = Field(ge=1, le=4)
    """Largest magnification."""
    horizontal_flip: bool
    vertical_flip: bool


class ActivationsParams(Section):
    """The frozen body's cached output (paper, section 2.3)."""

    num_views: int = Field(ge=1, le=100)
    """Of each image: 1 is the clean view alone; the others are random, drawn as `augment` says."""


class RangeTestParams(Section):
    """LR range test (Smith 2017, arXiv:1506.01186; paper, section 2.2)."""

    start_lr: Positive
    end_lr: Positive
    num_steps: int = Field(ge=20, le=10_000)
    """Optimiser steps of a sweep, one for each rate tried."""
    num_sweeps: int = Field(ge=1, le=100)
    """Sweeps, each with a seed of its own; the rate is read off the mean of their curves."""
    rule: Literal["steepest", "valley", "slide", "minimum", "edge"]
    """Which point of the smoothed curve is suggested; see lradapt.training.range_test.rules."""

    @model_validator(mode="after")
    def _rates_rise(self) -> Self:
        if self.start_lr >= self.end_lr:
            raise ValueError(f"start_lr {self.start_lr} must be below end_lr {self.end_lr}")
        return self


class SgdParams(Section):
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
    """Epochs without a gain on the validation split after which the head has settled."""
    min_gain: Fraction
    """Least rise of accuracy on the validation split that counts as a gain."""


RateSource = Literal["found", "found_or_given", "given"]
"""`found`: by range test; where that shows nothing, training stops. `found_or_given`: the given
rate is used then, and the report says so. `given`: no range test."""


class HeadRateParams(Section):
    """The peak rate of the new head."""

    source: RateSource
    rate: Positive
    """The given one; fast.ai's courses began with 1e-2."""


class BodyRatesParams(Section):
    """The peak rates of early body, late body and head when all layers train."""

    source: RateSource
    """What is found is the head's rate; the others keep the ratio of the three below to it."""
    rates: tuple[Positive, Positive, Positive]
    """Early body, late body, head; the paper's are 1e-4, 1e-3, 1e-2 (section 2.4)."""


class FinetuneParams(SgdParams):
    """Training of all layers in growing cycles (paper, section 2.4)."""

    start: Literal["backbone", "champion"]
    """`backbone`: the body as it came, under the new head. `champion`: a warm start from the model
    in production; only classes that it does not know get the new head's weights."""
    num_cycles: int = Field(ge=1, le=12)
    first_cycle_epochs: int = Field(ge=1, le=1000)
    cycle_growth: int = Field(ge=1, le=10)
    """Length of a cycle over the one before it (the paper's 2^n: 2)."""
    target_accuracy: Annotated[float, Field(gt=0, le=1)] | None
    """Stop at the end of the epoch that reaches it on the validation split; null: run every cycle.
    """
    processes: int = Field(ge=1, le=64)
    """That share each batch, on one machine: with a GPU for each, or each with `engine.threads` of
    the CPU. More than one needs the extra `gpus`, and changes the last bits of the result."""


class CheckpointParams(Section):
    """What a training leaves behind for a process that resumes it (lradapt.training.checkpoint)."""

    every_seconds: float = Field(gt=0, le=86_400)
    """From one checkpoint to the next: the most that is lost. No stage depends on it."""


class EvaluateParams(Section):
    """The exam."""

    calibration_bins: int = Field(ge=2, le=1000)
    """Equal-width bins of confidence for the expected calibration error."""
    max_parity_difference: float = Field(gt=0, le=1)
    """Largest difference of a probability between ONNX and PyTorch that passes."""


class WatchParams(Section):
    """When changes of the data are worth a training; any one of the three is enough."""

    min_changes: int = Field(ge=1)
    """Images added, removed, relabelled or otherwise changed since the version last trained on."""
    min_class_share: float = Field(gt=0, le=1)
    """Share of the images of any one class that changed."""
    test_relabels: bool
    """Whether a single other label in test is enough: the exam itself was wrong."""


class CostParams(Section):
    """What training costs; read by what is shown alone."""

    per_hour: float | None = Field(ge=0, le=10_000)
    """Price of an hour of the machine that trains; null: no costs are shown."""
    currency: str = Field(min_length=1, max_length=8)
    """As it is written behind an amount."""

    @property
    def price(self) -> Price | None:
        """The price, where one is given."""
        return None if self.per_hour is None else Price(self.per_hour, self.currency)


class ReportParams(Section):
    """What the report shows; read by what is shown alone."""

    mistakes: int = Field(ge=0, le=60)
    """So many of the most confident mistakes of the exam are shown as small pictures, in the report
    (which is published with the version) and in Prefect's UI; 0: no picture, where the images are
    of people."""


class CardParams(Section):
    """What only its makers can say of a model, in its model card (docs/model_card.md).

    An empty text is "not stated" there.
    """

    intended_use: str
    """What it is for, for whom, on which images."""
    not_for: str
    """What it must not be used for."""
    data_licence: str
    """Of the images and labels it was trained on."""
    contact: str
    """Who answers for it."""


class GateParams(Section):
    """What a new model must show to take the place of the one in production (docs/method.md)."""

    policy: Literal["superior", "not_worse"]
    """Of balanced accuracy, by its lower bound: above zero (`superior`); or above minus the margin
    and the difference itself above zero (`not_worse`)."""
    margin: float = Field(gt=0, le=0.2)
    """Of `not_worse`, and of any policy where a class was added: 0.02 is two points."""
    confidence: float = Field(ge=0.8, le=0.999)
    """Of the one-sided lower bound; 0.95 promotes an equal model in at most 5 % of trainings."""
    num_resamples: int = Field(ge=1000, le=1_000_000)
    """Of the bootstrap."""
    min_class_images: int = Field(ge=0, le=1_000_000)
    """Fewest images of each class from which neither model has learnt; with fewer nothing is
    promoted. 0: a class without one is left out."""
    max_recall_drop: float = Field(gt=0, le=1)
    """Largest loss of recall of a class against the model in production."""
    min_floor_images: int = Field(ge=1, le=1_000_000)
    """A class with fewer images may drop further by chance: there the drop must be beyond it."""
    min_recall: dict[str, Annotated[float, Field(gt=0, le=1)]]
    """Least recall of the classes named, as measured: {melanoma: 0.7}; {}: none."""
    max_image_seconds: Positive | None
    """Most seconds for one image, decoding included, on this machine; null: any."""
    max_megabytes: Positive | None
    """Largest model file; null: any."""
    renamed: dict[str, str | None]
    """Class of the model in production -> its name today; null: retired on purpose."""

    @property
    def rules(self) -> GateRules:
        """The same as plain values."""
        return GateRules(**self.model_dump())


def _one_at_a_time(value: object) -> object:
    if isinstance(value, list):
        raise ValueError(
            f"expected one mechanism, got {len(value)}; two would correct for the classes twice"
        )
    return value


Imbalance = Annotated[
    Literal["none", "class_weights", "balanced_sampling", "logit_adjustment"],
    BeforeValidator(_one_at_a_time),
]


class Params(Section):
    """All of `params.yaml`."""

    seed: int = Field(ge=0, lt=2**31)
    data: DataParams
    model: ModelParams
    split: SplitParams
    check: CheckParams
    engine: EngineParams
    imbalance: Imbalance
    """How unbalanced classes are met: see lradapt.training.imbalance."""
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
    """Read by flows/watch_labels.py alone."""
    cost: CostParams
    report: ReportParams
    card: CardParams

    @model_validator(mode="after")
    def _rates_of_a_warm_start_are_given(self) -> Self:
        if self.finetune.start == "champion" and self.body_rates.source != "given":
            raise ValueError(
                "finetune.start is champion, so body_rates.source must be given (got "
                f"{self.body_rates.source}): the range test looks at the backbone"
            )
        return self


def load_params(path: Path = DEFAULT_PATH) -> Params:
    """Read and check `path`.

    Raises:
        ParamsError: the file is missing, is not YAML, or has faults; all of them are named at once.
    """
    return check(Params, read_values(path), path)
