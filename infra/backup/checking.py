"""Is what lies in a folder a whole back-up? Every file's hash, every database's pages, every entry of the chain."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from commands.ports.ledger import Entry, Head
from infra.backup.manifest import FileFacts
from infra.ledger.proof.rules import RuleBroken, genesis_of
from infra.ledger.proof.verdict import Verdict
from infra.ledger.proof.verify import verify_entries
from infra.ledger.reader import read_entries, read_head, stray_rows

_PIECE = 1024 * 1024
_PAGE = 500


class Damage(Exception):
    """What was found, in words for whoever has to decide what to do."""


class LedgerFacts(NamedTuple):
    """What a verified ledger is."""

    ledger_id: str
    origin: str
    head: Head


def facts_of(path: Path) -> FileFacts:
    """Return name, size and hash of a file; never of one that a backend has open."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
    return FileFacts(name=path.name, size=size, sha256=digest.hexdigest())


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Lend a connection to a copy that nobody else has open; nothing is written, not even beside it."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def check_pages(path: Path) -> None:
    """Raise Damage where SQLite finds a page of a database that does not hold."""
    try:
        with reading(path) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise Damage(f"{path.name} is no whole database: {error}") from error
    if found != "ok":
        raise Damage(f"{path.name} is no whole database: {found}")


def check_ledger(path: Path) -> LedgerFacts:
    """Verify the whole chain of a copy and return what it is. Raises Damage with the first thing that does not hold."""
    try:
        with reading(path) as connection:
            verdict = verify_entries(_walk(connection))
            stray, head = stray_rows(connection), read_head(connection)
            first = read_entries(connection, 1, 1)
    except sqlite3.Error as error:
        raise Damage(f"{path.name} is no ledger: {error}") from error
    _must_hold(path, verdict, stray)
    try:
        ledger_id, origin = genesis_of(first[0].events[0])
    except (IndexError, RuleBroken) as error:
        raise Damage(f"{path.name} is no ledger: it does not begin as one") from error
    return LedgerFacts(ledger_id, origin, head)


def _must_hold(path: Path, verdict: Verdict, stray: str) -> None:
    if verdict.finding is not None:
        found = verdict.finding
        raise Damage(f"the chain of {path.name} breaks at position {found.position} ({found.check}): {found.message}")
    if stray:
        raise Damage(f"{path.name} holds rows beside the chain: {stray}")


def _walk(connection: sqlite3.Connection) -> Iterator[Entry]:
    position = 1
    while page := read_entries(connection, position, _PAGE):
        yield from page
        following = page[-1].last_position + 1
        if following <= position:
            return
        position = following
