"""The sign-in store on a disk that is full: a clear answer, and work goes on once there is room."""

from __future__ import annotations

import pytest

from domain.errors import Unavailable
from infra.identity.database import IdentityDatabase
from infra.identity.directory import SqliteDirectory


def _room(database, pages):
    """Let the file have this many pages, as a full disk would."""
    database.row(f"PRAGMA max_page_count={pages}")


def test_a_full_disk_is_answered_and_left_behind(tmp_path):
    """No transaction stays open behind a write that found no room."""
    database = IdentityDatabase(tmp_path / "identity.sqlite")
    directory = SqliteDirectory(database)
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
    database = IdentityDatabase(tmp_path / "identity.sqlite")
    try:
        with database.transaction() as connection:
            connection.execute("CREATE TABLE child (of TEXT REFERENCES person DEFERRABLE INITIALLY DEFERRED)")
        database.row("PRAGMA foreign_keys=ON")
        with pytest.raises(Exception, match="FOREIGN KEY"), database.transaction() as connection:
            connection.execute("INSERT INTO child VALUES ('nobody')")  # found out by the commit only

        assert SqliteDirectory(database).pseudonym("https://idp.test", "anna")
    finally:
        database.close()
