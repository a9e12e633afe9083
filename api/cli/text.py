"""Foreign text for a terminal: nothing in it is ever interpreted, neither by rich nor by the terminal.

Names, reasons and agents' messages come from other people. An escape sequence among them could rewrite what stands on
the screen above it, for example what is about to be approved.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, tzinfo

from api.cli.errors import Misused

_NOT_SHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that steer instead of being seen: controls, direction overrides, surrogates, separators."""
_LATIN = 0x100
_BASIC_PLANE = 0x10000
_LONGEST_SPAN = 4
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


_SPANS = {"m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}


def seconds_of(text: str) -> int | None:
    """Return a span such as ``30d``, ``12h`` or ``8w`` in seconds; None for anything else."""
    number, unit = text[:-1], text[-1:]
    if unit not in _SPANS or not (number.isascii() and number.isdigit()) or len(number) > _LONGEST_SPAN:
        return None
    return int(number) * _SPANS[unit]


def safe(value: object) -> str:
    """Return ``value`` as text in which every invisible or steering character is written as an escape."""
    return "".join(map(_escape, str(value)))


def _escape(char: str) -> str:
    if unicodedata.category(char) not in _NOT_SHOWN:
        return char
    code = ord(char)
    if code < _LATIN:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < _BASIC_PLANE else f"\\U{code:08x}"


def moment(value: object) -> datetime | None:
    """Return an RFC 3339 time; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def span(seconds: float) -> str:
    """Return a length of time by its largest unit, as ``30 d``."""
    whole = int(abs(seconds))
    size, unit = next(((size, unit) for size, unit in _UNITS if whole >= size), (1, "s"))
    return f"{whole // size} {unit}"


def when(value: object, now: datetime, zone: tzinfo | None = None) -> str:
    """Return a time as people read it: local, with its distance from now. ``zone`` None is the machine's own."""
    at = moment(value)
    if at is None:
        return "-" if value is None else safe(value)
    seconds = (at - now).total_seconds()
    distance = f"in {span(seconds)}" if seconds >= 0 else f"{span(seconds)} ago"
    try:
        local = at.astimezone(zone)
    except OverflowError:  # 9999-12-31, "no end" in RFC 5280, has no later time zone
        local = at
    return f"{local:%Y-%m-%d %H:%M} ({distance})"


def clock_time(value: object, zone: tzinfo | None = None) -> str:
    """Return a time to the second, local: for lines that come as things happen."""
    at = moment(value)
    return "-" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def rfc3339_of(given: str) -> str | None:
    """Return a time that a person gave as the API takes it, None where none was given. Raises Misused."""
    if not given:
        return None
    at = moment(given)
    if at is None:
        raise Misused(f"{given!r} is not a time", fix="write it as 2026-11-23T12:00:00Z")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
