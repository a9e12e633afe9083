"""The development provider runs in development, on loopback, or not at all."""

from __future__ import annotations

from collections.abc import Iterable

from domain.errors import PolicyRefused
from infra.identity.settings import is_loopback


def require_development(*, development: bool, hosts: Iterable[str]) -> None:
    """Refuse unless development mode is on and every listener of the process is bound to loopback.

    Raises :class:`domain.errors.PolicyRefused` with the sentence an operator needs.
    """
    if not development:
        raise PolicyRefused(
            "the development identity provider lets anybody sign in as anybody and runs in development mode only",
            rule="development-only",
            fix="configure your own OpenID Connect provider, or switch development mode on for a machine of your own",
        )
    bound = tuple(hosts)
    exposed = [host for host in bound if not is_loopback(host)]
    if exposed or not bound:
        named = ", ".join(exposed) or "no address at all"
        raise PolicyRefused(
            f"the development identity provider must not be reachable from outside, but a listener is bound to {named}",
            rule="development-only",
            fix="bind every listener to 127.0.0.1 or ::1, or configure your own OpenID Connect provider",
        )
