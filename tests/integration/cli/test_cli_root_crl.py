"""The ceremony of the root's CRL beside a server that goes on serving."""

from __future__ import annotations

import time

import httpx2
from cryptography import x509

DEADLINE_S = 20.0


def served(backend) -> x509.CertificateRevocationList:
    """Return the root's CRL as anybody fetches it."""
    answer = httpx2.get(f"{backend.pki_url}/crl/root/0.crl", trust_env=False, timeout=10)
    return x509.load_der_x509_crl(answer.raise_for_status().content)


def number(crl: x509.CertificateRevocationList) -> int:
    """Return a CRL's number."""
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def test_the_root_crl_is_renewed_while_the_server_runs(backend, person):
    """The server reads the new CRL from the ledger, and the chain holds through both writers' entries."""
    before = number(served(backend))
    done = backend.run("root-crl", "--root-passphrase-file", str(backend.folder / "root" / "passphrase"))
    assert done.returncode == 0, done.stdout + done.stderr

    end = time.monotonic() + DEADLINE_S
    while number(served(backend)) == before:
        assert time.monotonic() < end
    assert before + 1 == number(served(backend))
    person("adam")("teams", "add", "after-the-crl")
    assert "holds" in person("adam")("audit", "verify").stdout
