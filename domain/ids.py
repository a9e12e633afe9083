"""Stream ids: ``<kind>-<uuid>``.

Random where an object is one of many; derived (UUID version 5) where a name must be unique, so that the ledger's
rule "one event per stream and version" enforces the uniqueness without a look-up.
"""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID, uuid5

_NAMESPACE = UUID("5b6c1a52-0d0e-5f0e-9d0a-55c1c10a5510")


@lru_cache(maxsize=4_096)  # the same few names again and again: of a command's objects in it, and in what is folded
def derived_id(kind: str, *names: str) -> str:
    """Return the one stream id of ``kind`` for these names; the same names give the same id for ever."""
    return f"{kind}-{uuid5(_NAMESPACE, chr(0).join((kind, *names)))}"


def kind_of(stream_id: str) -> str:
    """Return the kind in front of a stream id: ``kind_of("host-1b…")`` is ``"host"``."""
    return stream_id.partition("-")[0]
