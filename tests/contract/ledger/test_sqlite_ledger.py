"""What holds for the SQLite store beyond the port: its triggers, its file, and a disk that fails."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from commands.ports.ledger import LedgerUnavailable
from domain.errors import WrongState
from infra.ledger import writer
from infra.ledger.drafts import genesis_draft
from infra.ledger.proof.verify import verify_entries
from infra.ledger.sqlite import SqliteLedger
from tests.support.ledgers import LEDGER_ID, ORIGIN, draft, hashed, now

ROOT = Path(__file__).parents[3]
LOCKS = Path("/proc/locks")

_ENTRY = "entry SELECT {}, {}, 0, prev_hash, entry_hash, metadata_salt, metadata, {} FROM entry"

REFUSED = [
    "UPDATE entry SET metadata = x'7b7d' WHERE first_position = 1",
    "UPDATE entry SET n = 2",
    "UPDATE event SET state = x'7b7d' WHERE position = 2",
    "UPDATE event SET stream_version = 9",
    "UPDATE details SET details = x'00'",
    "UPDATE details SET first_position = 1, details = NULL",
    "DELETE FROM entry",
    "DELETE FROM event WHERE position = 2",
    "DELETE FROM details",
    "INSERT INTO " + _ENTRY.format(7, 1, "NULL"),
    "INSERT INTO " + _ENTRY.format(4, 0, "NULL"),
    "INSERT OR REPLACE INTO " + _ENTRY.format(1, 1, "NULL"),
    "REPLACE INTO " + _ENTRY.format(4, 1, "idempotency") + " WHERE idempotency IS NOT NULL",
    "INSERT INTO event VALUES (4, 'new', 1, 't', x'00', x'00')",
    "INSERT INTO event VALUES (NULL, 'new', 1, 't', x'00', x'00')",
    "INSERT OR REPLACE INTO event VALUES (2, 'new', 1, 't', x'00', x'00')",
    "INSERT OR REPLACE INTO event SELECT 4, stream_id, stream_version, topic, nonce, state FROM event LIMIT 1",
    "INSERT INTO details VALUES (1, x'00')",
    "INSERT OR REPLACE INTO details VALUES (2, x'00')",
    "INSERT INTO details VALUES (9, x'00')",
]


@pytest.fixture
def path(tmp_path):
    """Name the ledger's file."""
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path):
    """Give a ledger of three entries, the second with key and details."""
    with SqliteLedger(path, clock=now) as made:
        made.append_blocking(genesis_draft(LEDGER_ID, ORIGIN))
        made.append_blocking(draft("a", key=hashed("k"), details={"reason": "a planted canary"}))
        made.append_blocking(draft("b"))
        yield made


@pytest.mark.parametrize("statement", REFUSED)
def test_triggers_refuse_what_is_no_append(path, ledger, statement):
    """The file refuses to change, remove or replace what is stored and to insert anywhere but at the end."""
    connection = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    connection.close()

    assert verify_entries(ledger.entries(1)).finding is None


@pytest.mark.usefixtures("ledger")
def test_a_second_row_of_an_entry_cannot_be_slipped_in(path):
    """Even with an entry at the next position, an event cannot replace another one of the same stream version."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("INSERT INTO " + _ENTRY.format(4, 1, "NULL") + " LIMIT 1")
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT OR REPLACE INTO event VALUES (4, 'a', 1, 't', x'00', x'00')")
    connection.close()


def test_durability_is_on(ledger):
    """The file is in write-ahead mode and every connection waits for the disk."""
    with ledger.reading() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_reader_cannot_write(ledger):
    """The connections lent for reading refuse every change."""
    with pytest.raises(LedgerUnavailable, match="readonly"), ledger.reading() as connection:
        connection.execute("UPDATE details SET details = NULL")


def test_erased_bytes_are_gone_from_the_file(path, ledger):
    """After erasure the personal bytes are neither in the file nor in its write-ahead log."""
    ledger.erase_details(2)
    left = b"".join(file.read_bytes() for file in path.parent.iterdir())

    assert b"planted canary" not in left


async def test_a_full_disk_refuses_the_group_and_stores_nothing(ledger):
    """SQLITE_FULL fails every command of the group as unavailable; later commands find room again."""
    before = ledger.head()
    connection = ledger._writer._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LedgerUnavailable, match="full"):
        await ledger.append(draft("big", text="x" * 50_000))

    assert ledger.head() == before
    assert (await ledger.append(draft("big", text="x" * 50_000))).first_position == before.position + 1


class _FailingCommit:
    """A connection whose next COMMIT answers with a disk error, having committed or not."""

    def __init__(self, connection, *, committed):
        self._connection = connection
        self._committed = committed

    def execute(self, statement, *values):
        if statement == "COMMIT":
            if self._committed:
                self._connection.execute("COMMIT")
            raise sqlite3.OperationalError("disk I/O error")
        return self._connection.execute(statement, *values)

    def __getattr__(self, name):
        return getattr(self._connection, name)


async def test_a_failed_sync_stores_nothing(ledger):
    """A commit that fails is answered as unavailable, and the entry is not there."""
    before = ledger.head()
    ledger._writer._connection = _FailingCommit(ledger._writer._connection, committed=False)
    with pytest.raises(LedgerUnavailable, match="disk I/O error"):
        await ledger.append(draft("c"))

    assert ledger.head() == before
    assert (await ledger.append(draft("c"))).first_position == before.position + 1


async def test_a_commit_with_unknown_outcome_is_looked_up(ledger):
    """A commit that took place though it answered with an error is found by position and hash, and acknowledged."""
    before = ledger.head()
    ledger._writer._connection = _FailingCommit(ledger._writer._connection, committed=True)
    entry = await ledger.append(draft("c"))

    assert entry.first_position == before.position + 1
    assert ledger.head().entry_hash == entry.entry_hash


async def test_a_file_that_cannot_be_opened_is_unavailable(ledger, monkeypatch):
    """While the file cannot be opened, appends say so, and work again afterwards."""

    def refuse(_path):
        raise sqlite3.OperationalError("unable to open database file")

    ledger._writer._drop_connection()
    with monkeypatch.context() as patch:
        patch.setattr(writer, "connect", refuse)
        with pytest.raises(LedgerUnavailable, match="unable to open"):
            await ledger.append(draft("c"))

    assert (await ledger.append(draft("c"))).first_position == 4


async def test_a_surprise_in_the_writer_reaches_the_callers_and_not_the_thread(ledger):
    """An error nobody foresaw is handed to the callers of its group; the next group is stored."""
    clock, ledger._writer._clock = ledger._writer._clock, lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        await ledger.append(draft("c"))
    ledger._writer._clock = clock

    assert (await ledger.append(draft("c"))).first_position == 4


LIMITED = """
import resource, signal, sys
from commands.ports.ledger import LedgerUnavailable
from infra.ledger.sqlite import SqliteLedger
from tests.support.ledgers import draft, now
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
ledger = SqliteLedger(sys.argv[1], clock=now)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    for number in range(1000):
        entry = ledger.append_blocking(draft(f"r{number}", text="x" * 5_000))
        print(entry.first_position, entry.entry_hash.hex(), flush=True)
except LedgerUnavailable as refused:
    print(refused, file=sys.stderr)
"""


def test_a_write_that_the_system_refuses_leaves_what_was_acknowledged(path, ledger):
    """When the operating system refuses a write, everything acknowledged is there and the chain goes on."""
    child = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    told = [line.split() for line in child.stdout.splitlines()]
    hashes = {str(entry.first_position): entry.entry_hash.hex() for entry in ledger.entries(1)}
    after = ledger.append_blocking(draft("after"))

    assert "refuses writes" in child.stderr
    assert told
    assert hashes.items() >= dict(told).items()
    assert after.first_position == 4 + len(told)


def test_a_clock_without_a_zone_is_refused(path):
    """A ledger is not opened with a clock whose times have no zone."""
    with pytest.raises(ValueError, match="zone"):
        SqliteLedger(path, clock=lambda: datetime(2026, 1, 1))  # noqa: DTZ001 - the very mistake


def test_only_an_empty_ledger_is_restored_into(ledger):
    """Restoring into a ledger that has entries is refused."""
    with pytest.raises(WrongState, match="already has entries"):
        ledger.restore(ledger.entries(1))


def test_a_new_file_is_for_its_owner_only(path, ledger):
    """The ledger's file and its log are readable for the account that created them, and nobody else."""
    modes = {file.stat().st_mode & 0o777 for file in path.parent.iterdir()}

    assert ledger.head().position == 3
    assert modes == {0o600}


def test_a_file_that_is_no_ledger_is_refused(tmp_path):
    """A file with something else in it, and a folder that is not there, are refused in words."""
    other = tmp_path / "letter.txt"
    other.write_text("Dear auditor, this is not a database, however long it gets. " * 20)
    for wrong in (other, tmp_path / "missing" / "ledger.db", tmp_path):
        with pytest.raises(LedgerUnavailable, match="cannot be opened"):
            SqliteLedger(wrong, clock=now)


def test_a_file_of_a_later_version_is_refused(path, ledger):
    """A file that a later version wrote is left alone."""
    ledger.close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LedgerUnavailable, match="later version"):
        SqliteLedger(path, clock=now)


async def test_a_file_that_vanished_does_not_begin_anew(path, ledger):
    """When the file has gone, appends and reads say so instead of beginning another ledger at position 1."""
    ledger._writer._drop_connection()
    for file in path.parent.iterdir():
        file.unlink()
    with pytest.raises(LedgerUnavailable):
        await ledger.append(draft("c"))

    assert list(path.parent.iterdir()) == []


def _locks(path):
    """Return this machine's POSIX locks on a file, as the kernel lists them (Linux)."""
    inode = f":{path.stat().st_ino} "
    return sorted(line.split(maxsplit=1)[1] for line in LOCKS.read_text().splitlines() if inode in line)


@pytest.mark.skipif(not LOCKS.exists(), reason="the list of locks is Linux's")
def test_opening_it_once_more_keeps_the_locks(path, ledger):
    """A second instance in the same process, opened and closed, leaves the first one's locks on the file in place.

    Closing any descriptor of a file drops all of a process's locks on it; another process would then tidy away the
    write-ahead log under this one's feet, and the file would be destroyed.
    """
    ledger.head()
    before = _locks(path)
    SqliteLedger(path, clock=now).close()

    assert before
    assert _locks(path) == before
