"""A webhook over real TLS: signed, verified by an independent reading of the specification, never led astray."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from commands.ports.keystore import Secret
from domain.errors import InvalidInput
from infra.notices.channel import DeliveryFailed
from infra.notices.mail import tls_context
from infra.notices.webhook import Webhook, read_secrets
from infra.outbound.guarded import AddressRefused, GuardedClient, check_url, is_public

LOOPBACK = (ip_network("127.0.0.0/8"),)
OLD, NEW = (Secret(bytes([each]) * 32) for each in (1, 2))


class Receiver:
    """Takes what comes; ``status`` and ``huge`` are how it answers."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status, self.huge, self.elsewhere, self.url = 204, 0, "", ""

    async def hook(self, request):
        """Take one call."""
        self.got.append((dict(request.headers), await request.body()))
        if self.elsewhere:
            return RedirectResponse(self.elsewhere)
        return Response(b"x" * self.huge if self.huge else b"", self.status)


@pytest.fixture
async def receiver(certificate):
    """Serve a receiver over TLS."""
    made = Receiver()
    listener = socket.create_server(("127.0.0.1", 0))
    made.url = f"https://localhost:{listener.getsockname()[1]}/hook"
    app = Starlette(routes=[Route("/hook", made.hook, methods=["POST"])])
    file, key = certificate
    config = uvicorn.Config(app, log_level="critical", lifespan="off", ssl_certfile=file, ssl_keyfile=key)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    yield made
    server.should_exit = True
    await serving
    listener.close()


def hook(bundle, url, *, secrets=(NEW,), allowed=LOOPBACK, **more):
    """Return the channel."""
    client = GuardedClient(tls_context(bundle), allowed=allowed, **more)
    return Webhook(client, url, lambda: secrets, lambda: datetime(2026, 11, 23, 12, tzinfo=UTC))


def verifies(secret, headers, body) -> bool:
    """Verify as a receiver does who read the specification, and not our code."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(secret.reveal(), signed, hashlib.sha256).digest()).decode()
    return f"v1,{mac}" in headers["webhook-signature"].split(" ")


async def test_a_message_is_signed_and_says_everything(receiver, bundle, digest, notice):
    """The id is the message's, every notice has its own; no address stands in it."""
    await hook(bundle, receiver.url).send(digest, [notice()])

    ((headers, body),) = receiver.got
    told = json.loads(body)
    assert headers["webhook-id"] == "message-1"
    assert verifies(NEW, headers, body)
    assert not verifies(OLD, headers, body)
    assert not verifies(NEW, headers, body + b" ")
    assert (told["type"], told["data"]["notices"][0]["id"]) == ("sslclm.notices", "notice-1")


async def test_two_secrets_sign_while_they_are_rotated(receiver, bundle, digest, notice):
    """A receiver that knows either believes the message."""
    await hook(bundle, receiver.url, secrets=(NEW, OLD)).send(digest, [notice()])

    ((headers, body),) = receiver.got
    assert verifies(NEW, headers, body)
    assert verifies(OLD, headers, body)


@pytest.mark.parametrize("status", [301, 400, 410, 500, 503])
async def test_what_is_not_taken_is_tried_again(receiver, bundle, digest, notice, status):
    """Anything but 2xx is a failed delivery."""
    receiver.status = status
    with pytest.raises(DeliveryFailed, match=str(status)):
        await hook(bundle, receiver.url).send(digest, [notice()])


async def test_a_redirect_is_not_followed(receiver, bundle, digest, notice):
    """A receiver that points somewhere else has not taken the message."""
    receiver.elsewhere = "https://169.254.169.254/latest/meta-data"
    with pytest.raises(DeliveryFailed, match="307"):
        await hook(bundle, receiver.url).send(digest, [notice()])

    assert len(receiver.got) == 1


async def test_an_endless_answer_is_cut_off(receiver, bundle, digest, notice):
    """Nobody fills our memory."""
    receiver.status, receiver.huge = 200, 10_000_000
    client = GuardedClient(tls_context(bundle), allowed=LOOPBACK, limit=1_000)
    answer = await client.send("POST", receiver.url, {}, b"{}")

    assert (answer.status, len(answer.body)) == (200, 1_000)


async def test_loopback_is_refused_unless_allowed(receiver, bundle, digest, notice):
    """Without the network in the settings nothing on this machine is called."""
    with pytest.raises(DeliveryFailed, match="no address that may be reached"):
        await hook(bundle, receiver.url, allowed=()).send(digest, [notice()])

    assert receiver.got == []


async def test_a_name_that_changes_its_mind_reaches_nothing(receiver, bundle):
    """DNS rebinding: what is connected is what was judged, and the resolver is asked once."""
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    asked = []

    async def resolve(host, _port):
        asked.append(host)
        return answers.pop(0)

    client = GuardedClient(tls_context(bundle), resolve=resolve)
    assert await client._judged("localhost", 443) == "93.184.216.34"
    with pytest.raises(AddressRefused):
        await client.send("POST", receiver.url, {}, b"{}")
    assert (asked, receiver.got) == (["localhost", "localhost"], [])


async def test_the_certificate_is_the_names_not_the_addresses(receiver, bundle):
    """The connection goes to a number, TLS still asks for the name that was configured."""

    async def resolve(_host, _port):
        return ["127.0.0.1"]

    client = GuardedClient(tls_context(bundle), allowed=LOOPBACK, resolve=resolve)
    port = receiver.url.rpartition(":")[2]
    with pytest.raises(Exception, match="cannot be reached"):
        await client.send("POST", f"https://other.test:{port}", {}, b"{}")
    assert receiver.got == []


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
async def test_no_proxy_of_the_environment(receiver, bundle, digest, notice, monkeypatch, variable):
    """A variable that somebody sets does not see our messages."""
    monkeypatch.setenv(variable, "http://127.0.0.1:1")
    await hook(bundle, receiver.url).send(digest, [notice()])

    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0",
        "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1",
        "fec0::1", "3fff::1", "192.88.99.1", "192.0.0.9",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address):
    """Loopback, private, link-local, shared, multicast, documentation, and IPv4 hidden in IPv6."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "::ffff:93.184.216.34"])
def test_addresses_that_are_public(address):
    """The rest of the Internet."""
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "", "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "https://", "https://user@example.com/",
        "https://user:secret@example.com/", "https://example.com/#x", "https://example.com:0/", "https://exa mple.com/",
        "https://example.com/\r\nX: y", "//example.com", "https://[::1", "https://example.com:99999/", "gopher://x",
    ],
)  # fmt: skip
def test_what_is_no_address_to_call(url):
    """Refused before anything is resolved."""
    with pytest.raises(InvalidInput):
        check_url(url)


@pytest.mark.parametrize(
    "text",
    [
        b"\n".join([b"whsec_" + base64.b64encode(bytes(32))] * 3),
        b"", b"whsec_", b"whsec_AAAA", b"hunter2", b"whsec_!!!", b"\xff\xfe", b"AAAA" * 12, b"whsec_" + b"A" * 200,
    ],
)  # fmt: skip
def test_secrets_that_are_none(text):
    """Too short, too long, too many, no base64: refused with the command that makes one, and never repeated."""
    with pytest.raises(InvalidInput, match="secret file") as caught:
        read_secrets(text)

    secret = text.removeprefix(b"whsec_").decode("latin-1")
    assert not secret or secret not in caught.value.message
