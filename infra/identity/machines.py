"""Access tokens of machines (client credentials): for our audience, from a client, and from nobody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commands.ports.signin import MachineIdentity, SignInRefused
from infra.identity.claims import audience, check_issuer, check_times, text
from infra.identity.evidence import groups_from
from infra.identity.jose import Verified, refused, unverified_issuer
from infra.identity.provider import Provider
from infra.identity.settings import ProviderSettings
from infra.records.sealing import digest

_PERSONAL = ("nonce", "at_hash", "c_hash", "events")
"""Claims that only an id_token or a logout token carries: such a token is no access token."""
_MOST_KNOWN = 10_000
"""Tokens remembered; all are forgotten when there are more."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A token that was read in full: who it names, and what has to hold again at every use."""

    provider: Provider
    verified: Verified
    machine: MachineIdentity

    def check_times(self) -> None:
        """Refuse a token before or after its time."""
        check_times(self.verified.claims, self.provider.clock().timestamp(), max_age=None)


class JwtMachineTokens:
    """Verifies JWT access tokens (RFC 9068) of the configured providers (port ``MachineTokens``).

    A pipeline sends the same token hundreds of times a second, so what a token says is read once and remembered by its
    SHA-256. Its times are checked at every use, and so is that the provider still signs with the key that verified it.
    """

    def __init__(self, providers: Sequence[Provider]) -> None:
        self._providers = {p.settings.issuer: p for p in providers if p.settings.api_audience}
        self._known: dict[bytes, _Known] = {}

    async def verify(self, token: str) -> MachineIdentity:
        """Return who the token was issued to. Raises ``TokenRefused``."""
        mark = digest(token)
        known = self._known.get(mark)
        if known is None or not await known.provider.still_signs(known.verified):
            known = await self._read(token)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[mark] = known
        known.check_times()
        return known.machine

    async def _read(self, token: str) -> _Known:
        provider = self._providers.get(unverified_issuer(token))
        if provider is None:
            raise refused("its issuer is not configured for machines", "token-iss")
        verified = await provider.signed(token)
        settings, claims = provider.settings, verified.claims
        _check_access_token(verified, settings)
        check_issuer(claims, settings.issuer)
        client_id = _machine(claims, settings)
        try:
            groups = groups_from(settings, claims)
        except SignInRefused as error:
            raise refused(error.message, error.rule) from error
        scope = claims.get("scope", "")
        scopes = tuple(scope.split()) if isinstance(scope, str) else ()
        subject = text(claims, "sub") if "sub" in claims else client_id
        machine = MachineIdentity(settings.name, settings.issuer, subject, client_id, groups, scopes)
        return _Known(provider, verified, machine)


def _check_access_token(verified: Verified, settings: ProviderSettings) -> None:
    claims = verified.claims
    if verified.type not in {kind.lower() for kind in settings.access_token_types}:
        raise refused("its header does not say that it is an access token", "token-type")
    if claims.get("typ", "Bearer") != "Bearer" or any(name in claims for name in _PERSONAL):
        raise refused("it is another kind of token", "token-type")
    audiences = audience(claims)
    if settings.api_audience not in audiences or settings.client_id in audiences:
        raise refused("it is not meant for this API", "token-aud")


def _machine(claims: Mapping[str, Any], settings: ProviderSettings) -> str:
    """Return the client id of a machine's token; a person's is refused, for people have sessions."""
    name = "azp" if settings.machine_shape == "idtyp-app" and "azp" in claims else "client_id"
    if settings.machine_shape == "sub-is-client":
        is_machine = claims.get("sub", claims.get("client_id")) == claims.get("client_id")
    elif settings.machine_shape == "client-without-sid":
        is_machine = "client_id" in claims and "sid" not in claims
    else:
        is_machine = claims.get("idtyp") == "app"
    if not is_machine or "sid" in claims:
        raise refused("it was issued to a person, or does not say that it was issued to a machine", "token-machine")
    return text(claims, name)
