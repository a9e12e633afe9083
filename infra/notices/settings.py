"""The ways out, as the settings name them: each is whole or absent, and what cannot work is refused at the start."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from commands.ports.keystore import Secret
from domain.errors import InvalidInput
from infra.keystore.files import read_private
from infra.notices.channel import Channel
from infra.notices.mail import AddressOf, ContactOf, Mail, MailSettings, tls_context
from infra.notices.webhook import Webhook, read_secrets
from infra.outbound.guarded import GuardedClient, Network, check_url

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_SECRET_LIMIT = 1_024


def words(value: Any) -> Any:
    """Return the words of a list as settings write it, separated by commas."""
    return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value


def _networks(value: Any) -> Any:
    return tuple(ip_network(each) for each in words(value)) if isinstance(value, str) else value


class Ways(BaseModel):
    """The settings of the ways out: members of ``infra.settings.Settings``."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65_535)
    smtp_from: str = ""
    smtp_to: Annotated[tuple[str, ...], BeforeValidator(words)] = ()
    smtp_ca_file: Path | None = None
    smtp_user: str = ""
    smtp_password_file: Path | None = None
    webhook_url: str = ""
    webhook_secret_file: Path | None = None
    webhook_ca_file: Path | None = None
    webhook_allow: Annotated[tuple[Network, ...], BeforeValidator(_networks)] = ()


def check_ways(ways: Ways) -> None:
    """Raise ValueError with the sentence an operator needs where a way out is half configured."""
    if ways.smtp_host and not (ways.smtp_from and ways.smtp_to and ways.smtp_ca_file):
        raise ValueError(
            "SSLCLM_SMTP_HOST needs SSLCLM_SMTP_FROM, SSLCLM_SMTP_TO (the operators) and SSLCLM_SMTP_CA_FILE (the PEM "
            "bundle that the mail server's certificate chains to, e.g. /etc/ssl/certs/ca-certificates.crt)"
        )
    for name, addresses in (("SSLCLM_SMTP_FROM", (ways.smtp_from,)), ("SSLCLM_SMTP_TO", ways.smtp_to)):
        if any(one and not _ADDRESS.fullmatch(one) for one in addresses):
            raise ValueError(f"{name} takes plain mail addresses: ops@example.com")
    if bool(ways.smtp_user) != bool(ways.smtp_password_file):
        raise ValueError("SSLCLM_SMTP_USER and SSLCLM_SMTP_PASSWORD_FILE belong together")
    if ways.webhook_url and not (ways.webhook_secret_file and ways.webhook_ca_file):
        raise ValueError(
            "SSLCLM_WEBHOOK_URL needs SSLCLM_WEBHOOK_SECRET_FILE (whsec_…, mode 0600) and SSLCLM_WEBHOOK_CA_FILE"
        )
    try:
        check_url(ways.webhook_url or "https://nowhere/")
    except InvalidInput as problem:
        raise ValueError(f"SSLCLM_WEBHOOK_URL: {problem.message}: {problem.fix}") from None


def channels(
    ways: Ways, *, contact_of: ContactOf, address_of: AddressOf, base_url: str, clock: Callable[[], datetime]
) -> tuple[Channel, ...]:
    """Return the configured ways out. Raises InvalidInput and NotFound for files that cannot be used."""
    made: list[Channel] = []
    if ways.smtp_host:
        mail = Mail(_mail(ways), contact_of=contact_of, address_of=address_of, base_url=base_url, clock=clock)
        made.append(mail)
    if ways.webhook_url and ways.webhook_secret_file and ways.webhook_ca_file:
        made.append(_webhook(ways, ways.webhook_secret_file, ways.webhook_ca_file, clock))
    return tuple(made)


def _mail(ways: Ways) -> MailSettings:
    assert ways.smtp_ca_file is not None
    password = ways.smtp_password_file
    return MailSettings(
        host=ways.smtp_host,
        port=ways.smtp_port,
        sender=ways.smtp_from,
        operators=ways.smtp_to,
        ca_file=ways.smtp_ca_file,
        user=ways.smtp_user,
        password=Secret(read_private(password, _SECRET_LIMIT).strip()) if password else None,
    )


def _webhook(ways: Ways, secret_file: Path, ca_file: Path, clock: Callable[[], datetime]) -> Webhook:
    def secrets() -> tuple[Secret, ...]:  # read for every message: a rotation needs no restart
        return read_secrets(read_private(secret_file, _SECRET_LIMIT))

    secrets()
    client = GuardedClient(tls_context(ca_file), allowed=ways.webhook_allow)
    return Webhook(client, ways.webhook_url, secrets, clock)
