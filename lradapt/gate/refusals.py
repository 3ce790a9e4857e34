"""Why a challenger is refused before both models are compared; each returns "" where it is not."""

from collections import Counter
from collections.abc import Mapping, Sequence

from lradapt.gate.exam import ExamImage
from lradapt.gate.rules import Rules
from lradapt.gate.sentence import shortened
from lradapt.gate.verdict import Contender, Costs

OVERRIDE = "or promote it all the same, with a reason: python -m flows.retrain --override WHY"


def unfit(costs: Costs, rules: Rules, *, parity_passed: bool) -> str:
    """What bars it from production whatever its accuracy: parity, latency, size."""
    if not parity_passed:
        return "the exported model does not answer as the trained one does (parity in metrics.json)"
    faults = []
    if rules.max_image_seconds is not None and costs.image_seconds > rules.max_image_seconds:
        faults.append(
            f"it takes {1000 * costs.image_seconds:.1f} ms an image, at most "
            f"{1000 * rules.max_image_seconds:g} allowed (gate.max_image_seconds)"
        )
    if rules.max_megabytes is not None and costs.megabytes > rules.max_megabytes:
        faults.append(
            f"it has {costs.megabytes:.1f} MB, at most {rules.max_megabytes:g} allowed "
            "(gate.max_megabytes)"
        )
    return "; ".join(faults)


def below_floor(exam: Sequence[ExamImage], challenger: Contender, rules: Rules) -> str:
    """Classes of which it finds less than `gate.min_recall` asks, measured on the exam.

    A class that the exam does not have passes no floor.
    """
    images = Counter(image.label for image in exam)
    hits = Counter(
        image.label
        for image, said in zip(exam, challenger.said, strict=True)
        if said == image.label
    )
    low = [
        f"{name} ({hits[name]} of {images[name]}, {100 * floor:g}% asked)"
        for name, floor in rules.min_recall.items()
        if hits[name] < floor * images[name] or not images[name]
    ]
    return f"it finds too few of {shortened(low)}: gate.min_recall" if low else ""


def gone(names: Mapping[str, str | None], challenger: Contender) -> str:
    """Classes that the champion knows and the challenger does not.

    Args:
        names: the champion's class -> today's name; None where it is retired.
        challenger: the new model.
    """
    lost = sorted({name for name in names.values() if name} - set(challenger.class_names))
    if not lost:
        return ""
    return (
        f"the model in production knows {shortened(lost)}, and this one does not; if that is "
        f"meant, say in gate.renamed what became of it (null: retired), {OVERRIDE}"
    )


def too_few(exam: Sequence[ExamImage], challenger: Contender, rules: Rules) -> str:
    """Classes with too few images that neither model has learnt from."""
    images = Counter(image.label for image in exam)
    asked = rules.min_class_images
    few = [f"{name} {images[name]}" for name in challenger.class_names if images[name] < asked]
    if exam and not few:
        return ""
    return (
        f"too few images that neither model has learnt from: {shortened(few) or 'none'}, at least "
        f"{asked} a class asked (gate.min_class_images); compare it with the recipe in production, "
        f"trained on today's images (docs/method.md), {OVERRIDE}"
    )
