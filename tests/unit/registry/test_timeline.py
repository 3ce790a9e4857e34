import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lradapt.registry.promotions import Promotion
from lradapt.registry.store import RegistryError
from lradapt.registry.timeline import parse_time, promotion_at


def promotions(*times):
    return [
        Promotion(
            sequence=n,
            kind="promotion",
            version=f"v{n}",
            previous="",
            model_sha256="",
            reason="",
            by="",
            manifest_sha256="",
            at=at,
        )
        for n, at in enumerate(times, start=1)
    ]


DAYS = promotions(
    "2026-01-01T00:00:00+00:00", "2026-01-05T12:00:00+00:00", "2026-01-09T00:00:00+00:00"
)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2026-01-01", "v1"),
        ("2026-01-05T11:59:59", "v1"),
        ("2026-01-05T12:00", "v2"),
        ("2026-01-05T12:59+01:00", "v1"),
        ("2026-01-05T13:00+01:00", "v2"),
        ("2026-01-05T12:00:00Z", "v2"),
        ("2030-01-01", "v3"),
    ],
)
def test_the_version_at_a_time_is_that_of_the_last_promotion_made_by_then(text, version):
    assert promotion_at(DAYS, parse_time(text)).version == version


def test_before_the_first_promotion_there_is_none():
    assert promotion_at(DAYS, parse_time("2025-12-31T23:59:59")) is None
    assert promotion_at([], parse_time("2026-01-01")) is None


def test_where_a_clock_was_a_day_ahead_the_order_of_the_log_holds():
    ahead = promotions(
        "2026-01-01T00:00:00+00:00", "2026-01-06T00:00:00+00:00", "2026-01-05T06:00:00+00:00"
    )
    assert promotion_at(ahead, parse_time("2026-01-05T07:00")).version == "v3"
    assert promotion_at(ahead, parse_time("2026-01-07")).version == "v3"


def test_a_time_without_a_zone_is_utc_wherever_the_machine_stands(monkeypatch):
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        found = parse_time("2026-01-05T12:00")
    time.tzset()
    assert found == datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "12:00"])
def test_what_is_no_time_is_refused_with_examples(text):
    with pytest.raises(
        RegistryError, match=r"is not a time; expected ISO 8601, such as 2026-11-25"
    ):
        parse_time(text)


@given(st.datetimes(min_value=datetime(2000, 1, 1)), st.integers(-23 * 60, 23 * 60))
def test_every_time_with_a_zone_is_read_as_written(local, minutes):
    then = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_time(then.isoformat()) == then
