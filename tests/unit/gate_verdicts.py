"""What the gate's tests share: rules, exams and models that answer as a test wants."""

from dataclasses import replace

from lradapt.gate.decide import decide
from lradapt.gate.exam import ExamImage
from lradapt.gate.rules import Rules
from lradapt.gate.verdict import Contender, Costs

RULES = Rules(
    policy="not_worse",
    margin=0.02,
    confidence=0.95,
    num_resamples=1000,
    min_class_images=10,
    max_recall_drop=0.05,
    min_floor_images=50,
    min_recall={},
    max_image_seconds=None,
    max_megabytes=None,
    renamed={},
)


def exam_of(**counts):
    """An exam of so many images of each class, each its own group."""
    return [
        ExamImage(f"{label}{number}", label, f"hash of {label}{number}", "")
        for label, count in counts.items()
        for number in range(count)
    ]


def model(exam, hits, *, first=0, seconds=0.01, megabytes=40.0):
    """A model that names so many images of each class rightly, from the first on, others as "?"."""
    rights = {label: range(first, first + count) for label, count in hits.items()}
    said = [image.label if _place(image) in rights.get(image.label, ()) else "?" for image in exam]
    return Contender(sorted(hits), said, Costs(seconds, megabytes))


def judged(exam, champion, challenger, known=None, parity_passed=True, **rules):
    """The verdict, with some of the rules changed."""
    changed = replace(RULES, **rules)
    return decide(exam, champion, challenger, changed, parity_passed=parity_passed, known=known)


def _place(image):
    return int(image.image.removeprefix(image.label))
