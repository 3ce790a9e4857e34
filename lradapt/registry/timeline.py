"""Which version was in production at a given time, by the log."""

from collections.abc import Sequence
from datetime import UTC, datetime

from lradapt.registry.promotions import Promotion
from lradapt.registry.store import RegistryError


def parse_time(text: str) -> datetime:
    """Return the time that an ISO 8601 text names; without a zone it is UTC, as in the log.

    Raises:
        RegistryError: the text is not a time.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise RegistryError(
            f"{text!r} is not a time; expected ISO 8601, such as 2026-11-25, 2026-11-25T14:30 "
            "(UTC) or 2026-11-25T15:30+01:00"
        ) from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def promotion_at(promotions: Sequence[Promotion], time: datetime) -> Promotion | None:
    """Return the promotion of the version that was in production at `time`; None before the first.

    Clocks differ, and `sequence` orders the promotions: the last of those made by `time` counts.

    Args:
        promotions: the first one first.
        time: with a zone.
    """
    made = [promotion for promotion in promotions if parse_time(promotion.at) <= time]
    return made[-1] if made else None
