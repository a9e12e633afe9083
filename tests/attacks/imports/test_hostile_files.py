"""Files made to hurt whoever reads them: bombs, lies about lengths, garbage; each costs little and says why."""

from __future__ import annotations

import base64
import hashlib
import time

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from commands.ports.importing import Upload
from commands.ports.keystore import Secret
from domain.errors import InvalidInput
from infra.importing.reader import IsolatedReader
from tests.support.foreign import PASSWORD, leaf

JKS, JCEKS = bytes.fromhex("feedfeed"), bytes.fromhex("cececece")


async def read(content: bytes, *passwords: str):
    """Read one file as an upload."""
    return await IsolatedReader().read([Upload("x", content)], [Secret(one.encode()) for one in passwords])


def number(value: int, size: int = 4) -> bytes:
    """Return a big-endian number."""
    return value.to_bytes(size, "big")


def slow_key() -> bytes:
    """Return an encrypted PKCS #8 key (PEM) that asks for 2^31 - 1 rounds of PBKDF2."""
    key = leaf("slow.old.test").key
    der = bytearray(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))
    at = der.index(b"\x02\x02\x08\x00")  # 2048 rounds
    der[at : at + 4] = b"\x02\x04" + number(2**31 - 1)
    for length in (2, 4, 17, 19, 32):  # of the sequences around it
        der[length] += 2
    return (
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + base64.encodebytes(der) + b"-----END ENCRYPTED PRIVATE KEY-----\n"
    )


async def test_rounds_without_end_are_ended():
    """The reader's own process is ended by the CPU time it takes; this one does none of the work."""
    before = time.process_time()
    with pytest.raises(InvalidInput) as refused:
        await read(slow_key(), "x")

    assert refused.value.rule == "import-too-costly"
    assert time.process_time() - before < 3


def slow_store() -> bytes:
    """Return a PKCS #12 file whose integrity check (RFC 7292 section 4, MacData) asks for 2^31 - 1 rounds."""
    store = leaf("bomb.old.test").p12()
    whole, authentic = int.from_bytes(store[2:4], "big"), int.from_bytes(store[9:11], "big")
    start = 11 + authentic  # behind the headers of PFX, version and AuthenticatedSafe
    mac = bytearray(store[start:])
    assert (0x30, 0x02) == (mac[0], mac[-4]), "the rounds stand last, in two bytes"
    mac[-4:] = b"\x02\x04" + number(2**31 - 1)
    mac[1] += 2
    return store[:2] + number(whole + 2, 2) + store[4:start] + bytes(mac)


async def test_rounds_without_end_inside_a_container():
    """The same for a PKCS #12 file, whichever password is tried on it."""
    with pytest.raises(InvalidInput) as refused:
        await read(slow_store(), PASSWORD)

    assert refused.value.rule == "import-too-costly"


STORES = {
    "count": JKS + number(2) + number(0xFFFFFFFF),
    "alias": JKS + number(2) + number(1) + number(2) + b"\xff\xff" + b"a",
    "certificate": JKS
    + number(2)
    + number(1)
    + number(2)
    + b"\0\x01a"
    + bytes(8)
    + b"\0\x05X.509"
    + number(0x7FFFFFFF),
    "key": JKS + number(2) + number(1) + number(1) + b"\0\x01a" + bytes(8) + number(0xFFFFFFFF),
    "chain": JKS + number(2) + number(1) + number(1) + b"\0\x01a" + bytes(8) + number(2) + b"\x30\0" + number(2**31),
    "version": JCEKS + number(9) + number(1),
    "cut": JKS,
}


@pytest.mark.parametrize("name", STORES)
async def test_a_store_that_lies_about_its_lengths(name):
    """Whatever length it claims, nothing behind its end is read and nothing is reserved for it."""
    contents = await read(STORES[name] + bytes(20), PASSWORD)

    assert () == contents.found
    assert {"import-syntax", "import-too-many", "import-integrity"} >= {one.rule for one in contents.left}
    assert contents.left


async def test_a_serialised_java_object_is_never_taken_apart():
    """The secret key of a JCEKS store ends the reading."""
    entry = number(3) + b"\0\x01a" + bytes(8) + b"\xac\xed\0\x05" + b"\x73" * 50
    body = JCEKS + number(2) + number(1) + entry
    contents = await read(body + hashlib.sha1(body, usedforsecurity=False).digest())

    assert "import-kind" in {one.rule for one in contents.left}


@pytest.mark.parametrize("depth", [1_000, 100_000])
async def test_nesting_without_end(depth):
    """Sequences in sequences: refused, whichever parser meets them."""
    content = b"\x30\x80" * depth
    for head in (b"", b"\x30\x82\xff\xff\x02\x01\x03\x30"):
        contents = await read(head + content, PASSWORD)
        assert [] == [*contents.found]


async def test_many_blocks():
    """Five hundred blocks are looked at, and no more."""
    block = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    contents = await read(block * 600)

    assert ["import-too-many"] == [one.rule for one in contents.left]


async def test_beginnings_without_ends():
    """One pass over the file, however many blocks begin in it."""
    contents = await read(b"-----BEGIN X" * 50_000)

    assert () == contents.found


async def test_a_key_for_nothing_is_not_kept():
    """Keys without a certificate come to nothing, and the answer holds no key."""
    contents = await read(leaf("x.old.test").key_pem())

    assert ["import-lonely-key"] == [one.rule for one in contents.left]
    assert "PRIVATE" not in repr(contents)


async def test_names_of_files_do_what_text_does():
    """A file's name is told back as it is, and steers nothing."""
    told = await IsolatedReader().read([Upload("\x1b[2J\n../../etc", b"x")], [])

    assert "\x1b[2J\n../../etc" == told.left[0].file
