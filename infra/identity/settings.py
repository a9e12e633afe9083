"""What an operator configures about one OpenID Connect provider; impossible settings are refused with the remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"]
"""Signature algorithms that may be pinned: asymmetric ones only (RFC 8725 section 3.1)."""

MachineShape = Literal["sub-is-client", "client-without-sid", "idtyp-app"]
"""How a provider marks a machine's token.

``sub-is-client``: RFC 9068 section 2.2, subject equals ``client_id``; ``client-without-sid``: Keycloak (the subject is
a service user); ``idtyp-app``: Entra ID.
"""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def is_loopback(host: str) -> bool:
    """Say whether a host, as written in a URL or a listener, can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def web_address(url: str, *, development: bool) -> str:
    """Return ``url`` if it is https, or http on loopback in development; raises ``ValueError`` otherwise."""
    parts = urlsplit(url)
    local = development and parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not parts.hostname or not (parts.scheme == "https" or local):
        raise ValueError(f"{url!r} must be an https address (http is for loopback in development mode only)")
    if parts.username or parts.fragment:
        raise ValueError(f"{url!r} must have neither user information nor a fragment")
    return url


class MfaRule(_Frozen):
    """When a provider's claims prove more than one factor: every part that is set must hold; none set proves nothing.

    - ``acr``: accepted values of ``acr``. Alone it is not enough at Keycloak: set ``amr_all`` beside it.
    - ``amr_all``: alternatives, each a set of methods (RFC 8176) that must all be named; ``({"mfa"},)`` for Okta.
    - ``acrs``: accepted authentication contexts of Entra ID.
    """

    acr: frozenset[str] = frozenset()
    amr_all: tuple[frozenset[str], ...] = ()
    acrs: frozenset[str] = frozenset()

    def proves(self, acr: str, amr: Sequence[str], acrs: Sequence[str]) -> bool:
        """Say whether these claims prove multi-factor authentication."""
        verdicts: list[bool] = []
        if self.acr:
            verdicts.append(acr in self.acr)
        if self.amr_all:
            verdicts.append(any(methods and methods <= set(amr) for methods in self.amr_all))
        if self.acrs:
            verdicts.append(bool(self.acrs & set(acrs)))
        return bool(verdicts) and all(verdicts)


class ProviderSettings(_Frozen):
    """One OpenID Connect provider and our registration at it.

    - ``issuer``: compared exactly, trailing slash included.
    - ``algs``: the only signature algorithms believed, whatever the provider's documents list.
    - ``step_up``: extra authorization parameters that ask for a second factor: ``acr_values``, or ``claims`` with an
      essential ``acr`` where the provider supports it (OIDC Core section 5.5.1.1).
    - ``groups_claim``: name of the claim, dots for nesting (``realm_access.roles``). ``groups_limit``: the number at
      which the provider cuts the list silently (Okta: 100).
    - ``api_audience``: what a machine's access token must name in ``aud``; empty: this provider has no machines.
    - ``ca_file``: PEM bundle that the provider's TLS certificate must chain to.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
    issuer: str
    client_id: Annotated[str, Field(min_length=1, max_length=255)]
    client_secret: Annotated[SecretStr, Field(min_length=1)]
    client_auth: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic"
    redirect_uri: str
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    algs: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("RS256", "PS256", "ES256")
    mfa: MfaRule = MfaRule()
    step_up: Mapping[str, str] = Field(default_factory=dict)
    groups_claim: str = "groups"
    groups_limit: int | None = None
    api_audience: str = ""
    access_token_types: tuple[str, ...] = ("at+jwt",)
    machine_shape: MachineShape = "sub-is-client"
    ca_file: Path | None = None
    development: bool = False

    @model_validator(mode="after")
    def _possible(self) -> Self:
        web_address(self.issuer, development=self.development)
        web_address(self.redirect_uri, development=self.development)
        if self.issuer.startswith("https:") and self.ca_file is None:
            raise ValueError("ca_file is missing: name the PEM bundle, e.g. /etc/ssl/certs/ca-certificates.crt")
        if self.api_audience == self.client_id:
            raise ValueError("api_audience must differ from client_id, or sign-in tokens would pass for API tokens")
        if "openid" not in self.scopes:
            raise ValueError('scopes must contain "openid"')
        return self

    def groups_of(self, claims: Mapping[str, Any]) -> Any:
        """Return what stands at ``groups_claim``, None where nothing does."""
        found: Any = claims
        for name in self.groups_claim.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        return found
