"""Revocation lists: what is refused, and that many entries are fast."""

import time
from datetime import timedelta

import pytest
from cryptography import x509

from commands.ports.issuers import RevokedSerial
from domain.errors import InvalidInput
from tests.support.authorities import NOON, TLS

END = NOON + timedelta(days=7)
BAD_LINES = {
    "hold": (RevokedSerial("7", NOON, "certificateHold"), "crl-reason"),
    "unhold": (RevokedSerial("7", NOON, "removeFromCRL"), "crl-reason"),
    "unknown reason": (RevokedSerial("7", NOON, "bored"), "crl-reason"),
    "no serial": (RevokedSerial("", NOON), "serial-syntax"),
    "zero": (RevokedSerial("0", NOON), "serial-syntax"),
    "negative": (RevokedSerial("-7", NOON), "serial-syntax"),
    "no hex": (RevokedSerial("xyz", NOON), "serial-syntax"),
    "underscore": (RevokedSerial("a_b", NOON), "serial-syntax"),
    "prefix": (RevokedSerial("0xab", NOON), "serial-syntax"),
    "upper case": (RevokedSerial("AB", NOON), "serial-syntax"),
    "spaces": (RevokedSerial(" ab", NOON), "serial-syntax"),
    "too long": (RevokedSerial("7" * 41, NOON), "serial-syntax"),
}


@pytest.mark.parametrize(("line", "rule"), BAD_LINES.values(), ids=BAD_LINES)
async def test_bad_lines_are_refused(hierarchy, line, rule):
    """A hold is refused, since a hold that is lifted would make yesterday's verdict a lie; so is what is no serial."""
    with pytest.raises(InvalidInput) as refused:
        await hierarchy.issuers.sign_crl(TLS, 1, NOON, END, [line])
    assert refused.value.rule == rule


async def test_a_serial_is_listed_once(hierarchy):
    """Two lines of one serial could contradict each other."""
    with pytest.raises(InvalidInput) as refused:
        await hierarchy.issuers.sign_crl(TLS, 1, NOON, END, [RevokedSerial("ab", NOON), RevokedSerial("0ab", NOON)])
    assert refused.value.rule == "crl-duplicate"


@pytest.mark.parametrize(("number", "end"), [(-1, END), (1 << 159, END), (1, NOON), (1, NOON - timedelta(days=1))])
async def test_bad_frames_are_refused(hierarchy, number, end):
    """The number has 0 to 159 bits and the list lasts for a while."""
    with pytest.raises(InvalidInput):
        await hierarchy.issuers.sign_crl(TLS, number, NOON, end, ())


async def test_many_entries_grow_linearly(hierarchy):
    """Twenty thousand lines take well under ten times two thousand's time squared: nothing copies the list."""
    lines = [RevokedSerial(f"{(1 << 158) + number:x}", NOON, "superseded") for number in range(20_000)]
    started = time.process_time()

    der = await hierarchy.issuers.sign_crl(TLS, 1, NOON, END, lines)

    assert time.process_time() - started < 5
    assert len(x509.load_der_x509_crl(der)) == 20_000
