"""Whatever the bytes: certificates and keys, or a reason; the readers raise nothing else."""

from __future__ import annotations

import base64
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.certificates.foreign import ForeignCertificate, read_foreign
from domain.errors import InvalidInput
from infra.importing.jks_keys import unlock
from infra.importing.pieces import Unreadable
from infra.importing.worker import read_upload
from tests.support.foreign import PASSWORD, issuing, leaf

MAGIC = [
    b"",
    b"\x30",
    b"\xfe\xed\xfe\xed\0\0\0\2",
    b"\xce\xce\xce\xce\0\0\0\2\0\0\0\1",
    b"-----BEGIN CERTIFICATE-----\n",
]
quickly = settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])


@cache
def seeds() -> tuple[bytes, ...]:
    """Return honest files of several kinds, for mutation."""
    party = leaf("www.old.test", "old.test")
    store = bytes.fromhex("feedfeed00000002") + (1).to_bytes(4, "big") + (2).to_bytes(4, "big") + b"\0\x01a" + bytes(8)
    store += b"\0\x05X.509" + len(party.der).to_bytes(4, "big") + party.der + bytes(20)
    return (party.der, party.pem + party.key_pem() + issuing().pem, party.key_der(), store)


def answers(content: bytes) -> None:
    """Read it in this process, where an unexpected error would be seen."""
    try:
        told = read_upload([{"name": "x", "content": base64.b64encode(content)}], (PASSWORD,))
    except InvalidInput:
        return
    assert all(one["rule"] and one["fix"] and one["what"].isprintable() for one in told["left"])


def mutated(data: st.DataObject, seed: bytes) -> bytes:
    """Change, cut out and double a few bytes."""
    content = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        content = content or bytearray(b"\x30")
    return bytes(content)


@quickly
@given(st.sampled_from(MAGIC), st.binary(max_size=300))
def test_arbitrary_bytes(magic, content):
    """Random bytes behind every beginning that chooses a reader."""
    answers(magic + content)


@pytest.mark.parametrize("seed", range(4))
@quickly
@given(st.data())
def test_mutated_files(seed, data):
    """Real files with bytes changed, cut out and doubled anywhere."""
    answers(mutated(data, seeds()[seed]))


@quickly
@given(st.data())
def test_mutated_certificates_are_read_or_refused(data):
    """The reader of one certificate raises InvalidInput and nothing else; what it shows is printable."""
    try:
        seen = read_foreign(mutated(data, seeds()[0]))
    except InvalidInput:
        return
    assert isinstance(seen, ForeignCertificate)
    for text in (seen.issuer_name, *seen.dns_names, *seen.crl_urls, *seen.ca_urls):
        assert text.isascii()
        assert text.isprintable()


@quickly
@given(st.binary(max_size=120))
def test_a_protected_key_of_any_bytes(content):
    """The two old protections of Java: opened, or Unreadable."""
    with pytest.raises(Unreadable):
        unlock(content, (PASSWORD,))
