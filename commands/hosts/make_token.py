"""Make a bootstrap token: one use, time-limited, bound to one host; only its hash is kept."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta

from pydantic import Field

from commands.base import UseCase
from commands.hosts.on_host import HostCommand, scope
from commands.work import Work
from domain.hosts.host import Host


class MakeBootstrapToken(HostCommand):
    """Allow one enrolment of the host's agent within ``valid_seconds``; an unused older token is replaced."""

    valid_seconds: int = Field(default=3_600, ge=60, le=7 * 86_400)


def secret_sha256(secret: str) -> str:
    """Return the hash by which the ledger knows a bootstrap token's secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def handle(command: MakeBootstrapToken, work: Work) -> None:
    """Draw the secret; it is in the answer once and nowhere else."""
    secret = base64.urlsafe_b64encode(work.services.random_bytes(32)).rstrip(b"=").decode()
    host = work.load(Host, command.host_id)
    expires = work.now + timedelta(seconds=command.valid_seconds)
    host.make_token(token_sha256=secret_sha256(secret), expires=expires, at=work.now)
    work.secret = secret


MAKE_BOOTSTRAP_TOKEN = UseCase("hosts.token", scope, handle)
