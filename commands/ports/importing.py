"""What an import needs of whoever reads files: certificates, chains and keys out of any container, safely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from commands.ports.keystore import Secret


@dataclass(frozen=True, slots=True)
class Upload:
    """One file as it was sent; ``name`` is for messages only."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FoundCertificate:
    """A leaf with its chain (DER, nearest issuer first), and its private key (PKCS #8, DER) where it came along."""

    files: tuple[str, ...]
    leaf: bytes
    chain: tuple[bytes, ...]
    key: Secret | None = None


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Something in a file that is not imported: what, by which rule, and what helps."""

    file: str
    what: str
    rule: str
    fix: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What was found in an upload, and what was not read or belongs to nothing."""

    found: tuple[FoundCertificate, ...]
    left: tuple[NotTaken, ...]


class Reader(Protocol):
    """Reads PEM, DER, PKCS #7, PKCS #12, JKS and JCEKS."""

    async def read(self, uploads: Sequence[Upload], passwords: Sequence[Secret]) -> Contents:
        """Read files with whichever of the passwords fits; whatever is in them, in bounded time and memory.

        Nothing that a certificate points to is fetched. Raises :class:`domain.errors.InvalidInput` where the reading
        took too much, and :class:`domain.errors.Unavailable` where it cannot be done now.
        """
