"""Somebody who can write to the key store's file: nothing they move or alter is ever handed out as a key."""

import sqlite3
from contextlib import closing

import pytest

from commands.ports.keystore import Secret
from domain.errors import NotFound, Unavailable
from infra.keystore.errors import SecretAltered
from infra.keystore.kek_file import LocalKekFile
from infra.keystore.store import sqlite_key_store
from tests.support.keystores import Clock, sqlite_keystore

CANARY = b"CANARY-5eCr3t-b17e5-do-not-leak"


@pytest.fixture
def store(tmp_path):
    """Open a store with three fields under two DEKs."""
    opened = sqlite_keystore(tmp_path)
    opened.put("key-1", "pkcs8", Secret(CANARY))
    opened.put("key-1", "password", Secret(b"password of one"))
    opened.start_dek()
    opened.put("key-2", "pkcs8", Secret(b"key two"))
    yield opened
    opened.close()


@pytest.fixture
def attack(tmp_path):
    """Run statements on the file from outside."""

    def run(sql, *values):
        with closing(sqlite3.connect(tmp_path / "data/keys.db")) as connection, connection:
            return connection.execute(sql, values).fetchall()

    return run


def blob_of(attack, key_id, field):
    """Return a stored ciphertext."""
    return attack("SELECT blob FROM secret WHERE key_id = ? AND field = ?", key_id, field)[0][0]


@pytest.mark.parametrize(("to_id", "to_field"), [("key-1", "password"), ("key-2", "pkcs8")])
def test_a_ciphertext_moved_to_another_place_is_refused(store, attack, to_id, to_field):
    """Another field and another id, also one that is encrypted under another DEK, do not open it."""
    moved = blob_of(attack, "key-1", "pkcs8")
    attack("UPDATE secret SET blob = ? WHERE key_id = ? AND field = ?", moved, to_id, to_field)

    with pytest.raises(SecretAltered):
        store.get(to_id, to_field)


def test_a_ciphertext_claimed_for_another_dek_is_refused(store, attack):
    """The DEK id in the header is authenticated."""
    blob, other = blob_of(attack, "key-1", "pkcs8"), blob_of(attack, "key-2", "pkcs8")
    attack("UPDATE secret SET blob = ? WHERE key_id = 'key-1' AND field = 'pkcs8'", blob[:1] + other[1:17] + blob[17:])

    with pytest.raises(SecretAltered):
        store.get("key-1", "pkcs8")


def test_every_flipped_byte_is_found(store, attack):
    """Version, DEK id, nonce, ciphertext and tag: no byte can be changed."""
    blob = blob_of(attack, "key-1", "pkcs8")
    for position in range(len(blob)):
        altered = bytearray(blob)
        altered[position] ^= 1
        attack("UPDATE secret SET blob = ? WHERE key_id = 'key-1' AND field = 'pkcs8'", bytes(altered))
        with pytest.raises(SecretAltered):
            store.get("key-1", "pkcs8")


@pytest.mark.parametrize("kept", [0, 1, 17, 28, 44, 45, 60])
def test_a_cut_off_ciphertext_is_refused(store, attack, kept):
    """A truncated blob is refused at every length."""
    cut = blob_of(attack, "key-1", "pkcs8")[:kept]
    attack("UPDATE secret SET blob = ? WHERE key_id = 'key-1' AND field = 'pkcs8'", cut)

    with pytest.raises(SecretAltered):
        store.get("key-1", "pkcs8")


@pytest.mark.usefixtures("store")
def test_a_wrapped_dek_moved_to_another_id_is_refused(attack, tmp_path):
    """The wrapped bytes are bound to the id of their row."""
    one, two = (row[0] for row in attack("SELECT wrapped FROM dek ORDER BY rowid"))
    attack("UPDATE dek SET wrapped = CASE wrapped WHEN ?1 THEN ?2 ELSE ?1 END", one, two)
    again = sqlite_keystore(tmp_path)

    with pytest.raises(SecretAltered, match="does not unwrap"):
        again.get("key-1", "pkcs8")
    again.close()


@pytest.mark.usefixtures("store")
def test_an_old_dek_cannot_be_made_young(attack, tmp_path):
    """The age of a DEK is bound to it, so that nobody keeps one in use for ever."""
    attack("UPDATE dek SET created_at_us = created_at_us + 1")
    again = sqlite_keystore(tmp_path)

    with pytest.raises(SecretAltered):
        again.put("key-9", "pkcs8", Secret(b"x"))
    again.close()


def test_a_row_that_comes_back_stays_destroyed(store, attack):
    """The row of a destroyed key, put back from an old copy, opens nothing and is not listed."""
    row = attack("SELECT * FROM secret WHERE key_id = 'key-1' AND field = 'pkcs8'")[0]
    store.destroy("key-1")
    attack("INSERT INTO secret VALUES (?, ?, ?, ?)", *row)

    with pytest.raises(NotFound):
        store.get("key-1", "pkcs8")
    assert list(store.key_ids()) == ["key-2"]


def test_a_row_under_a_removed_dek_is_refused(store, attack):
    """A ciphertext from before a re-encryption does not open afterwards: its DEK is gone."""
    old = blob_of(attack, "key-1", "pkcs8")
    while store.reencrypt(10):
        pass
    store._deks.forget()
    attack("UPDATE secret SET blob = ? WHERE key_id = 'key-1' AND field = 'pkcs8'", old)

    with pytest.raises(SecretAltered):
        store.get("key-1", "pkcs8")


@pytest.mark.usefixtures("store")
def test_a_dek_claimed_for_another_kek_is_refused(attack, tmp_path):
    """A wrong KEK is refused at start by its name, and at the first secret where the name was forged."""
    other = LocalKekFile.create(tmp_path / "other.key")
    with pytest.raises(Unavailable):
        sqlite_key_store(tmp_path / "data/keys.db", other, clock=Clock())
    attack("UPDATE dek SET kek_id = ?", other.kek_id)
    forged = sqlite_key_store(tmp_path / "data/keys.db", other, clock=Clock())

    with pytest.raises(SecretAltered):
        forged.get("key-1", "pkcs8")
    forged.close()


def test_no_secret_on_disk_in_reprs_or_errors(store, attack, tmp_path, caplog):
    """A planted value is in no file of the store, no repr and no error; destroyed, its ciphertext is gone too."""
    blob = blob_of(attack, "key-1", "pkcs8")
    attack("UPDATE secret SET blob = ? WHERE key_id = 'key-1' AND field = 'pkcs8'", blob[:-1] + bytes([blob[-1] ^ 1]))
    with pytest.raises(SecretAltered) as refused:
        store.get("key-1", "pkcs8")
    attack("UPDATE secret SET blob = ? WHERE key_id = 'key-1' AND field = 'pkcs8'", blob)
    seen = [
        repr(store),
        repr(store.get("key-1", "pkcs8")),
        repr(refused.value),
        repr(refused.value.__cause__),
        caplog.text,
    ]

    assert not any("CANARY" in text for text in seen)
    assert not any(CANARY in path.read_bytes() for path in (tmp_path / "data").iterdir())
    store.destroy("key-1")
    assert not any(blob[29:] in path.read_bytes() for path in (tmp_path / "data").iterdir())


@pytest.mark.usefixtures("store")
def test_the_file_is_for_its_owner_only(tmp_path):
    """Database, write-ahead log and shared memory have mode 0600 whatever the umask."""
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "data").iterdir()} == {0}
