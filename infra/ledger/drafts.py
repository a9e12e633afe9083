"""What a draft must keep to, and the first draft of every ledger."""

from __future__ import annotations

import json
import re
from uuid import UUID

from commands.ports.ledger import EntryDraft, EventDraft
from domain.errors import InvalidInput
from infra.ledger.proof import rules

_PERHAPS = re.compile(rb'(?:":|[\[,])-?(?:[0-9]{16}|[0-9]+[.eE]|[NI])')
"""A number with a point or of 16 digits, a NaN; where it only looks like one, in a text, the state is parsed."""


def check_draft(draft: EntryDraft) -> None:
    """Refuse, with InvalidInput, what a verifier would refuse later: sizes, names, JSON, hashes in the metadata."""
    size = len(draft.metadata) + len(draft.details or b"")
    try:
        for event in draft.events:
            _check_event(event)
            size += len(event.stream_id) + len(event.topic) + len(event.state)
        rules.check_metadata(draft.metadata, draft.details, draft.idempotency)
        rules.check_totals(len(draft.events), size)
    except rules.RuleBroken as broken:
        raise InvalidInput(
            f"this entry cannot be stored: {broken}",
            rule=f"ledger-{broken.check}",
            fix="Keep names ASCII and numbers below 2^53, and split what is too large into several commands.",
        ) from None


def _check_event(event: EventDraft) -> None:
    """Check an event; what pydantic has just written of a model is parsed only where it may hold what JSON must not."""
    written = event.model is not None and event.state.isascii() and not _PERHAPS.search(event.state)
    check = rules.check_frame if written else rules.check_event
    check(event)  # type: ignore[arg-type] # a draft has no nonce yet, and none is read


def genesis_draft(ledger_id: str, origin: str) -> EntryDraft:
    """Return the first entry of a ledger; ``ledger_id`` is 32 hex digits, ``origin`` the log's name for ever.

    Raises InvalidInput where either has another form.
    """
    try:
        rules.check_identity(ledger_id, origin)
    except rules.RuleBroken as broken:
        raise InvalidInput(str(broken), rule="ledger-genesis", fix="Choose another name for the log.") from None
    state = json.dumps({"ledger_id": ledger_id, "origin": origin}, separators=(",", ":")).encode()
    stream_id = f"ledger-{UUID(ledger_id)}"
    metadata = b'{"actor":"system","purpose":"create-ledger"}'
    return EntryDraft((EventDraft(stream_id, 1, rules.GENESIS_TOPIC, state),), metadata)
