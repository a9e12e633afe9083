"""Every event has a meaning, and says whether it is an access: so that a new one cannot be forgotten.

Harm prevented: a new way to touch a key that "who accessed this key?" does not tell.
"""

from __future__ import annotations

from typing import get_args

from domain.registry import TOPICS
from projections.audit.meanings import MEANINGS, Access

WHERE = "projections/audit/meanings.py: _touch(kind, words), or _other(words, why) where it touches no key"


def test_every_event_has_a_meaning():
    """An event that the ledger can hold and the table lacks fails here; so does a row for none."""
    known = {event.TOPIC for event in MEANINGS}

    assert set(TOPICS) == known, f"add {set(TOPICS) - known or 'nothing'}, remove {known - set(TOPICS)}: {WHERE}"


def test_every_event_is_an_access_or_says_why_not():
    """Kinds are the known ones; no access without words, none left out without a reason."""
    for event, meaning in MEANINGS.items():
        assert meaning.words, event.TOPIC
        assert meaning.access in get_args(Access) if meaning.access else meaning.why, event.TOPIC
