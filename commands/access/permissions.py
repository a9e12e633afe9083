"""The permission table and its one enforcement point: default is deny, every action is one row.

``GLOBAL`` reaches every object, ``TEAM`` the objects of teams for which the role is held, ``OWN`` an agent's own host.
Rows for reading and for acting stand in the same table; a route or command without a row cannot be served.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from commands.base import Scope
from commands.context import Held, Principal, Role
from domain.errors import Denied, NotFound


class Reach(Enum):
    """How far a role carries in one row."""

    GLOBAL = "global"
    TEAM = "team"
    OWN = "own host"


_OPS = {Role.SEC_OPS: Reach.GLOBAL, Role.ADMIN: Reach.GLOBAL}
_READ = {Role.VIEWER: Reach.GLOBAL, Role.DEVOPS: Reach.TEAM, **_OPS}
_WATCH = {Role.VIEWER: Reach.GLOBAL, **_OPS}
_DEPLOY = {Role.DEVOPS: Reach.TEAM, **_OPS}
_AGENT = {Role.AGENT: Reach.OWN}
_SYSTEM = {Role.SYSTEM: Reach.GLOBAL}

PERMISSIONS: Mapping[str, Mapping[Role, Reach]] = {
    # who may do what
    "teams.create": _OPS | _SYSTEM,
    "teams.read": _READ,
    "teams.contact": _DEPLOY,
    "grants.give": _OPS | _SYSTEM,
    "grants.withdraw": _OPS | _SYSTEM,
    "grants.read": _WATCH,
    "profiles.define": _OPS | _SYSTEM,
    "profiles.retire": _OPS,
    "profiles.read": _READ,
    "policy.read": _READ,
    "policy.explain": _DEPLOY,
    "policy.check-living": _SYSTEM,
    "issuers.read": _READ,
    "issuers.create": _SYSTEM,
    "issuers.use-root-key": _SYSTEM,
    "issuers.publish-crl": _SYSTEM,
    "issuers.record-crl": _SYSTEM,
    # hosts and agents
    "hosts.register": _DEPLOY,
    "hosts.token": _DEPLOY,
    "hosts.disable": _DEPLOY,
    "hosts.note-presence": _SYSTEM,
    "hosts.read": _READ,
    "deployments.read": _READ,
    "deployments.retry": _DEPLOY,
    "deployments.remove": _DEPLOY,
    "agent.enrol": _AGENT,
    "agent.renew-identity": _AGENT,
    "agent.tasks": _AGENT,
    "agent.report-key": _AGENT,
    "agent.report-install": _AGENT,
    "agent.report-removal": _AGENT,
    "agent.heartbeat": _AGENT,
    # orders and certificates
    "orders.request": _DEPLOY,
    "orders.cancel": _DEPLOY,
    "orders.resume": _DEPLOY,
    "orders.approve": {Role.SEC_OPS: Reach.GLOBAL},
    "orders.reject": {Role.SEC_OPS: Reach.GLOBAL},
    "orders.read": _READ,
    "certificates.read": _READ,
    "certificates.revoke": _DEPLOY,
    "certificates.import": {Role.DEVOPS: Reach.TEAM, Role.SEC_OPS: Reach.GLOBAL},
    "certificates.offer": _DEPLOY,
    "certificates.withdraw-offer": _DEPLOY,
    "certificates.accept": {Role.DEVOPS: Reach.TEAM, Role.SEC_OPS: Reach.GLOBAL},
    "certificates.refuse": {Role.DEVOPS: Reach.TEAM, Role.SEC_OPS: Reach.GLOBAL},
    "transfers.read": _READ,
    "certificates.renew": _DEPLOY,
    "certificates.advance-renewal": _SYSTEM,
    "certificates.call-off-revocation": _DEPLOY,
    "certificates.carry-out-revocation": _SYSTEM,
    "certificates.issue-server": _SYSTEM,
    "certificates.record-issued": _SYSTEM,
    "certificates.record-failed": _SYSTEM,
    # who is told of what, and the emergency path in
    "notices.read": _READ,
    "notices.deliveries": _WATCH,
    "notices.raise-alarm": _SYSTEM,
    "notices.clear-alarm": _SYSTEM,
    "emergencies.open": _SYSTEM,
    "emergencies.end": _SYSTEM,
    # keys of the key store
    "keys.read": _READ,
    "keys.certify": _SYSTEM,
    "keys.destroy-copy": _SYSTEM,
    "agent.fetch-key": _AGENT,
    "reveals.read": _READ,
    "reveals.request": _OPS,
    "reveals.approve": {Role.SEC_OPS: Reach.GLOBAL},
    "reveals.reject": _OPS,
    "reveals.redeem": _OPS,
    # figures for monitors
    "metrics.read": _WATCH,
    # audit and sessions
    "audit.read": _WATCH,
    "audit.note": _READ | _SYSTEM,
    "activity.read": _READ,
    "session.read": _READ,
    "session.open": _SYSTEM,
    "session.end": _SYSTEM,
    "people.erase": _SYSTEM,
    # time
    "clock.read": _WATCH,
    "clock.note": _SYSTEM,
    "clock.confirm": _OPS | _SYSTEM,
    "keystore.rotate": _SYSTEM,
    # restore with loss
    "epoch.read": _WATCH,
    "epoch.find": _SYSTEM,
    "epoch.propose": _OPS,
    "epoch.confirm": _OPS,
    "epoch.take-over": _SYSTEM,
    "epoch.finish": _SYSTEM,
}
"""Action -> role -> reach. What is not here is denied."""


@dataclass(frozen=True, slots=True)
class Visible:
    """What a principal may see of one kind of object: everything, or only the objects of ``teams``."""

    everything: bool
    teams: frozenset[str] = frozenset()


class OutOfScope(NotFound):
    """The object is there, but not for this principal: the answer is that of an object that is not there."""

    rule = "not-found"


def authorise(action: str, principal: Principal, scope: Scope) -> Held:
    """Return the held role by which the principal may do ``action`` to what ``scope`` names; least reach first.

    Raises Denied where no role of theirs has the action at all, and :class:`OutOfScope` where one has, elsewhere.
    """
    row = PERMISSIONS.get(action, {})
    fitting = fitting_roles(action, principal)
    for held in sorted(fitting, key=lambda held: row[held.role] is Reach.GLOBAL):
        if _reaches(row[held.role], held, principal, scope):
            return held
    raise OutOfScope("there is no such object", fix="check the id, and the team you act for")


def visible(action: str, principal: Principal) -> Visible:
    """Return what the principal may see by a reading action; raises Denied where it is nothing at all."""
    row = PERMISSIONS.get(action, {})
    fitting = fitting_roles(action, principal)
    everything = any(row[held.role] is Reach.GLOBAL for held in fitting)
    return Visible(everything, frozenset(held.team for held in fitting if held.team is not None))


def fitting_roles(action: str, principal: Principal) -> list[Held]:
    """Return the held roles that have the action anywhere; raises Denied where there are none."""
    row = PERMISSIONS.get(action, {})
    fitting = [held for held in principal.held if held.role in row]
    if not fitting:
        raise _denied(action, principal)
    return fitting


def _reaches(reach: Reach, held: Held, principal: Principal, scope: Scope) -> bool:
    if reach is Reach.GLOBAL:
        return True
    if reach is Reach.TEAM:
        return scope.team_id is not None and held.team == scope.team_id
    return principal.host is not None and scope.host_id == principal.host


def _denied(action: str, principal: Principal) -> Denied:
    roles = ", ".join(sorted(role for role in principal.roles())) or "no role"
    needed = ", ".join(sorted(role for role in PERMISSIONS.get(action, {}))) or "nobody"
    return Denied(f"{action} is for {needed}; you hold {roles}", fix="ask somebody who holds the role")
