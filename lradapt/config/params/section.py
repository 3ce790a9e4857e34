"""The base of all sections of `params.yaml`, and types that several sections use."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit of a number, which the manual shows; no check depends on it."""

    name: str


Positive = Annotated[float, Field(gt=0)]
Rate = Annotated[Positive, Unit("learning rate")]
RateOrFrozen = Annotated[float, Field(ge=0), Unit("learning rate")]
"""0: these layers are not trained."""
Fraction = Annotated[float, Unit("share"), Field(ge=0, le=1)]


class Section(BaseModel):
    """A mapping in which every key is known and required."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
