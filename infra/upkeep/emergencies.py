"""The end of an emergency by time is recorded; what is believed ended at that moment already, by itself."""

from __future__ import annotations

from commands.access.emergencies import EndEmergency
from commands.context import SYSTEM, Context
from domain.moments import microseconds
from infra.bootstrap import Backend
from infra.reading import every
from projections.access.emergencies import EMERGENCIES, EmergencyFilter


async def end_emergencies(backend: Backend) -> None:
    """Record the end of every emergency whose time is up."""
    await backend.caught_up()
    now = microseconds(backend.clock())
    for row in every(backend.views, EMERGENCIES, EmergencyFilter(open=True)):
        if row["until_us"] <= now:
            key = f"emergency-end:{row['emergency_id']}"
            command = EndEmergency(emergency_id=row["emergency_id"], provider=row["provider"], cause="time")
            await backend.bus.execute(command, Context(SYSTEM, key, purpose="emergency", idempotency_key=key))
