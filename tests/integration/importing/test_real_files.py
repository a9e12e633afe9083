"""Files that real tools made: OpenSSL's PEM, PKCS #7, PKCS #8 and PKCS #12, keytool's JKS, JCEKS and PKCS #12."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from commands.ports.importing import Contents, Upload
from commands.ports.keystore import Secret
from infra.importing.reader import IsolatedReader
from tests.support.foreign import PASSWORD, issuing, leaf, root
from tests.support.real import real_part

WWW = leaf("www.old.test")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with certificate, chain and key in PEM."""
    folder = tmp_path_factory.mktemp("foreign")
    parts = {"www.pem": WWW.pem, "www.key": WWW.key_pem(), "issuing.pem": issuing().pem, "root.pem": root().pem}
    for name, content in parts.items():
        (folder / name).write_bytes(content)
    (folder / "all.pem").write_bytes(root().pem + issuing().pem + WWW.pem)
    return folder


def run(folder: Path, program: str, *arguments: str) -> None:
    """Run a real tool in the folder."""
    subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def openssl(folder):
    """Return a caller of the real openssl."""
    program = real_part("openssl", "apt-get install openssl")
    return lambda *arguments: run(folder, program, *arguments)


@pytest.fixture(scope="module")
def p12(folder, openssl):
    """Make www.p12."""
    told = ("-inkey", "www.key", "-in", "www.pem", "-certfile", "issuing.pem", "-name", "www")
    openssl("pkcs12", "-export", *told, "-passout", f"pass:{PASSWORD}", "-out", "www.p12")
    return folder / "www.p12"


@pytest.fixture(scope="module")
def keytool(folder, p12):
    """Return a caller that makes a store of a type out of www.p12 with the real keytool, and adds the root."""
    program = real_part("keytool", "apt-get install default-jre-headless")

    def make(kind: str) -> Path:
        store, password = folder / f"www.{kind}", ("-storepass", PASSWORD, "-noprompt")
        source = ("-srckeystore", str(p12), "-srcstorepass", PASSWORD)
        target = ("-destkeystore", str(store), "-deststoretype", kind, "-deststorepass", PASSWORD)
        run(folder, program, "-importkeystore", *source, *target, "-noprompt")
        run(folder, program, "-importcert", "-file", "root.pem", "-alias", "root", "-keystore", str(store), *password)
        return store

    return make


def upload(path: Path) -> Upload:
    """Return a file as it is sent."""
    return Upload(path.name, path.read_bytes())


async def read(path: Path, *passwords: str) -> Contents:
    """Read one file as an upload."""
    return await IsolatedReader().read([upload(path)], [Secret(one.encode()) for one in passwords])


def is_whole(contents: Contents, *, chain: int) -> bool:
    """Tell whether exactly the leaf with its key and so much of a chain was read, and nothing left out."""
    [found] = contents.found
    key = found.key is not None and found.key.reveal() == WWW.key_der()
    return (found.leaf, len(found.chain), contents.left) == (WWW.der, chain, ()) and key


async def test_openssl_pkcs12(folder, openssl, p12):
    """Today's encryption and that of old; locked without the password."""
    told = ("-inkey", "www.key", "-in", "www.pem", "-certfile", "issuing.pem", "-passout", f"pass:{PASSWORD}")
    openssl("pkcs12", "-export", "-legacy", *told, "-out", "old.p12")
    for path in (p12, folder / "old.p12"):
        assert is_whole(await read(path, "wrong", PASSWORD), chain=1)
        assert ["import-locked"] == [one.rule for one in (await read(path, "wrong")).left]


async def test_openssl_encrypted_key_beside_its_certificate(folder, openssl):
    """PKCS #8 under a password, and OpenSSL's own old way (``Proc-Type: 4,ENCRYPTED``)."""
    openssl("pkcs8", "-topk8", "-in", "www.key", "-passout", f"pass:{PASSWORD}", "-out", "new.key")
    openssl("ec", "-in", "www.key", "-aes256", "-passout", f"pass:{PASSWORD}", "-out", "old.key")
    for name in ("new.key", "old.key"):
        both = folder / f"both-{name}"
        both.write_bytes((folder / name).read_bytes() + (folder / "all.pem").read_bytes())
        assert is_whole(await read(both, PASSWORD), chain=2)
        assert ["import-locked"] == [one.rule for one in (await read(both)).left]


async def test_openssl_pkcs7(folder, openssl):
    """A bundle without keys, DER and PEM."""
    for form in ("DER", "PEM"):
        openssl("crl2pkcs7", "-nocrl", "-certfile", "all.pem", "-outform", form, "-out", f"b.{form}")
        [found] = (await read(folder / f"b.{form}")).found
        assert (WWW.der, 2, None) == (found.leaf, len(found.chain), found.key)


@pytest.mark.parametrize("kind", ["JKS", "JCEKS"])
async def test_keytool_stores(keytool, kind):
    """Everything with the password; without it the certificates, and that the key is locked."""
    store = keytool(kind)
    assert is_whole(await read(store, "wrong", PASSWORD), chain=2)

    contents = await read(store)
    assert [(WWW.der, 2, None)] == [(one.leaf, len(one.chain), one.key) for one in contents.found]
    assert ["import-integrity", "import-locked"] == [one.rule for one in contents.left]


async def test_keytool_pkcs12(keytool):
    """What keytool makes unless told otherwise."""
    contents = await read(keytool("PKCS12"), PASSWORD)

    assert [WWW.der] == [one.leaf for one in contents.found]
    assert contents.found[0].key is not None


async def test_der_alone(folder, openssl):
    """One certificate, one key, each in a file of its own, sent together."""
    openssl("x509", "-in", "www.pem", "-outform", "DER", "-out", "www.der")
    openssl("pkcs8", "-topk8", "-nocrypt", "-in", "www.key", "-outform", "DER", "-out", "www.key.der")
    uploads = [upload(folder / name) for name in ("www.key.der", "www.der", "issuing.pem")]

    assert is_whole(await IsolatedReader().read(uploads, []), chain=1)
