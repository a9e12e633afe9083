"""Back-up while commands run, restore into an empty folder, and everything goes on."""

from __future__ import annotations

import stat
import threading

import pytest

from commands.access.create_team import CreateTeam
from commands.context import SYSTEM, Context
from domain.errors import AlreadyExists, InvalidInput
from infra.backup.restoring import restore_backup
from infra.backup.taking import take_backup
from infra.bootstrap import compose
from infra.files import Files
from infra.identity.tables import IDENTITY, PERSON, SESSION
from infra.mongodb.connection import check_url
from infra.records.sqlite import sqlite_records
from infra.setup import as_system


async def order(lab, name: str = "www.shop.test") -> str:
    """Have a certificate issued; returns its id."""
    async with lab.client("dev-anna") as anna:
        made = await anna.post("/api/v1/orders", json=lab.order(name), headers=lab.key())
    assert made.status_code == 201, made.text
    return str(made.json()["certificate_id"])


async def test_what_was_backed_up_is_restored_and_goes_on(vault):
    """The chain is the same up to the archive's head, and the restored backend decides, signs and reads."""
    await order(vault.lab)
    manifest = vault.take()
    other = compose(vault.restore(), clock=vault.lab.clock)
    try:
        ours, theirs = vault.lab.backend.ledger.head(), other.ledger.head()
        assert (ours.position, ours.entry_hash) == (theirs.position, theirs.entry_hash)
        assert (ours.position, ours.entry_hash.hex()) == (manifest.head.position, manifest.head.entry_hash)
        assert other.ledger.verify().holds
        await as_system(other, CreateTeam(name="after-restore"), "test")
        assert other.root_pem() == vault.lab.backend.root_pem()
    finally:
        other.close()


async def test_every_acknowledged_entry_before_the_archives_head_is_in_it(vault):
    """Commands run all the while: what was acknowledged before the back-up began is there, and a prefix of the rest."""
    acknowledged: list[tuple[int, bytes]] = []
    running = threading.Event()

    def take(step: str) -> None:
        running.set()

    done = threading.Thread(target=vault.take, kwargs={"tell": take})
    bus = vault.lab.backend.bus
    for number in range(400):
        if number == 100:
            done.start()
            before = len(acknowledged)
        outcome = await bus.execute(CreateTeam(name=f"t{number}"), Context(SYSTEM, f"c-{number}"))
        acknowledged.append((outcome.position, outcome.entries[-1].entry_hash))
    done.join(60)
    other = compose(vault.restore(), clock=vault.lab.clock)
    head = other.ledger.head()
    stored = {entry.last_position: entry.entry_hash for entry in other.ledger.entries(1, limit=10_000)}
    verdict = other.ledger.verify()
    other.close()

    assert running.is_set()
    assert verdict.holds
    assert acknowledged[before - 1][0] <= head.position
    assert all(stored[position] == digest for position, digest in acknowledged if position <= head.position)


def test_only_its_owner_may_read_an_archive(vault):
    """The folder is 0700, every file 0600."""
    vault.take()
    archive = vault.folder / "archive"

    assert stat.S_IMODE(archive.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in archive.iterdir()} == {0o600}


def test_nothing_is_overwritten(vault):
    """Neither an archive nor a data folder that holds something."""
    vault.take()
    with pytest.raises(AlreadyExists):
        vault.take()
    vault.restore()
    with pytest.raises(AlreadyExists):
        vault.restore()


def test_an_archive_beside_its_key_is_refused(vault):
    """The folder of the key-encryption key, one above it and one inside the data are no places for an archive."""
    files = vault.lab.backend.files
    for place in (files.kek_file.parent, files.kek_file.parent.parent, files.data_dir / "archive"):
        with pytest.raises((InvalidInput, AlreadyExists)):
            vault.take(str(place))


def test_sign_ins_do_not_come_back(vault):
    """A session that ended after the back-up must not be alive again; the directory of people is."""
    vault.lab.token("dev-anna")
    vault.take()
    database = sqlite_records(vault.restore().identity, IDENTITY)
    sessions = database.count(SESSION)
    people = database.count(PERSON)
    database.close()

    assert (sessions, people > 0) == (0, True)


def test_a_stopped_backend_can_be_backed_up(vault):
    """Nobody has the files open, no log lies beside them."""
    vault.take()
    files = vault.restore()
    vault.lab.backend.files, kept = files, vault.lab.backend.files
    try:
        assert vault.take("second").head == vault.take("third").head
    finally:
        vault.lab.backend.files = kept


def test_a_backend_in_a_database_is_backed_up_there(vault):
    """Neither an archive of an empty folder nor a restore into files that nobody reads."""
    url = check_url("mongodb://127.0.0.1:1/clm?replicaSet=rs0")
    elsewhere = Files(vault.lab.backend.files.data_dir, vault.lab.backend.files.kek_file, url)
    for act in (
        lambda: take_backup(elsewhere, vault.folder / "none", now=vault.lab.clock(), tell=vault.told.append),
        lambda: restore_backup(vault.folder / "none", elsewhere, tell=vault.told.append),
    ):
        with pytest.raises(InvalidInput, match="not in the data folder") as refused:
            act()
        assert "sslclm ledger copy" in refused.value.fix

    assert not (vault.folder / "none").exists()
