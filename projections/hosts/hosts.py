"""The hosts: enrolled machines. Neither bootstrap tokens nor their hashes get here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypedDict

from domain.hosts.host import Host
from domain.moments import microseconds
from projections.base import Fact, Projection, Rows, on, touched
from projections.query import Filter, Order, equals, holds


class HostRow(TypedDict):
    """One host.

    ``spki_sha256s``: the agent's public keys that count, lower-case hex, the present one first (empty before it is
    enrolled and after it is disabled). ``offline``: its agent has not been heard for too long.
    ``token_expires_us``: until when an unused bootstrap token is good.
    """

    host_id: str
    name: str
    team_id: str
    state: Literal["registered", "enrolled", "disabled"]
    safe_mode: bool
    offline: bool
    certificate_id: str | None
    spki_sha256s: list[str]
    token_expires_us: int | None
    agent_version: str
    platform: str
    registered_us: int
    created: int
    changed: int
    changed_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFilter(Filter):
    """Which hosts."""

    ORDERS: ClassVar[Mapping[str, Order]] = {"name": Order("name")}
    order: str = "name"
    name: str | None = equals("name")
    team_id: str | None = equals("team_id")
    state: str | None = equals("state")
    safe_mode: bool | None = equals("safe_mode")
    offline: bool | None = equals("offline")
    spki_sha256: str | None = holds("keys")


def _registered(rows: Rows[HostRow], fact: Fact[Host.Registered]) -> None:
    at = microseconds(fact.event.timestamp)
    rows.add(
        HostRow(
            host_id=fact.stream_id,
            name=fact.event.name,
            team_id=fact.event.team_id,
            state="registered",
            safe_mode=False,
            offline=False,
            certificate_id=None,
            spki_sha256s=[],
            token_expires_us=None,
            agent_version="",
            platform="",
            registered_us=at,
            created=fact.position,
            changed=fact.position,
            changed_us=at,
        )
    )


def _token_made(rows: Rows[HostRow], fact: Fact[Host.BootstrapTokenMade]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "token_expires_us": microseconds(fact.event.expires)})


def _enrolled(rows: Rows[HostRow], fact: Fact[Host.Enrolled]) -> None:
    if row := touched(rows, fact):
        event = fact.event
        row = {**row, "agent_version": event.agent_version, "platform": event.platform, "token_expires_us": None}
        row = {**row, "certificate_id": event.certificate_id, "spki_sha256s": [event.spki_sha256]}
        rows.put({**row, "state": "enrolled"})


def _renewed(rows: Rows[HostRow], fact: Fact[Host.IdentityRenewed]) -> None:
    if row := touched(rows, fact):
        keys = [fact.event.spki_sha256, *row["spki_sha256s"][:1]]
        rows.put({**row, "certificate_id": fact.event.certificate_id, "spki_sha256s": keys})


def _disabled(rows: Rows[HostRow], fact: Fact[Host.Disabled]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "state": "disabled", "token_expires_us": None, "spki_sha256s": [], "offline": False})


def _safe_mode_entered(rows: Rows[HostRow], fact: Fact[Host.SafeModeEntered]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "safe_mode": True})


def _safe_mode_left(rows: Rows[HostRow], fact: Fact[Host.SafeModeLeft]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "safe_mode": False})


def _went_offline(rows: Rows[HostRow], fact: Fact[Host.WentOffline]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "offline": True})


def _came_back(rows: Rows[HostRow], fact: Fact[Host.CameBack]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "offline": False})


HOSTS: Projection[HostRow] = Projection(
    name="hosts",
    version=2,
    key="host_id",
    columns={"name": "text", "team_id": "text", "state": "text", "safe_mode": "boolean", "offline": "boolean"},
    many={"keys": ("spki_sha256s",)},
    indexes=(("name",), ("team_id", "name")),
    scope="team_id",
    folds=dict(
        (
            on(Host.Registered, _registered),
            on(Host.BootstrapTokenMade, _token_made),
            on(Host.Enrolled, _enrolled),
            on(Host.IdentityRenewed, _renewed),
            on(Host.Disabled, _disabled),
            on(Host.SafeModeEntered, _safe_mode_entered),
            on(Host.SafeModeLeft, _safe_mode_left),
            on(Host.WentOffline, _went_offline),
            on(Host.CameBack, _came_back),
        )
    ),
)
