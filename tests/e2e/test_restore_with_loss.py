"""The drill: a server is restored from before what was published, and nothing that was revoked comes back.

The whole way with real processes, as README.md and infra/backup/README.md tell it; OpenSSL judges before and after.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from infra.issuers.records import crl_url
from tests.support.crash_backend import DEADLINE, ROOT, CrashBackend, eventually
from tests.support.edge import csr_pem
from tests.support.real import real_part

pytestmark = pytest.mark.timeout(300)


@dataclass
class Drill:
    """A backend, its people, and where published things are kept."""

    backend: CrashBackend
    folder: Path
    openssl: str

    def people(self) -> None:
        """Sign everybody in (again)."""
        self.tokens = {name: self.backend.sign_in(name) for name in ("adam", "dev-anna", "sec-olga")}

    def call(self, who: str, method: str, path: str, body: Any = None) -> httpx2.Response:
        """Call the API as a person."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}", "Idempotency-Key": uuid.uuid4().hex}
        with self.backend.client() as client:
            return client.request(method, f"/api/v1{path}", json=body, headers=headers)

    def must(self, who: str, path: str, body: Any) -> dict[str, Any]:
        """Give a command that succeeds."""
        answer = self.call(who, "POST", path, body)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    def order(self, name: str) -> dict[str, Any]:
        """Have a certificate issued."""
        team = self.call("dev-anna", "GET", "/teams").json()["items"][0]["team_id"]
        profile = self.call("dev-anna", "GET", "/profiles").json()["items"][0]["profile_id"]
        made = self.must("dev-anna", "/orders", {"team_id": team, "profile_id": profile, "csr": own_csr(name)})
        (self.folder / f"{name}.pem").write_text(made["certificate"])
        (self.folder / "issuing.pem").write_text(made["chain"][0])
        return made

    def sslclm(self, *words: str) -> str:
        """Run a command of the server; returns what it wrote."""
        command = [sys.executable, "-m", "scripts.sslclm", *words]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.backend.environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def publish(self, name: str) -> x509.CertificateRevocationList:
        """Fetch the issuing CA's CRL as relying parties do, and keep it."""
        with httpx2.Client(trust_env=False, timeout=DEADLINE) as outside:
            answer = outside.get(crl_url(self.backend.pki_url, "issuing"))
        assert answer.status_code == 200
        crl = x509.load_der_x509_crl(answer.content)
        (self.folder / name).write_bytes(crl.public_bytes(Encoding.PEM))
        return crl

    def is_good(self, leaf: str, crl: str) -> bool:
        """Let OpenSSL judge a leaf by a CRL."""
        (self.folder / "root.pem").write_text(self.backend.root_pem)
        command = f"verify -crl_check -CAfile root.pem -untrusted issuing.pem -CRLfile {crl} {leaf}.pem"
        done = subprocess.run(
            [self.openssl, *command.split()], cwd=self.folder, capture_output=True, text=True, timeout=20, check=False
        )
        assert done.returncode == 0 or "certificate revoked" in done.stdout + done.stderr, done.stderr
        return done.returncode == 0


@pytest.fixture
def drill(tmp_path):
    """Serve a backend with a team, a profile and the people who decide."""
    openssl = real_part("openssl", "install it from the system's packages")
    with CrashBackend(tmp_path / "clm") as backend:
        made = Drill(backend, tmp_path, str(openssl))
        made.people()
        team = made.must("adam", "/teams", {"name": "shop"})["id"]
        for group, role, held in (
            ("/teams/shop/devops", "ROLE_DEVOPS", team),
            ("/sslclm/sec-ops", "ROLE_SEC_OPS", None),
        ):
            grant = {"provider": "development", "subject": group, "role": role, "team_id": held}
            made.must("adam", "/grants", grant)
        issuer = made.call("adam", "GET", "/issuers?name=issuing").json()["items"][0]["issuer_id"]
        spec = {"name": "web", "issuer_id": issuer, "teams": [team], "allowed_names": ["**.shop.test"]}
        made.must("adam", "/profiles", {**spec, "max_validity": 2_592_000, "approval": "policy"})
        made.people()
        yield made


def lose(drill: Drill) -> tuple[dict[str, Any], dict[str, Any], x509.CertificateRevocationList]:
    """Back up, then issue and revoke, then lose the data folder; returns what was revoked, what was issued, the CRL."""
    revoked = drill.order("revoked.shop.test")
    drill.sslclm("backup", str(drill.folder / "archive"))
    later = drill.order("later.shop.test")
    asked = {"revocation_reason": "keyCompromise", "reason": "the host was stolen"}
    drill.must("dev-anna", f"/certificates/{revoked['certificate_id']}/revoke", asked)
    eventually(lambda: len(drill.publish("published.pem")) == 1, "the CRL with the revocation")
    with drill.backend.client() as client:
        head = {"Authorization": f"Bearer {drill.tokens['adam']}"}
        (drill.folder / "newer.jsonl").write_bytes(client.get("/api/v1/audit/export", headers=head).content)
    published = drill.publish("published.pem")
    drill.backend.kill()
    shutil.move(drill.backend.files.data_dir, drill.folder / "lost")
    return revoked, later, published


def own_csr(name: str) -> str:
    """Return a CSR by a key of its own: one key that was revoked as compromised must not spoil the others."""
    return csr_pem(name, key=ec.generate_private_key(ec.SECP256R1()))


def number(crl: x509.CertificateRevocationList) -> int:
    """Return a CRL's number."""
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def decide(drill: Drill) -> None:
    """Let two people agree; one alone, or about something else, does not."""
    shown = drill.call("adam", "GET", "/recovery").json()
    decision = {"loss_sha256": shown["loss_sha256"], "reason": "the disk was lost"}
    drill.must("adam", "/recovery/propose", decision)
    alone = drill.call("adam", "POST", "/recovery/confirm", decision)
    other = drill.call("sec-olga", "POST", "/recovery/confirm", {**decision, "loss_sha256": "0" * 64})
    assert ("four-eyes", "approval-binding") == (alone.json()["rule"], other.json()["rule"])
    drill.must("sec-olga", "/recovery/confirm", decision)


def held(drill: Drill, certificate_id: str) -> None:
    """Assert that reads work, and that nothing is revoked."""
    refused = drill.call("dev-anna", "POST", f"/certificates/{certificate_id}/revoke", {"reason": "again"})
    assert (503, "restored-with-loss") == (refused.status_code, refused.json()["rule"])
    assert drill.call("adam", "GET", f"/certificates/{certificate_id}").json()["state"] == "issued"
    shown = drill.call("adam", "GET", "/recovery").json()
    assert ("loss", 1, 1) == (shown["phase"], shown["revocations"], shown["certificates"])


def judged(drill: Drill, crl: str) -> tuple[bool, bool]:
    """Return what OpenSSL makes of the revoked and of the lost certificate."""
    return drill.is_good("revoked.shop.test", crl), drill.is_good("later.shop.test", crl)


def test_the_drill(drill):
    """Held until two people agree; then CRLs go on above the old number, with every published revocation."""
    revoked, later, published = lose(drill)
    crl, export = drill.folder / "published.pem", drill.folder / "newer.jsonl"
    drill.sslclm("restore", str(drill.folder / "archive"), "--published-crl", str(crl), "--newer-export", str(export))
    assert (False, True) == judged(drill, "published.pem")

    drill.backend.start()
    drill.people()
    held(drill, revoked["certificate_id"])
    decide(drill)

    eventually(lambda: number(drill.publish("after.pem")) > number(published), "a CRL above the published one")
    serial = x509.load_pem_x509_certificate(revoked["certificate"].encode()).serial_number
    both = (published, drill.publish("after.pem"))
    before, now = (crl.get_revoked_certificate_by_serial_number(serial) for crl in both)
    assert (before.revocation_date_utc, list(before.extensions)) == (now.revocation_date_utc, list(now.extensions))
    assert (False, True) == judged(drill, "after.pem")
    assert drill.call("dev-anna", "GET", f"/certificates/{later['certificate_id']}").json()["state"] == "issued"
    drill.order("next.shop.test")
    assert drill.call("adam", "GET", "/audit/verify").json()["holds"]
    assert {"epoch": 2, "phase": "whole"}.items() <= drill.call("adam", "GET", "/recovery").json().items()
    assert drill.sslclm("find-loss", "--published-crl", str(drill.folder / "after.pem"), "--json").strip() == "null"


def test_killed_while_taking_over(drill):
    """Kill -9 after the second person agreed: the next start goes on, and no CRL without the revocations is served."""
    _, _, published = lose(drill)
    drill.sslclm("restore", str(drill.folder / "archive"), "--published-crl", str(drill.folder / "published.pem"))
    drill.backend.start()
    drill.people()
    decide(drill)
    drill.backend.kill()
    drill.backend.start()
    eventually(lambda: number(drill.publish("after.pem")) > number(published), "a CRL above the published one")

    assert not drill.is_good("revoked.shop.test", "after.pem")
    assert json.loads(drill.sslclm("find-loss", "--published-crl", str(drill.folder / "after.pem"), "--json")) is None
