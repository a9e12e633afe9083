"""The file of the key-encryption key."""

import base64
import os
import stat

import pytest

from domain.errors import AlreadyExists, InvalidInput, NotFound
from infra.keystore.errors import SecretAltered
from infra.keystore.kek_file import LocalKekFile
from infra.keystore.store import sqlite_key_store
from tests.support.keystores import Clock


def test_create_then_load(tmp_path):
    """The key is written once, 32 bytes in base64, mode 0600, and read back as the same key."""
    path = tmp_path / "kek.key"
    made = LocalKekFile.create(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(base64.b64decode(path.read_bytes())) == 32
    assert LocalKekFile.load(path).unwrap(made.wrap(b"dek", b"ctx"), b"ctx") == b"dek"
    assert LocalKekFile.load(path).kek_id == made.kek_id
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_is_not_replaced(tmp_path):
    """Overwriting a key-encryption key would destroy every secret under it."""
    LocalKekFile.create(tmp_path / "kek.key")
    before = (tmp_path / "kek.key").read_bytes()

    with pytest.raises(AlreadyExists):
        LocalKekFile.create(tmp_path / "kek.key")
    assert (tmp_path / "kek.key").read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_file_others_can_reach_is_refused(tmp_path, mode):
    """The refusal says the command that mends it."""
    path = tmp_path / "kek.key"
    LocalKekFile.create(path)
    path.chmod(mode)

    with pytest.raises(InvalidInput) as refused:
        LocalKekFile.load(path)
    assert refused.value.fix == f"chmod 0600 {path}"


@pytest.mark.parametrize("content", [b"", b"short", b"!" * 44, base64.b64encode(bytes(31)), b"A" * 5000, b"\xff" * 44])
def test_what_is_no_key_is_refused(tmp_path, content):
    """Damaged and oversized files are refused as input, never as a stack trace of a parser."""
    path = tmp_path / "kek.key"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(InvalidInput):
        LocalKekFile.load(path)


def test_a_missing_file_is_not_found(tmp_path):
    """There is no silent creation of a key that would not open anything."""
    with pytest.raises(NotFound):
        LocalKekFile.load(tmp_path / "kek.key")


def test_what_is_no_file_is_refused(tmp_path):
    """A directory, a pipe and a place that does not exist give an error of the domain and do not hang."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(InvalidInput):
            LocalKekFile.load(path)
    with pytest.raises(InvalidInput):
        LocalKekFile.create(tmp_path / "missing" / "kek.key")


def test_a_file_of_another_account_is_refused(tmp_path):
    """Its owner could read and replace the key."""
    path = tmp_path / "kek.key"
    LocalKekFile.create(path)
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(path, 12345, -1)

    with pytest.raises(InvalidInput) as refused:
        LocalKekFile.load(path)
    assert refused.value.rule == "key-file-owner"


def test_another_key_or_context_does_not_unwrap(tmp_path):
    """Wrapped bytes belong to one key and one context."""
    one, other = LocalKekFile.create(tmp_path / "one"), LocalKekFile.create(tmp_path / "other")
    wrapped = one.wrap(b"dek", b"ctx")

    assert one.kek_id != other.kek_id
    for kek, context, given in ((other, b"ctx", wrapped), (one, b"ctx2", wrapped), (one, b"ctx", wrapped[:9])):
        with pytest.raises(SecretAltered):
            kek.unwrap(given, context)


@pytest.mark.parametrize("inside", ["data/kek.key", "data/deep/kek.key"])
def test_a_key_beside_its_data_is_refused(tmp_path, inside):
    """A back-up of the data directory would take the key along; a symbolic link does not hide it."""
    (tmp_path / "data/deep").mkdir(parents=True)
    kek = LocalKekFile.create(tmp_path / inside)
    (tmp_path / "alias").symlink_to(tmp_path / "data")

    for data_dir in (tmp_path / "data", tmp_path / "alias", None):
        with pytest.raises(InvalidInput) as refused:
            sqlite_key_store(tmp_path / "data/keys.db", kek, clock=Clock(), data_dir=data_dir)
        assert refused.value.rule == "kek-beside-data"
