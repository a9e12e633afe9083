"""The key store of several processes, in SQLite and in MongoDB: rotation while it is used, and moving it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

import pytest

from commands.ports.keystore import Secret
from domain.errors import AlreadyExists, NotFound, Unavailable, WrongState
from infra.keystore import deks
from infra.keystore.copying import copy_keys
from infra.keystore.errors import SecretAltered
from infra.keystore.kek_file import LocalKekFile
from infra.keystore.store import EncryptedKeyStore
from infra.keystore.tables import DEK, DESTROYED, KEYS, SECRET
from infra.records.port import Records
from tests.support.keystores import Clock, kek_in, keystore_at
from tests.support.recordstores import place

QUIET = lambda text: None  # noqa: E731 - nobody listens


def a_place(kind, request, tmp_path):
    """Return where a store of this kind may be."""
    if kind == "mongodb":
        return request.getfixturevalue("mongo_url")
    folder = tmp_path / "data"
    folder.mkdir(exist_ok=True)
    return str(folder)


@pytest.fixture(params=["sqlite", "mongodb"])
def where(request, tmp_path):
    """An empty key store's place."""
    with place(a_place(request.param, request, tmp_path), KEYS) as made:
        yield made


@pytest.fixture
def clock():
    """A clock to turn."""
    return Clock()


@pytest.fixture
def two(where, tmp_path, clock):
    """The same store, as two processes have it."""
    return keystore_at(where, tmp_path, clock), keystore_at(where, tmp_path, clock)


def test_rotation_while_others_write(two):
    """No key is lost while one process starts DEKs and re-encrypts, and two others store and read."""
    one, other = two
    one.put("key-first", "pkcs8", Secret(b"first"))

    def work(number):
        store = two[number % 2]
        store.put(f"key-{number}", "pkcs8", Secret(b"%d" % number))
        return store.get(f"key-{number}", "pkcs8").reveal()

    def rotate(store):
        for _ in range(3):
            store.start_dek()
            while store.reencrypt(5):
                pass

    with ThreadPoolExecutor(6) as pool:
        turning = [pool.submit(rotate, store) for store in two]
        assert [b"%d" % n for n in range(60)] == list(pool.map(work, range(60)))
        for each in turning:
            each.result()
    while one.reencrypt(50):
        pass
    fresh = {name: other.get(name, "pkcs8").reveal() for name in other.key_ids()}
    assert {f"key-{n}": b"%d" % n for n in range(60)} | {"key-first": b"first"} == fresh
    assert 1 == one.records.count(DEK)


def test_one_of_many_stores_a_field(two):
    """Of many that make the same key one stores it, and all read that one."""

    def work(number):
        try:
            two[number % 2].put("key-1", "pkcs8", Secret(b"%d" % number))
        except AlreadyExists:
            return None
        return b"%d" % number

    with ThreadPoolExecutor(8) as pool:
        won = [each for each in pool.map(work, range(16)) if each]
    assert won == [two[0].get("key-1", "pkcs8").reveal()] == [two[1].get("key-1", "pkcs8").reveal()]


def test_destroyed_while_another_field_is_stored(two):
    """Nothing of a destroyed id stays, whichever came first."""
    one, other = two
    for n in range(10):
        one.put(f"key-{n}", "pkcs8", Secret(b"a"))

    def more(n):
        try:
            other.put(f"key-{n}", "password", Secret(b"b"))
        except WrongState:
            return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: (pool.submit(more, n), one.destroy(f"key-{n}")), range(10)))
    assert [] == list(one.key_ids())
    assert (0, 10) == (one.records.count(SECRET), one.records.count(DESTROYED))


def test_uses_are_counted_before_they_are_made(two, monkeypatch):
    """Each process takes a block; a full count, or 90 days, starts a new DEK."""
    one, other = two
    one.put("key-1", "pkcs8", Secret(b"a"))
    other.put("key-2", "pkcs8", Secret(b"b"))
    assert [2 * deks.USES_PER_BLOCK] == [row["uses"] for row in one.records.find(DEK)]

    monkeypatch.setattr(deks, "MAX_USES", 2 * deks.USES_PER_BLOCK)
    one._deks._left = 0
    one.put("key-3", "pkcs8", Secret(b"c"))
    assert 2 == other.status().deks


def test_a_dek_ends_by_age_and_never_by_a_clock_set_back(two, clock):
    """A newer DEK is the newer one, whatever the clock said when it was made."""
    one, other = two
    one.put("key-1", "pkcs8", Secret(b"a"))
    clock.now += timedelta(days=90)
    one.put("key-2", "pkcs8", Secret(b"b"))
    clock.now -= timedelta(days=200)
    one.start_dek()
    for n in range(3, 6):
        other.put(f"key-{n}", "pkcs8", Secret(b"c"))

    assert (3, [b"a", b"b"]) == (one.status().deks, [one.get(f"key-{n}", "pkcs8").reveal() for n in (1, 2)])


def test_rewrap_and_another_kek(where, two, tmp_path):
    """Rewrapped in steps by two processes, the store opens with the new KEK alone."""
    two[0].put("key-1", "pkcs8", Secret(b"a"))
    two[0].start_dek()
    two[0].put("key-2", "pkcs8", Secret(b"b"))
    old, new = kek_in(tmp_path), LocalKekFile.create(tmp_path / "new.key")
    with pytest.raises(Unavailable) as refused:
        EncryptedKeyStore(where.open(KEYS), new, clock=Clock())
    both = [EncryptedKeyStore(where.open(KEYS), new, clock=Clock(), retired=[old]) for _ in range(2)]

    assert "kek-missing" == refused.value.rule
    assert [1, 0, 0] == [both[0].rewrap(1), both[1].rewrap(1), both[0].rewrap(1)]
    alone = EncryptedKeyStore(where.open(KEYS), new, clock=Clock())
    assert [b"a", b"b"] == [alone.get(f"key-{n}", "pkcs8").reveal() for n in (1, 2)]


def test_what_was_moved_or_altered_is_refused(two):
    """Ciphertexts of one place do not open in another, nor with a byte changed."""
    one, other = two
    one.put("key-1", "pkcs8", Secret(b"a"))
    one.put("key-2", "pkcs8", Secret(b"b"))
    blob = one.records.get(SECRET, "key-1", "pkcs8")["blob"]
    for forged in (blob, blob[:-1] + bytes([blob[-1] ^ 1]), blob[:30], b""):
        one.records.transact(lambda tx, forged=forged: tx.update(SECRET, {"key_id": "key-2"}, {"blob": forged}))
        with pytest.raises(SecretAltered):
            other.get("key-2", "pkcs8")


class Cut:
    """Records whose copy is broken off after some transactions."""

    def __init__(self, records: Records, after: int) -> None:
        self._records, self._left = records, after

    def __getattr__(self, name):
        return getattr(self._records, name)

    def transact(self, work):
        self._left -= 1
        if self._left < 0:
            raise Unavailable("cut off", rule="tried", fix="again")
        return self._records.transact(work)


@pytest.mark.parametrize("kinds", [("sqlite", "mongodb"), ("mongodb", "sqlite")])
def test_moving_a_key_store(kinds, request, tmp_path, clock):
    """Copied as it is, broken off and begun again, into an empty store and no other."""
    with ExitStack() as stack:
        places = [stack.enter_context(place(a_place(kind, request, tmp_path), KEYS)) for kind in kinds]
        source, target = (keystore_at(one, tmp_path, clock) for one in places)
        for n in range(120):
            source.put(f"key-{n:03}", "pkcs8", Secret(b"%d" % n))
        source.start_dek()
        source.put("key-gone", "pkcs8", Secret(b"gone"))
        source.destroy("key-gone")
        whole, target.records = target.records, Cut(target.records, 3)
        with pytest.raises(Unavailable):
            copy_keys(source, target, tell=QUIET)
        target.records = whole

        assert 100 == target.records.count(SECRET)
        assert [120, 120] == [copy_keys(source, target, tell=QUIET) for _ in range(2)]
        assert source.records.find(SECRET, order=("key_id",)) == target.records.find(SECRET, order=("key_id",))
        assert b"7" == target.get("key-007", "pkcs8").reveal()
        with pytest.raises(WrongState):
            target.put("key-gone", "pkcs8", Secret(b"again"))
        target.put("key-new", "pkcs8", Secret(b"new"))
        with pytest.raises(WrongState) as refused:
            copy_keys(source, target, tell=QUIET)
        assert "copy-target" == refused.value.rule
        new = LocalKekFile.create(tmp_path / "new.key")
        other = EncryptedKeyStore(whole, new, clock=clock, retired=[kek_in(tmp_path)])
        with pytest.raises(WrongState) as refused:
            copy_keys(source, other, tell=QUIET)
        assert "copy-kek" == refused.value.rule


def test_not_found_and_never_again(two):
    """What one process destroyed is gone for the other."""
    one, other = two
    one.put("key-1", "pkcs8", Secret(b"a"))
    assert b"a" == other.get("key-1", "pkcs8").reveal()
    one.destroy("key-1")

    with pytest.raises(NotFound):
        other.get("key-1", "pkcs8")
    with pytest.raises(WrongState):
        other.put("key-1", "pkcs8", Secret(b"b"))
