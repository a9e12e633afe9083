"""Whether a SQLite ledger could store something now, without storing anything."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from infra.ledger.schema import connect

FREE_AT_LEAST = 64 * 2**20
"""Bytes that the ledger's disk must have left; below, appends are about to fail."""


class Probe:
    """Takes the write lock and lets it go, over one connection of its own: a stuck writer shows here."""

    def __init__(self) -> None:
        self._connection: sqlite3.Connection | None = None

    def obstacle(self, path: Path) -> str:
        """Say why nothing can be stored in this file; an empty text where it can."""
        if not path.exists():
            self.close()  # a connection that is open would go on writing into a file that nobody finds any more
            return "its file has gone"
        try:
            self._connection = self._connection or connect(path)
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("ROLLBACK")
        except sqlite3.Error as failure:
            self.close()
            return str(failure)
        free = shutil.disk_usage(path.parent).free
        return f"{free // 2**20} MiB free on its disk" if free < FREE_AT_LEAST else ""

    def close(self) -> None:
        """Let go of the file."""
        probe, self._connection = self._connection, None
        if probe is not None:
            probe.close()
