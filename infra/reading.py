"""The few questions that handlers ask of read models, answered from the views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from ssl import PEM_cert_to_DER_cert
from typing import Any

from commands.ports.issuers import RevokedSerial
from commands.ports.reading import DueCrl, DueRenewal, DueRevocation, Place, StartedIssuance
from domain.moments import microseconds, moment_of
from projections.access.grants import GRANTS, GrantFilter
from projections.certificates.inventory import INVENTORY, InventoryFilter
from projections.certificates.orders import ORDERS, OrderFilter
from projections.certificates.planned_revocations import PLANNED_REVOCATIONS, PlannedFilter
from projections.certificates.renewals import NEVER_US, RENEWALS, RenewalFilter
from projections.certificates.transfers import TRANSFERS, TransferFilter
from projections.hosts.deployments import DEPLOYMENTS, DeploymentFilter
from projections.hosts.queue import QUEUE, QueueFilter
from projections.issuers.issuers import ISSUERS, IssuerFilter, IssuerRow
from projections.issuers.revocations import REVOCATIONS, RevocationFilter
from projections.keys.keys import KEYS, KeyFilter
from projections.keys.reveals import REVEALS, RevealFilter
from projections.query import Views, every

__all__ = ("ViewsReading", "every")


class ViewsReading:
    """Adapter of the port :class:`commands.ports.reading.Reading`."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def caught_up(self, position: int) -> None:
        """Wait until the read models have seen ``position``."""
        await self._views.wait_for(position)

    def started_issuances(self) -> Sequence[StartedIssuance]:
        """Return the issuances that wait for their end."""
        return [
            StartedIssuance(row["certificate_id"], row["created"])
            for row in every(self._views, INVENTORY, InventoryFilter(state="started"))
        ]

    def served_from(self, place: Place) -> Sequence[str]:
        """Return the certificates, still in force, that were ever proven to be served from a place."""
        host_id, directory = place
        where = DeploymentFilter(host_id=host_id, directory=directory, states=("served", "replaced"))
        served = dict.fromkeys(row["certificate_id"] for row in every(self._views, DEPLOYMENTS, where))
        return [certificate_id for certificate_id in served if self._is_issued(certificate_id)]

    def places_of(self, certificate_id: str) -> Sequence[Place]:
        """Return the places where this certificate is the last one that was proven to be served."""
        where = DeploymentFilter(certificate_id=certificate_id, state="served")
        places = {(row["host_id"], row["directory"]) for row in every(self._views, DEPLOYMENTS, where)}
        return [place for place in places if self._last_from(place) == certificate_id]

    def _last_from(self, place: Place) -> str:
        where = DeploymentFilter(host_id=place[0], directory=place[1], state="served")
        return self._views.find(DEPLOYMENTS, where, limit=1).rows[0]["certificate_id"]

    def _is_issued(self, certificate_id: str) -> bool:
        row: Any = self._views.get(INVENTORY, certificate_id)
        return row is not None and row["state"] == "issued"

    def authorities(self) -> Sequence[bytes]:
        """Return the certificates (DER) of all authorities of ours."""
        return [PEM_cert_to_DER_cert(row["chain"][0]) for row in every(self._views, ISSUERS, IssuerFilter())]

    def certificates_of_key(self, spki_sha256: str) -> Sequence[str]:
        """Return the certificates in force of one public key."""
        where = InventoryFilter(spki_sha256=spki_sha256, state="issued")
        return [row["certificate_id"] for row in every(self._views, INVENTORY, where)]

    def installing(self, certificate_id: str) -> Sequence[str]:
        """Return the deployments of a certificate that a host has still to carry out."""
        planned = every(self._views, DEPLOYMENTS, DeploymentFilter(certificate_id=certificate_id, state="planned"))
        ids = [row["deployment_id"] for row in planned]
        return [one for one in ids if self._views.find(QUEUE, QueueFilter(deployment_id=one), limit=1).rows]

    def planned_at(self, place: Place) -> Sequence[str]:
        """Return the deployments that are planned for a place and have not been reported."""
        where = DeploymentFilter(host_id=place[0], directory=place[1], state="planned")
        return [row["deployment_id"] for row in every(self._views, DEPLOYMENTS, where)]

    def next_renewal(self) -> datetime | None:
        """Return when something is due for a renewal next."""
        rows = self._views.find(RENEWALS, RenewalFilter(order="wake"), limit=1).rows
        return moment_of(rows[0]["wake_us"]) if rows and rows[0]["wake_us"] < NEVER_US else None

    def renewals_due(self, at: datetime, *, at_most: int) -> Sequence[DueRenewal]:
        """Return renewals for which something is due; where there are too many, those whose end is nearest."""
        now = microseconds(at) + 1
        found = self._views.find(RENEWALS, RenewalFilter(order="wake", wake_before_us=now), limit=at_most)
        if found.next_cursor is not None:
            found = self._views.find(RENEWALS, RenewalFilter(order="expiry", wake_before_us=now), limit=at_most)
        rows = sorted(found.rows, key=lambda row: row["expires_us"])
        return [DueRenewal(row["certificate_id"], row["changed"]) for row in rows]

    def successor_of(self, certificate_id: str) -> str | None:
        """Return an issued certificate of the same owner that names all its names and lives longer."""
        row = self._views.get(INVENTORY, certificate_id)
        names = {*row["dns_names"], *row["ip_addresses"]} if row else set()
        if row is None or not names:
            return None
        where = InventoryFilter(
            state="issued", team_id=row["team_id"], name=min(names), expires_from_us=row["not_after_us"] + 1
        )
        found = every(self._views, INVENTORY, where)
        return next(
            (one["certificate_id"] for one in found if names <= {*one["dns_names"], *one["ip_addresses"]}), None
        )

    def issuer_ends(self, issuer_id: str) -> datetime | None:
        """Return the end of an issuer's own certificate."""
        row = self._views.get(ISSUERS, issuer_id)
        return moment_of(row["not_after_us"]) if row else None

    def requesting_grants(self, team_id: str) -> Sequence[str]:
        """Return the grants in force by which somebody may request for a team."""
        where = GrantFilter(role="ROLE_DEVOPS", team_id=team_id, in_force=True)
        return [row["grant_id"] for row in every(self._views, GRANTS, where)]

    def admin_grants(self) -> Sequence[str]:
        """Return the grants of ROLE_ADMIN that are in force."""
        return [row["grant_id"] for row in every(self._views, GRANTS, GrantFilter(role="ROLE_ADMIN", in_force=True))]

    def revoked(self, issuer_id: str, *, not_expired_at: datetime) -> Sequence[RevokedSerial]:
        """Return the revoked serials of an issuer whose certificates had not expired at that moment."""
        where = RevocationFilter(issuer_id=issuer_id, expires_from_us=microseconds(not_expired_at))
        return [
            RevokedSerial(row["serial"], moment_of(row["revoked_us"]), row["reason"], _moment(row["invalidity_us"]))
            for row in every(self._views, REVOCATIONS, where)
        ]

    def revocations_due(self, at: datetime) -> Sequence[DueRevocation]:
        """Return the planned revocations whose deadline is over or whose replacing order is fulfilled."""
        over, replaced = PlannedFilter(before_us=microseconds(at) + 1), PlannedFilter(replaced=True)
        due = {
            row["certificate_id"]: DueRevocation(row["certificate_id"], row["position"])
            for where in (over, replaced)
            for row in every(self._views, PLANNED_REVOCATIONS, where)
        }
        return list(due.values())

    def crls_due(self, at: datetime) -> Sequence[DueCrl]:
        """Return the CRLs of keys at hand that have less than half of their time left, or lack a revocation."""
        now = microseconds(at)
        return [
            DueCrl(row["issuer_id"], max(row["crl_number"], *(one["number"] for one in row["drawn"]), 0))
            for row in every(self._views, ISSUERS, IssuerFilter())
            if row["key_id"] is not None and (_half_over(row, now) or self._misses_one(row))
        ]

    def _misses_one(self, row: IssuerRow) -> bool:
        newest = self._views.find(REVOCATIONS, RevocationFilter(issuer_id=row["issuer_id"]), limit=1).rows
        return bool(newest) and newest[0]["position"] > row["crl_position"]

    def undecided_of(self, pseudonym: str, at: datetime) -> Sequence[str]:
        """Return the orders, reveals and offers of a person that four eyes have still to decide on."""
        orders = every(self._views, ORDERS, OrderFilter(state="waiting"))
        reveals = every(self._views, REVEALS, RevealFilter(requester=pseudonym))
        offers = every(self._views, TRANSFERS, TransferFilter(state="open", valid_from_us=microseconds(at)))
        return [
            *(row["order_id"] for row in orders if pseudonym in {row["requester"], *row["approvers"]}),
            *(row["reveal_id"] for row in reveals if row["state"] in {"waiting", "approved"}),
            *(row["certificate_id"] for row in offers if row["offered_by"] == pseudonym),
        ]

    def orders_wanting_keys(self) -> Sequence[str]:
        """Return the approved orders whose keys the key store is to make, and has not for every host."""
        return [
            row["order_id"]
            for row in every(self._views, ORDERS, OrderFilter(state="approved", server_key=True))
            if set(row["host_ids"] or ("",)) - set(row["certificates"])
        ]

    def copies_due(self, at: datetime) -> Sequence[tuple[str, str]]:
        """Return the keys, each with a certificate, whose copy in the key store may be needed no more."""
        now = microseconds(at)
        return [
            (row["key_id"], row["certificate_ids"][-1])
            for row in every(self._views, KEYS, KeyFilter(held=True, archived=False))
            if row["certificate_ids"] and self._copy_is_over(row["certificate_ids"][-1], now)
        ]

    def _copy_is_over(self, certificate_id: str, now: int) -> bool:
        row = self._views.get(INVENTORY, certificate_id)
        if row is None:
            return False
        if row["state"] == "revoked" or now > row["not_after_us"]:
            return True
        placed = list(every(self._views, DEPLOYMENTS, DeploymentFilter(certificate_id=certificate_id)))
        return bool(placed) and all(one["state"] == "served" for one in placed)

    def copies(self, stored_as: Iterable[str]) -> Mapping[str, bool]:
        """Return those of these key store ids that an event names; True: the copy is to be kept."""
        rows = every(self._views, KEYS, KeyFilter(stored_as=tuple(stored_as)))
        return {row["stored_as"] or "": row["held"] for row in rows}


def _half_over(row: IssuerRow, now: int) -> bool:
    start, end = row["this_update_us"], row["next_update_us"]
    return start is None or end is None or now > (start + end) // 2


def _moment(at_us: int | None) -> datetime | None:
    return None if at_us is None else moment_of(at_us)
