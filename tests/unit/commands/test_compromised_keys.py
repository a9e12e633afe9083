"""A public key belongs to one team, and one that was compromised is never certified again, for anybody."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from commands.bus import Bus
from commands.certificates.issue_server import IssueServerCertificate
from commands.certificates.report_key import ReportKey
from commands.certificates.request import RequestCertificate
from commands.certificates.revoke import RevokeCertificate
from commands.context import Context
from commands.handlers import HANDLERS
from commands.hosts.enrol import EnrolAgent
from commands.hosts.make_token import MakeBootstrapToken
from commands.profiles.define import DefineProfile
from domain.certificates.csr import read_csr
from domain.errors import ClmError, PolicyRefused
from domain.keys.key import Key
from infra.ledger.sqlite import SqliteLedger
from tests.support.csrs import make_csr, pem_csr
from tests.support.deployed import WEB1, ordered
from tests.support.world import ISSUER, PAY, SHOP, WEB, World, anna, ben, olga, system, the_agent, web_spec

Who = Callable[[], Context]


def fresh_csr() -> str:
    """Return a CSR of a new key."""
    return pem_csr(make_csr(ec.generate_private_key(ec.SECP256R1()), x509.DNSName("www.shop.test")))


def request(pem: str, team: str = SHOP) -> RequestCertificate:
    """Return the request to certify a CSR for a team."""
    return RequestCertificate(team_id=team, profile_id=WEB, csr=pem)


@pytest.fixture
def shared(world: World) -> World:
    """A world in which both teams may use the profile."""
    world.when(DefineProfile(spec=web_spec(teams=(SHOP, PAY))), olga())
    return world


def certified(world: World, pem: str) -> str:
    """Certify a CSR for team shop."""
    made = world.when(request(pem), anna()).id_of("certificate")
    assert made is not None
    return made


def compromised(world: World) -> str:
    """Return a CSR whose key team shop certified and revoked as compromised."""
    pem = fresh_csr()
    world.when(RevokeCertificate(certificate_id=certified(world, pem), revocation_reason="keyCompromise"), anna())
    return pem


def refused_rule(world: World, command: RequestCertificate, who: Who) -> str:
    """Return the rule by which a request is refused."""
    with pytest.raises(PolicyRefused) as refusal:
        world.when(command, who())
    return refusal.value.rule


def test_a_key_of_another_team_is_refused(shared: World) -> None:
    """Whoever sends a copy of somebody's CSR gets nothing; that they tried is on record."""
    pem = fresh_csr()
    certified(shared, pem)
    before = shared.head()

    assert refused_rule(shared, request(pem, PAY), ben) == "key-of-another-team"
    assert shared.then(before) == ["access.refused"]


def test_the_same_team_certifies_its_key_again(shared: World) -> None:
    """A renewal by the same CSR is allowed: the key is introduced once."""
    pem = fresh_csr()
    first, second = certified(shared, pem), certified(shared, pem)

    spki = read_csr(pem.encode()).spki_sha256
    assert first != second
    assert [one.topic for one in shared.ledger.stream(Key.id_for(spki))] == [Key.Introduced.TOPIC]


def test_a_compromised_key_is_refused_to_its_own_team_and_to_others(shared: World) -> None:
    """The same rule for everybody, and first: nobody learns whose it was."""
    pem = compromised(shared)

    assert refused_rule(shared, request(pem), anna) == "key-compromised"
    assert refused_rule(shared, request(pem, PAY), ben) == "key-compromised"


def test_a_later_compromise_closes_the_key_as_well(shared: World) -> None:
    """Revoked as superseded first, found to be compromised afterwards: revoked again with the graver reason."""
    pem = fresh_csr()
    certificate_id = certified(shared, pem)
    for reason in ("superseded", "keyCompromise"):
        shared.when(RevokeCertificate(certificate_id=certificate_id, revocation_reason=reason), anna())

    assert refused_rule(shared, request(pem), anna) == "key-compromised"


def test_an_agent_does_not_get_a_compromised_key_certified(shared: World) -> None:
    """Neither for a service, where a new key is asked for, nor for itself, where the token stays good."""
    pem = compromised(shared)
    before = shared.head()
    shared.when(ReportKey(order_id=ordered(shared), host_id=WEB1, generation=1, csr=pem), the_agent(WEB1))
    assert shared.then(before)[-1] == "order.key-refused"

    secret = shared.when(MakeBootstrapToken(host_id=WEB1), anna()).secret or ""
    told = {"host_id": WEB1, "secret": secret, "agent_version": "1", "platform": "linux"}
    with pytest.raises(PolicyRefused, match="compromised"):
        shared.when(EnrolAgent(csr=pem, **told), the_agent(WEB1))
    shared.when(EnrolAgent(csr=fresh_csr(), **told), the_agent(WEB1))


def test_the_backend_does_not_get_a_compromised_key_certified(shared: World) -> None:
    """Its own certificate goes past profiles, not past this."""
    der = base64.b64encode(read_csr(compromised(shared).encode()).der).decode()
    command = IssueServerCertificate(issuer_id=ISSUER, csr=der, dns_names=("clm.test",), ip_addresses=())
    with pytest.raises(PolicyRefused, match="compromised"):
        shared.when(command, system())


def test_two_teams_at_once_certify_one_key_once(shared: World) -> None:
    """Two processes on one ledger, two teams, the same key at the same moment: exactly one gets it, every time."""
    for _ in range(15):
        pem = fresh_csr()
        ends = at_once(shared, [(request(pem), anna), (request(pem, PAY), ben)])
        assert sorted(ends) == ["issued", "key-of-another-team"], ends


def test_a_compromise_and_a_certification_at_once_end_in_order(shared: World) -> None:
    """Certified before the compromise or refused after it; whatever comes later is refused."""
    for _ in range(10):
        pem = fresh_csr()
        revoke = RevokeCertificate(certificate_id=certified(shared, pem), revocation_reason="keyCompromise")
        ends = at_once(shared, [(request(pem), anna), (revoke, anna)])
        assert set(ends) <= {"issued", "key-compromised"}, ends
        assert refused_rule(shared, request(pem), anna) == "key-compromised"


def at_once(world: World, calls: list[tuple[RequestCertificate | RevokeCertificate, Who]]) -> list[str]:
    """Execute commands on buses with ledgers of their own over one file, at the same moment; returns how they end."""
    path, ends, start = world.ledger.path, [], threading.Barrier(len(calls))

    def run(command: RequestCertificate | RevokeCertificate, who: Who) -> None:
        with SqliteLedger(path, clock=lambda: world.now) as ledger:
            bus = Bus(replace(world.bus.services, ledger=ledger), HANDLERS)
            start.wait(10)
            try:
                asyncio.run(bus.execute(command, who()))
                ends.append("issued")
            except ClmError as refusal:
                ends.append(refusal.rule)

    threads = [threading.Thread(target=run, args=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return ends
