"""What the ledger stores is written by pydantic: the same bytes for ever, and times as RFC 3339 has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.base import Timestamp, rfc3339

_TIMES: TypeAdapter[datetime] = TypeAdapter(Timestamp)
_ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC) | _ZONES))  # noqa: DTZ001 - bounds
def test_a_time_is_stored_as_rfc_3339_in_utc(moment):
    """Whatever zone it came in: UTC, ``Z``, and microseconds only where there are any."""
    stored = _TIMES.dump_json(_TIMES.validate_python(moment))

    assert f'"{rfc3339(moment)}"'.encode() == stored
