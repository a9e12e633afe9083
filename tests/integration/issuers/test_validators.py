"""What other people's path validation makes of our chains and CRLs: OpenSSL and cryptography."""

import subprocess
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from commands.ports.issuers import RevokedSerial
from domain.errors import PolicyRefused
from infra.issuers.constraints import NameConstraints
from infra.issuers.hierarchy import NameLimits
from tests.support.authorities import (
    AGENTS,
    LEAF_KEYS,
    NOON,
    TLS,
    make_hierarchy,
    new_spki,
    template,
)
from tests.support.real import real_part

SOON = NOON + timedelta(hours=1)
WEEK = NOON + timedelta(days=7)


@pytest.fixture(scope="module")
def openssl():
    """Find OpenSSL."""
    return real_part("openssl", "install it from the system's packages")


@pytest.fixture
def verify(openssl, tmp_path, make):
    """Let OpenSSL judge a leaf: strictly, with the CRL of every certificate in the chain."""

    def run(leaf, chain, crls, *, at=SOON, purpose="sslserver"):
        files = {"leaf": make.pem(leaf), "root": make.pem(chain[-1]), "crls": make.crl_pem(*crls)}
        files["above"] = make.pem(*(chain[:-1] or chain))
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        command = f"verify -x509_strict -crl_check_all -purpose {purpose} -attime {int(at.timestamp())}"
        command += " -no-CApath -no-CAstore -CAfile root -untrusted above -CRLfile crls leaf"
        done = subprocess.run(
            [openssl, *command.split()], cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False
        )
        return done.returncode == 0, done.stdout + done.stderr

    return run


async def issue(hierarchy, wanted):
    """Prepare and sign."""
    return await hierarchy.issuers.sign(hierarchy.issuers.prepare(wanted))


@pytest.mark.parametrize("algorithm", LEAF_KEYS)
async def test_openssl_accepts_a_leaf(verify, hierarchy, make, algorithm):
    """A fresh leaf of every key type passes with the CRLs of issuing CA and root."""
    leaf = await issue(hierarchy, template(new_spki(algorithm), "a.shop.test"))
    crls = [await make.root_crl(hierarchy), await hierarchy.issuers.sign_crl(TLS, 1, NOON, WEEK, ())]

    assert verify(leaf, hierarchy.issuers.chain(TLS), crls) == (True, "leaf: OK\n")


async def test_openssl_refuses_what_is_revoked(verify, hierarchy, make):
    """The serial on the list is refused, its neighbour passes; a revoked issuing CA takes every leaf with it."""
    leaf, other = [await issue(hierarchy, template(new_spki(), "a.shop.test")) for _ in range(2)]
    chain = hierarchy.issuers.chain(TLS)
    serials = [f"{x509.load_der_x509_certificate(der).serial_number:x}" for der in (leaf, chain[0])]
    revoked = [RevokedSerial(serial, NOON, "keyCompromise") for serial in serials]
    listed = await hierarchy.issuers.sign_crl(TLS, 2, NOON, WEEK, revoked[:1])
    root_list = await make.root_crl(hierarchy)

    assert "certificate revoked" in verify(leaf, chain, [root_list, listed])[1]
    assert verify(other, chain, [root_list, listed])[0]
    assert "certificate revoked" in verify(other, chain, [await make.root_crl(hierarchy, revoked[1:]), listed])[1]


async def test_openssl_refuses_missing_stale_and_foreign_lists(verify, hierarchy, make):
    """Without a CRL, with one that is over, and with another issuer's there is no acceptance."""
    leaf, chain = await issue(hierarchy, template(new_spki(), "a.shop.test")), hierarchy.issuers.chain(TLS)
    root_list, fresh = await make.root_crl(hierarchy), await hierarchy.issuers.sign_crl(TLS, 3, NOON, WEEK, ())
    foreign = await hierarchy.issuers.sign_crl(AGENTS, 1, NOON, WEEK, ())

    assert "unable to get certificate CRL" in verify(leaf, chain, [root_list])[1]
    assert "unable to get certificate CRL" in verify(leaf, chain, [root_list, foreign])[1]
    assert "CRL has expired" in verify(leaf, chain, [root_list, fresh], at=WEEK + timedelta(seconds=1))[1]
    assert verify(leaf, chain, [root_list, fresh], at=WEEK - timedelta(seconds=1))[0]


async def test_openssl_agents(verify, hierarchy):
    """A host's certificate passes as a client below the agents' CA, and never as a server."""
    host = "host-1b4e28ba-2fa1-41d2-883f-0016d3cca427"
    prepared = hierarchy.issuers.prepare_agent(AGENTS, host, new_spki(), NOON, WEEK)
    leaf, chain = await hierarchy.issuers.sign(prepared), hierarchy.issuers.chain(AGENTS)
    crls = [await hierarchy.issuers.sign_crl(AGENTS, 1, NOON, WEEK, ())]

    assert verify(leaf, chain, crls, purpose="sslclient") == (True, "leaf: OK\n")
    assert not verify(leaf, chain, crls, purpose="sslserver")[0]


def validated(leaf, chain, name):
    """Validate with cryptography: the chain that it found."""
    certificates = [x509.load_der_x509_certificate(der) for der in (leaf, *chain)]
    builder = PolicyBuilder().store(Store([certificates[-1]])).time(SOON)
    verifier = builder.build_server_verifier(name)
    return verifier.verify(certificates[0], certificates[1:-1])


@pytest.mark.parametrize("algorithm", LEAF_KEYS)
async def test_cryptography_accepts_a_leaf(hierarchy, algorithm):
    """Path validation of the Web PKI's profile finds the chain."""
    leaf = await issue(hierarchy, template(new_spki(algorithm), "*.shop.test"))

    assert len(validated(leaf, hierarchy.issuers.chain(TLS), x509.DNSName("a.shop.test"))) == 3
    with pytest.raises(VerificationError):
        validated(leaf, hierarchy.issuers.chain(TLS), x509.DNSName("other.test"))


OUTSIDE = [template(new_spki(), "other.test"), template(new_spki(), "a.shop.test", ip_addresses=("192.0.2.7",))]


@pytest.mark.parametrize("wanted", OUTSIDE, ids=["name", "address"])
async def test_name_limits_bind(verify, make, monkeypatch, wanted):
    """A limited CA is held to its limits by both validators, also where it permits no address; we refuse to sign."""
    limited = await make_hierarchy(NameLimits(("shop.test",)))
    crls = [await make.root_crl(limited), await limited.issuers.sign_crl(TLS, 1, NOON, WEEK, ())]
    chain = limited.issuers.chain(TLS)
    with pytest.raises(PolicyRefused) as refused:
        limited.issuers.prepare(wanted)
    assert refused.value.rule == "issuer-name-constraints"
    inside = await issue(limited, template(new_spki(), "a.shop.test"))
    monkeypatch.setattr(NameConstraints, "check", lambda *_: None)
    outside = await issue(limited, wanted)

    assert verify(inside, chain, crls) == (True, "leaf: OK\n")
    assert len(validated(inside, chain, x509.DNSName("a.shop.test"))) == 3
    assert "subtree violation" in verify(outside, chain, crls)[1]
    with pytest.raises(VerificationError):
        validated(outside, chain, x509.DNSName(wanted.dns_names[0]))
