"""Chains put together again from certificates in any order: by signature, for a name alone proves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from domain.certificates.foreign import ForeignCertificate
from domain.errors import InvalidInput

MAX_CERTIFICATES = 200
MAX_DEPTH = 8
MAX_SIGNATURES = 2_000
"""Most signatures that are checked for one upload: many certificates of one name cost the square of their number."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A leaf with what is above it in the upload, nearest first; a self-signed root is the last where it came along."""

    leaf: ForeignCertificate
    above: tuple[ForeignCertificate, ...]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The chains of an upload; ``authorities`` stand in none of them, ``repeated`` counts what was there twice."""

    chains: tuple[Chain, ...]
    authorities: tuple[ForeignCertificate, ...]
    repeated: int


def rebuild(certificates: Sequence[ForeignCertificate]) -> Rebuilt:
    """Put the chains of an upload together.

    A leaf is what is no CA, or names itself as its issuer, names a machine and has issued nothing else here. Raises
    :class:`InvalidInput`, rule ``import-too-many``.
    """
    distinct = list({one.fingerprint: one for one in certificates}.values())
    if len(distinct) > MAX_CERTIFICATES:
        raise _too_many(f"{len(distinct)} certificates")
    issuers = _Issuers(distinct)
    signing = {above.fingerprint for one in distinct for above in issuers.of(one) if above is not one}
    leaves = [one for one in distinct if one.fingerprint not in signing and _is_leaf(one)]
    chains = tuple(Chain(leaf, _above(leaf, issuers)) for leaf in leaves)
    used = {one.fingerprint for chain in chains for one in (chain.leaf, *chain.above)}
    unused = tuple(one for one in distinct if one.fingerprint not in used)
    return Rebuilt(chains, unused, len(certificates) - len(distinct))


def _is_leaf(one: ForeignCertificate) -> bool:
    """Tell whether it is a server's; a name without a dot may as well be an authority's."""
    machine = bool(one.ip_addresses) or any("." in name for name in one.dns_names)
    return not one.is_ca or (one.subject_der == one.issuer_der and machine)


def _above(leaf: ForeignCertificate, issuers: _Issuers) -> tuple[ForeignCertificate, ...]:
    """Return the issuers upwards; of several (cross-signed ones) that which lives longest."""
    path: list[ForeignCertificate] = []
    seen = {leaf.fingerprint}
    here = leaf
    while len(path) < MAX_DEPTH:
        upward = [one for one in issuers.of(here) if one.fingerprint not in seen]
        if not upward or here in issuers.of(here):
            break
        here = max(upward, key=lambda one: (one.not_after, one.fingerprint))
        seen.add(here.fingerprint)
        path.append(here)
    return tuple(path)


class _Issuers:
    """Who signed whom among some certificates; each signature is checked once."""

    def __init__(self, certificates: Sequence[ForeignCertificate]) -> None:
        self._parsed = {one.fingerprint: x509.load_der_x509_certificate(one.der) for one in certificates}
        self._by_subject: dict[bytes, list[ForeignCertificate]] = {}
        for one in certificates:
            self._by_subject.setdefault(one.subject_der, []).append(one)
        self._found: dict[str, list[ForeignCertificate]] = {}
        self._left = MAX_SIGNATURES

    def of(self, one: ForeignCertificate) -> list[ForeignCertificate]:
        """Return those that signed a certificate: authorities, and itself where it is self-signed."""
        if one.fingerprint not in self._found:
            named = self._by_subject.get(one.issuer_der, [])
            self._found[one.fingerprint] = [above for above in named if self._signed(one, above)]
        return self._found[one.fingerprint]

    def _signed(self, one: ForeignCertificate, above: ForeignCertificate) -> bool:
        if not above.is_ca and above is not one:
            return False
        self._left -= 1
        if self._left < 0:
            raise _too_many("certificates of one name")
        try:
            self._parsed[one.fingerprint].verify_directly_issued_by(self._parsed[above.fingerprint])
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            return False
        return True


def _too_many(what: str) -> InvalidInput:
    return InvalidInput(
        f"too many at once: {what}",
        rule="import-too-many",
        fix=f"import at most {MAX_CERTIFICATES} certificates at once",
    )
