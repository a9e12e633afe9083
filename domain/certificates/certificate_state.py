"""What the events of a certificate have made of it: the values that its rules read, whichever part they are in."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from domain.base import Aggregate
from domain.certificates.wish import Target
from domain.errors import WrongState

State = Literal["started", "issued", "failed", "superseded", "revoked"]
Purpose = Literal["order", "agent", "server", "imported"]


class CertificateState(Aggregate):
    """The ground that the parts of :class:`~domain.certificates.certificate.Certificate` stand on."""

    def __init__(self) -> None:
        self.state: State = "started"
        self.purpose: Purpose = "order"
        self.team_id: str | None = None
        self.order_id: str | None = None
        self.host_id: str | None = None
        self.issuer_id = ""
        self.issuer_name = ""
        self.ask_there: tuple[str, ...] = ()
        self.serial = ""
        self.spki_sha256 = ""
        self.dns_names: tuple[str, ...] = ()
        self.ip_addresses: tuple[str, ...] = ()
        self.profile_id: str | None = None
        self.not_before: datetime
        self.not_after: datetime
        self.certificate = ""
        self.fingerprint = ""
        self.superseded_by = ""
        self.targets: tuple[Target, ...] = ()
        self.chain: tuple[str, ...] = ()

    def _must_be(self, state: State) -> None:
        if self.state != state:
            told = f"the certificate is {self.state}, not {state}"
            raise WrongState(told, rule="certificate-state", fix=f"look at its history: sslclm show {self.id}")
