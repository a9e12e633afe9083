"""What every key store promises to ``commands``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.ports.keystore import KeyStore, Secret
from domain.errors import AlreadyExists, InvalidInput, NotFound, WrongState
from infra.keystore.tables import KEYS
from tests.support.keystores import MemoryKeyStore, keystore_at
from tests.support.recordstores import place


@pytest.fixture(params=["memory", "sqlite", "mongodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyStore]:
    """One store of every kind."""
    if request.param == "memory":
        yield MemoryKeyStore()
        return
    where = str(tmp_path) if request.param == "sqlite" else request.getfixturevalue("mongo_url")
    with place(where, KEYS) as made:
        yield keystore_at(made, tmp_path)


@pytest.mark.parametrize("value", [b"k", bytes(range(256)) * 10, b""])
def test_put_then_get(store, value):
    """A field comes back as it was stored, whatever its bytes."""
    store.put("key-1", "pkcs8", Secret(value))

    assert value == store.get("key-1", "pkcs8").reveal()


def test_a_field_is_never_overwritten(store):
    """The second writer of a place is refused and the first value stays."""
    store.put("key-1", "pkcs8", Secret(b"first"))

    with pytest.raises(AlreadyExists):
        store.put("key-1", "pkcs8", Secret(b"second"))
    assert store.get("key-1", "pkcs8").reveal() == b"first"


def test_fields_are_apart(store):
    """Fields of one id and ids with one field name do not touch each other."""
    store.put("key-1", "pkcs8", Secret(b"a"))
    store.put("key-1", "password", Secret(b"b"))
    store.put("key-2", "pkcs8", Secret(b"c"))

    found = [store.get(*each).reveal() for each in (("key-1", "pkcs8"), ("key-1", "password"), ("key-2", "pkcs8"))]
    assert found == [b"a", b"b", b"c"]


def test_what_is_not_there_is_not_found(store):
    """An unknown id and an unknown field answer NotFound."""
    store.put("key-1", "pkcs8", Secret(b"a"))

    for names in (("key-1", "password"), ("key-2", "pkcs8")):
        with pytest.raises(NotFound):
            store.get(*names)


def test_destroy_removes_every_field(store):
    """After destruction nothing of the id is left, and other ids are untouched."""
    store.put("key-1", "pkcs8", Secret(b"a"))
    store.put("key-1", "password", Secret(b"b"))
    store.put("key-2", "pkcs8", Secret(b"c"))

    store.destroy("key-1")

    assert list(store.key_ids()) == ["key-2"]
    for field in ("pkcs8", "password"):
        with pytest.raises(NotFound):
            store.get("key-1", field)


def test_a_destroyed_id_is_never_used_again(store):
    """An old copy could stand in for a new value if an id lived twice: it does not."""
    store.put("key-1", "pkcs8", Secret(b"a"))
    store.destroy("key-1")

    with pytest.raises(WrongState):
        store.put("key-1", "pkcs8", Secret(b"b"))


def test_destroying_what_is_not_there_is_no_error(store):
    """The sweep of orphans may run twice."""
    store.destroy("key-1")
    store.put("key-1", "pkcs8", Secret(b"a"))
    store.destroy("key-1")
    store.destroy("key-1")

    assert list(store.key_ids()) == []


def test_a_place_needs_names(store):
    """An empty id or field is refused as input."""
    for names in (("", "pkcs8"), ("key-1", "")):
        with pytest.raises(InvalidInput):
            store.put(*names, Secret(b"a"))
