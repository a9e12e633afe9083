"""Which TLS the listeners speak, asked with the ``openssl s_client`` binary: another implementation's client side."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.server.supervisor import Listener
from infra.server.tls import ReloadableContext, people_context
from tests.support.listeners import SHORT, echo, identity, serving
from tests.support.pki import make_leaf

SENT = re.compile(r"has read 0 bytes and written [1-9]\d+ bytes")
OPENSSL = shutil.which("openssl") or ""
# Level 0 lets the client offer what is long forbidden; otherwise the client itself would refuse, and prove nothing.
FORBIDDEN = {
    "TLS 1.0": ["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
    "TLS 1.1": ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
    "CBC": ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0"],
    "CCM": ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"],
    "no encryption": ["-tls1_2", "-cipher", "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0"],
}
FORBIDDEN_RSA = {
    "CBC": ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA:@SECLEVEL=0"],
    "RSA key exchange": ["-tls1_2", "-cipher", "AES128-GCM-SHA256:AES256-SHA:@SECLEVEL=0"],
    "DHE": ["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256:ADH-AES128-GCM-SHA256:@SECLEVEL=0"],
}
ALLOWED = {
    "TLSv1.2, Cipher is ECDHE-ECDSA-AES128-GCM-SHA256": ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
    "TLSv1.2, Cipher is ECDHE-ECDSA-CHACHA20-POLY1305": ["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"],
    "TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384": ["-tls1_3"],
    "TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256": [
        "-tls1_3",
        "-noservername",
        "-ciphersuites",
        "TLS_AES_128_GCM_SHA256",
    ],
}


@pytest.fixture(autouse=True)
def openssl_binary():
    """Skip at home where the binary is missing; fail in CI."""
    if not OPENSSL:
        say = "the openssl command is missing: apt-get install openssl"
        pytest.fail(say) if os.environ.get("CI") == "true" else pytest.skip(say)


def s_client(listener, options):
    """Return all that ``openssl s_client`` says about one handshake."""
    command = [OPENSSL, "s_client", "-connect", f"127.0.0.1:{listener.address[1]}", *options]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
    return (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.parametrize("name", FORBIDDEN)
def test_weak_tls_is_refused(name, people):
    """The server ends the handshake with an alert; it does not fall back."""
    with serving(people):
        said = s_client(people, FORBIDDEN[name])

    assert "Cipher is (NONE)" in said
    assert SENT.search(said)  # otherwise the refusal would be the client's own


@pytest.mark.parametrize("name", [*FORBIDDEN_RSA, "TLS 1.0", "TLS 1.1"])
def test_weak_tls_is_refused_with_an_rsa_certificate(name, server_ca):
    """With an RSA key on the server nothing but the settings stands against RSA key exchange and DHE."""
    pair = make_leaf(server_ca, key=rsa.generate_private_key(65537, 2048))
    tls = ReloadableContext(people_context, identity(pair))
    listener = Listener("people", echo, "127.0.0.1", 0, tls, limits=SHORT)

    with serving(listener):
        said = s_client(listener, {**FORBIDDEN, **FORBIDDEN_RSA}[name])
        good = s_client(listener, ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"])

    assert "Cipher is (NONE)" in said
    assert SENT.search(said)
    assert "Cipher is ECDHE-RSA-AES128-GCM-SHA256" in good


@pytest.mark.parametrize("name", ALLOWED)
def test_strong_tls_is_accepted(name, people):
    """TLS 1.3, and 1.2 with ECDHE and an AEAD cipher."""
    with serving(people):
        said = s_client(people, ALLOWED[name])

    assert name in said
    assert "No client certificate CA names sent" in said


def test_agents_speak_tls_13_only(agents):
    """A session of TLS 1.2 could be resumed without the certificate being checked again."""
    with serving(agents):
        said = s_client(agents, ["-tls1_2"])

    assert "Cipher is (NONE)" in said
    assert SENT.search(said)


def test_no_renegotiation_and_no_compression(people):
    """Both are switched off (RFC 9325 sections 3.3 and 3.5)."""
    with serving(people):
        command = [OPENSSL, "s_client", "-connect", f"127.0.0.1:{people.address[1]}", "-tls1_2"]
        done = subprocess.run(command, input=b"R\n", capture_output=True, timeout=20, check=False)
    said = (done.stdout + done.stderr).decode(errors="replace")

    assert "Compression: NONE" in said
    assert "no renegotiation" in said
