"""The courier of a backend: its ways out as the settings name them, its addresses from the erasable directory."""

from __future__ import annotations

from collections.abc import Callable

from infra.bootstrap import Backend
from infra.identity.wiring import Identity
from infra.notices.courier import Courier
from infra.notices.settings import Ways, channels
from infra.notices.subjects import ViewsSubjects
from projections.access.teams import TEAMS


def courier(
    backend: Backend, identity: Identity, ways: Ways, base_url: str, mine: Callable[[], bool] = lambda: True
) -> Courier:
    """Return the task that tells people, where it is ``mine`` to do.

    Raises InvalidInput and NotFound for files that cannot be used.
    """

    def contact_of(team_id: str) -> str | None:
        team = backend.views.get(TEAMS, team_id)
        return team["contact_id"] if team else None

    address_of = identity.contacts.address
    out = channels(ways, contact_of=contact_of, address_of=address_of, base_url=base_url, clock=backend.clock)
    subjects = ViewsSubjects(backend.views, backend.ledger)
    return Courier(backend.following, backend.views, backend.notices, subjects, out, mine)
