"""A version's promotions, added to its model card.

The card is written when the version is published, before any promotion.
"""

from collections.abc import Sequence

from lradapt.registry.promotions import Promotion


def with_promotions(card: str, version: str, promotions: Sequence[Promotion]) -> str:
    """Return the card with when and why the version went into production, and out of it."""
    lines = [
        f"- {each.at[:19]} (UTC): {_change(each, version)} ({each.kind.replace('_', ' ')}): "
        f"{each.reason}"
        for each in promotions
        if version in (each.version, each.previous) and each.kind != "key_change"
    ]
    lines = lines or ["It has never been in production."]
    return "\n".join([card.rstrip("\n"), "", f"Version {version}:", "", *lines, ""])


def _change(promotion: Promotion, version: str) -> str:
    if promotion.version == version:
        return "put into production"
    return f"replaced by {promotion.version}"
