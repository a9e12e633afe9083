"""Who can sign in during development: one literal table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Persona:
    """A made-up person: ``subject`` never changes; ``role`` is only shown, the rights follow from ``groups``."""

    subject: str
    name: str
    role: str
    groups: tuple[str, ...]

    @property
    def email(self) -> str:
        """An address that can never exist (RFC 2606)."""
        return f"{self.subject}@sslclm.example"


@dataclass(frozen=True, slots=True)
class Machine:
    """A made-up pipeline; its secret is made when the provider starts."""

    client_id: str
    groups: tuple[str, ...]


PERSONAS = (
    Persona("vera", "Vera Viewer", "Viewer: audit and compliance", ("/sslclm/viewers",)),
    Persona("dev-anna", "Anna (team shop)", "DevOps of team shop", ("/teams/shop/devops",)),
    Persona("dev-ben", "Ben (team pay)", "DevOps of team pay", ("/teams/pay/devops",)),
    Persona("sec-olga", "Olga Security", "SecOps", ("/sslclm/sec-ops",)),
    Persona("sec-omar", "Omar Security", "SecOps, the second person", ("/sslclm/sec-ops",)),
    Persona("adam", "Adam Admin", "Admin: restore, emergencies", ("/sslclm/admins",)),
    Persona("nora", "Nora Nobody", "nobody: no group at all", ()),
)

MACHINES = (Machine("ci-shop", ("/teams/shop/pipelines",)), Machine("ci-pay", ("/teams/pay/pipelines",)))
