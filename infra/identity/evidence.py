"""From a checked id_token to a :class:`SignedIn`, and its sealed form with the tokens that stay on the server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from commands.ports.keystore import Secret
from commands.ports.signin import SignedIn, SignInRefused
from infra.identity.claims import MAX_TEXT, number, text, texts
from infra.identity.settings import ProviderSettings


@dataclass(frozen=True, slots=True)
class Evidence(SignedIn):
    """A sign-in with what only this layer may hold: the refresh token, and the id_token for the provider's logout."""

    refresh_token: Secret | None = field(default=None, repr=False, compare=False)
    id_token: Secret | None = field(default=None, repr=False, compare=False)


def groups_from(settings: ProviderSettings, claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the groups exactly as the provider wrote them. Raises ``SignInRefused`` where the list may be incomplete.

    Entra ID replaces more than 200 groups by a reference (``_claim_names``, ``hasgroups``) that we do not follow; Okta
    cuts at 100 without a word.
    """
    sources = claims.get("_claim_names")
    overage = (isinstance(sources, Mapping) and settings.groups_claim in sources) or claims.get("hasgroups") is not None
    found = settings.groups_of(claims)
    listed = [] if found is None else found
    if overage or (isinstance(listed, list) and settings.groups_limit and len(listed) >= settings.groups_limit):
        raise SignInRefused(
            "the identity provider sent only a part of this person's groups",
            rule="group-overage",
            fix="let the provider send only the groups (or app roles) assigned to this application",
        )
    if not isinstance(listed, list) or not all(isinstance(group, str) for group in listed):
        raise SignInRefused("the groups are not a list of texts", rule="token-groups", fix="correct the groups mapper")
    return tuple(listed)


def _shown(claims: Mapping[str, Any], *names: str) -> str:
    values = (claims.get(name) for name in names)
    return next((value[:MAX_TEXT] for value in values if isinstance(value, str) and value), "")


def evidence_from(settings: ProviderSettings, claims: Mapping[str, Any], tokens: Mapping[str, Any]) -> Evidence:
    """Return the evidence in the claims of a *checked* id_token. Raises ``SignInRefused`` and ``TokenRefused``."""
    acr = text(claims, "acr") if "acr" in claims else ""
    amr = texts(claims, "amr")
    auth_time = datetime.fromtimestamp(number(claims, "auth_time"), UTC) if "auth_time" in claims else None
    refresh = tokens.get("refresh_token")
    return Evidence(
        provider=settings.name,
        issuer=settings.issuer,
        subject=text(claims, "sub"),
        display_name=_shown(claims, "name", "preferred_username"),
        email=_shown(claims, "email"),
        groups=groups_from(settings, claims),
        acr=acr,
        amr=amr,
        mfa=settings.mfa.proves(acr, amr, texts(claims, "acrs")),
        auth_time=auth_time,
        provider_sid=text(claims, "sid") if "sid" in claims else None,
        refresh_token=Secret(refresh.encode()) if isinstance(refresh, str) and refresh else None,
        id_token=Secret(str(tokens["id_token"]).encode()),
    )


def without_tokens(evidence: SignedIn) -> SignedIn:
    """Return the evidence as anybody may see it."""
    names = SignedIn.__dataclass_fields__
    return SignedIn(**{name: getattr(evidence, name) for name in names})


def pack(signed_in: SignedIn) -> bytes:
    """Return the bytes to seal."""
    plain = asdict(without_tokens(signed_in))
    plain["auth_time"] = signed_in.auth_time.timestamp() if signed_in.auth_time else None
    for name in ("refresh_token", "id_token"):
        secret = getattr(signed_in, name, None)
        plain[name] = secret.reveal().decode() if secret is not None else None
    return json.dumps(plain).encode()


def unpack(packed: bytes) -> Evidence:
    """Return what :func:`pack` was given."""
    plain: dict[str, Any] = json.loads(packed)
    at = plain.pop("auth_time")
    refresh_token, id_token = plain.pop("refresh_token"), plain.pop("id_token")
    return Evidence(
        **{**plain, "groups": tuple(plain["groups"]), "amr": tuple(plain["amr"])},
        auth_time=None if at is None else datetime.fromtimestamp(at, UTC),
        refresh_token=None if refresh_token is None else Secret(refresh_token.encode()),
        id_token=None if id_token is None else Secret(id_token.encode()),
    )


def renewed(old: Evidence, *, groups: tuple[str, ...] | None, refresh_token: Secret | None) -> Evidence:
    """Return the evidence after a refresh: groups may change, the proof of authentication never does."""
    return replace(
        old,
        groups=old.groups if groups is None else groups,
        refresh_token=refresh_token or old.refresh_token,
    )
