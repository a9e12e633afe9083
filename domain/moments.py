"""Moments as whole microseconds since 1970 UTC, as the ledger, the read models and the key store keep them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Return a moment, which must have its zone, as whole microseconds since 1970 UTC; exact, unlike a float."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(us: int) -> datetime:
    """Return microseconds since 1970 UTC as a moment in UTC."""
    return _EPOCH + us * _MICROSECOND
