"""The schema of `benchmarks/params.yaml`: which arms, and what each differs in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from lradapt.config.params.section import Fraction, Positive, Section
from lradapt.config.params.training import SgdParams
from lradapt.config.presets import PRESETS, changed
from lradapt.config.validation import validate
from lradapt.config.yaml_files import read_yaml

DEFAULT_PATH = Path("benchmarks/params.yaml")
PROJECT = "project"
"""In `architectures`: the network of ../params.yaml."""
ChosenBy = Literal["validation", "test"]
"""The split that decides when an arm stops, and which weights it keeps."""


class ConventionalSettings(SgdParams):
    """Conventional training (paper, section 2.1)."""

    rates: Annotated[list[Positive], Field(min_length=1)]
    """Of the legs, in this order; each leg ends by early stopping."""
    patience_epochs: int = Field(ge=1, le=1000)
    """Epochs without a gain after which training stops."""
    min_gain: Fraction
    """Least rise of accuracy that counts as a gain."""
    max_epochs: int = Field(ge=1, le=10_000)
    """Ceiling at each rate."""
    target_accuracy: Annotated[float, Field(gt=0, le=1)] | None
    """Stop at the epoch that reaches it; null: by patience alone."""

    def applied_to(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """`values` of params.yaml with a head that reads the last layer alone, as is usual."""
        return changed(values, {"model": {"reads": "last"}})


class SchemeSettings(Section):
    """The scheme, as `params.yaml` has it but for these changes."""

    preset: Literal["paper"] | None
    changes: dict[str, Any]
    """Keys of params.yaml and their values; go before the preset's."""

    def applied_to(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """`values` of params.yaml with the preset's and then these changes.

        Every arm starts from the backbone, and trains in one process.
        """
        preset = PRESETS[self.preset] if self.preset else {}
        cold = changed(values, {"finetune": {"start": "backbone", "processes": 1}})
        return changed(changed(cold, preset), self.changes)


class FastaiSettings(Section):
    """A recipe of fastai, for as many epochs of all layers as ours has at most."""

    program: str
    """As in benchmarks.peers.recipe."""

    def applied_to(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """`values` of params.yaml with a head that reads the last layer alone."""
        return changed(values, {"model": {"reads": "last"}})


ArmSettings = ConventionalSettings | FastaiSettings | SchemeSettings


class BenchmarkParams(Section):
    """All of `benchmarks/params.yaml`."""

    seeds: Annotated[list[int], Field(min_length=1)]
    architectures: Annotated[list[str], Field(min_length=1)]
    """Names as in params.yaml, or `PROJECT`."""
    arms: Annotated[list[str], Field(min_length=1)]
    chosen_by: ChosenBy
    """`test`, as in the paper, makes accuracies too high: it measures what it has chosen."""
    settings: dict[str, ArmSettings]

    @model_validator(mode="after")
    def _every_arm_is_set(self) -> "BenchmarkParams":
        missing = [arm for arm in self.arms if arm not in self.settings]
        if missing:
            raise ValueError(f"no settings for {', '.join(missing)}; have {list(self.settings)}")
        return self

    @model_validator(mode="after")
    def _one_arm_is_conventional(self) -> "BenchmarkParams":
        conventional = [
            arm for arm in self.arms if isinstance(self.settings[arm], ConventionalSettings)
        ]
        if len(conventional) != 1:
            raise ValueError(
                f"arms has {len(conventional)} arms of conventional training "
                f"({', '.join(conventional) or 'none'}); expected one, which the others are "
                "compared with"
            )
        return self


def load_benchmark(path: Path = DEFAULT_PATH) -> BenchmarkParams:
    """Read and check `path`.

    Raises:
        ParamsError: as `lradapt.config.params.load_params`.
    """
    return validate(BenchmarkParams, read_yaml(path), path)


def with_architecture(values: Mapping[str, Any], architecture: str) -> dict[str, Any]:
    """Return `values` of params.yaml with a network of `BenchmarkParams.architectures`."""
    other = {} if architecture == PROJECT else {"model": {"architecture": architecture}}
    return changed(values, other)
