"""What the contexts refuse before any connection."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from cryptography.hazmat.primitives import serialization

from commands.ports.keystore import Secret
from domain.errors import InvalidInput
from infra.server.tls import ReloadableContext, ServerIdentity, agents_context, people_context
from tests.support.pki import Pair, make_ca, make_expired_leaf, make_leaf


@pytest.fixture(scope="module")
def pair():
    """Return a good server certificate."""
    return make_leaf(make_ca())


def identity(pair: Pair) -> ServerIdentity:
    """Return it as a listener's identity."""
    return ServerIdentity(pair.chain_pem, Secret(pair.key_pem))


def test_an_encrypted_key_is_refused_without_a_prompt(pair):
    """OpenSSL would otherwise ask for the password at the terminal and wait for ever."""
    locked = pair.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )

    with pytest.raises(InvalidInput, match="do not load together"):
        people_context(ServerIdentity(pair.chain_pem, Secret(locked)))


def test_the_key_is_never_shown(pair):
    """Neither the identity nor an error about it carries the key."""
    good = identity(pair)

    assert "PRIVATE" not in repr(good)


@pytest.mark.parametrize("roots", [b"", b"nothing", "é".encode(), b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_client_roots_must_be_certificates(roots, pair):
    """A listener without a root would refuse everybody, or worse."""
    with pytest.raises(InvalidInput) as refused:
        agents_context(identity(pair), roots)

    assert refused.value.rule == "tls-roots"


def test_mutual_tls_is_strict(pair):
    """A certificate is required, RFC 5280 is enforced, nothing can be resumed."""
    context = agents_context(identity(pair), make_ca().pem)

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.verify_flags & ssl.VERIFY_X509_STRICT
    assert (context.num_tickets, context.minimum_version) == (0, ssl.TLSVersion.TLSv1_3)


def test_only_forward_secret_aead_ciphers_are_offered(pair):
    """Every cipher of the people's context is of TLS 1.3, or ECDHE with an AEAD."""
    ciphers = people_context(identity(pair)).get_ciphers()

    assert all(each["protocol"] == "TLSv1.3" or each["name"].startswith("ECDHE-") for each in ciphers)
    assert all(each["aead"] for each in ciphers)


def test_an_expired_certificate_does_not_start():
    """The first certificate is checked as strictly as every renewal."""
    with pytest.raises(InvalidInput, match="not now"):
        ReloadableContext(people_context, identity(make_expired_leaf(make_ca())))


def test_the_clock_decides_what_is_expired(pair):
    """A certificate of tomorrow's clock is refused, and the old one stays."""
    now = datetime.now(UTC)
    moments = [now]
    context = ReloadableContext(people_context, identity(pair), clock=lambda: moments[-1])
    before = context.served_sha256
    moments.append(now + timedelta(days=365))

    outcome = context.reload(people_context, identity(pair))

    assert outcome.refused is not None
    assert outcome.served_sha256 == context.served_sha256 == before


def test_bad_roots_at_a_reload_keep_the_old_ones(pair):
    """A renewal replaces identity and roots together, or nothing."""
    context = ReloadableContext(partial(agents_context, roots_pem=make_ca().pem), identity(pair))

    outcome = context.reload(partial(agents_context, roots_pem=b"x"), identity(pair))

    assert outcome.refused is not None
    assert outcome.refused.rule == "tls-roots"
