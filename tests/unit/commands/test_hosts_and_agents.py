"""Hosts, and how agents come to speak for them."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from commands.hosts.confirm_key import ConfirmAgentKey
from commands.hosts.disable import DisableHost
from commands.hosts.enrol import RenewAgentIdentity
from commands.hosts.heartbeat import ReportHeartbeat
from commands.hosts.make_token import MakeBootstrapToken
from commands.hosts.register import RegisterHost
from domain.errors import AlreadyExists, Denied, InvalidInput, NotFound
from domain.hosts.host import Host
from tests.support.web1 import WEB1, csr, enrol, load, token
from tests.support.world import SHOP, World, anna, ben, the_agent


def test_a_host_name_is_taken_once(world: World) -> None:
    """A second host of the same name is refused, whatever its case."""
    with pytest.raises(AlreadyExists):
        world.when(RegisterHost(name="WEB1.shop.test", team_id=SHOP), anna())


def test_a_token_enrols_once(world: World) -> None:
    """The token is spent with the first enrolment, and every other use looks the same as a wrong one."""
    secret = token(world)
    before = world.head()
    world.when(enrol(secret), the_agent(WEB1))

    assert world.then(before) == [
        "host.enrolled",
        "key.introduced",
        "certificate.issuance-started",
        "certificate.issued",
    ]
    with pytest.raises(Denied, match="unknown, used, replaced or expired"):
        world.when(enrol(secret), the_agent(WEB1))


def test_a_token_expires(world: World) -> None:
    """A minute after its end a token enrols nobody."""
    secret = token(world, valid_seconds=60)
    world.pass_time(seconds=61)
    with pytest.raises(Denied):
        world.when(enrol(secret), the_agent(WEB1))


def test_the_secret_is_not_in_the_ledger(world: World) -> None:
    """Neither making nor using a token leaves its secret in any stored byte."""
    secret = token(world)
    world.when(enrol(secret), the_agent(WEB1))
    stored = [
        part
        for entry in world.ledger.entries(1)
        for part in (entry.metadata, entry.details or b"", *(event.state for event in entry.events))
    ]

    assert not [part for part in stored if secret.encode() in part]


def test_another_teams_host_gets_no_token(world: World) -> None:
    """A host of another team does not exist."""
    with pytest.raises(NotFound):
        world.when(MakeBootstrapToken(host_id=WEB1), ben())


def known_key(world: World) -> str:
    """Return the public key that speaks for web1 now."""
    return load(world, Host, WEB1).spki_sha256


def test_identity_renewal_needs_a_new_key_and_keeps_the_proven_one_meanwhile(world: World) -> None:
    """Renewals whose answers got lost leave the agent with the key it has; a disabled host knows none."""
    world.when(enrol(token(world)), the_agent(WEB1))
    first = known_key(world)
    with pytest.raises(InvalidInput, match="new key"):
        world.when(RenewAgentIdentity(host_id=WEB1, csr=csr()), the_agent(WEB1, first))
    for _ in range(2):
        fresh = csr(ec.generate_private_key(ec.SECP256R1()))
        world.when(RenewAgentIdentity(host_id=WEB1, csr=fresh), the_agent(WEB1, first))
    host = load(world, Host, WEB1)

    assert host.knows_key(first)
    assert host.knows_key(host.spki_sha256)
    world.when(DisableHost(host_id=WEB1), anna())
    assert not load(world, Host, WEB1).knows_key(first)


def test_the_first_use_of_a_new_key_ends_the_former(world: World) -> None:
    """Until then both are good; the end is recorded once."""
    world.when(enrol(token(world)), the_agent(WEB1))
    first = known_key(world)
    fresh = csr(ec.generate_private_key(ec.SECP256R1()))
    world.when(RenewAgentIdentity(host_id=WEB1, csr=fresh), the_agent(WEB1, first))
    before = world.head()
    for key in (first, known_key(world), known_key(world)):
        world.when(ConfirmAgentKey(host_id=WEB1), the_agent(WEB1, key))

    assert world.then(before) == ["host.former-key-ended"]
    assert not load(world, Host, WEB1).knows_key(first)


def test_a_renewal_needs_a_proven_key(world: World) -> None:
    """Whoever proved no key of the host gets no certificate for it."""
    world.when(enrol(token(world)), the_agent(WEB1))
    fresh = csr(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(Denied):
        world.when(RenewAgentIdentity(host_id=WEB1, csr=fresh), the_agent(WEB1, "0" * 64))


def test_safe_mode_is_recorded_when_it_changes(world: World) -> None:
    """Heartbeats are telemetry; only the change is a fact."""
    before = world.head()
    for state in ("ok", "safe-mode", "safe-mode", "ok"):
        world.when(ReportHeartbeat(host_id=WEB1, agent_version="1", state=state), the_agent(WEB1))

    assert world.then(before) == ["host.safe-mode-entered", "host.safe-mode-left"]
