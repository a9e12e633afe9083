"""All read models: the one list that the composition root hands to the store and its runner."""

from __future__ import annotations

from typing import Any

from projections.access.emergencies import EMERGENCIES
from projections.access.grants import GRANTS
from projections.access.teams import TEAMS
from projections.audit.search import AUDIT
from projections.base import Projection
from projections.certificates.inventory import INVENTORY
from projections.certificates.orders import ORDERS
from projections.certificates.planned_revocations import PLANNED_REVOCATIONS
from projections.certificates.renewals import RENEWALS
from projections.certificates.transfers import TRANSFERS
from projections.hosts.deployments import DEPLOYMENTS
from projections.hosts.hosts import HOSTS
from projections.hosts.queue import QUEUE
from projections.issuers.issuers import ISSUERS
from projections.issuers.revocations import REVOCATIONS
from projections.keys.keys import KEYS
from projections.keys.reveals import REVEALS
from projections.notices.alarms import ALARMS
from projections.profiles.breaches import BREACHES
from projections.profiles.profiles import PROFILES

MODELS: tuple[Projection[Any], ...] = (
    ALARMS, AUDIT, BREACHES, DEPLOYMENTS, EMERGENCIES, GRANTS, HOSTS, INVENTORY, ISSUERS, KEYS, ORDERS,
    PLANNED_REVOCATIONS, PROFILES, QUEUE, RENEWALS, REVEALS, REVOCATIONS, TEAMS, TRANSFERS,
)  # fmt: skip
