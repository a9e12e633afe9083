"""The watch over what lives is paced: a rule that a thousand certificates break holds up nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from commands.ports.living import LivingCertificate, LivingPage
from commands.profiles.watch_living import CHANGES_PER_ROUND, PER_ROUND, LivingWatch
from tests.support.world import NOW, SHOP, World

PAGE = 200


def weak_certificate() -> bytes:
    """Return a certificate with a P-192 key, which breaks a rule wherever it lives."""
    key = ec.generate_private_key(ec.SECP192R1())
    builder = x509.CertificateBuilder(x509.Name([]), x509.Name([]), key.public_key(), 7)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=30))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


class Many:
    """So many certificates, all alike; ``pages`` counts what was asked for."""

    def __init__(self, count: int, one: LivingCertificate) -> None:
        self.count, self.one, self.pages = count, one, 0

    def certificates(self, _at, *, cursor=None, **_more) -> LivingPage:
        """Return a page."""
        self.pages += 1
        start = int(cursor or 0)
        numbers = range(start, min(start + PAGE, self.count))
        more = str(start + PAGE) if start + PAGE < self.count else None
        return LivingPage([replace(self.one, certificate_id=f"certificate-{n}") for n in numbers], more, 1)

    def profile(self, _profile_id):
        """There are none."""


class Bus:
    """Takes commands and counts them."""

    def __init__(self, world: World) -> None:
        self.services = world.bus.services
        self.taken: list[str] = []

    async def execute(self, command, _context) -> None:
        """Take one."""
        self.taken.append(command.certificate_id)


@pytest.fixture(scope="module")
def weak():
    """One certificate that breaks a rule."""
    return LivingCertificate("", SHOP, None, None, weak_certificate(), date(2026, 11, 23))


def test_changes_come_in_portions_and_all_come(world, weak):
    """No round records much more than its share; the next goes on where it ended; each is told once a sweep."""
    bus = Bus(world)
    watch = LivingWatch(bus, Many(1_000, weak), lambda: NOW)
    rounds = [asyncio.run(watch.look()) for _ in range(5)]

    assert all(found <= CHANGES_PER_ROUND + PAGE for found in rounds)
    assert 1_000 == len(set(bus.taken)) == len(bus.taken)


def test_what_is_on_record_is_looked_at_and_not_told_again(world, weak):
    """A round looks at its share of what has not changed, and records nothing."""
    bus, many = Bus(world), Many(PER_ROUND * 3, replace(weak, noted=frozenset({"key-strength-minimum"})))
    watch = LivingWatch(bus, many, lambda: NOW)

    assert 0 == asyncio.run(watch.look())
    assert PER_ROUND // PAGE == many.pages
    assert [] == bus.taken


def test_bytes_that_nobody_can_read_stop_nothing(world, weak):
    """An unreadable certificate is passed over; the sweep comes to its end."""
    bus = Bus(world)
    watch = LivingWatch(bus, Many(50, replace(weak, der=b"\x30\x03nope")), lambda: NOW)

    assert 0 == asyncio.run(watch.look())
