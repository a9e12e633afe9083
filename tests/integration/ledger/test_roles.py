"""What each role may do in the database, against a mongod that asks who is there."""

from __future__ import annotations

from contextlib import closing

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from commands.ports.ledger import LedgerUnavailable
from domain.errors import ClmError, Unavailable, WrongState
from infra.ledger.drafts import genesis_draft
from infra.ledger.mongodb import MongoLedger
from infra.ledger.mongohints import MongoHints
from infra.mongodb.roles import APPLICATION, ERASER, MIGRATOR, READER, make_roles
from infra.mongodb.schema import check_schema, migrate
from infra.views.mongodb.state import database_of
from tests.support.ledgers import LEDGER_ID, ORIGIN, draft, hashed, now
from tests.support.mongod import Node, connect, free_port, initiate, until

PASSWORD = "correct-horse"
READ_MODELS = {"app": [{"role": "readWrite", "db": "clm_views"}]}
USERS = {"app": APPLICATION, "eraser": ERASER, "migrator": MIGRATOR, "reader": READER}


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """Give a node that demands a login, with one user per role."""
    folder = tmp_path_factory.mktemp("auth")
    key = folder / "key"
    key.write_text("c2hhcmVkIGJ5IHRoZSBub2Rlcw==")
    key.chmod(0o400)
    made = Node(folder / "node", free_port(), ("--auth", "--keyFile", str(key)))
    made.start()
    try:
        with closing(MongoClient("127.0.0.1", made.port, directConnection=True)) as client:
            initiate(client, [made.port])
            until(lambda: client.admin.command("hello")["isWritablePrimary"], "a primary")
            client.admin.command("createUser", "root", pwd=PASSWORD, roles=["root"])
        with closing(connect(_url(made, "root"))) as root:
            make_roles(root, lambda _: None)
            for user, role in USERS.items():
                held = [{"role": role, "db": "clm"}, *READ_MODELS.get(user, ())]
                root.client.admin.command("createUser", user, pwd=PASSWORD, roles=held)
        with closing(connect(_url(made, "migrator"))) as migrator:
            migrate(migrator, tell=lambda _: None)
            migrate(migrator, tell=lambda _: None)
        yield made
    finally:
        made.kill()


def _url(node, user, password=PASSWORD):
    return f"mongodb://{user}:{password}@127.0.0.1:{node.port}/clm?replicaSet=rs0&authSource=admin"


@pytest.fixture
def database(node):
    """Give the database as the application sees it."""
    with closing(connect(_url(node, "app"))) as connection:
        yield connection.database


def test_the_application_can_do_its_work(node):
    """With the application's rights entries are stored, read, verified, watched and measured."""
    rung = []
    with closing(connect(_url(node, "app"))) as connection, MongoLedger(connection, clock=now) as ledger:
        hints = MongoHints(connection, lambda: rung.append(1))
        until(lambda: rung, "the change stream")
        ledger.append_blocking(genesis_draft(LEDGER_ID, ORIGIN))
        stored = ledger.append_blocking(draft("a", key=hashed("k"), details={"reason": "x"}))
        until(lambda: len(rung) > 1, "a hint")
        hints.close()

        assert ledger.entry_by_key(hashed("k")) == stored
        assert ledger.verify().holds
        assert ledger.size() > 0
        with pytest.raises(LedgerUnavailable, match="sslclm-eraser"):
            ledger.erase_details(stored.first_position)


ACTS = {
    "update": lambda db: db["ledger"].update_one({}, {"$set": {"n": 2}}),
    "replace": lambda db: db["ledger"].replace_one({}, {"n": 2}, upsert=True),
    "find and modify": lambda db: db["ledger"].find_one_and_delete({}),
    "remove": lambda db: db["ledger"].delete_many({}),
    "remove details": lambda db: db["ledger_details"].delete_many({}),
    "update details": lambda db: db["ledger_details"].update_many({}, {"$unset": {"details": 1}}),
    "drop": lambda db: db.command("drop", "ledger"),
    "drop the database": lambda db: db.command("dropDatabase"),
    "create an index": lambda db: db["ledger"].create_index("n"),
    "drop an index": lambda db: db["ledger"].drop_index("stream"),
    "rename": lambda db: db["ledger"].rename("elsewhere"),
    "write over it": lambda db: list(db["schema"].aggregate([{"$out": "ledger"}])),
    "merge into it": lambda db: list(db["schema"].aggregate([{"$merge": {"into": "ledger"}}])),
    "create a collection": lambda db: db.create_collection("more", check_exists=False),
    "set the schema": lambda db: db["schema"].update_one({"_id": "ledger"}, {"$set": {"version": 9}}),
    "weaken the collection": lambda db: db.command("collMod", "ledger", validationLevel="off"),
    "make itself an administrator": lambda db: db.command("grantRolesToUser", "app", roles=["dbOwner"]),
}


@pytest.mark.parametrize("act", ACTS)
def test_the_application_can_do_nothing_else(database, act):
    """The application's user can neither change nor remove what is in the ledger, nor the schema that protects it."""
    with pytest.raises(OperationFailure) as refused:
        ACTS[act](database)

    assert refused.value.code == 13


def test_every_part_is_found_as_it_was_migrated(database, node):
    """What the migrator made is what the application looks for; read models it makes itself, elsewhere."""
    with closing(connect(_url(node, "app"))) as connection:
        check_schema(connection)
        made = database_of(connection).create_collection("views_x_1")
        made.create_index("a")
        made.drop()


def test_the_eraser_erases_details_and_nothing_else(node):
    """The eraser removes an entry's details; the chain it can only read."""
    with closing(connect(_url(node, "app"))) as connection, MongoLedger(connection, clock=now) as ledger:
        position = next(e.first_position for e in ledger.entries(1) if e.details)
    with closing(connect(_url(node, "eraser"))) as connection, MongoLedger(connection, clock=now) as ledger:
        assert (ledger.erase_details(position), ledger.erase_details(position)) == (True, False)
        assert ledger.verify().redacted == 1
        with pytest.raises(LedgerUnavailable):
            ledger.append_blocking(draft("by-eraser"))
        with pytest.raises(OperationFailure):
            connection.database["ledger"].delete_one({})


def test_the_reader_reads(node):
    """A back-up's user reads everything and writes nothing."""
    with closing(connect(_url(node, "reader"))) as connection, MongoLedger(connection, clock=now) as ledger:
        assert ledger.verify().holds
        with pytest.raises(LedgerUnavailable):
            ledger.append_blocking(draft("by-reader"))


@pytest.mark.parametrize("wrong", ["app:wrong-password", "nobody:wrong-password"])
def test_wrong_credentials_are_said_and_not_shown(node, wrong):
    """A login that is refused ends in one sentence, which holds neither URL nor password."""
    user, password = wrong.split(":")
    with closing(connect(_url(node, user, password))) as connection, pytest.raises(ClmError) as refused:
        MongoLedger(connection, clock=now)

    assert isinstance(refused.value, Unavailable)
    assert "does not know its user" in refused.value.message
    assert password not in f"{refused.value.message} {refused.value.fix}"


def test_migrating_with_the_applications_rights_is_refused_in_words(node):
    """Neither collections nor roles; the sentence names what is missing, and nothing is changed."""
    with closing(connect(_url(node, "app"))) as connection:
        for act in (migrate, make_roles):
            with pytest.raises(Unavailable, match="does not let its user do this") as refused:
                act(connection, tell=lambda _: None)
            assert "role" in refused.value.fix
        check_schema(connection)


def test_somebody_elses_database_is_refused_before_anything_is_made(mongo_url):
    """Documents where ours would be, or a schema that is none: nothing is added to it."""
    with closing(connect(mongo_url)) as connection:
        connection.database["keys_of_a_shop"].insert_one({})
        connection.database["ledger"].insert_one({"_id": "an account"})
        before = sorted(connection.database.list_collection_names())
        with pytest.raises(WrongState, match="ledger is not ours"):
            migrate(connection, tell=lambda _: None)
        assert sorted(connection.database.list_collection_names()) == before
        connection.database["schema"].insert_one({"_id": "ledger", "version": "3.1"})
        for act in (lambda: migrate(connection, tell=lambda _: None), lambda: check_schema(connection)):
            with pytest.raises(WrongState, match="schema is not ours"):
                act()


def test_a_missing_index_and_another_version_are_refused_at_start(mongo_url):
    """Without its indexes, before it was migrated, or of a later version, a database is refused in words."""
    with closing(connect(mongo_url)) as connection:
        with pytest.raises(WrongState, match="never migrated") as never:
            MongoLedger(connection, clock=now)
        migrate(connection, tell=lambda _: None)
        MongoLedger(connection, clock=now).close()
        connection.database["ledger"].drop_index("stream")
        with pytest.raises(WrongState, match=r"index stream .* is missing"):
            MongoLedger(connection, clock=now)
        connection.database["ledger"].create_index([("events.stream", 1), ("events.version", 1)], name="stream")
        with pytest.raises(WrongState, match=r"index stream .* is another one"):
            MongoLedger(connection, clock=now)
        connection.database["schema"].update_one({"_id": "ledger"}, {"$set": {"version": 99}})
        with pytest.raises(WrongState, match="version 99") as newer:
            MongoLedger(connection, clock=now)

    assert "sslclm migrate" in never.value.fix
    assert "install the version" in newer.value.fix
