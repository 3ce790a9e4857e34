"""Sections about the network and its training."""

import re
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from lradapt.config.params.section import Fraction, Rate, RateOrFrozen, Section, Unit
from lradapt.networks.architectures import Architecture
from lradapt.networks.known import architecture_of, unknown_architecture


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]


class LayersParams(Section):
    """The layers of a network that lradapt does not know; the first pattern that matches wins."""

    head: str
    """Qualified name of its last linear layer, such as classifier.2."""
    early: Pattern
    """Regular expression searched for in the names of parameters: the first layers."""
    late: Pattern
    """Regular expression for the other layers of the body."""


class ModelParams(Section):
    """The network."""

    architecture: str
    """Name of a classifier in torchvision, or timm/NAME."""
    layers: LayersParams | None
    """null for torchvision's ResNets and DenseNets and timm's networks: their layers are known."""
    reads: Literal["moments", "stages", "last"]
    """The features of the head. `last`: the body's output (the paper's). `stages`: also the maps of
    earlier stages, averaged over the image, where they are known. `moments`: also the deviation of
    these maps over the image."""

    @model_validator(mode="after")
    def _layers_are_known(self) -> Self:
        fault = "" if self.layers else unknown_architecture(self.architecture)
        if fault:
            raise ValueError(fault)
        return self

    @property
    def network(self) -> Architecture:
        """The architecture with its layers; `layers` has priority over the known layers.

        Raises:
            ParamsError: the head of a timm network is not one linear layer.
            LayersError: timm does not order the layers of a network by depth.
        """
        if self.layers:
            return Architecture(name=self.architecture, **self.layers.model_dump())
        known = architecture_of(self.architecture)
        if self.reads == "last":
            return replace(known, taps=())
        return replace(known, deviations=self.reads == "moments")


class EngineParams(Section):
    """How the machine computes. Each value changes the last bits of a result.

    `lradapt tune-engine` measures what is fastest on a machine, and writes nothing.
    """

    device: Literal["auto", "cpu", "cuda", "mps"]
    """Where torch computes; `auto`: on the first that is there of cuda, mps (the GPU of an Apple
    computer) and cpu."""
    precision: Literal["fp32", "bf16"]
    """Autocast type. bf16 is faster on GPUs and on CPUs with AVX512-BF16, slower elsewhere."""
    threads: Annotated[int, Unit("threads")] = Field(ge=1, le=256)
    """CPU threads of torch and ONNX Runtime; beside another busy program one can be faster than
    two."""
    memory_format: Literal["channels_last", "contiguous"]
    """Memory layout of images and convolution weights; which is faster depends on device, precision
    and input size."""


def _one_mechanism(value: object) -> object:
    if isinstance(value, list):
        raise ValueError(
            f"expected one mechanism, got {len(value)}; two would correct for the classes twice"
        )
    return value


Imbalance = Annotated[
    Literal["none", "class_weights", "balanced_sampling", "logit_adjustment"],
    BeforeValidator(_one_mechanism),
]
"""How class imbalance is corrected: see lradapt.training.imbalance."""
DoubtfulPolicy = Literal["keep", "exclude"]
"""What becomes of confidently doubtful labels of the training split (docs/method.md). keep: only
listed. exclude: not trained on, unless a person has confirmed the label (`lradapt review`)."""


class ActivationsParams(Section):
    """The cached output of the frozen body (paper, section 2.3)."""

    num_views: Annotated[int, Unit("views")] = Field(ge=1, le=100)
    """Views of each image: the first is the image itself, the others are random (`augment`)."""


class RangeTestParams(Section):
    """LR range test (Smith 2017, arXiv:1506.01186; paper, section 2.2)."""

    start_lr: Rate
    """The first and lowest rate of a sweep."""
    end_lr: Rate
    """The last and highest rate of a sweep; it ends earlier where the loss has risen far."""
    num_steps: Annotated[int, Unit("steps")] = Field(ge=20, le=10_000)
    """Optimiser steps of a sweep, one for each learning rate."""
    num_sweeps: Annotated[int, Unit("sweeps")] = Field(ge=1, le=100)
    """Sweeps, each with its own seed; the rate is read from the mean of their curves."""
    rule: Literal["steepest", "valley", "slide", "minimum", "edge", "rise"]
    """The point of the smoothed curve that is suggested: see lradapt.training.range_test.rules, and
    for `rise`, which suits a head that is solved exactly, lradapt.training.range_test.rise."""

    @model_validator(mode="after")
    def _rates_rise(self) -> Self:
        if self.start_lr >= self.end_lr:
            raise ValueError(f"start_lr {self.start_lr} must be below end_lr {self.end_lr}")
        return self


RateSource = Literal["found", "found_or_given", "given"]
"""`found`: by range test; the run stops if that finds no rate. `found_or_given`: in that case the
given rate is used, with a note in the report. `given`: no range test."""


class HeadRateParams(Section):
    """The peak learning rate of the new head."""

    source: RateSource
    rate: Rate
    """The given rate; fast.ai's courses began with 1e-2."""


class BodyRatesParams(Section):
    """The peak learning rates of early body, late body and head in the fine-tuning."""

    source: RateSource
    """The range test finds the rate of the head; the others keep the ratios of `rates` to it."""
    rates: tuple[RateOrFrozen, RateOrFrozen, Rate]
    """Early body, late body, head; in the paper 1e-4, 1e-3, 1e-2 (section 2.4). 0: these layers
    are frozen; without the early body a step takes about 0.6 of the time."""


class SgdParams(Section):
    """Stochastic gradient descent."""

    batch_size: Annotated[int, Unit("images")] = Field(ge=2, le=65_536)
    """Images of an optimiser step."""
    momentum: Annotated[float, Unit("factor")] = Field(ge=0, lt=1)
    """Memory of the mean gradient, for AdamW the first beta."""
    l2: Annotated[float, Unit("weight decay")] = Field(ge=0, le=1)
    """Weight decay (the paper's L2 regularisation, section 2.3)."""


class HeadParams(SgdParams):
    """Training of the new head on cached activations (paper, section 2.3)."""

    method: Literal["exact", "sgd"]
    """`exact`: logistic regression, its penalty by cross-validation within the training split; no
    other key of this section is read. `sgd`: gradient descent with restarts, the paper's."""
    max_epochs: Annotated[int, Unit("epochs")] = Field(ge=1, le=1000)
    """Upper limit; the learning rate restarts in each epoch."""
    patience_epochs: Annotated[int, Unit("epochs")] = Field(ge=1, le=1000)
    """Training stops after this number of epochs without a gain on the validation split."""
    min_gain: Fraction
    """Least rise of accuracy on the validation split that counts as a gain."""


class FinetuneParams(SgdParams):
    """Training of the layers in growing cycles (paper, section 2.4)."""

    start: Literal["backbone", "champion"]
    """`backbone`: the pre-trained body with the new head. `champion`: a warm start from the model
    in production; only classes that it does not have get the weights of the new head."""
    num_cycles: Annotated[int, Unit("cycles")] = Field(ge=1, le=12)
    """Cycles, each from the peak rates down to zero."""
    first_cycle_epochs: Annotated[int, Unit("epochs")] = Field(ge=1, le=1000)
    """Length of the first cycle."""
    cycle_growth: Annotated[int, Unit("factor")] = Field(ge=1, le=10)
    """Length of a cycle divided by that of the previous one (the paper's 2^n: 2)."""
    optimizer: Literal["sgd", "adamw"]
    """`sgd` (the paper's), or `adamw`, for which rates are some 10 times lower and `l2` is the
    decoupled weight decay."""
    batchnorm: Literal["batch", "frozen"]
    """`batch`: BatchNorm normalises by each batch (the paper's). `frozen`: by the statistics of the
    pre-training, as in production; so nothing changes when layers are unfrozen."""
    choose_by: Literal["balanced_accuracy", "loss"]
    """What decides on the validation split between the head alone, the end of each cycle and their
    average: the balanced accuracy; or the loss after the temperature that stage `calibrate` fits,
    which depends less on chance in small classes, and where losses differ by less than a quarter of
    their standard error, the balanced accuracy."""
    stop: Literal["never", "no_gain"]
    """`no_gain`: no further cycle after one that is not better than all before it, by `choose_by`;
    the first may be worse than the head alone by a tenth of the loss, and its standard error
    besides, or by a tenth of the balanced accuracy. `never`: every cycle."""
    lower_rates: Annotated[int, Unit("times")] = Field(ge=0, le=5)
    """How often the training may begin again with a third of the rates, where its first cycle lost
    more than a tenth on the validation split, but at most a fifth, or diverged. Only with `stop:
    no_gain`; 0: never."""
    target_accuracy: Annotated[float, Unit("accuracy"), Field(gt=0, le=1)] | None
    """Stop after the epoch that reaches it on the validation split; null: run every cycle."""
    processes: Annotated[int, Unit("processes")] = Field(ge=1, le=64)
    """Processes that share each batch on one machine, each with its own GPU, or with
    `engine.threads` of the CPU. More than one needs the extra `gpus`, and changes the last bits."""

    @model_validator(mode="after")
    def _lower_rates_need_the_rule(self) -> Self:
        if self.lower_rates and self.stop != "no_gain":
            raise ValueError("lower_rates needs stop: no_gain, which tells that nothing was gained")
        return self


class CheckpointParams(Section):
    """Checkpoints from which a training is resumed (lradapt.training.checkpoint)."""

    every_seconds: Annotated[float, Unit("seconds")] = Field(gt=0, le=86_400)
    """Interval of checkpoints: the most work that can be lost. No stage depends on it."""
