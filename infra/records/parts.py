"""What small state is in MongoDB: one line per set of tables, for the migration and for the roles."""

from __future__ import annotations

from infra.identity.tables import IDENTITY
from infra.keystore.tables import KEYS
from infra.mongodb.parts import Kept, Part
from infra.notices.tables import NOTICES
from infra.records.leases import LEASES
from infra.records.mongodb import collections
from infra.records.passing import PASSING

EVERY = (IDENTITY, NOTICES, KEYS, PASSING, LEASES)
RECORDS = Part(
    "records",
    1,
    tuple(Kept(name, tuple(indexes)) for tables in EVERY for name, indexes in collections(tables).items()),
)
