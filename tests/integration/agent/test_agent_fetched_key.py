"""An agent installs a key that the backend made: fetched as PKCS #12, its password by another call, proven on nginx."""

from __future__ import annotations

import base64
import hashlib
import stat
import subprocess
import uuid
from dataclasses import dataclass, field

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from commands.ports.keystore import Secret
from infra.keystore.pkcs12 import pkcs12, random_password
from tests.support.agent_lab import NAME, Lab, command_line, sha256_of
from tests.support.agent_pki import leaf_for
from tests.support.fake_backend import Json, reply
from tests.support.nginx import served_der
from tests.support.real import real_part


@dataclass
class Delivery:
    """One task whose key the backend made; ``calls`` are the fetches so far."""

    lab: Lab
    endpoints: list[Json]
    changes: Json = field(default_factory=dict)
    form: str = "aes-256"
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.task_id, self.key = f"task-{uuid.uuid4()}", ec.generate_private_key(ec.SECP256R1())
        self.leaf = leaf_for(self.key.public_key(), self.lab.issuer, [NAME])
        self.password = random_password().reveal()
        chain = [x509.load_pem_x509_certificate(pem) for pem in (self.leaf, self.lab.issuer.pem)]
        self.file = pkcs12(self.key, chain, Secret(self.password), "aes-256").reveal()
        answers = {"key": {"pkcs12": self.file}, "key-password": {"password": self.password}}
        for what, answer in answers.items():
            self.lab.backend.answers[f"/agent/v1/tasks/{self.task_id}/{what}"] = self.answering(what, answer)

    def answering(self, what: str, answer: dict[str, bytes]):
        def respond(handler) -> None:
            self.calls.append(what)
            told = {name: _text(name, value) for name, value in answer.items()}
            reply(handler, 200, told)

        return respond

    def queue(self) -> str:
        """Put the task into the queue."""
        target = self.lab.target_spec(self.endpoints) | self.changes
        parameters = {
            "deployment_id": f"deployment-{uuid.uuid4()}",
            "order_id": f"order-{self.task_id[5:]}",
            "generation": 1,
            "certificate_id": f"certificate-{uuid.uuid4()}",
            "chain": [self.leaf.decode(), self.lab.issuer.pem.decode()],
            "root": self.lab.root.pem.decode(),
            "fingerprint": sha256_of(self.leaf),
            "target": target,
            "key_from": "server",
            "keystore_form": self.form,
        }
        return self.lab.backend.add("install", parameters, task_id=self.task_id)

    def done(self) -> Json:
        """Let the agent work; returns what it reported."""
        task_id = self.queue()
        self.lab.once()
        return self.lab.backend.result(task_id)


def _text(name: str, value: bytes) -> str:
    return base64.b64encode(value).decode() if name == "pkcs12" else value.decode()


def test_a_fetched_key_is_installed_and_proven(lab, nginx):
    """Two calls, one installation; neither key nor password is in what the agent reports."""
    delivery = Delivery(lab, [nginx.endpoint])
    result = delivery.done()

    assert result["outcome"] == "served", result
    assert ["key", "key-password"] == delivery.calls
    assert hashlib.sha256(served_der(nginx.port)).hexdigest() == sha256_of(delivery.leaf)
    stored = lab.folder / "state" / "keys" / f"order-{delivery.task_id[5:]}" / "1.pem"
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert delivery.password.decode() not in str(result)


@pytest.mark.parametrize("step", ["key delivered", "written", "switched", "proven"])
def test_a_kill_after_the_key_came_fetches_it_no_second_time(lab, nginx, step):
    """Killed at any step, the next life goes on with the key that it has, and the host serves the pair."""
    delivery = Delivery(lab, [nginx.endpoint])
    task_id = delivery.queue()
    killed = command_line(lab.config, "once", at=step)
    again = command_line(lab.config, "once")

    assert killed.returncode == -9, killed.stderr
    assert again.returncode == 0, again.stderr
    assert lab.backend.result(task_id)["outcome"] == "served"
    assert ["key", "key-password"] == delivery.calls
    assert hashlib.sha256(served_der(nginx.port)).hexdigest() == sha256_of(delivery.leaf)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"password": b"another"}, "cannot be opened"),
        ({"file": b"\x30\x03junk"}, "cannot be opened"),
        ({"file": b"0" * 70_000}, "too large"),
        ({"file": b""}, "cannot be opened"),
    ],
)
def test_a_file_that_does_not_open_touches_nothing(lab, nginx, old, changed, said):
    """The task fails at its check; what was served is served, and no byte of the file is repeated."""
    delivery = Delivery(lab, [nginx.endpoint])
    answers = {"key": {"pkcs12": changed.get("file", delivery.file)}}
    answers["key-password"] = {"password": changed.get("password", delivery.password)}
    for what, answer in answers.items():
        lab.backend.answers[f"/agent/v1/tasks/{delivery.task_id}/{what}"] = delivery.answering(what, answer)
    result = delivery.done()

    assert ("failed", "check") == (result["outcome"], result["stage"])
    assert said in result["detail"]
    assert hashlib.sha256(served_der(nginx.port)).hexdigest() == sha256_of(old.pem)


def test_another_certificates_key_touches_nothing(lab, nginx, old):
    """The pair is compared before anything is stored."""
    delivery = Delivery(lab, [nginx.endpoint])
    other = Delivery(lab, [nginx.endpoint])
    path = f"/agent/v1/tasks/{delivery.task_id}"
    lab.backend.answers[f"{path}/key"] = other.answering("key", {"pkcs12": other.file})
    told = other.answering("key-password", {"password": other.password})
    lab.backend.answers[f"{path}/key-password"] = told
    result = delivery.done()

    assert ("failed", "check") == (result["outcome"], result["stage"])
    assert "not that of the certificate" in result["detail"]
    assert hashlib.sha256(served_der(nginx.port)).hexdigest() == sha256_of(old.pem)


@pytest.mark.parametrize("form", ["aes-256", "legacy-3des"])
def test_a_key_store_for_java(lab, form):
    """Layout pkcs12: a key store and its password, private to the owner; openssl and Java's keytool open it."""
    lab.target.mkdir()
    delivery = Delivery(lab, [], {"layout": "pkcs12"}, form)
    result = delivery.done()
    folder = lab.target / "current"
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.iterdir()}
    openssl = real_part("openssl", "apt-get install openssl")
    keytool = real_part("keytool", "apt-get install default-jre-headless")
    info = [openssl, "pkcs12", "-in", "keystore.p12", "-passin", "file:keystore.pass", "-info", "-noout", "-legacy"]
    listing = [keytool, "-list", "-v", "-keystore", "keystore.p12", "-storetype", "PKCS12"]
    said = _output(info, folder)
    listed = _output([*listing, "-storepass:file", "keystore.pass"], folder)

    assert result["outcome"] == "served", result
    assert {"fullchain.pem": "0o644", "keystore.p12": "0o600", "keystore.pass": "0o600"} == modes
    assert {"aes-256": "PBES2, PBKDF2, AES-256-CBC", "legacy-3des": "pbeWithSHA1And3-KeyTripleDES-CBC"}[form] in said
    assert "PrivateKeyEntry" in listed


def _output(command: list[str], folder) -> str:
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout + done.stderr
