"""Names of segments: the time at which one was opened, and a random part; nothing else.

A line is never earlier than the name of its segment, nor later by `SEGMENT_SECONDS` or more: a
clock that jumps, back or ahead, begins a new segment. So a reader knows from the names alone which
segments can have lines of a span.
"""

import re
import secrets
from datetime import UTC, datetime, timedelta

SEGMENT_SECONDS = 600
"""After which a segment is closed."""

ALL_DAYS = "2"
"""What the names of all segments begin with; pictures are below `images/`."""

_NAME = re.compile(r"(\d{4}-\d\d-\d\d/\d{6})-[0-9a-f]{8}\.jsonl")
_FORM = "%Y-%m-%d/%H%M%S"


def new_name(opened: datetime) -> str:
    """Return the name of a segment that is opened now, `YYYY-MM-DD/HHMMSS-<8 hex>.jsonl`."""
    return f"{opened.astimezone(UTC):{_FORM}}-{secrets.token_hex(4)}.jsonl"


def opening_time(name: str) -> datetime | None:
    """Return when a segment was opened, to the second; None if this is not the name of one."""
    found = _NAME.fullmatch(name)
    if not found:
        return None
    try:
        return datetime.strptime(found[1], _FORM).replace(tzinfo=UTC)
    except ValueError:  # the 31st of February
        return None


def images_of(name: str) -> str:
    """Return the prefix of the images that were recorded with a segment."""
    return f"images/{name.removesuffix('.jsonl')}/"


def may_have(name: str, since: datetime | None, until: datetime | None) -> bool:
    """Return whether a segment can have lines from `since` to before `until`."""
    opened = opening_time(name)
    if opened is None or (until is not None and opened >= until):
        return False
    return since is None or opened > since - timedelta(seconds=SEGMENT_SECONDS + 1)


def fits(time: datetime, name: str) -> bool:
    """Return whether a line of this time may be in a segment of this name."""
    opened = opening_time(name)
    assert opened is not None, name
    return opened <= time < opened + timedelta(seconds=SEGMENT_SECONDS)
