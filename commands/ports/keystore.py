"""Where private keys and other secrets of the server live: never in an event, never in a log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Secret:
    """Bytes that must not be seen by accident: ``repr`` and ``str`` are masked, ``reveal`` is the one way in.

    Python cannot promise to wipe memory; this type guards logs, errors and dumps, not a debugger.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = bytes(value)

    def reveal(self) -> bytes:
        """Return the bytes."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a Secret is never pickled")


class KeyStore(Protocol):
    """Secret fields by key id, encrypted at rest.

    Write the secret under a fresh id first, then the event that names it; an id that no event names is an orphan and
    is swept. Destruction is the other way round: event first, then :meth:`destroy`.
    Raises :class:`domain.errors.Unavailable` while the key-encryption key cannot be reached, and
    :class:`domain.errors.NotFound` for an id that is not there.
    """

    def put(self, key_id: str, field: str, secret: Secret) -> None:
        """Store one field durably; an id and field that exist are never overwritten (AlreadyExists)."""

    def get(self, key_id: str, field: str) -> Secret:
        """Return one field; a ciphertext that was moved or altered is refused."""

    def destroy(self, key_id: str) -> None:
        """Remove every field of an id; destroying what is not there is no error."""

    def key_ids(self) -> Iterable[str]:
        """Return all ids, for the sweep of orphans."""
