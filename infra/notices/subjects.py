"""What objects are called and who owns them, from the read models; adapter of ``commands.notices.notice.Subjects``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from commands.notices.notice import Subject
from commands.ports.ledger import Ledger
from commands.stored import event_of
from domain.ids import kind_of
from projections.base import Projection
from projections.certificates.inventory import INVENTORY
from projections.certificates.orders import ORDERS
from projections.hosts.deployments import DEPLOYMENTS
from projections.hosts.hosts import HOSTS
from projections.issuers.issuers import ISSUERS
from projections.keys.keys import KEYS
from projections.query import Views

_NAMES_SHOWN = 3
Row = Mapping[str, Any]


class ViewsSubjects:
    """Looks an object up where its kind is kept."""

    def __init__(self, views: Views, ledger: Ledger) -> None:
        self._views, self._ledger = views, ledger
        self._kinds: Mapping[str, tuple[Projection[Any], Callable[[Row], str]]] = {
            "certificate": (INVENTORY, self._certificate),
            "order": (ORDERS, lambda row: _names(row["subject"])),
            "deployment": (DEPLOYMENTS, lambda row: f"{self._host(row['host_id'])}:{row['directory']}"),
            "host": (HOSTS, lambda row: str(row["name"])),
            "issuer": (ISSUERS, lambda row: f"the CA {row['name']}"),
        }

    def about(self, object_id: str) -> Subject:
        """Return what an object is about: itself, or the certificate it serves; an unknown one is called by its id."""
        model, label = self._kinds.get(kind_of(object_id), (None, str))
        row: Row | None = self._views.get(model, object_id) if model else None
        return Subject(object_id, label(row), row.get("team_id")) if row else self._from_history(object_id)

    def _certificate(self, row: Row) -> str:
        return f"the agent of {self._host(row['host_id'])}" if row["purpose"] == "agent" else _names(row)

    def _host(self, host_id: str) -> str:
        row = self._views.get(HOSTS, host_id)
        return row["name"] if row else host_id

    def _from_history(self, object_id: str) -> Subject:
        """Return what the object's first fact says: what it is about, or which team it belongs to."""
        first = next(iter(self._ledger.stream(object_id)), None)
        told = event_of(first).model_dump() if first else {}
        certificate_id = told.get("certificate_id")
        if certificate_id:
            return self.about(certificate_id)
        return Subject(object_id, object_id, self._owner_of_key(object_id) or told.get("team_id"))

    def _owner_of_key(self, object_id: str) -> str | None:
        row = self._views.get(KEYS, object_id) if kind_of(object_id) == "key" else None
        return row["team_id"] if row else None


def _names(row: Row) -> str:
    names = [*row["dns_names"], *row["ip_addresses"]]
    more = f" and {len(names) - _NAMES_SHOWN} more names" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
