"""The facts of a certificate that lives, for the rules that bind it."""

from __future__ import annotations

from datetime import date
from ipaddress import ip_network

from domain.certificates.standing import Standing
from domain.profiles.facts import Facts
from domain.profiles.spec import ProfileSpec


def living_facts(standing: Standing, spec: ProfileSpec | None, team: str, *, on: date, made: bool = False) -> Facts:
    """Return the facts of a certificate on a day. ``spec``: its profile's content of that day, None where it has none.

    ``made``: its host makes its keys. What claims to be publicly trusted is judged so, whatever its profile says.
    """
    profile = spec or _itself(standing, team)
    if standing.public_trust and not profile.public_trust:
        profile = profile.model_copy(update={"public_trust": True})
    return Facts(
        profile=profile,
        team=team,
        dns_names=standing.dns_names,
        ip_addresses=standing.ip_addresses,
        validity=standing.validity,
        key_algorithm=standing.key_algorithm,
        key_made="host" if made else "client",
        hashes=(standing.signature_hash,) if standing.signature_hash else (),
        on=on,
    )


def _itself(standing: Standing, team: str) -> ProfileSpec:
    """Return a profile that allows just what is there: no profile of ours speaks about a foreign certificate."""
    return ProfileSpec.model_construct(
        name="none",
        issuer_id="",
        teams=(team,),
        allowed_names=standing.dns_names,
        allow_wildcards=True,
        allowed_addresses=tuple(str(ip_network(address)) for address in standing.ip_addresses),
        key_algorithms=(standing.key_algorithm,),  # type: ignore[arg-type] # a foreign key may be of any kind
        max_validity=standing.validity,
    )
