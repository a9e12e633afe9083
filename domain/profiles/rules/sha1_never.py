"""Nothing signed with SHA-1 (or MD5, MD2) is certified, and no certificate signed with it stays unnoticed."""

from __future__ import annotations

from datetime import date

from domain.profiles.facts import Binds, Facts, Rule

_BROKEN = frozenset({"md2", "md4", "md5", "sha1"})


def _check(facts: Facts) -> str | None:
    found = sorted(_BROKEN.intersection(facts.hashes))
    return f"signed with {', '.join(found)}" if found else None


RULE = Rule(
    name="sha1-never",
    citation="NIST SP 800-131A rev. 2 table 8 (disallowed for signatures); CA/B TLS Baseline Requirements 7.1.3.2.1",
    effective=date(2014, 1, 1),
    waivable=False,
    fix="sign with SHA-256, SHA-384 or SHA-512",
    check=_check,
    binds=Binds.LIVING,
)
