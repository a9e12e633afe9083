"""What a policy rule is, and all that it may look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import Enum

from domain.profiles.spec import KeyMade, ProfileSpec


@dataclass(frozen=True, slots=True)
class Facts:
    """One request for a certificate, or a certificate that lives, seen on one day; a rule looks at nothing else.

    - ``dns_names``, ``ip_addresses``, ``common_name``: as ``domain.certificates.names`` spells them.
    - ``validity``: seconds, from the back-dated notBefore to notAfter, both ends inclusive (RFC 5280 section 4.1.2.5).
    - ``key_algorithm``: as ``profiles.spec.KeyAlgorithm`` names it, an imported one perhaps otherwise (``RSA-1024``);
      None while the host has not made the key yet; the rules are asked again with its CSR.
    - ``hashes``: by which hashes what is at hand is signed (the CSR, or the certificate), e.g. ``sha256``.
    - ``own_profile``: whoever orders wrote this version of the profile.
    - ``host_team``: the team of the host that is to make the key; None where no host takes part.
    - ``reserved``: names and addresses of this system (backend, listeners, identity providers).
    - ``public_suffixes``: those of ``names.wildcard_bases`` that are public suffixes; ``invalid_a_labels``: those of
      ``names.a_labels`` that IDNA 2008 does not permit; ``internal_names``: those of ``dns_names`` that end in no
      registered top-level domain. They come from the port that knows the tables.
    - ``on``: the day (UTC) on which the certificate would be issued, or on which it is looked at.
    """

    profile: ProfileSpec
    team: str
    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    validity: int
    key_made: KeyMade
    on: date
    host_team: str | None = None
    own_profile: bool = False
    common_name: str | None = None
    key_algorithm: str | None = None
    hashes: tuple[str, ...] = ()
    reserved: frozenset[str] = frozenset()
    public_suffixes: frozenset[str] = frozenset()
    invalid_a_labels: frozenset[str] = frozenset()
    internal_names: frozenset[str] = frozenset()


class Binds(Enum):
    """What a rule binds besides requests, which every rule binds on their day.

    ``ISSUED``: certificates issued while it is in force, for as long as they live; what was issued before its day
    stays as it is. ``LIVING``: every certificate that lives, from the rule's day on.
    """

    REQUESTS = "requests"
    ISSUED = "issued"
    LIVING = "living"


@dataclass(frozen=True, slots=True)
class Rule:
    """One dated rule.

    ``check`` returns the sentence that says what is wrong, or None. The rule is in force from ``effective`` on, and
    before ``until``, the day on which a stricter one takes its place (None: no such day is known). A ``waivable``
    violation waits for a person; any other refuses. ``fix`` tells the requester what helps; ``citation`` tells the
    auditor where the rule comes from: edition and section.
    """

    name: str
    citation: str
    effective: date
    waivable: bool
    fix: str
    check: Callable[[Facts], str | None]
    until: date | None = None
    binds: Binds = Binds.REQUESTS

    def in_force(self, day: date) -> bool:
        """Tell whether the rule is in force on a day."""
        return self.effective <= day and (self.until is None or day < self.until)


ALWAYS = date(1970, 1, 1)
"""For rules of this system's own security model: no clock, however wrong, is early enough to switch them off."""
