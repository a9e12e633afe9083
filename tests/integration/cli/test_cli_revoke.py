"""A revoked certificate is refused by whoever reads the CRL that is served."""

from __future__ import annotations

import subprocess

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.crash_backend import eventually

pytestmark = pytest.mark.usefixtures("furnished")
SHOP = ("--team", "shop", "--profile", "cli-web")
DEADLINE_SECONDS = 30


def served_crl(backend, slug: str) -> x509.CertificateRevocationList:
    """Fetch a CRL from where the certificates say it is."""
    return x509.load_der_x509_crl(httpx2.get(f"{backend.pki_url}/crl/{slug}/0.crl", trust_env=False).content)


def crl_with(backend, serial: int) -> x509.CertificateRevocationList:
    """Return the CRL once it lists a serial."""

    def listed() -> bool:
        return served_crl(backend, "issuing").get_revoked_certificate_by_serial_number(serial) is not None

    eventually(listed, "the serial on the CRL", DEADLINE_SECONDS)
    return served_crl(backend, "issuing")


def verify(folder, *crls: x509.CertificateRevocationList) -> subprocess.CompletedProcess[str]:
    """Ask openssl about the certificate with these CRLs."""
    (folder / "crls.pem").write_bytes(b"".join(crl.public_bytes(Encoding.PEM) for crl in crls))
    command = ["openssl", "verify", "-x509_strict", "-crl_check_all", "-CAfile", str(folder / "root.pem")]
    command += ["-CRLfile", str(folder / "crls.pem"), "-untrusted", str(folder / "fullchain.pem")]
    return subprocess.run([*command, str(folder / "fullchain.pem")], capture_output=True, text=True, check=False)


def test_the_crl_follows_a_revocation(person, csr, backend, tmp_path):
    """Accepted before, refused after: openssl reads the reason from the CRL that is served within seconds."""
    anna, out = person("dev-anna"), tmp_path / "out"
    issued = anna.json("request", *SHOP, "--csr", str(csr("gone.shop.test")), "--days", "7", "--out", str(out))
    (out / "root.pem").write_text(backend.ca_pem)
    root = served_crl(backend, "root")
    assert verify(out, root, served_crl(backend, "issuing")).returncode == 0

    anna("revoke", issued["certificate_id"], "--revocation-reason", "keyCompromise", "--reason", "stolen")
    crl = crl_with(backend, int(issued["serial"], 16))
    refused = verify(out, root, crl)
    assert refused.returncode != 0
    assert "certificate revoked" in refused.stdout + refused.stderr
    entry = crl.get_revoked_certificate_by_serial_number(int(issued["serial"], 16))
    assert entry is not None
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.key_compromise


def test_a_made_up_reason_is_refused(person, csr):
    """The reasons are those of RFC 5280 that fit a server's certificate; on hold is none of them."""
    anna = person("dev-anna")
    issued = anna.json("request", *SHOP, "--csr", str(csr("stays.shop.test")), "--days", "7")
    for reason in ("certificateHold", "because"):
        anna("revoke", issued["certificate_id"], "--revocation-reason", reason, expect=1)

    assert "issued" in anna("list", "--name", "stays.shop.test").stdout


def test_several_are_revoked_in_one_run(person, csr):
    """One of them is gone already: its row says so, the others are revoked, and the exit code tells."""
    anna = person("dev-anna")
    ids = [
        anna.json("request", *SHOP, "--csr", str(csr(f"{name}.shop.test")), "--days", "7")["certificate_id"]
        for name in ("one", "two", "three")
    ]
    anna("revoke", ids[1], "--revocation-reason", "superseded")
    rows = anna.json("revoke", *ids, "--revocation-reason", "cessationOfOperation", expect=1)

    assert [row["state"] for row in rows] == ["revoked", "refused", "revoked"]
    shown = anna("show", ids[0]).stdout
    assert "cessationOfOperation" in shown


def test_a_key_of_ones_own_is_not_replaced_first(person, csr):
    """The server cannot make its new key: it says so, and what to do."""
    anna = person("dev-anna")
    issued = anna.json("request", *SHOP, "--csr", str(csr("own.shop.test")), "--days", "7")
    told = anna("revoke", issued["certificate_id"], "--replace", "first", "--by", "2h", expect=1)

    assert "CSR" in told.stderr
