"""As much DER as the two key protections of Java need: definite lengths, one level at a time."""

from __future__ import annotations

from infra.importing.pieces import Unreadable

INTEGER, OCTETS, OID, SEQUENCE = 0x02, 0x04, 0x06, 0x30
_LONG = 0x80
_LENGTH_BYTES = 3


def parts(data: bytes, *tags: int) -> list[tuple[int, bytes]]:
    """Return (tag, content) of each value in a row; with ``tags``, exactly those. Raises Unreadable."""
    found, at = [], 0
    while at < len(data):
        content, end = _content(data, at)
        found.append((data[at], content))
        at = end
    if tags and tuple(tag for tag, _ in found) != tags:
        raise _damaged()
    return found


def whole(data: bytes, *tags: int) -> tuple[bytes, ...]:
    """Return the contents of exactly these values in a row. Raises Unreadable."""
    return tuple(content for _, content in parts(data, *tags))


def _content(data: bytes, at: int) -> tuple[bytes, int]:
    if at + 2 > len(data):
        raise _damaged()
    length, start = data[at + 1], at + 2
    if length >= _LONG:
        size = length - _LONG
        if not 0 < size <= _LENGTH_BYTES or start + size > len(data):
            raise _damaged()
        length, start = int.from_bytes(data[start : start + size], "big"), start + size
    if start + length > len(data):
        raise _damaged()
    return data[start : start + length], start + length


def _damaged() -> Unreadable:
    return Unreadable("a protected private key that is damaged")
