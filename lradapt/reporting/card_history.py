"""What the registry's log says of a version, under its model card.

The card is as old as the version, and what becomes of it comes later.
"""

from collections.abc import Sequence

from lradapt.registry.versions import Move


def with_moves(card: str, version: str, moves: Sequence[Move]) -> str:
    """The card with when and why the version went into production, and out of it.

    Args:
        card: as it was published.
        version: whose card it is.
        moves: of the registry's log, the first first.
    """
    lines = [
        f"- {move.when[:19]} (UTC): into production: {move.why}"
        if move.version == version
        else f"- {move.when[:19]} (UTC): out of production, {move.version} came: {move.why}"
        for move in moves
        if version in (move.version, move.former)
    ]
    said = lines or ["It has never been in production."]
    return "\n".join([card.rstrip("\n"), "", f"Version {version}:", "", *said, ""])
