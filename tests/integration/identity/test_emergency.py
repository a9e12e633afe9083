"""The identity provider's own TLS certificate has expired: nobody signs in, but in a recorded emergency.

The development provider over real TLS, with an expired certificate of a test CA; a real backend and its ledger.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import ssl
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
import uvicorn
from pydantic import SecretStr

from commands.access.emergencies import EndEmergency, OpenEmergency
from commands.context import SYSTEM, Context
from domain.errors import InvalidInput, Unavailable
from infra.identity.devprovider.app import DevProvider
from infra.identity.devprovider.realm import DevClient
from infra.identity.devprovider.tokens import ALG
from infra.identity.settings import MfaRule, ProviderSettings
from infra.upkeep.emergencies import end_emergencies
from scripts.server_emergency import read_leaf, read_span
from tests.support.backends import Clock, set_up
from tests.support.pki import make_ca, make_expired_leaf, make_leaf

CALLBACK = "https://clm.test/auth/callback"
EXPIRED = (timedelta(days=-40), timedelta(days=-1))


@pytest.fixture(scope="module")
def authority():
    """The CA of the provider's certificate."""
    return make_ca("Provider CA")


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    """A backend whose clock says what time it is."""
    made = set_up(tmp_path_factory.mktemp("backend"), Clock(datetime.now(UTC)))
    yield made
    made.close()


@pytest.fixture
def shown(request, authority):
    """The leaf that the provider shows: expired, and for a test in another way wrong, too."""
    if getattr(request, "param", "") == "name":
        return make_leaf(authority, "evil", sans=("evil.test",), valid=EXPIRED)
    if getattr(request, "param", "") == "chain":
        return make_leaf(make_ca("Other CA"), valid=EXPIRED)
    return make_expired_leaf(authority)


@pytest.fixture
async def provider(authority, shown, tmp_path, backend):
    """Serve the development provider over TLS; returns its settings, with the CA's bundle."""
    certificate, key = shown.write(tmp_path, "op")
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(authority.pem)
    listener = socket.create_server(("127.0.0.1", 0))
    issuer = f"https://localhost:{listener.getsockname()[1]}"
    client = DevClient(redirect_uris=(CALLBACK,), after_logout=("https://clm.test/",))
    made = DevProvider(issuer, client, development=True, hosts=["127.0.0.1"], clock=backend.clock)
    config = uvicorn.Config(made.app, log_level="critical", lifespan="off", ssl_certfile=certificate, ssl_keyfile=key)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    yield registration(made, bundle)
    server.should_exit = True
    await serving
    listener.close()


def registration(made, bundle):
    """Return our registration at the provider, as its own ``settings`` do for plain http."""
    client = made.realm.client
    return ProviderSettings(
        name="corp",
        issuer=made.realm.issuer,
        client_id=client.client_id,
        client_secret=SecretStr(client.secret),
        redirect_uri=client.redirect_uris[0],
        algs=(ALG,),
        mfa=MfaRule(acr=frozenset({"mfa"}), amr_all=(frozenset({"pwd", "otp"}),)),
        ca_file=bundle,
    )


async def open_emergency(backend, leaf, provider="corp", seconds=7_200):
    """Open an emergency as the command on the server does; returns its id."""
    command = OpenEmergency(provider=provider, leaf_sha256=read_leaf(leaf), seconds=seconds)
    context = Context(SYSTEM, "emergency", reason="the certificate ran out", user_agent="sslclm emergency by root")
    outcome = await backend.bus.execute(command, context)
    await backend.views.wait_for(outcome.position)
    return outcome.id_of("emergency")


@pytest.fixture(autouse=True)
def nothing_open(backend):
    """End what a test left open."""
    yield
    backend.clock._wall.go_on(days=2)
    asyncio.run(end_emergencies(backend))
    backend.views.wait_for_blocking(backend.ledger.head().position)
    backend.clock._wall.now = datetime.now(UTC)


def fingerprint(leaf):
    """Return a leaf's SHA-256 as OpenSSL writes it."""
    text = hashlib.sha256(leaf.der).hexdigest().upper()
    return ":".join(text[at : at + 2] for at in range(0, 64, 2))


async def sign_in(backend, settings):
    """Sign a persona in through the real provider; raises what the backend does. The browser believes anything."""
    identity = backend.identity((settings,))
    try:
        redirect = await identity.sign_in.begin("corp", redirect_uri=CALLBACK, carry={})
        blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
        async with httpx2.AsyncClient(verify=blind, trust_env=False) as browser:
            chosen = await browser.post(redirect.url, data={"persona": "dev-anna", "second_factor": "yes"})
        assert chosen.status_code == 303, chosen.text
        params = dict(parse_qsl(urlsplit(chosen.headers["location"]).query))
        cookies = {redirect.cookie_name: redirect.cookie_value}
        return (await identity.sign_in.finish(params, cookies=cookies)).signed_in
    finally:
        identity.records.close()


async def test_sign_in_works_only_during_the_emergency(backend, provider, shown):
    """Refused before, good inside (all of it: discovery, keys, tokens), refused again when the time is up."""
    with pytest.raises(Unavailable):
        await sign_in(backend, provider)

    await open_emergency(backend, fingerprint(shown))
    assert (await sign_in(backend, provider)).subject == "dev-anna"

    backend.clock._wall.go_on(hours=2)
    with pytest.raises(Unavailable):
        await sign_in(backend, provider)


async def test_an_emergency_ends_at_once_when_it_is_ended(backend, provider, shown):
    """What the operator ends counts for the very next call."""
    emergency_id = await open_emergency(backend, fingerprint(shown))
    command = EndEmergency(emergency_id=emergency_id, provider="corp", cause="operator")
    outcome = await backend.bus.execute(command, Context(SYSTEM, "emergency"))
    await backend.views.wait_for(outcome.position)

    with pytest.raises(Unavailable):
        await sign_in(backend, provider)


async def test_only_that_leaf_and_only_that_provider(backend, provider, authority, shown):
    """Another expired leaf of the same CA and name, or the right leaf for another provider, opens nothing."""
    await open_emergency(backend, fingerprint(make_expired_leaf(authority)))
    await open_emergency(backend, fingerprint(shown), provider="other")

    with pytest.raises(Unavailable):
        await sign_in(backend, provider)


@pytest.mark.parametrize("shown", ["name", "chain"], indirect=True)
async def test_chain_and_name_are_verified_all_the_same(backend, provider, shown):
    """Named by its hash and expired, but for another name or of another CA: refused."""
    await open_emergency(backend, fingerprint(shown))

    with pytest.raises(Unavailable):
        await sign_in(backend, provider)


async def test_the_emergency_is_on_the_record_and_loud(backend, provider, shown, caplog):
    """The event names provider, leaf and end; reason and account are erasable details; health and log tell of it."""
    await open_emergency(backend, fingerprint(shown))
    entry = backend.ledger.entries(backend.ledger.head().position)[0]
    event, details = json.loads(entry.events[0].state), json.loads(entry.details[16:])
    assert (event["provider"], event["leaf_sha256"]) == ("corp", read_leaf(fingerprint(shown)))
    assert details == {"reason": "the certificate ran out", "user_agent": "sslclm emergency by root"}

    parts = {part.name: part for part in backend.health.parts()}
    assert parts["emergency"].ready
    assert "corp" in parts["emergency"].detail
    await sign_in(backend, provider)
    assert "the expired TLS certificate of provider corp is believed" in caplog.text


async def test_its_end_by_time_is_recorded_once(backend):
    """The reaction records it when the time is up, not before, and not twice."""
    await open_emergency(backend, "ab" * 32, seconds=60)
    before = backend.ledger.head().position
    await end_emergencies(backend)
    assert before == backend.ledger.head().position

    backend.clock._wall.go_on(minutes=1)
    for _ in range(2):
        await end_emergencies(backend)
    topics = [one.topic for entry in backend.ledger.entries(before + 1) for one in entry.events]
    assert topics == ["sslclm.emergency.ended.v1"]


@pytest.mark.parametrize("bad", ["", "abc", "g" * 64, "ab" * 31, "ab" * 33])
def test_what_is_no_fingerprint(bad):
    """Refused with the command that prints one."""
    with pytest.raises(InvalidInput, match="SHA-256"):
        read_leaf(bad)


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1_800), ("2h", 7_200), ("24h", 86_400)])
def test_times(text, seconds):
    """Minutes and hours."""
    assert seconds == read_span(text)


@pytest.mark.parametrize("bad", ["", "2", "2d", "0h", "25h", "-1h", "1.5h", "\uff19h"])
def test_no_times(bad):
    """Nothing else, and never more than a day."""
    with pytest.raises(InvalidInput):
        read_span(bad)


async def test_an_emergency_without_a_reason_is_none(backend):
    """Whoever reads the ledger later must find out why."""
    before = backend.ledger.head().position
    command = OpenEmergency(provider="corp", leaf_sha256="ab" * 32, seconds=60)
    with pytest.raises(InvalidInput, match="reason"):
        await backend.bus.execute(command, Context(SYSTEM, "emergency", reason=" "))

    assert before == backend.ledger.head().position
