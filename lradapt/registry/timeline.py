"""Which version was in production at a given time, by the log."""

from collections.abc import Sequence
from datetime import UTC, datetime

from lradapt.registry.store import RegistryError
from lradapt.registry.versions import Move


def parse_time(text: str) -> datetime:
    """A time as ISO 8601 writes it; without a zone it is UTC, as in the log.

    Raises:
        RegistryError: it is not one.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise RegistryError(
            f"{text!r} is no time; expected ISO 8601, such as 2026-11-25, 2026-11-25T14:30 (UTC) "
            "or 2026-11-25T15:30+01:00"
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def move_at(moves: Sequence[Move], time: datetime) -> Move | None:
    """The move by which the version that was in production at `time` came there; None before any.

    Clocks differ and the order of moves is `seq`'s: of all moves made by `time`, the last one.

    Args:
        moves: the first first.
        time: with a zone.
    """
    made = [move for move in moves if parse_time(move.when) <= time]
    return made[-1] if made else None
