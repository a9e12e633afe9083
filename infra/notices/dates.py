"""What has a date, from the read models: adapter of ``commands.notices.watch_calendar.Dates``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from cryptography.x509 import load_pem_x509_certificate

from commands.notices.watch_calendar import RaisedAlarm, Span
from domain.certificates.renewal import Renewal
from domain.moments import microseconds, moment_of
from infra.reading import every
from projections.certificates.inventory import INVENTORY, InventoryFilter, InventoryRow
from projections.certificates.renewals import RENEWALS
from projections.hosts.hosts import HOSTS
from projections.issuers.issuers import ISSUERS, IssuerFilter, IssuerRow
from projections.notices.alarms import ALARMS, AlarmFilter
from projections.query import MAX_LIMIT, Views

AHEAD, BEHIND = timedelta(days=30), timedelta(days=7)
PAGES = 10
"""Pages of certificates that one round looks at; the next round goes on where it ended."""


class ViewsDates:
    """Remembers how far it got among the certificates, so that a round is short whatever there is."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._cursor: str | None = None

    def authorities(self) -> Sequence[Span]:
        """Return the certificates of all issuers."""
        return [_authority(row) for row in every(self._views, ISSUERS, IssuerFilter())]

    def crls(self, *, sealed: bool) -> Sequence[Span]:
        """Return the served CRLs of issuers whose key is sealed apart, or is at hand."""
        return [
            Span(row["issuer_id"], moment_of(row["this_update_us"]), moment_of(row["next_update_us"]))
            for row in every(self._views, ISSUERS, IssuerFilter())
            if row["key_sealed"] is sealed and row["this_update_us"] is not None and row["next_update_us"] is not None
        ]

    def expiring(self, now: datetime) -> Iterator[Span]:
        """Yield some of the certificates in force whose end is near, others in the next round where there are many."""
        where = InventoryFilter(
            state="issued",
            expires_from_us=microseconds(now - BEHIND),
            expires_before_us=microseconds(now + AHEAD),
            order="expiry",
        )
        for _ in range(PAGES):
            page = self._views.find(INVENTORY, where, cursor=self._cursor, limit=MAX_LIMIT)
            self._cursor = page.next_cursor
            for row in page.rows:
                span = _span(row)
                if span.left(now) <= (span.end - span.start) / 5 and not self._replaced(row):
                    yield span
            if self._cursor is None:
                return

    def expires(self, certificate_id: str, now: datetime) -> bool:
        """Tell whether a certificate is still one whose end is near."""
        row = self._views.get(INVENTORY, certificate_id)
        if row is None or row["state"] != "issued" or self._replaced(row):
            return False
        return now - BEHIND <= moment_of(row["not_after_us"]) < now + AHEAD

    def raised(self) -> Iterator[RaisedAlarm]:
        """Yield the alarms that are raised."""
        for row in every(self._views, ALARMS, AlarmFilter(raised=True)):
            yield RaisedAlarm(row["alarm_id"], row["kind"], row["object_id"], moment_of(row["due_us"]), row["level"])

    def _replaced(self, row: InventoryRow) -> bool:
        """Tell whether nobody needs it any more: an agent has another, or a later one has all of its names.

        What has a renewal is left to it: that escalates by itself.
        """
        if self._views.get(RENEWALS, Renewal.id_for(row["certificate_id"])) is not None:
            return True
        if row["purpose"] == "agent":
            host = self._views.get(HOSTS, row["host_id"] or "")
            return host is None or host["state"] != "enrolled" or host["certificate_id"] != row["certificate_id"]
        names = {*row["dns_names"], *row["ip_addresses"]}
        later = InventoryFilter(
            name=next(iter(sorted(names)), ""),
            team_id=row["team_id"],
            state="issued",
            expires_from_us=row["not_after_us"] + 1,
        )
        found = self._views.find(INVENTORY, later, limit=MAX_LIMIT).rows
        return any(names <= {*one["dns_names"], *one["ip_addresses"]} for one in found)


def _span(row: InventoryRow) -> Span:
    return Span(row["certificate_id"], moment_of(row["not_before_us"]), moment_of(row["not_after_us"]))


def _authority(row: IssuerRow) -> Span:
    start = load_pem_x509_certificate(row["chain"][0].encode()).not_valid_before_utc
    return Span(row["issuer_id"], start, moment_of(row["not_after_us"]))
