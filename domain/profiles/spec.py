"""What a profile says: what may be issued, by which rules it is approved, where keys are made."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from pydantic import Field

from domain.base import Value

KeyAlgorithm = Literal["EC-P256", "EC-P384", "RSA-2048", "RSA-3072", "RSA-4096", "Ed25519"]
"""Subject key algorithms with their size, as NIST SP 800-57 part 1 and SP 800-131A name them."""

ExtendedKeyUsage = Literal["serverAuth", "clientAuth", "emailProtection"]

KeyUsage = Literal["digitalSignature", "keyEncipherment", "keyAgreement"]
"""What a leaf's key may do (RFC 5280 section 4.2.1.3), as far as we certify it."""

KeyMade = Literal["host", "client", "server"]
"""Who makes the private key: the agent on the host, the caller (who sends a CSR), or this system's key store."""

RENEW_AT_PERCENT = 67
"""The share of its life after which a certificate is due to be replaced, where no profile says otherwise."""


class ProfileSpec(Value):
    """The content of one profile version.

    - ``allowed_names``: DNS patterns. ``shop.test`` allows exactly that name; ``*.shop.test`` allows one label below
      it; ``**.shop.test`` any number of labels below it. A request for a *wildcard certificate* needs
      ``allow_wildcards`` besides a pattern that covers the names it would match.
    - ``allowed_addresses``: IP networks (CIDR) whose addresses may be named; empty means none.
    - ``max_validity``, ``backdate``: seconds. Validity counts from the back-dated notBefore, both ends inclusive.
    - ``hard_max_validity``: seconds; up to here a longer request waits for a person, above it is refused.
    - ``approval``: ``policy`` approves a conforming request at once; ``manual`` always waits for people.
    - ``approvals``: how many different people must approve a waiting request (never the requester).
    - ``key_made``: ``host`` = by the agent on the host, ``client`` = the caller brings a CSR, ``server`` = in the key
      store here (decryption keys, appliances), which nobody gets unless the profile says so; several may be allowed.
    - ``public_trust``: the issuer is publicly trusted, so the CA/Browser Forum's dated rules bind its certificates.
    - ``renew_at_percent``: share of a certificate's life after which a new one is due.
    - ``archive_keys``: a server-made *decryption* key stays in the key store after its delivery (NIST SP 800-57 part 1
      section 8.2.2: a signature key is never archived).
    - ``reveal_grace``: seconds after which a certificate whose key a person has seen is revoked, at the latest.
    - ``legacy_pkcs12_until``: until that day keys may be delivered as PKCS#12 in the form of RFC 7292 (3DES), for
      appliances that read no other; a dated exception on the record.
    - ``key_usages``: what the keys may do; none named = signing, and with RSA key encipherment, as TLS servers need.
    """

    name: str = Field(min_length=1, max_length=64, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
    issuer_id: str
    teams: tuple[str, ...] = Field(max_length=200, description="stream ids of the teams that may use the profile")
    allowed_names: tuple[str, ...] = Field(default=(), max_length=200)
    allow_wildcards: bool = False
    allowed_addresses: tuple[str, ...] = Field(default=(), max_length=200)
    max_names: int = Field(default=20, ge=1, le=100)
    key_algorithms: tuple[KeyAlgorithm, ...] = Field(default=("EC-P256",), min_length=1)
    max_validity: int = Field(ge=300, le=10 * 366 * 86_400)
    hard_max_validity: int | None = Field(default=None, ge=300, le=10 * 366 * 86_400)
    backdate: int = Field(default=300, ge=0, le=86_400)
    extended_key_usages: tuple[ExtendedKeyUsage, ...] = Field(default=("serverAuth",), min_length=1)
    approval: Literal["policy", "manual"] = "policy"
    approvals: int = Field(default=1, ge=1, le=5)
    key_made: tuple[KeyMade, ...] = Field(default=("host", "client"), min_length=1)
    common_name: Literal["none", "first-name"] = "first-name"
    public_trust: bool = False
    renew_at_percent: int = Field(default=RENEW_AT_PERCENT, ge=10, le=95)
    archive_keys: bool = False
    reveal_grace: int = Field(default=86_400, ge=0, le=7 * 86_400)
    legacy_pkcs12_until: date | None = None
    key_usages: tuple[KeyUsage, ...] = ()

    def signs(self) -> bool:
        """Tell whether keys of this profile may sign."""
        return not self.key_usages or "digitalSignature" in self.key_usages

    def longest(self) -> timedelta:
        """Return the longest validity that a person may approve."""
        return timedelta(seconds=self.hard_max_validity or self.max_validity)
