"""What the live check or a person has taken out of production does not come back by itself.

The log of moves remembers it: such a move says so in the first words of its reason.
"""

from collections.abc import Sequence

from lradapt.registry.versions import Move

FAILED, ROLLED_BACK = "failed the live check", "was rolled back"


def reason(version: str, what: str, why: str) -> str:
    """Of a move that takes `version` out; `what` is FAILED or ROLLED_BACK."""
    return f"{version} {what}: {why}"


def why_taken_out(moves: Sequence[Move], version: str) -> str:
    """The reason why `version` was taken out since the last promotion; empty where it was not.

    Args:
        moves: of the log, the first first.
        version: that might be promoted.
    """
    for move in reversed(moves):
        if not _takes_out(move):
            return ""
        if move.former == version:
            return move.why
    return ""


def _takes_out(move: Move) -> bool:
    return move.why.startswith(
        tuple(reason(move.former, what, "") for what in (FAILED, ROLLED_BACK))
    )
