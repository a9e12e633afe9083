"""An address that signs in again and again is refused for a minute, before anybody else is asked anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from api.app import SIGN_INS_PER_MINUTE
from api.attempts import ADDRESSES, Attempts
from domain.errors import TooMany

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def test_sign_ins_of_one_address_are_limited(lab):
    """429 with Retry-After; the provider is not asked; a minute later it goes on."""
    async with lab.client() as nobody:
        paths = ("/auth/login", "/auth/callback?state=x", "/auth/cli/token")
        for number in range(SIGN_INS_PER_MINUTE):
            path = paths[number % 3]
            await (nobody.post(path, json={}) if path.endswith("token") else nobody.get(path))
        begun = len(lab.sign_in.carried)
        refused = await nobody.get("/auth/login")
        lab.clock.at += timedelta(minutes=1)
        again = await nobody.get("/auth/login")

    assert (refused.status_code, refused.json()["rule"], refused.headers["retry-after"]) == (429, "sign-in-rate", "60")
    assert (again.status_code, len(lab.sign_in.carried)) == (303, begun + 1)


def test_a_sixty_fourth_is_one_client():
    """IPv6 addresses are free: a client's /64 counts as one, another /64 and IPv4 do not share it."""
    attempts = Attempts(2, what="tries", rule="rate")
    for address in ("2001:db8::1", "2001:db8::2"):
        attempts.count(address, NOW)
    with pytest.raises(TooMany):
        attempts.count("2001:db8::3", NOW)
    for other in ("2001:db8:0:1::1", "192.0.2.1", "::ffff:192.0.2.2", "fe80::1%eth0", "", "unix"):
        attempts.count(other, NOW)


def test_the_memory_is_bounded_and_a_clock_set_back_locks_nobody_out():
    """Many addresses forget the first; a clock that goes back by a year forgives."""
    attempts = Attempts(1, what="tries", rule="rate")
    for number in range(ADDRESSES + 50):
        attempts.count(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", NOW)
    assert len(attempts._tries) == ADDRESSES

    attempts.count("192.0.2.1", NOW)
    attempts.count("192.0.2.1", NOW - timedelta(days=400))
    with pytest.raises(TooMany):
        attempts.count("192.0.2.1", NOW - timedelta(days=400))
