"""The data-encryption key is rotated by a command of the server, and the ledger says when and how much."""

from __future__ import annotations

import json

from tests.integration.backup.test_killed_backup import MANY, sslclm


def test_a_rotation_moves_everything_and_is_recorded(vault):
    """Beginning and end stand in the ledger, one key is left, and every secret is still readable."""
    backend, head = vault.lab.backend, vault.lab.position()
    fields = backend.keystore.status().fields
    out, err = (process := sslclm(backend.files, "keystore", "rotate", "--reason", "90 days", "--json")).communicate(
        timeout=MANY
    )
    assert process.returncode == 0, err

    assert {"fields": fields, "deks": 1}.items() <= json.loads(out).items()
    assert ["sslclm.rotation.begun.v1", "sslclm.rotation.ended.v1"] == vault.lab.topics(head)
    assert all(part.ready for part in backend.health.parts())
    assert "90 days" not in b"".join(e.state for x in backend.ledger.entries(head + 1) for e in x.events).decode()
