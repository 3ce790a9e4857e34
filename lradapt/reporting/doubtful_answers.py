"""What report and card say of doubtful answers, from `metrics.json`."""

from collections.abc import Mapping
from typing import Any

from lradapt.gate.explanation import shortened
from lradapt.networks.answer_limits import fewest_images


def sets_in_report(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return the classes that are in every set, in words, and the fewest images to avoid it."""
    found = metrics["unsure"]
    counts = [
        f"{name} {found['classes'][name]['validation_images']}" for name in always_in_sets(metrics)
    ]
    return {
        "always": shortened(counts),
        "fewest": fewest_images(found["asked"]) if found else 0,
    }


def always_in_sets(metrics: Mapping[str, Any]) -> list[str]:
    """Return the classes that are in every set, since they have too few validation images."""
    found = metrics["unsure"]
    return (
        [name for name, each in found["classes"].items() if each["in_every_set"]] if found else []
    )


def doubt_limits(metrics: Mapping[str, Any]) -> list[str]:
    """Return the known limits of the doubt in the answers: not measured, or of little use."""
    if not metrics["unsure"]:
        return ["no answer tells how doubtful it is: there is no validation image"]
    always = always_in_sets(metrics)
    if not always:
        return []
    asked = f"{metrics['unsure']['asked']:.0%}"
    return [
        f"too few validation images for a coverage of {asked}, so in every set of classes: "
        f"{shortened(always)}"
    ]
