"""The sign-in store on a disk that is full: a clear answer, and work goes on once there is room."""

from __future__ import annotations

import pytest

from domain.errors import Unavailable
from infra.identity.directory import StoredDirectory
from infra.identity.tables import IDENTITY
from infra.records.sqlite import sqlite_records


def _room(database, pages):
    """Let the file have this many pages, as a full disk would."""
    database._opened().execute(f"PRAGMA max_page_count={pages}")


def test_a_full_disk_is_answered_and_left_behind(tmp_path):
    """No transaction stays open behind a write that found no room."""
    database = sqlite_records(tmp_path / "identity.sqlite", IDENTITY)
    directory = StoredDirectory(database)
    try:
        _room(database, 1)
        with pytest.raises(Unavailable) as full:
            directory.pseudonym("https://idp.test", "olga", display_name="x" * 200_000)
        _room(database, 100_000)
        known = directory.pseudonym("https://idp.test", "anna")

        assert "identity-store" == full.value.rule
        assert known == directory.pseudonym("https://idp.test", "anna")
    finally:
        database.close()


def test_a_commit_that_fails_leaves_no_transaction_open(tmp_path):
    """The next writer begins afresh."""
    database = sqlite_records(tmp_path / "identity.sqlite", IDENTITY)
    try:
        connection = database._opened()
        connection.execute("CREATE TABLE child (of TEXT REFERENCES person DEFERRABLE INITIALLY DEFERRED)")
        connection.execute("PRAGMA foreign_keys=ON")
        with pytest.raises(Unavailable, match="FOREIGN KEY"):  # found out by the commit only
            database.transact(lambda _: connection.execute("INSERT INTO child VALUES ('nobody')"))

        assert StoredDirectory(database).pseudonym("https://idp.test", "anna")
    finally:
        database.close()
