"""CRLs as relying parties meet them: whole at every moment, numbered once, few for many revocations."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from cryptography import x509

from commands.bus import Bus
from commands.certificates.revoke import RevokeCertificate
from commands.context import SYSTEM, Context
from commands.handlers import HANDLERS
from commands.issuers.keep_crls_fresh import keep_crls_fresh
from commands.issuers.publish_crl import PublishCrl
from domain.certificates.certificate import Certificate
from domain.errors import AlreadyExists, InvalidInput
from domain.issuers.issuer import Issuer
from infra.ledger.sqlite import SqliteLedger
from infra.upkeep.loop import Reaction, Upkeep
from tests.support.agent_edge import csr_of, new_key

ISSUING = Issuer.id_for("issuing")
CRL = "/crl/issuing/0.crl"


@pytest.fixture
async def plain(lab):
    """Return a client of the plain listener."""
    async with lab.plain() as client:
        yield client


def context(name: str) -> Context:
    """Return the system's own context."""
    return Context(SYSTEM, name)


def published(lab) -> list[Issuer.CrlPublished]:
    """Return the issuing CA's CRLs, in the order of the ledger."""
    stored = lab.lab.backend.ledger.stream(ISSUING)
    return [Issuer.CrlPublished.model_validate_json(one.state) for one in stored if "crl-published" in one.topic]


def numbered(lab) -> list[int]:
    """Return the CRL numbers that were drawn, in the order of the ledger."""
    stored = lab.lab.backend.ledger.stream(ISSUING)
    return [Issuer.CrlNumbered.model_validate_json(one.state).number for one in stored if "crl-numbered" in one.topic]


async def issue(lab, count: int = 1, **more) -> list[dict]:
    """Issue certificates to team shop."""
    async with lab.lab.client("dev-anna") as anna:
        bodies = [lab.lab.order(**more) | {"csr": csr_of(new_key(), "www.shop.test")} for _ in range(count)]
        made = [await anna.post("/api/v1/orders", json=body, headers=lab.lab.key()) for body in bodies]
    return [one.raise_for_status().json() for one in made]


async def revoke(lab, made: dict, **told) -> int:
    """Revoke one certificate; returns its serial."""
    async with lab.lab.client("dev-anna") as anna:
        path = f"/api/v1/certificates/{made['certificate_id']}/revoke"
        (await anna.post(path, json=told, headers=lab.lab.key())).raise_for_status()
    return int(made["serial"], 16)


async def publish(lab) -> None:
    """Publish the issuing CA's next CRL and wait until it is served."""
    outcome = await lab.lab.backend.bus.execute(PublishCrl(issuer_id=ISSUING), context("publish"))
    await lab.lab.backend.views.wait_for(outcome.position)


async def served(plain) -> x509.CertificateRevocationList:
    """Fetch what is served now."""
    return x509.load_der_x509_crl((await plain.get(CRL)).raise_for_status().content)


async def test_the_point_in_a_certificate_and_in_its_crl_are_the_same_bytes(lab, plain):
    """RFC 5280 section 6.3.3 compares the names: here even their encoding is the same, byte for byte."""
    leaf = x509.load_pem_x509_certificate((await issue(lab))[0]["certificate"].encode())
    crl = await served(plain)
    points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value.public_bytes()
    scope = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint)

    assert scope.critical
    assert points[2:] == scope.value.public_bytes()  # a sequence of one point; the point's own bytes


async def test_an_entry_says_reason_and_since_when(lab, plain):
    """KeyCompromise with its invalidity date, both not critical; without a reason there is no reasonCode at all."""
    first, second = await issue(lab, 2)
    told = {"revocation_reason": "keyCompromise", "invalidity_date": "2026-11-20T08:00:00.5Z"}
    bare = await revoke(lab, second)
    serial = await revoke(lab, first, **told)
    await publish(lab)
    crl = await served(plain)
    entry, other = (crl.get_revoked_certificate_by_serial_number(one) for one in (serial, bare))

    assert entry is not None
    assert other is not None
    reason = entry.extensions.get_extension_for_class(x509.CRLReason)
    since = entry.extensions.get_extension_for_class(x509.InvalidityDate)
    assert (reason.value.reason, reason.critical) == (x509.ReasonFlags.key_compromise, False)
    assert (since.value.invalidity_date_utc.isoformat(), since.critical) == ("2026-11-20T08:00:00+00:00", False)
    assert list(other.extensions) == []


async def test_whoever_fetches_during_publications_gets_a_whole_crl(lab, plain):
    """Fifty publications, fetched all the time: every answer verifies, and the number never goes back."""
    issuer = x509.load_der_x509_certificate(lab.lab.backend.issuers.chain(ISSUING)[0])
    seen, over = [], asyncio.Event()

    async def fetch() -> None:
        while not over.is_set():
            crl = await served(plain)
            assert crl.is_signature_valid(issuer.public_key())
            seen.append(crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number)
            await asyncio.sleep(0)

    fetching = [asyncio.create_task(fetch()) for _ in range(3)]
    for _ in range(50):
        await publish(lab)
    over.set()
    await asyncio.gather(*fetching)

    assert seen == sorted(seen)
    assert len(set(seen)) > 10
    assert seen[-1] == numbered(lab)[-1]


async def test_several_writers_never_draw_one_number_twice(lab):
    """Three processes over one ledger publish at once: every number is drawn once and published at most once."""
    backend, before = lab.lab.backend, numbered(lab)

    def write(name: str) -> None:
        with SqliteLedger(backend.ledger.path, clock=lab.lab.clock) as ledger:
            bus = Bus(replace(backend.services, ledger=ledger), HANDLERS)
            for count in range(10):
                again_and_again(partial(bus.execute, PublishCrl(issuer_id=ISSUING), context(f"{name}-{count}")))

    writers = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for one in writers:
        one.start()
    for one in writers:
        await asyncio.to_thread(one.join, 60)

    drawn, recorded = numbered(lab)[len(before) :], [one.number for one in published(lab)]
    assert len(drawn) >= 30
    assert drawn == list(range(before[-1] + 1, before[-1] + 1 + len(drawn)))
    assert len(recorded) == len(set(recorded))


def again_and_again(publish: Callable[[], Awaitable[object]]) -> None:
    """Publish until no other writer was quicker five times in a row."""
    for _ in range(100):
        with suppress(AlreadyExists):
            asyncio.run(_done(publish))
            return


async def _done(publish: Callable[[], Awaitable[object]]) -> None:
    await publish()


async def test_many_revocations_share_few_crls(lab, plain):
    """Two hundred revocations in a row are on the CRL within seconds, and it took a handful of signatures."""
    backend, before = lab.lab.backend, len(published(lab))
    made = await issue(lab, 200)
    react = partial(keep_crls_fresh, backend.bus, backend.services.reading)

    async def crls() -> None:
        await backend.views.wait_for(backend.ledger.head().position)
        await react()

    upkeep = Upkeep(backend.ledger, (Reaction("crls", crls, wakes=(Certificate.Revoked,)),), lab.lab.clock)
    stop = asyncio.Event()
    running = asyncio.create_task(upkeep.run(stop))
    serials = {await revoke(lab, one, revocation_reason="superseded") for one in made}
    for _ in range(600):
        if serials <= {one.serial_number for one in await served(plain)}:
            break
        await asyncio.sleep(0.05)
    stop.set()
    await running

    assert serials <= {one.serial_number for one in await served(plain)}
    assert len(published(lab)) - before <= 10


async def test_an_entry_stays_one_crl_beyond_its_certificates_end(lab, plain):
    """Listed until a CRL that was made after its expiry has listed it, then gone (RFC 5280 section 3.3)."""
    (made,) = await issue(lab, validity=6 * 86_400)
    serial = await revoke(lab, made)
    lab.lab.clock.forward(timedelta(days=6, hours=1).total_seconds())
    await publish(lab)
    assert (await served(plain)).get_revoked_certificate_by_serial_number(serial) is not None
    lab.lab.clock.forward(timedelta(days=7).total_seconds())
    await publish(lab)

    assert (await served(plain)).get_revoked_certificate_by_serial_number(serial) is None


@pytest.mark.parametrize("reason", ["certificateHold", "removeFromCRL", "cACompromise", "because"])
async def test_reasons_that_are_none_here_are_refused_with_the_list(lab, reason):
    """A hold is no revocation: the problem document says why, and which reasons there are."""
    (made,) = await issue(lab)
    before = lab.lab.position()
    async with lab.lab.client("dev-anna") as anna:
        path = f"/api/v1/certificates/{made['certificate_id']}/revoke"
        answer = await anna.post(path, json={"revocation_reason": reason}, headers=lab.lab.key())

    assert answer.status_code == 422
    assert answer.json()["rule"] == "revocation-reason"
    assert "keyCompromise" in answer.json()["fix"]
    assert lab.lab.position() == before


async def test_an_invalidity_date_that_is_to_come_is_refused(lab):
    """It says since when the key is suspected."""
    (made,) = await issue(lab)
    command = RevokeCertificate.model_validate(
        {"certificate_id": made["certificate_id"], "invalidity_date": lab.lab.clock() + timedelta(seconds=1)}
    )
    with pytest.raises(InvalidInput, match="past"):
        await lab.lab.act(command)
