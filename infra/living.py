"""The certificates that live, out of the read models."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime

from commands.ports.living import KnownProfile, LivingCertificate, LivingPage
from domain.moments import microseconds, moment_of
from domain.profiles.spec import ProfileSpec
from infra.reading import every
from projections.certificates.inventory import INVENTORY, InventoryFilter, InventoryRow
from projections.profiles.breaches import BREACHES, BreachFilter
from projections.profiles.profiles import PROFILES, ProfileFilter, ProfileRow
from projections.query import Views


class ViewsLiving:
    """Adapter of the port :class:`commands.ports.living.Living`."""

    def __init__(self, views: Views) -> None:
        self._views = views

    def certificates(
        self, at: datetime, *, teams: tuple[str, ...] | None = None, cursor: str | None = None, limit: int = 200
    ) -> LivingPage:
        """Return a page of the certificates that are issued and end after ``at``."""
        where = InventoryFilter(order="expiry", state="issued", expires_from_us=microseconds(at))
        found = self._views.find(INVENTORY, where, team_ids=teams, cursor=cursor, limit=limit)
        noted = self._noted([row["certificate_id"] for row in found.rows])
        items = [_living(row, noted.get(row["certificate_id"], set())) for row in found.rows if row["team_id"]]
        return LivingPage(items, found.next_cursor, found.position)

    def _noted(self, certificate_ids: Sequence[str]) -> dict[str, set[str]]:
        noted: dict[str, set[str]] = {}
        where = BreachFilter(state="open", certificate_ids=tuple(certificate_ids))
        for row in every(self._views, BREACHES, where):
            noted.setdefault(row["certificate_id"], set()).add(row["rule"])
        return noted

    def profile(self, profile_id: str) -> KnownProfile | None:
        """Return a profile."""
        row = self._views.get(PROFILES, profile_id)
        return _known(row) if row is not None else None

    def profiles(self, teams: tuple[str, ...] | None = None) -> Sequence[KnownProfile]:
        """Return every profile in force, or those that one of the teams may use."""
        rows = every(self._views, PROFILES, ProfileFilter(state="in-force"))
        return [_known(row) for row in rows if teams is None or not set(teams).isdisjoint(row["teams"])]


def _living(row: InventoryRow, noted: set[str]) -> LivingCertificate:
    issued = row["issued_us"] if row["purpose"] != "imported" else None
    return LivingCertificate(
        row["certificate_id"],
        row["team_id"] or "",
        row["profile_id"],
        row["host_id"],
        base64.b64decode(row["certificate"]),
        moment_of(issued).date() if issued is not None else None,
        frozenset(noted),
    )


def _known(row: ProfileRow) -> KnownProfile:
    return KnownProfile(row["profile_id"], ProfileSpec.model_validate(row["spec"]), row["state"] == "retired")
