"""What the gate is given of a model, and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lradapt.gate.comparison import Comparison

Decision = Literal["promote", "keep", "invalid"]


@dataclass(frozen=True, slots=True)
class Costs:
    """What a model's use costs.

    Attributes:
        image_seconds: for one image, decoding included, on this machine.
        megabytes: of its file.
    """

    image_seconds: float
    megabytes: float


@dataclass(frozen=True, slots=True)
class Contender:
    """A model as the gate sees it.

    Attributes:
        class_names: that it can name.
        said: the class that it says of each exam image, in order; "" where it cannot decode it.
        costs: of its use.
    """

    class_names: Sequence[str]
    said: Sequence[str]
    costs: Costs


@dataclass(frozen=True, slots=True)
class Part:
    """Exam images of one kind: how many, and how many of them either model names rightly."""

    name: str
    images: int
    champion: int
    challenger: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate decided, and the figures it decided by.

    Attributes:
        decision: "promote", "keep", or "invalid" where the challenger must never go into
            production.
        why: in a sentence.
        comparison: of both models; None where they were not compared.
        parts: old, new and relabelled images apart; empty where the champion's exam is not known.
        champion, challenger: their costs; None of a model that was not asked.
    """

    decision: Decision
    why: str
    comparison: Comparison | None = None
    parts: tuple[Part, ...] = ()
    champion: Costs | None = None
    challenger: Costs | None = None
