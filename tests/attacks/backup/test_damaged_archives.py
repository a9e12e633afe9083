"""An archive that was cut, edited, forged or stolen: nothing of it is put in place, and alone it yields no key."""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
from contextlib import closing, suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key

from domain.errors import ClmError, InvalidInput
from infra.backup.checking import facts_of
from infra.bootstrap import compose
from infra.files import KEPT, Files
from infra.keystore.kek_file import LocalKekFile

LEDGER = KEPT[0].name


@pytest.fixture(autouse=True)
def every_kind_of_file(lab):
    """Have every file that a back-up may take along, those too that come later in a backend's life."""
    for kept in KEPT:
        path = lab.backend.files.data_dir / kept.name
        if kept.kind == "database" and not path.exists():
            with closing(sqlite3.connect(path)) as made:
                made.execute("CREATE TABLE some (thing TEXT)")
        elif not path.exists():
            path.write_text("{}")


def refused(vault) -> str:
    """Try to restore; returns what is wrong with the archive, having checked that nothing was put in place."""
    with pytest.raises(InvalidInput) as found:
        vault.restore()
    left = (
        [path.name for path in vault.files().data_dir.parent.iterdir()]
        if vault.files().data_dir.parent.exists()
        else []
    )
    assert left == []
    assert found.value.rule == "backup-damaged"
    return found.value.message


def describe_again(vault) -> None:
    """Write the manifest's hashes anew, as somebody who edits an archive would."""
    path = vault.folder / "archive" / "manifest.json"
    told = json.loads(path.read_text())
    told["files"] = [facts_of(vault.folder / "archive" / one["name"]).model_dump() for one in told["files"]]
    path.write_text(json.dumps(told))


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept.name)
@pytest.mark.parametrize("damage", ["one bit", "cut", "missing", "link"])
def test_a_damaged_file_is_named(vault, kept, damage):
    """Every file is compared with its hash, whatever it is."""
    vault.take()
    path = vault.folder / "archive" / kept.name
    content = bytearray(path.read_bytes())
    if damage == "one bit":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "cut":
        path.write_bytes(content[:-1])
    else:
        path.unlink()
    if damage == "link":
        path.symlink_to("/etc/hostname")

    assert kept.name in refused(vault)


@pytest.mark.parametrize(
    "edit",
    [
        lambda told: told.update(format="sslclm-backup/2"),
        lambda told: told.update(more=1),
        lambda told: told["head"].update(position=10**9),
        lambda told: told["head"].update(entry_hash="0" * 64),
        lambda told: told.update(ledger_id="0" * 32),
        lambda told: told["files"].append({"name": "../evil", "size": 1, "sha256": "0" * 64}),
        lambda told: told["files"].append({"name": "/etc/passwd", "size": 1, "sha256": "0" * 64}),
        lambda told: told["files"].append(told["files"][0]),
        lambda told: told["files"].pop(0),
        lambda told: told.update(files=[]),
    ],
)
def test_an_edited_manifest_is_refused(vault, edit):
    """It names only files that a back-up has, and the ledger's own head."""
    vault.take()
    path = vault.folder / "archive" / "manifest.json"
    told = json.loads(path.read_text())
    edit(told)
    path.write_text(json.dumps(told))

    assert refused(vault)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}" * 40_000, b"\xff\xfe", b'{"format":NaN}'])
def test_what_is_no_manifest_is_refused(vault, content):
    """Whatever its bytes are."""
    vault.take()
    (vault.folder / "archive" / "manifest.json").write_bytes(content)

    assert "manifest.json" in refused(vault)


def test_an_edited_ledger_with_right_hashes_breaks_its_chain(vault):
    """Somebody who edits an event and describes the files anew is found by the chain, with the position."""
    vault.take()
    connection = sqlite3.connect(vault.folder / "archive" / LEDGER)
    connection.executescript("DROP TRIGGER event_fixed; UPDATE event SET state = x'7b7d' WHERE position = 5;")
    connection.close()
    describe_again(vault)

    assert "position 5" in refused(vault)


@pytest.mark.parametrize("name", [kept.name for kept in KEPT if kept.kind == "database"])
def test_another_file_in_a_databases_place_is_refused(vault, name):
    """A text is no database, whatever its hash."""
    vault.take()
    (vault.folder / "archive" / name).write_bytes(b"no database at all" * 500)
    describe_again(vault)

    assert name in refused(vault)


def test_the_archive_alone_yields_no_key(vault):
    """No byte string of any private key stands in it, nor the key-encryption key; without that key it does not open."""
    backend = vault.lab.backend
    secrets = []
    for key_id in backend.keystore.key_ids():
        for field in ("pkcs8", "ed25519", "aes256"):
            try:
                secrets.append(backend.keystore.get(key_id, field).reveal())
            except ClmError:
                continue
    secrets.append(base64.b64decode(backend.files.kek_file.read_text()))
    vault.take()
    whole = b"".join(path.read_bytes() for path in (vault.folder / "archive").iterdir())
    cores = [part for secret in secrets for part in _forms(secret)]

    assert len(secrets) >= 4
    assert not [core for core in cores if core in whole]


def _forms(secret: bytes) -> list[bytes]:
    """Return how a secret might stand in a file: itself, its private number, in base64 and in hex."""
    forms = [secret]
    with suppress(ValueError):
        key = load_der_private_key(secret, None)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            forms.append(key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8, "big"))
    return [form for one in forms for form in (one, base64.b64encode(one).rstrip(b"="), one.hex().encode())]


def test_another_key_encryption_key_opens_nothing(vault):
    """A thief with the archive and a key of their own does not start it."""
    vault.take()
    files = vault.restore()
    thief = Files(files.data_dir, vault.folder / "thief" / "kek.json")
    thief.kek_file.parent.mkdir(mode=0o700)
    LocalKekFile.create(thief.kek_file)

    with pytest.raises(ClmError):
        compose(thief)
    shutil.rmtree(thief.kek_file.parent)
