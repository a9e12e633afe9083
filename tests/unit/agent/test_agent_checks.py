"""What is checked before a host is touched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sslclm_agent.deploy.checks import check, covers
from sslclm_agent.errors import StageError
from sslclm_agent.tasks.parameters import Endpoint, Install, Target
from tests.support.agent_lab import sha256_of
from tests.support.pki import Pair, make_ca, make_expired_leaf, make_leaf

ROOT = make_ca("Root")
ISSUER = make_ca("Issuer", issuer=ROOT)
LEAF = make_leaf(ISSUER, sans=("a.example", "*.b.example", "127.0.0.1"))
NOW = datetime.now(UTC)


def order(
    leaf: Pair = LEAF, *above: Pair, root: Pair = ROOT, name: str = "a.example", chain=None, fingerprint=""
) -> Install:
    target = Target("nginx", "/x", "separate", "", "", 0o600, "", "", (Endpoint("127.0.0.1", 443, name),))
    pems = chain or tuple(each.pem.decode() for each in (leaf, *(above or (ISSUER,))))
    return Install("d", "o", 1, "c", pems, root.pem.decode(), fingerprint or sha256_of(leaf.pem), target)


def wrong(install: Install, key: bytes | None = LEAF.key_pem, now: datetime = NOW) -> str:
    with pytest.raises(StageError) as caught:
        check(install, key, now)
    assert caught.value.stage == "check"
    return caught.value.sentence


def test_a_pair_that_fits_passes():
    """Key, chain, validity, names and fingerprint agree; the served chain is known exactly."""
    assert check(order(), LEAF.key_pem, NOW).chain_sha256 == (sha256_of(LEAF.pem), sha256_of(ISSUER.pem))


def test_each_disagreement_has_its_sentence():
    """No key, another key, another fingerprint, another name, another root, the root in the chain, a CA missing."""
    other = make_leaf(ISSUER, sans=("a.example",))

    assert "no key" in wrong(order(), None)
    assert "another key" in wrong(order(), other.key_pem)
    assert "fingerprint" in wrong(order(fingerprint="0" * 64))
    assert "does not cover c.example" in wrong(order(name="c.example"))
    assert "not issued by" in wrong(order(root=make_ca("Root")))
    assert "left out" in wrong(order(LEAF, ISSUER, ROOT))
    assert "not issued by" in wrong(order(chain=(LEAF.pem.decode(),)))
    assert "malformed" in wrong(order(chain=("hello",)))


def test_a_leaf_that_issues_is_refused():
    """A certificate under a leaf is nobody's certificate: the leaf has no right to issue."""
    below = make_leaf(LEAF, sans=("a.example",))

    assert "may not issue" in wrong(order(below, LEAF, ISSUER), below.key_pem)


def test_purpose_and_time_are_checked():
    """A client's certificate, an expired one, and one of tomorrow are refused."""
    client = make_leaf(ISSUER, sans=("a.example",), client=True)
    expired = make_expired_leaf(ISSUER)
    tomorrow = make_leaf(ISSUER, sans=("a.example",), valid=(timedelta(days=1), timedelta(days=2)))

    assert "not for TLS servers" in wrong(order(client), client.key_pem)
    assert "not valid now" in wrong(order(expired, name="localhost"), expired.key_pem)
    assert "not valid now" in wrong(order(tomorrow), tomorrow.key_pem)
    assert "not valid now" in wrong(order(), now=NOW + timedelta(days=40))


@pytest.mark.parametrize(
    ("name", "covered"),
    [
        ("a.example", True),
        ("A.EXAMPLE", True),
        ("x.b.example", True),
        ("b.example", False),
        ("x.y.b.example", False),
        ("127.0.0.1", True),
        ("127.0.0.2", False),
        ("localhost", False),
        ("example", False),
    ],
)
def test_names_are_those_of_the_san_alone(name, covered):
    """A wildcard stands for one whole label; the common name (``localhost`` here) does not count."""
    assert covers(LEAF.certificate, name) is covered
