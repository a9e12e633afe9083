"""Moments as whole microseconds since 1970 UTC, as the ledger, the read models and the key store keep them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Return a moment, which must have its zone, as whole microseconds since 1970 UTC; exact, unlike a float."""
    return (moment - _EPOCH) // _MICROSECOND


def in_words(seconds: int) -> str:
    """Return a span of time as people say it: in whole days or hours where it has two or more, else in seconds."""
    for unit, name in ((86_400, "days"), (3_600, "hours")):
        if seconds >= 2 * unit and not seconds % unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"


def moment_of(us: int) -> datetime:
    """Return microseconds since 1970 UTC as a moment in UTC."""
    return _EPOCH + us * _MICROSECOND
