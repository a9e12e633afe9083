"""CRLs and CA certificates over plain HTTP: what relying parties fetch by the URLs inside the certificates."""

from __future__ import annotations

import base64
import json
import subprocess
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from domain.issuers.issuer import Issuer
from tests.support.agent_edge import csr_of, new_key
from tests.support.real import real_part

FILES = (
    ("/aia/issuing.cer", "application/pkix-cert"),
    ("/aia/root.cer", "application/pkix-cert"),
    ("/aia/agents.cer", "application/pkix-cert"),
    ("/crl/issuing/0.crl", "application/pkix-crl"),
    ("/crl/root/0.crl", "application/pkix-crl"),
    ("/crl/agents/0.crl", "application/pkix-crl"),
)


@pytest.fixture
async def plain(lab):
    """Return a client of the plain listener."""
    async with lab.plain() as client:
        yield client


async def _certificate(lab):
    """Return a certificate as team shop gets it, with its chain (PEM)."""
    async with lab.lab.client("dev-anna") as anna:
        body = lab.lab.order("www.shop.test")
        told = (await anna.post("/api/v1/orders", json=body, headers=lab.lab.key())).raise_for_status().json()
    return told["certificate"], told["chain"]


@pytest.mark.parametrize(("path", "media"), FILES)
async def test_types_and_conditions(plain, path, media):
    """The media type is RFC 2585's, HEAD says what GET says, and who has the file gets 304."""
    got, head = await plain.get(path), await plain.head(path)
    tag = got.headers["etag"]
    again = [
        (await plain.get(path, headers={"if-none-match": known})).status_code
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*", '"other"', "", '"' * 100)
    ]

    assert (200, media) == (got.status_code, got.headers["content-type"])
    assert (200, media, tag) == (head.status_code, head.headers["content-type"], head.headers["etag"])
    assert [304, 304, 304, 304, 200, 200, 200] == again
    assert "public" in got.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    ["/crl/nobody/0.crl", "/crl/issuing/1.crl", "/crl/issuing/00.crl", "/crl/issuing/x.crl", "/crl/issuing/-1.crl",
     "/aia/nobody.cer", "/aia/..%2Froot.cer", "/aia/%00.cer", "/aia/" + "a" * 5_000 + ".cer", "/", "/api/v1/orders",
     "/agent/v1/tasks"],
)  # fmt: skip
async def test_other_addresses_are_not_there(plain, path):
    """Whatever else is asked for is a 404 with a problem document."""
    answer = await plain.get(path)

    assert (404, "application/problem+json") == (answer.status_code, answer.headers["content-type"])


async def test_nothing_is_taken_in(plain):
    """The plain listener only gives."""
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert 405 == (await plain.request(method, "/crl/issuing/0.crl")).status_code


async def test_a_served_crl_is_the_ledgers(lab, plain):
    """Byte for byte what was recorded when it was signed."""
    for slug in ("root", "issuing", "agents"):
        events = lab.lab.backend.ledger.stream(Issuer.id_for(slug))
        published = [one.state for one in events if one.topic == Issuer.CrlPublished.TOPIC]
        served = (await plain.get(f"/crl/{slug}/0.crl")).content

        assert base64.b64decode(json.loads(published[-1])["crl"]) == served


async def test_the_addresses_in_a_certificate_lead_to_its_issuer_and_crl(lab, plain):
    """AIA gives the certificate of the key that signed; the distribution point a CRL of that key and that very URL."""
    leaf = x509.load_pem_x509_certificate((await _certificate(lab))[0].encode())
    aia = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    point = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value[0].full_name[0].value
    where = next(
        one.access_location.value for one in aia if one.access_method == AuthorityInformationAccessOID.CA_ISSUERS
    )
    issuer = x509.load_der_x509_certificate((await plain.get(urlsplit(where).path)).content)
    crl = x509.load_der_x509_crl((await plain.get(urlsplit(point).path)).content)
    scope = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value

    leaf.verify_directly_issued_by(issuer)
    assert crl.is_signature_valid(issuer.public_key())
    assert point == scope.full_name[0].value


async def test_openssl_accepts_the_chain_with_the_served_crls(lab, plain, tmp_path):
    """``openssl verify -crl_check_all -x509_strict`` agrees, for a server's certificate and for an agent's."""
    await _files(lab, plain, tmp_path)
    at = str(int(lab.lab.clock().timestamp()))
    common = ["verify", "-attime", at, "-crl_check_all", "-x509_strict", "-purpose"]
    crls = ["-CRLfile", "issuing.crl", "-CRLfile", "root.crl"]
    server = [*common, "sslserver", "-CAfile", "root.pem", "-untrusted", "chain.pem", *crls, "leaf.pem"]
    client = [*common, "sslclient", "-CAfile", "agents.pem", "-CRLfile", "agents.crl", "agent.pem"]

    assert "leaf.pem: OK" in _openssl(tmp_path, *server)
    assert "agent.pem: OK" in _openssl(tmp_path, *client)


async def _files(lab, plain, tmp_path):
    """Write a server's and an agent's certificate, and what is served for them."""
    leaf, chain = await _certificate(lab)
    for slug in ("root", "issuing", "agents"):
        der = (await plain.get(f"/crl/{slug}/0.crl")).content
        (tmp_path / f"{slug}.crl").write_bytes(_pem("X509 CRL", der))
    (tmp_path / "agents.pem").write_bytes(_pem("CERTIFICATE", (await plain.get("/aia/agents.cer")).content))
    (tmp_path / "root.pem").write_bytes(lab.lab.edge.root_pem)
    (tmp_path / "chain.pem").write_text("".join(chain))
    (tmp_path / "leaf.pem").write_text(leaf)
    host = await lab.lab.host("openssl.shop.test")
    enrolled = await lab.enrol(await lab.token(host), csr=csr_of(new_key()))
    (tmp_path / "agent.pem").write_text(enrolled.json()["certificate_chain"][0])


def _openssl(folder, *words):
    command = [real_part("openssl", "install openssl"), *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=20, check=False)
    return done.stdout + done.stderr


def _pem(label, der):
    return f"-----BEGIN {label}-----\n".encode() + base64.encodebytes(der) + f"-----END {label}-----\n".encode()
