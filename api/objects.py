"""What an event is about, by name: a certificate's first name, an order's, a host's, a team's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from api.edge import Edge
from api.history import PeopleNames
from domain.ids import kind_of
from projections.access.grants import GRANTS
from projections.access.teams import TEAMS
from projections.audit.search import AUDIT, AuditFilter, AuditRow
from projections.base import Projection
from projections.certificates.inventory import INVENTORY
from projections.certificates.orders import ORDERS
from projections.hosts.hosts import HOSTS
from projections.issuers.issuers import ISSUERS
from projections.profiles.profiles import PROFILES
from projections.query import Views


def _first_name(row: Mapping[str, Any]) -> str:
    names = [*row["dns_names"], *row["ip_addresses"]]
    return f"{names[0]} (and {len(names) - 1} more)" if len(names) > 1 else "".join(names)


_NAMED: Mapping[str, tuple[Projection[Any], Callable[[Mapping[str, Any]], str]]] = {
    "certificate": (INVENTORY, _first_name),
    "order": (ORDERS, lambda row: _first_name(row["subject"])),
    "host": (HOSTS, lambda row: str(row["name"])),
    "team": (TEAMS, lambda row: str(row["name"])),
    "profile": (PROFILES, lambda row: str(row["name"])),
    "issuer": (ISSUERS, lambda row: str(row["name"])),
    "grant": (GRANTS, lambda row: f"{row['role']} for {row['subject']}"),
}
"""Kind of an object -> where its name stands."""


class ObjectNames:
    """Names of objects, each looked up once."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._known: dict[str, str] = {}

    def of(self, row: AuditRow) -> str:
        """Return the name of what an event is about; empty where it is about nothing that has one."""
        subjects = (row["stream_id"], row["certificate_id"], row["order_id"], self._certificate_of(row))
        others = (row["issuer_id"], row["host_id"], *row["objects"])
        name = next((name for one in (*subjects, *others) if one and (name := self.name(one))), "")
        host = row["host_id"] if kind_of(row["stream_id"]) == "deployment" else None
        return f"{name} on {self.name(host)}" if host else name

    def name(self, object_id: str) -> str:
        """Return the name of one object; empty where it has none."""
        if object_id not in self._known:
            self._known[object_id] = self._look_up(object_id)
        return self._known[object_id]

    def _look_up(self, object_id: str) -> str:
        model, name_of = _NAMED.get(kind_of(object_id), (None, None))
        row = self._views.get(model, object_id) if model else None
        return name_of(row) if row is not None and name_of else ""

    def _certificate_of(self, row: AuditRow) -> str | None:
        """Return a certificate of the key that an event is about where it names none itself."""
        if row["certificate_id"] or not row["key_id"] or row["issuer_id"]:
            return None
        signed = self._views.find(AUDIT, AuditFilter(object_id=row["key_id"], access="signing"), limit=1).rows
        return signed[0]["certificate_id"] if signed else None


class ActorNames:
    """Names of whoever acts: of people out of the erasable directory, of the system, of agents by their hosts."""

    def __init__(self, edge: Edge, objects: ObjectNames) -> None:
        self._people, self._objects = PeopleNames(edge), objects

    def __call__(self, actor: str) -> str:
        """Return what an actor is called now; empty where nobody knows any more."""
        if actor == "system":
            return "the system"
        kind, _, host_id = actor.partition(":")
        if kind == "agent" and host_id:
            return f"agent of {self._objects.name(host_id) or host_id}"
        return self._people(actor)
