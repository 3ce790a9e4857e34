"""The works that every program does, and how large each is."""

from dataclasses import dataclass, replace
from typing import Literal

from lradapt.training.inputs.batches import steps_per_epoch

Kind = Literal["head", "steps", "sweep", "classify"]
HEAD_RATE, BODY_RATE, MOMENTUM, L2 = 0.01, 0.001, 0.9, 1e-4
SWEEP = (1e-6, 0.1)
"""First and last rate of a range test: no sweep diverges there, so each takes all its steps."""


@dataclass(frozen=True, slots=True)
class Work:
    """Work on the images of one size by one network.

    Attributes:
        kind: train a head, take steps of the whole network, sweep the head's rate, or classify.
        architecture: as in `lradapt.networks.architectures`.
        size: side of an image, in pixels.
        precision: "fp32" or "bf16", of every program.
        batch_size: of every program.
        count: epochs of a head, steps of a fine-tuning or a sweep, passes of a classification.
        num_images: in the set.
        warm_steps: taken before the clock starts, of a fine-tuning.
    """

    kind: Kind
    architecture: str
    size: int
    precision: str
    batch_size: int
    count: int
    num_images: int = 1000
    warm_steps: int = 0

    @property
    def name(self) -> str:
        """Return the name in the table, the lines and the command."""
        name = f"{_WORDS[self.kind]}, {self.architecture}, {self.size} px, batch {self.batch_size}"
        epochs = f", {self.count} epochs of {self.num_images:,} images"
        return name + (epochs if self.kind == "head" else "")

    @property
    def to_do(self) -> int:
        """Return the number of optimiser steps, or of images to classify, while the clock runs."""
        if self.kind == "head":
            return self.count * steps_per_epoch(self.num_images, self.batch_size)
        return self.count * (self.num_images if self.kind == "classify" else 1)

    @property
    def counted_images(self) -> int:
        """Return the number of images that go in while the clock runs, each time counted."""
        if self.kind in ("head", "classify"):
            return self.count * self.num_images
        return self.count * self.batch_size


_WORDS: dict[Kind, str] = {
    "head": "head phase",
    "steps": "fine-tuning step",
    "sweep": "range test of the head",
    "classify": "classification",
}

WORKS = (
    Work("classify", "resnet18", 32, "fp32", 64, 1),
    Work("classify", "resnet34", 64, "fp32", 64, 1),
    Work("sweep", "resnet18", 32, "fp32", 64, 100),
    Work("steps", "resnet18", 32, "fp32", 32, 12, 1024, 3),
    Work("steps", "resnet18", 32, "fp32", 128, 5, 1024, 2),
    Work("steps", "resnet34", 64, "bf16", 32, 8, 1024, 2),
    Work("steps", "resnet34", 64, "bf16", 128, 3, 1024, 1),
    Work("head", "resnet34", 64, "bf16", 64, 10),
    Work("head", "densenet161", 64, "bf16", 64, 10),
)
"""The cheap ones first, so that those are repeated when the time ends."""


def quick(work: Work) -> Work:
    """Return a small work of the same kind, to test the programs."""
    count = {"head": 2, "steps": 2, "sweep": 12, "classify": 1}[work.kind]
    size, images = min(work.size, 32), 64
    return replace(
        work,
        architecture="resnet18",
        size=size,
        batch_size=16,
        count=count,
        num_images=images,
        warm_steps=min(work.warm_steps, 1),
    )


QUICK = tuple({work.name: work for work in map(quick, WORKS)}.values())
