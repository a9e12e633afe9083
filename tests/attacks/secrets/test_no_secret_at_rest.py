"""Secrets are encrypted where they belong, and nowhere else: not in ledger, read models, export or log."""

from __future__ import annotations

import base64
import logging

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key

from infra.agents.task_signer import KEY_ID
from infra.issuers.signers import PKCS8_FIELD
from infra.reading import every
from projections.issuers.issuers import ISSUERS, IssuerFilter
from tests.support.backends import PASSPHRASE, Clock, files_in, set_up


def forms(secret: bytes) -> set[bytes]:
    """Return how a secret could lie around: as it is, in hex, in base64 of any alignment (its middle)."""
    encoded = {base64.b64encode(b"\0" * pad + secret)[4:-4] for pad in range(3)}
    return {secret, secret.hex().encode(), secret.hex().upper().encode(), *encoded}


def scalar(pkcs8: bytes) -> bytes:
    """Return the private number of an EC key."""
    key = load_der_private_key(pkcs8, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key.private_numbers().private_value.to_bytes(32, "big")


@pytest.fixture
def planted(tmp_path, caplog):
    """Every secret of a backend that was set up while everything was logged, and the bytes it left."""
    caplog.set_level(logging.DEBUG)
    backend = set_up(tmp_path, Clock())
    stored = [row["key_id"] for row in every(backend.views, ISSUERS, IssuerFilter()) if row["key_id"]]
    secrets = {
        "task-signing key": backend.keystore.get(KEY_ID, "ed25519").reveal(),
        "KEK": base64.b64decode(files_in(tmp_path).kek_file.read_bytes()),
        "passphrase": PASSPHRASE.reveal(),
    }
    for key_id in stored:
        pkcs8 = backend.keystore.get(key_id, PKCS8_FIELD).reveal()
        secrets[f"CA key {key_id}"] = scalar(pkcs8)
    export = b"".join(backend.evidence.export())
    backend.close()
    return secrets, export, caplog.text.encode(), files_in(tmp_path).data_dir


def test_no_secret_lies_in_clear(planted):
    """Each secret, in every form, is looked for in every file of the data directory, in the export and in the log."""
    secrets, export, log, data_dir = planted
    places = {path.name: path.read_bytes() for path in data_dir.iterdir()} | {"export": export, "log": log}
    found = [
        (name, place)
        for name, secret in secrets.items()
        for place, content in places.items()
        if any(form in content for form in forms(secret))
    ]

    assert len(secrets) == 5
    assert found == []


def test_the_search_finds_what_is_there(planted):
    """The same search finds a planted secret in each of its forms, so that an empty result means something."""
    secrets, *_ = planted
    for secret in secrets.values():
        for form in forms(secret):
            assert any(each in b"xx" + form + b"yy" for each in forms(secret))


def test_an_issuer_gives_no_key_away(tmp_path):
    """Neither printing nor pickling nor any public method of issuers and signers shows a private key."""
    backend = set_up(tmp_path, Clock())
    names = {name for name in dir(backend.issuers) if not name.startswith("_")}

    assert names == {"add", "chain", "forget", "prepare", "prepare_agent", "sign", "sign_crl"}
    assert "PRIVATE" not in repr(vars(backend.issuers)) + repr(backend.task_signer())
    backend.close()
