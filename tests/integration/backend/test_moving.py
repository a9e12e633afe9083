"""A whole backend moves from files into a database and back: nothing is lost, nothing is mixed, it goes on there."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import closing

import pytest

from commands.ports.keystore import Secret
from domain.errors import InvalidInput, Unavailable, WrongState
from infra.bootstrap import compose
from infra.identity.directory import StoredDirectory
from infra.identity.tables import IDENTITY
from infra.keystore.kek_file import LocalKekFile
from infra.mongodb.connection import check_url
from infra.mongodb.schema import migrate
from infra.moving import Tell, move
from infra.records.leases import LEASES, RecordLeases
from infra.server.living import Living
from infra.server.own_certificate import OwnNames, own_identity
from infra.stores import stores_of
from infra.upkeep.turn import NAME as UPKEEP
from tests.support.backends import Clock, files_in, set_up
from tests.support.ledgers import exported
from tests.support.mongod import connect

CLOCK = Clock()
KEY, FIELD, SECRET = "k-appliance", "pkcs8", Secret(b"a private key")


def said(*_told):
    """Tell nobody."""


@pytest.fixture
def files(tmp_path):
    """The folder of a backend that was set up, knows one person and keeps a key."""
    with closing(set_up(tmp_path, CLOCK)) as backend:
        backend.keystore.put(KEY, FIELD, SECRET)
        StoredDirectory(backend.stores.records(IDENTITY)).pseudonym("corp", "anna", display_name="Anna")
    return files_in(tmp_path)


@pytest.fixture
def database(files, mongo_url):
    """The same machine's place in a migrated database."""
    with closing(connect(mongo_url)) as connection:
        migrate(connection, tell=said)
    return dataclasses.replace(files, database=check_url(mongo_url))


@pytest.fixture
def folder(files, tmp_path):
    """A folder that is not there yet."""
    return dataclasses.replace(files, data_dir=tmp_path / "other" / "data")


def moved(source, target):
    """Move, and return what is at the target."""
    return move(source, target, clock=CLOCK, tell=Tell(said, said))


def issue(place, name):
    """Have a backend certify a fresh key for a name."""
    with closing(compose(place, clock=CLOCK)) as backend:
        asyncio.run(own_identity(backend, OwnNames((name,), ())))


def ledger_of(place):
    """Return a place's ledger as an export has it."""
    with closing(stores_of(place)) as stores, stores.ledger(CLOCK) as ledger:
        return exported(ledger)


def held(place):
    """Return the secret and the person's pseudonym as a place has them."""
    with closing(compose(place, clock=CLOCK)) as backend:
        directory = StoredDirectory(backend.stores.records(IDENTITY))
        return backend.keystore.get(KEY, FIELD).reveal(), directory.pseudonym("corp", "anna")


def test_a_backend_goes_there_and_back(files, database, folder):
    """Keys open, people keep their pseudonyms, the ledger is the same bytes, and each place issues."""
    known = held(files)

    assert moved(files, database).whole
    assert ledger_of(database) == ledger_of(files)
    assert held(database) == known
    issue(database, "one.test")

    assert moved(database, folder).whole
    assert ledger_of(folder) == ledger_of(database)
    assert held(folder) == known
    issue(folder, "two.test")
    assert len(ledger_of(folder)) > len(ledger_of(database)) > len(ledger_of(files))


def test_what_are_files_goes_along(files, folder):
    """The root's sealed key and certificate, and what a restore had lost; another one there is not overwritten."""
    files.loss.write_text("{}")
    moved(files, folder)

    for one in ("root_key", "root_certificate", "loss"):
        assert getattr(folder, one).read_bytes() == getattr(files, one).read_bytes()
    folder.loss.write_text('{"another": 1}')
    with pytest.raises(WrongState, match=r"another loss\.json"):
        moved(files, folder)
    assert folder.loss.read_text() == '{"another": 1}'


def test_a_target_that_has_gone_on_is_refused(files, database):
    """A second move would lose what the target has issued since; nothing of it is touched."""
    moved(files, database)
    issue(database, "one.test")
    before = ledger_of(database)

    with pytest.raises(WrongState, match="something else"):
        moved(files, database)
    assert ledger_of(database) == before


def test_a_move_that_was_broken_off_goes_on(files, database):
    """Whether it ended in the ledger or among the keys: the next one does the rest."""

    class BrokenOffError(Exception):
        pass

    def fail(*_told):
        raise BrokenOffError

    for tell in (Tell(fail, said), Tell(said, fail)):
        with pytest.raises(BrokenOffError):
            move(files, database, clock=CLOCK, tell=tell)
    assert moved(files, database).whole
    assert held(database) == held(files)


def test_a_folder_that_is_served_gives_its_ledger_only(files, database):
    """And says so; what it keeps beside may change under the copy."""
    with Living.at(files.living) as server:
        server.with_others()
        told = moved(files, database)
    assert (told.whole, told.keys, told.records) == (False, 0, 0)
    assert ledger_of(database) == ledger_of(files)
    assert moved(files, database).whole


def test_a_database_that_is_served_gives_its_ledger_only(files, database, folder):
    """Whoever does the upkeep there has said so, on whichever machine."""
    moved(files, database)
    with closing(stores_of(database)) as stores, closing(RecordLeases(stores.records(LEASES), CLOCK)) as leases:
        leases.lease(UPKEEP, "a server", 20)
        assert not moved(database, folder).whole
        leases.release(UPKEEP, "a server")
    assert moved(database, folder).whole


def test_a_folder_that_is_served_takes_nothing(files, folder):
    """A server would write beside the copy."""
    folder.data_dir.mkdir(parents=True)
    with Living.at(folder.living) as server:
        server.with_others()
        with pytest.raises(WrongState, match="a server runs on"):
            moved(files, folder)
    assert not folder.ledger.exists()


def test_nothing_is_copied_onto_itself(files, database):
    """However it is spelled."""
    spelled = dataclasses.replace(files, data_dir=files.data_dir / ".." / "data")
    for place, again in ((files, spelled), (database, database)):
        with pytest.raises(InvalidInput, match="the same"):
            moved(place, again)


def test_another_key_encryption_key_changes_nothing(files, folder, tmp_path):
    """It is found before anything is written."""
    LocalKekFile.create(tmp_path / "another")
    with pytest.raises(Unavailable, match="was written under"):
        moved(*(dataclasses.replace(each, kek_file=tmp_path / "another") for each in (files, folder)))
    assert not folder.ledger.exists()


def test_a_folder_that_cannot_be_is_refused_in_words(files, tmp_path):
    """A file in its place, and a ledger's file that is none."""
    with pytest.raises(InvalidInput, match="there can be no folder"):
        moved(files, dataclasses.replace(files, data_dir=files.root_key))
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "ledger.sqlite").write_bytes(b"no database" * 1_000)
    with pytest.raises(Unavailable, match="cannot be opened"):
        moved(files, dataclasses.replace(files, data_dir=tmp_path / "strange"))


def test_an_unmigrated_database_is_refused_with_the_command(files, mongo_url):
    """What helps names the setting and the command."""
    with pytest.raises(WrongState, match="was never migrated") as refused:
        moved(files, dataclasses.replace(files, database=check_url(mongo_url)))
    assert "SSLCLM_DATABASE" in refused.value.fix
    assert "sslclm migrate" in refused.value.fix
