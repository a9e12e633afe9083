"""The erasable directory."""

from __future__ import annotations

import re
import stat

import pytest

from commands.ports.identity import Known
from infra.identity.directory import StoredDirectory
from infra.identity.tables import IDENTITY
from infra.records.sealing import Sealer, sealer_from
from infra.records.sqlite import sqlite_records
from tests.support.identity import sealer


@pytest.fixture
def directory():
    """Return an empty directory."""
    database = sqlite_records(":memory:", IDENTITY)
    yield StoredDirectory(database)
    database.close()


def test_one_pseudonym_per_identity(directory):
    """The same issuer and subject keep their pseudonym; another issuer's same subject is somebody else."""
    first = directory.pseudonym("https://a", "alice", display_name="Alice", email="a@example.org")

    assert re.fullmatch(r"p-[0-9a-f]{16}", first)
    assert directory.pseudonym("https://a", "alice") == first
    assert directory.pseudonym("https://b", "alice") != first


def test_what_is_shown_follows_the_provider(directory):
    """A new name replaces the old one, and silence keeps it."""
    pseudonym = directory.pseudonym("https://a", "alice", display_name="Alice", email="a@example.org")
    directory.pseudonym("https://a", "alice", display_name="Alice B.")

    assert directory.known(pseudonym) == Known(pseudonym, "https://a", "alice", "Alice B.", "a@example.org")


def test_erased_is_unknown_for_ever(directory):
    """After an erasure nobody stands behind the pseudonym, and the person comes back as another."""
    pseudonym = directory.pseudonym("https://a", "alice", display_name="Alice")

    assert directory.erase(pseudonym)
    assert not directory.erase(pseudonym)
    assert directory.known(pseudonym) is None
    assert directory.pseudonym("https://a", "alice") != pseudonym


def test_the_file_is_for_its_owner_only(tmp_path):
    """The identity file and what SQLite puts beside it are readable by the service account only."""
    database = sqlite_records(tmp_path / "identity.sqlite", IDENTITY)
    StoredDirectory(database).pseudonym("https://a", "alice")

    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    database.close()


def test_sealed_opens_only_with_its_label():
    """A sealed value cannot be moved to another row, altered or cut."""
    sealed = sealer().seal(b"secret", b"row-1")

    assert sealer().open(sealed, b"row-1") == b"secret"
    assert [sealer().open(bad, b"row-1") for bad in (sealed[:-1], sealed[:5], b"", b"\0" + sealed[1:])] == [None] * 4
    assert sealer().open(sealed, b"row-2") is None


def test_the_sealing_key_is_made_once(key_store):
    """The key comes from the key store, made at first use."""
    sealed = sealer_from(key_store).seal(b"x", b"l")

    assert isinstance(sealer_from(key_store), Sealer)
    assert sealer_from(key_store).open(sealed, b"l") == b"x"
