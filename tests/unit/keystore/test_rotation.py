"""New DEKs by age and by count, rewrap under another KEK, re-encryption in steps."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from commands.ports.keystore import Secret
from domain.errors import Unavailable
from infra.keystore import deks
from infra.keystore.kek_file import LocalKekFile
from infra.keystore.store import sqlite_key_store
from tests.support.keystores import Clock, sqlite_keystore


def rows(folder, sql):
    """Look into the file from outside."""
    with sqlite3.connect(folder / "data/keys.db") as connection:
        found = connection.execute(sql).fetchall()
    connection.close()
    return found


@pytest.fixture
def clock():
    """Make a clock that the test moves."""
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    """Open a store with five fields."""
    opened = sqlite_keystore(tmp_path, clock)
    for number in range(5):
        opened.put(f"key-{number}", "pkcs8", Secret(b"value %d" % number))
    yield opened
    opened.close()


def values(store):
    """Return what the five fields hold."""
    return [store.get(f"key-{number}", "pkcs8").reveal() for number in range(5)]


EXPECTED = [b"value %d" % number for number in range(5)]


def test_a_dek_ends_by_age(store, clock, tmp_path):
    """After 90 days new secrets use a new DEK, and the old ones still open."""
    clock.now += timedelta(days=90)
    store.put("key-5", "pkcs8", Secret(b"late"))

    assert len(rows(tmp_path, "SELECT DISTINCT dek_id FROM secret")) == 2
    assert values(store) == EXPECTED


def test_a_dek_ends_by_count(store, tmp_path, monkeypatch):
    """Uses are counted in blocks on disk before they are used; a full count starts a new DEK."""
    monkeypatch.setattr(deks, "MAX_USES", 2 * deks.USES_PER_BLOCK)
    for number in range(2 * deks.USES_PER_BLOCK - 5):
        store.put(f"more-{number}", "pkcs8", Secret(b"x"))
    assert rows(tmp_path, "SELECT uses FROM dek") == [(2 * deks.USES_PER_BLOCK,)]

    store.put("one-more", "pkcs8", Secret(b"x"))

    assert rows(tmp_path, "SELECT uses FROM dek ORDER BY rowid") == [(2 * deks.USES_PER_BLOCK,), (deks.USES_PER_BLOCK,)]


@pytest.mark.usefixtures("store")
def test_a_crash_forgets_no_use(tmp_path):
    """A process that opens the file again takes a new block: the rest of the old one counts as used."""
    again = sqlite_keystore(tmp_path)
    again.put("key-5", "pkcs8", Secret(b"x"))
    again.close()

    assert rows(tmp_path, "SELECT uses FROM dek") == [(2 * deks.USES_PER_BLOCK,)]


def test_reencrypt_in_steps(store, tmp_path):
    """Fields move under a new DEK a few at a time, can be read between the steps, and the old DEK goes in the end."""
    before = rows(tmp_path, "SELECT dek_id FROM dek")
    store.start_dek()

    assert [store.reencrypt(2), values(store)] == [3, EXPECTED]
    again = sqlite_keystore(tmp_path)  # as after a crash: another process goes on
    assert [again.reencrypt(2), again.reencrypt(2), again.reencrypt(2)] == [1, 0, 0]
    assert values(again) == EXPECTED
    again.close()
    assert values(store) == EXPECTED
    after = rows(tmp_path, "SELECT dek_id FROM dek")
    assert len(after) == 1
    assert before != after


def test_a_process_with_an_old_dek_in_hand_notices(store, tmp_path):
    """Another process started a new DEK and removed the old one: the next secret uses the new one."""
    other = sqlite_keystore(tmp_path)
    other.start_dek()
    while other.reencrypt(10):
        pass
    other.close()

    store.put("key-5", "pkcs8", Secret(b"late"))

    assert rows(tmp_path, "SELECT count(DISTINCT dek_id) FROM secret") == [(1,)]
    assert store.get("key-5", "pkcs8").reveal() == b"late"


def test_rewrap_moves_deks_under_another_kek(store, tmp_path):
    """With both keys given DEKs move in steps; afterwards the new key alone opens everything."""
    store.start_dek()
    store.close()
    old, new = LocalKekFile.load(tmp_path / "kek.key"), LocalKekFile.create(tmp_path / "new.key")
    path = tmp_path / "data/keys.db"

    with pytest.raises(Unavailable) as refused:
        sqlite_key_store(path, new, clock=Clock())
    assert refused.value.rule == "kek-missing"
    both = sqlite_key_store(path, new, clock=Clock(), retired=[old])
    assert [both.rewrap(1), values(both), both.rewrap(1), both.rewrap(1)] == [1, EXPECTED, 0, 0]
    both.close()
    alone = sqlite_key_store(path, new, clock=Clock())
    assert values(alone) == EXPECTED
    alone.close()


def test_unwrapped_deks_are_kept_for_a_while(tmp_path, clock, monkeypatch):
    """The KEK is asked once per DEK and quarter of an hour, not once per secret."""
    asked = []
    unwrap = LocalKekFile.unwrap
    monkeypatch.setattr(LocalKekFile, "unwrap", lambda *given: asked.append(1) or unwrap(*given))
    store = sqlite_keystore(tmp_path, clock)
    store.put("key-1", "pkcs8", Secret(b"a"))
    for _ in range(10):
        store.get("key-1", "pkcs8")
    assert len(asked) == 1

    clock.now += timedelta(minutes=15)
    store.get("key-1", "pkcs8")
    assert len(asked) == 2
    store.close()


def test_a_closed_store_is_unavailable(tmp_path):
    """What the file cannot do is an error of the domain."""
    store = sqlite_keystore(tmp_path)
    store.close()

    with pytest.raises(Unavailable):
        store.get("key-1", "pkcs8")


@pytest.mark.parametrize("content", [b"this is no database" * 100, b""])
def test_a_file_that_is_no_store(tmp_path, content):
    """A foreign file is refused as unavailable and left as it is; an empty one becomes a store."""
    path = tmp_path / "data/keys.db"
    path.parent.mkdir()
    path.write_bytes(content)
    if content:
        with pytest.raises(Unavailable):
            sqlite_keystore(tmp_path)
        assert path.read_bytes() == content
    else:
        sqlite_keystore(tmp_path).close()


def test_threads_and_processes_share_a_store(tmp_path):
    """Two open stores on one file and several threads on each: every value comes back, none is lost."""
    stores = [sqlite_keystore(tmp_path), sqlite_keystore(tmp_path)]

    def work(number):
        store = stores[number % 2]
        store.put(f"key-{number}", "pkcs8", Secret(b"%d" % number))
        return store.get(f"key-{number}", "pkcs8").reveal()

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(work, range(60)))
    assert found == [b"%d" % number for number in range(60)]
    assert len(list(stores[0].key_ids())) == 60
    for store in stores:
        store.close()
