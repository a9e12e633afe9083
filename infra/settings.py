"""Settings of a backend process: the only module that reads the environment.

Each setting is a variable ``SSLCLM_<NAME>``; infra/README.md has the table. A set-up that cannot work, or would be
unsafe, is refused here with the sentence an operator needs.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, model_validator

from domain.errors import InvalidInput
from infra.clock import GuardedClock, Limits
from infra.identity.settings import ProviderSettings, is_loopback, web_address
from infra.notices.settings import Ways, check_ways, words
from infra.places import Places, check_places
from infra.setting_types import Address, ListenAddress, LoadBalancers, read_oidc_file, sentences

PREFIX = "SSLCLM_"
CLIENT_PREFIX = "SSLCLM_CLI_"  # settings of the command line, which may run in the same environment


class Settings(Places, Ways):
    """All settings; frozen and complete. Make it with :meth:`from_environment`."""

    public_url: str = "https://localhost:8443"
    agent_url: str = "https://localhost:8444"
    pki_url: str = "http://localhost:8080"
    people_listen: ListenAddress = Address(host="127.0.0.1", port=8443)
    agents_listen: ListenAddress = Address(host="127.0.0.1", port=8444)
    pki_listen: ListenAddress = Address(host="127.0.0.1", port=8080)
    development: bool = False
    dev_provider_listen: ListenAddress = Address(host="127.0.0.1", port=8090)
    oidc_file: Path | None = None
    oidc: tuple[ProviderSettings, ...] = ()
    load_balancers: LoadBalancers = ()
    agents_silent_seconds: int = Field(default=600, ge=60, le=7 * 86_400)
    reserved_names: Annotated[tuple[str, ...], BeforeValidator(words)] = ()
    clock_jump_seconds: int = Field(default=60, ge=5, le=3_600)
    clock_gap_days: int = Field(default=31, ge=1, le=366)
    workers: int = Field(default=1, ge=1, le=64)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @classmethod
    def from_environment(
        cls,
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, Any] | None = None,
        *,
        serving: bool = True,
    ) -> Self:
        """Read ``SSLCLM_*`` of ``environ`` (default: the process's own); ``overrides`` win, by field name.

        ``serving`` False is for what lets nobody sign in, as a back-up does: then no identity provider is asked for.
        Raises InvalidInput that names every setting in the way, each with what mends it.
        """
        found = os.environ if environ is None else environ
        values: dict[str, Any] = {
            _field(name): value
            for name, value in found.items()
            if name.startswith(PREFIX) and not name.startswith(CLIENT_PREFIX) and value
        }
        values.update(overrides or {})
        try:
            if values.get("oidc_file") and "oidc" not in values:
                values["oidc"] = read_oidc_file(Path(values["oidc_file"]))
            return cls.model_validate(values, context={"serving": serving})
        except ValidationError as error:
            raise _refused(error) from None

    @model_validator(mode="after")
    def _possible(self, asked: ValidationInfo) -> Self:
        """Refuse what cannot work together."""
        check_places(self)
        self._urls()
        self._distinct_ports()
        check_ways(self)
        if self.development:
            self._development_on_loopback()
        elif asked.context is None or asked.context["serving"]:
            self._people_can_sign_in()
        return self

    def _people_can_sign_in(self) -> None:
        if not self.oidc:
            raise ValueError("nobody could sign in: name the identity providers in SSLCLM_OIDC_FILE")
        if any(provider.development for provider in self.oidc):
            raise ValueError("SSLCLM_OIDC_FILE has a provider marked development, but SSLCLM_DEVELOPMENT is not set")

    def _urls(self) -> None:
        for name, url in (("SSLCLM_PUBLIC_URL", self.public_url), ("SSLCLM_AGENT_URL", self.agent_url)):
            parts = urlsplit(web_address(url, development=False))
            if parts.path or parts.query:
                raise ValueError(f"{name} is a base, without path and without a slash at its end: {url!r}")
        pki = urlsplit(self.pki_url)
        if pki.scheme != "http" or not pki.hostname or pki.query or pki.fragment or pki.path.endswith("/"):
            raise ValueError(
                f"SSLCLM_PKI_URL is the plain http base of CRLs and CA certificates, no slash at its end: "
                f"{self.pki_url!r}. Over https a client would need them to fetch them (RFC 5280 section 8)"
            )

    def clock(self) -> GuardedClock:
        """Return the machine's clock, guarded by these limits."""
        return GuardedClock(
            limits=Limits(timedelta(seconds=self.clock_jump_seconds), timedelta(days=self.clock_gap_days))
        )

    def listen_addresses(self) -> dict[str, Address]:
        """Return the addresses that this process listens on, by setting."""
        every = {
            "people_listen": self.people_listen,
            "agents_listen": self.agents_listen,
            "pki_listen": self.pki_listen,
            "dev_provider_listen": self.dev_provider_listen if self.development else None,
        }
        return {name: address for name, address in every.items() if address is not None}

    def _distinct_ports(self) -> None:
        taken: dict[tuple[str, int], str] = {}
        for name, address in self.listen_addresses().items():
            other = taken.setdefault((address.host, address.port), name)
            if other != name and address.port:
                raise ValueError(f"{_variable(name)} and {_variable(other)} are the same address: give each its own")

    def _development_on_loopback(self) -> None:
        for name, address in self.listen_addresses().items():
            if not is_loopback(address.host):
                raise ValueError(
                    f"development mode lets anybody sign in as anybody, so it listens on loopback only: set "
                    f"{_variable(name)} to 127.0.0.1:{address.port}, or unset SSLCLM_DEVELOPMENT and configure "
                    f"SSLCLM_OIDC_FILE"
                )


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _field(variable: str) -> str:
    name = variable.removeprefix(PREFIX).lower()
    known = [each for each in Settings.model_fields if each != "oidc"]
    if name not in known or variable != _variable(name):
        close = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f"did you mean {_variable(close[0])}?" if close else "remove it; infra/README.md lists all settings"
        raise InvalidInput(f"{variable} is no setting", rule="settings", fix=hint)
    return name


def _refused(error: ValidationError) -> InvalidInput:
    return InvalidInput(
        sentences(error, _variable), rule="settings", fix="mend these settings; infra/README.md lists them all"
    )
