"""Sections about report, model card, trackers and costs; no result depends on them."""

from typing import Annotated, Literal

from pydantic import Field

from lradapt.config.params.section import Section, Unit
from lradapt.runtime.costs import Price


class CostParams(Section):
    """The cost of a training."""

    per_hour: Annotated[float | None, Unit("money an hour")] = Field(ge=0, le=10_000)
    """Price of an hour of the machine that trains; null: no costs are shown."""
    currency: str = Field(min_length=1, max_length=8)
    """Printed after an amount."""

    @property
    def price(self) -> Price | None:
        """The price; None if none is given."""
        return None if self.per_hour is None else Price(self.per_hour, self.currency)


class ReportParams(Section):
    """The content of the report."""

    mistakes: Annotated[int, Unit("images")] = Field(ge=0, le=60)
    """Number of the most confident mistakes on the test set that are shown as small pictures, in
    the report (which is published with the version) and in Prefect's UI; in the report, each with
    its three nearest training images, and as many doubtful labels of the training and of the test.
    0 for images of people."""


class CardParams(Section):
    """Statements of people in the model card (docs/model_card.md); if empty: "not stated"."""

    intended_use: str
    """Purpose, users and images for which the model is intended."""
    not_for: str
    """Uses for which it is not suitable."""
    data_licence: str
    """Licence of the images and labels that it was trained on."""
    contact: str
    """Person or team responsible for the model."""


class TrackParams(Section):
    """Experiment trackers that get a copy of each run that trains (docs/experiments.md)."""

    trackers: list[Literal["mlflow", "wandb"]]
    """Empty: none. Their servers and secrets are set by their own environment variables, such as
    MLFLOW_TRACKING_URI and WANDB_API_KEY."""
    max_seconds: Annotated[float, Unit("seconds")] = Field(gt=0, le=3600)
    """For each; one that takes longer is left out, with a warning."""
