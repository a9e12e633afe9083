"""From a draft to an entry: salts and nonces are drawn once, hashes are computed at every (re-)chaining."""

from __future__ import annotations

from os import urandom

from commands.ports.ledger import Entry, EntryDraft, Head, StoredEvent
from infra.ledger.proof.hashing import entry_hash, leaf_hash, metadata_hash
from infra.randomness import RandomBytes

_SALT = 16


def draw(draft: EntryDraft, random_bytes: RandomBytes = urandom) -> bytes:
    """Return fresh random bytes for a draft: the metadata salt, then one nonce per event, 16 bytes each."""
    return random_bytes(_SALT * (1 + len(draft.events)))


def chain(draft: EntryDraft, drawn: bytes, head: Head, recorded_at_us: int) -> Entry:
    """Return the entry that a draft becomes after ``head``; the same input gives the same entry."""
    first, n, salt = head.position + 1, len(draft.events), drawn[:_SALT]
    meta = metadata_hash(salt, draft.metadata)
    events, leaves = [], []
    for k, event in enumerate(draft.events):
        nonce = drawn[_SALT * (k + 1) : _SALT * (k + 2)]
        stored = StoredEvent(
            first + k, event.stream_id, event.stream_version, event.topic, nonce, event.state, event.model
        )
        events.append(stored)
        leaves.append(leaf_hash(stored, position=first + k, k=k, n=n, recorded_at_us=recorded_at_us, meta=meta))
    digest = entry_hash(first, recorded_at_us, head.entry_hash, meta, leaves)
    return Entry(
        first_position=first,
        recorded_at_us=recorded_at_us,
        prev_hash=head.entry_hash,
        entry_hash=digest,
        metadata_salt=salt,
        metadata=draft.metadata,
        details=draft.details,
        idempotency=draft.idempotency,
        events=tuple(events),
    )
