"""Mail over real sockets: STARTTLS or nothing, the right server or nothing, tried again, cut off when slow."""

from __future__ import annotations

import socket
from email.header import decode_header, make_header

import pytest

from infra.notices.channel import DeliveryFailed
from infra.notices.mail import Mail, MailSettings
from tests.integration.notices.conftest import NOW
from tests.support.pki import make_ca, make_expired_leaf, make_leaf
from tests.support.smtp_server import serving

OPS = "ops@example.com"


def mail(bundle, port, *, host="localhost", contacts=None, whole_s=20.0):
    """Return the channel to a server on loopback."""
    settings = MailSettings(host, port, "sslclm@clm.test", (OPS,), bundle)
    known = contacts or {}
    return Mail(
        settings,
        contact_of=lambda team: "contact-1" if team == "team-1" and known else None,
        address_of=lambda contact: known.get(contact, ""),
        base_url="https://clm.test",
        clock=lambda: NOW,
        whole_s=whole_s,
    )


async def test_a_message_arrives_encrypted(certificate, bundle, digest, notice):
    """One mail with sentence, remedy and command; nothing but greeting and STARTTLS went in clear."""
    async with serving(*certificate) as server:
        await mail(bundle, server.port).send(digest, [notice()])

    (got,) = server.taken
    text = got.get_payload(decode=True).decode()
    assert (got["To"], got["From"], got["Message-ID"]) == (OPS, "sslclm@clm.test", "<message-1@clm.test>")
    assert str(make_header(decode_header(got["Subject"]))).startswith("[sslclm] warning: The agent of web1.shop.test")
    assert "See that it runs." in text
    assert "$ sslclm hosts show host-1" in text
    assert server.in_clear == [b"EHLO", b"STARTTLS"]
    assert set(server.versions) <= {"TLSv1.2", "TLSv1.3"}


async def test_the_owners_contact_gets_what_is_the_owners(certificate, bundle, digest, notice):
    """The team's address where it named one; the operators where it was erased."""
    async with serving(*certificate) as server:
        channel = mail(bundle, server.port, contacts={"contact-1": "shop@example.com"})
        assert ["contact-1", "operators"] == list(channel.recipients(notice()))
        for recipient in ("contact-1", "contact-erased"):
            await channel.send(_to(digest, recipient), [notice()])

    assert ["shop@example.com", OPS] == [got["To"] for got in server.taken]


def _to(digest, recipient):
    fields = {name: getattr(digest, name) for name in digest.__slots__}
    return type(digest)(**{**fields, "recipient": recipient})


async def test_without_starttls_nothing_is_sent(certificate, bundle, digest, notice):
    """A server, or somebody between us and it, that offers no STARTTLS gets no word of the message."""
    async with serving(*certificate, offers_tls=False) as server:
        with pytest.raises(DeliveryFailed, match="STARTTLS"):
            await mail(bundle, server.port).send(digest, [notice()])

    assert server.taken == []
    assert set(server.in_clear) <= {b"EHLO", b"STARTTLS", b"QUIT"}


@pytest.mark.parametrize("flaw", ["ca", "name", "expired"])
async def test_another_certificate_is_not_believed(authority, bundle, digest, notice, tmp_path, flaw):
    """Of another CA, for another name, expired: nothing is sent."""
    leaf = {
        "ca": lambda: make_leaf(make_ca("Other CA")),
        "name": lambda: make_leaf(authority, "mail", sans=("mail.evil.test",)),
        "expired": lambda: make_expired_leaf(authority),
    }[flaw]()
    async with serving(*leaf.write(tmp_path, "flawed")) as server:
        with pytest.raises(DeliveryFailed, match="certificate is not believed"):
            await mail(bundle, server.port).send(digest, [notice()])

    assert server.taken == []


async def test_refused_for_now_then_taken(certificate, bundle, digest, notice):
    """A greylisting server answers 4xx; the next attempt carries the same Message-ID."""
    async with serving(*certificate, refusals=["451 come again"]) as server:
        channel = mail(bundle, server.port)
        with pytest.raises(DeliveryFailed, match="451"):
            await channel.send(digest, [notice()])
        await channel.send(digest, [notice()])

    assert ["<message-1@clm.test>"] == [got["Message-ID"] for got in server.taken]


async def test_a_server_that_says_nothing_is_cut_off(certificate, bundle, digest, notice):
    """The whole time is bounded, and no thread stays behind."""
    async with serving(*certificate, silent=True) as server:
        with pytest.raises(DeliveryFailed, match="too long"):
            await mail(bundle, server.port, whole_s=0.3).send(digest, [notice()])


async def test_nobody_listens(bundle, digest, notice):
    """A closed port is a sentence, not a stack trace, and names no address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(DeliveryFailed, match="cannot be spoken to") as caught:
        await mail(bundle, port).send(digest, [notice()])

    assert OPS not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "x\r\nBcc: all@evil.test",
        "x\nSubject: other",
        "x\r\n.\r\nMAIL FROM:<a@b>\r\n",
        "=?utf-8?q?x?=",
        "ü\u2028y",
        "\x00",
    ],
)
async def test_names_of_users_steer_no_mail(certificate, bundle, digest, notice, name):
    """What somebody called a host stays inside one header line and the body; nobody else gets the mail."""
    async with serving(*certificate) as server:
        await mail(bundle, server.port).send(digest, [notice(f"The agent of {name} is silent.")])

    (got,) = server.taken
    assert got["Bcc"] is None
    assert len(got.get_all("Subject")) == 1
    assert [b"rcpt TO:<ops@example.com>".lower()] == [one.lower() for one in server.recipients]
