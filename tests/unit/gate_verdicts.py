"""What the tests of the gate share: rules, test images, models with chosen predictions."""

from dataclasses import replace

from lradapt.data.labelled_image import LabelledImage
from lradapt.gate.decide import decide
from lradapt.gate.rules import Rules
from lradapt.gate.verdict import Candidate, Costs

RULES = Rules(
    policy="not_worse",
    margin=0.02,
    confidence=0.95,
    num_resamples=1000,
    min_class_images=10,
    max_recall_drop=0.05,
    min_floor_images=50,
    min_recall={},
    min_recall_in={},
    max_coverage_shortfall=None,
    max_image_seconds=None,
    max_megabytes=None,
    renamed={},
)


def images_of(**counts):
    """Held-out images, so many of each class, each its own group."""
    return [
        LabelledImage(f"{label}{number}", label, "", "test", f"hash of {label}{number}")
        for label, count in counts.items()
        for number in range(count)
    ]


def model(images, hits, *, first=0, seconds=0.01, megabytes=40.0):
    """A model that is right on so many images of each class, from `first` on; others are "?"."""
    rights = {label: range(first, first + count) for label, count in hits.items()}
    predictions = [
        image.label if _number(image) in rights.get(image.label, ()) else "?" for image in images
    ]
    return Candidate(sorted(hits), predictions, Costs(seconds, megabytes))


def decided(images, champion, challenger, known=None, parity_passed=True, slices=None, **rules):
    """The verdict, with some of the rules changed."""
    changed, words = replace(RULES, **rules), {"parity_passed": parity_passed, "known": known}
    return decide(images, champion, challenger, changed, **words, slices=slices or {})


def _number(image):
    return int(image.image.removeprefix(image.label))
