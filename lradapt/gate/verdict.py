"""The input of the gate for each model, and its result."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from lradapt.gate.comparison import Comparison

Decision = Literal["promote", "keep", "invalid"]


@dataclass(frozen=True, slots=True)
class Costs:
    """The costs of using a model.

    Attributes:
        image_seconds: for one image, decoding included, on this machine.
        megabytes: size of its file.
    """

    image_seconds: float
    megabytes: float


@dataclass(frozen=True, slots=True)
class Sets:
    """The sets of classes that held-out images may be of (`lradapt.inference.doubt.Doubt.unsure`).

    Attributes:
        asked: the share of the images of each class that was to have it in their set.
        of_image: the set of each image, in order; empty where it cannot be decoded.
    """

    asked: float
    of_image: Sequence[Collection[str]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model for the gate to compare.

    Attributes:
        class_names: that it can predict.
        predictions: the class of each held-out image, in order; "" where it cannot be decoded.
        costs: of its use.
        sets: of each image; None where the model gives none.
    """

    class_names: Sequence[str]
    predictions: Sequence[str]
    costs: Costs
    sets: Sets | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Held-out images of one kind: their number, and how many each model predicts correctly."""

    name: str
    images: int
    champion: int
    challenger: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision of the gate, and the figures behind it.

    Attributes:
        decision: "promote", "keep", or "invalid" where the challenger must never go into
            production.
        reason: in a sentence.
        comparison: of both models; None where they were not compared.
        parts: by kind of image; empty where the champion's test images are not known.
        champion, challenger: their costs; None where there is no such model.
    """

    decision: Decision
    reason: str
    comparison: Comparison | None = None
    parts: tuple[Part, ...] = ()
    champion: Costs | None = None
    challenger: Costs | None = None
