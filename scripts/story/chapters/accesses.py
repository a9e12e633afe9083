"""Chapter 12: who touched this key: from the ledger, in milliseconds, each row with its place in the chain."""

from __future__ import annotations

import time
from typing import Any

from scripts.story.place import StoryError
from scripts.story.scene import Scene

_ABOUT = (
    "Every touch of a key or a certificate is in the ledger: who, when, in which role, why, by whose approval, refused "
    "ones too. The answer comes from a read model; each row names the hashes by which an export proves it."
)


def _position(row: dict[str, Any]) -> int:
    return int(row["position"])


def live(scene: Scene, certificate_id: str) -> None:
    """Ask as an auditor who touched the key that was shown."""
    scene.teller.chapter("12  Who accessed this key?", _ABOUT)
    vera = scene.person("vera")
    vera.seen = max(one.seen for one in scene.people.values())
    path = f"/audit/certificates/{certificate_id}/accesses"
    vera.get(path, limit=1).good()  # the first look of a quarter of an hour is recorded, and waits for the disk
    begun = time.perf_counter()
    rows = vera.items(path, limit=100)
    took = (time.perf_counter() - begun) * 1e3
    for row in sorted(rows, key=_position):
        who = row["actor_name"] or row["actor"].removeprefix("agent:")[:12]
        why = ", ".join(filter(None, (row["role"].removeprefix("ROLE_"), row["rule"], row["reason"])))
        mood = "no" if row["refused"] else "ok"
        scene.teller.line(who.split()[0], row["what"], why, row["position"], mood=mood)
    if not any(row["access"] == "reveal" for row in rows):
        raise StoryError(f"a key was revealed, and the view says {[row['access'] for row in rows]}")
    scene.teller.line(vera.who, "has it all in one answer", f"{len(rows)} rows in {took:.0f} ms, TLS included")
