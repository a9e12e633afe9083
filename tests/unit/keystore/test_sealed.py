"""Keys sealed under a passphrase."""

import json
import stat

import pytest

from commands.ports.keystore import Secret
from domain.errors import AlreadyExists, InvalidInput
from infra.keystore.errors import SecretAltered
from infra.keystore.sealed import check_passphrase, open_sealed, seal

PASSPHRASE = Secret(b"correct horse battery staple")


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """One sealed key for the tests that only read it."""
    path = tmp_path_factory.mktemp("sealed") / "root.key"
    seal(path, "root CA", Secret(b"the key"), PASSPHRASE)
    return path


def test_seal_then_open(sealed):
    """The key comes back with the right passphrase; the file is for its owner only and holds nothing in clear."""
    assert open_sealed(sealed, "root CA", PASSPHRASE).reveal() == b"the key"
    assert stat.S_IMODE(sealed.stat().st_mode) == 0o600
    assert b"the key" not in sealed.read_bytes()


def test_a_sealed_key_is_not_overwritten(sealed):
    """A root key is never lost to a second ceremony with the same file name."""
    with pytest.raises(AlreadyExists):
        seal(sealed, "root CA", Secret(b"other"), PASSPHRASE)


@pytest.mark.parametrize(
    "weak", [b"", b"short", b" " * 40, b"aaaaaaaaaaaaaaaaaaaaaaaa", b"abababababababababab", b"fifteen charac."]
)
def test_weak_passphrases_are_refused(weak):
    """Empty, short and monotonous passphrases are refused before anything is written."""
    with pytest.raises(InvalidInput) as refused:
        check_passphrase(Secret(weak))
    assert refused.value.rule == "weak-passphrase"


def test_a_wrong_passphrase_or_label_does_not_open(sealed):
    """Neither another passphrase nor the key of another purpose is accepted."""
    for label, passphrase in (("root CA", Secret(b"wrong horse battery staple")), ("agents CA", PASSPHRASE)):
        with pytest.raises(SecretAltered):
            open_sealed(sealed, label, passphrase)


def test_an_altered_file_does_not_open(sealed, tmp_path):
    """Changed ciphertext, cheaper parameters, cut-off and foreign files are refused."""
    content = json.loads(sealed.read_bytes())
    flipped = content["ciphertext"].translate(str.maketrans("ABab", "BAba"))
    bad = [
        (content | {"ciphertext": flipped}, SecretAltered),
        (content | {"kdf": "scrypt-2-8-1"}, InvalidInput),
        (content | {"nonce": "AAAA"}, InvalidInput),
        (content | {"extra": 1}, InvalidInput),
    ]
    for number, (altered, error) in enumerate(bad):
        path = tmp_path / f"{number}.key"
        path.write_text(json.dumps(altered))
        path.chmod(0o600)
        with pytest.raises(error):
            open_sealed(path, "root CA", PASSPHRASE)
