"""Both sides of the wire as they are: what the server signs the agent verifies, what it says the server reads."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.agent.enrolment import Enrolment
from api.agent.results import Result
from api.agent.tasks import removal, told_target
from commands.ports.keystore import Secret
from domain.certificates.csr import read_csr
from domain.hosts.targets import Endpoint, TargetSpec
from infra.agents.task_signer import Ed25519TaskSigner
from sslclm_agent import VERSION
from sslclm_agent.backend.enrolment import describe
from sslclm_agent.deploy.probe import Evidence
from sslclm_agent.deploy.results import failed, removed, served
from sslclm_agent.state.keys import generate, signing_request
from sslclm_agent.tasks.parameters import Remove, Target
from sslclm_agent.tasks.signature import verify
from tests.support.fake_backend import b64

SEEN = Evidence("127.0.0.1:443/www.example.test", "ab" * 32, "TLSv1.3", 3)


def test_what_the_server_signs_the_agent_verifies():
    """The signer's JWS and public key as they are delivered."""
    secret = Secret(Ed25519PrivateKey.generate().private_bytes_raw())
    keystore: Any = SimpleNamespace(get=lambda _key_id, _field: secret)
    signer = Ed25519TaskSigner(keystore)
    now = int(time.time())
    claims = {"host": "host-1", "task_id": "task-1", "kind": "make-key", "parameters": {}, "iat": now, "exp": now + 60}
    task = verify(
        signer.sign(claims), "task-1", "host-1", [dict(key) for key in signer.public_keys()], datetime.now(UTC)
    )

    assert (task.task_id, task.kind, task.parameters) == ("task-1", "make-key", {})


@pytest.mark.parametrize(
    "result",
    [
        served([SEEN], "cd" * 32),
        served([], None),
        failed("probe", "x" * 5000, rolled_back=True, evidence=[SEEN]),
        failed("refused", "no"),
        removed([SEEN], "x" * 5000),
        {"outcome": "done", "csr": "x"},
        {"outcome": "done"},
    ],
    ids=["served", "served files", "rolled back", "refused", "removed", "key", "renewed"],
)
def test_what_the_agent_reports_the_server_reads(result):
    """Every shape of result, the longest explanation included."""
    assert Result.model_validate(result).outcome == result["outcome"]


@pytest.mark.parametrize("algorithm", ["EC-P256", "EC-P384", "RSA-2048", "Ed25519"])
def test_the_agents_signing_requests_are_read(algorithm):
    """The server's strict reader takes what the agent makes, with and without a subject."""
    for common_name in (None, "a.example"):
        text = signing_request(generate(algorithm), common_name, ("a.example", "*.b.example"), ("192.0.2.1",))

        assert read_csr(text.encode()).key_algorithm == algorithm


def test_the_enrolment_is_read():
    """What the agent tells of itself fits."""
    csr = signing_request(generate("EC-P256"))
    body = {"token": "sslclm-bt1." + b64(b"{}"), "csr": csr, "agent_version": VERSION, "platform": describe()}

    assert Enrolment.model_validate(body).platform == describe()
    assert read_csr(csr.encode()).key_algorithm == "EC-P256"


SPEC = TargetSpec(
    directory="/etc/ssl/clm/web",
    validator="nginx",
    reloader="nginx",
    endpoints=(Endpoint(address="127.0.0.1", port=443, server_name="www.example.test"),),
    disabler="www-off",
)


def test_targets_are_read_as_the_server_writes_them():
    """The two definitions of a target agree, defaults included."""
    target = Target.read(told_target(SPEC.model_dump(mode="json")))

    assert (target.mode, str(target.endpoints[0])) == (0o640, "127.0.0.1:443/www.example.test")


def test_removals_are_read_as_the_server_writes_them():
    """The disabler stands beside the target; the certificate is named by its fingerprint."""
    row: Any = {"deployment_id": "deployment-1", "certificate_id": "certificate-1"}
    order = Remove.read(removal(row | {"target": SPEC.model_dump(mode="json")}, "ab" * 32))

    assert (order.disabler, order.fingerprint, order.target.reloader) == ("www-off", "ab" * 32, "nginx")
