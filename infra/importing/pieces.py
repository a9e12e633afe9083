"""What readers give back: certificates and keys as they lie in a file, and what they could not read."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.errors import ClmError

MAX_PIECES = 500
"""Most certificates, keys and other blocks that are looked at in one file."""

Passwords = tuple[str, ...]


class Unreadable(Exception):
    """A file or a part of it cannot be read; the sentence is ours and quotes nothing of it."""

    def __init__(self, sentence: str, *, rule: str = "import-syntax", fix: str = "") -> None:
        super().__init__(sentence)
        self.sentence, self.rule = sentence, rule
        self.fix = fix or "export it anew with a maintained tool, or leave it out"


@dataclass(slots=True)
class Pieces:
    """What one file holds. ``keys``: PKCS #8, DER, not encrypted. ``left``: (sentence, rule, fix)."""

    certificates: list[bytes] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    left: list[tuple[str, str, str]] = field(default_factory=list)

    def leave(self, why: Unreadable | ClmError) -> None:
        """Note what was not read."""
        sentence = why.sentence if isinstance(why, Unreadable) else why.message
        self.left.append((sentence, why.rule, why.fix))

    def add(self, other: Pieces) -> None:
        """Take over what another part of the file held. Raises Unreadable where that is too much."""
        self.certificates += other.certificates
        self.keys += other.keys
        self.left += other.left
        if len(self.certificates) + len(self.keys) + len(self.left) > MAX_PIECES:
            raise Unreadable(f"more than {MAX_PIECES} parts in one file", rule="import-too-many", fix="divide the file")


def locked(what: str, passwords: Passwords) -> Unreadable:
    """Return that something needs a password which was not given."""
    sentence = f"{what} is locked: " + ("no password that was given fits" if passwords else "it needs a password")
    return Unreadable(
        sentence,
        rule="import-locked",
        fix="give its password: --password-file FILE, one password a line, also the key's",
    )
