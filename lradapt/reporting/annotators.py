"""What the report says of several annotators: their agreement is the ceiling of any accuracy."""

from collections.abc import Mapping
from typing import Any

from lradapt.text import printable, shortened


def annotators_sentence(found: Mapping[str, Any] | None) -> str:
    """Return the agreement of annotators in words; "" without annotators.

    Args:
        found: `annotators` of the summary of stage `split`.
    """
    if found is None:
        return ""
    if not found["images"]:
        return f"{found['annotators']}; no image has several of them: agreement not known"
    kappa = f"{found['kappa']:.2f}" if found["kappa"] is not None else "not defined: one class"
    ties = f"; {found['ties']:,} ties" if found["ties"] else ""
    return (
        f"{found['annotators']}; on {found['images']:,} images that several have labelled, "
        f"{found['agreement']:.1%} of their pairs agree ({found['kappa_of']} kappa {kappa}), the "
        f"ceiling of any accuracy on these labels{ties}{_furthest(found)}"
    )


def _furthest(found: Mapping[str, Any]) -> str:
    """Return who is most often against the majority; "" where nobody is."""
    first = found["each"][0]
    if not first["against_majority"]:
        return ""
    name = printable(shortened(first["annotator"])) or "no name"
    return (
        f"; most often against the majority: {name} "
        f"({first['against_majority']:,} of {first['images']:,} images)"
    )
