"""The agent dies at every step: nginx always has a valid pair, and the task ends exactly once."""

from __future__ import annotations

import hashlib
import shlex
import signal
import subprocess

import pytest

from tests.support.agent_lab import command_line, sha256_of
from tests.support.nginx import served_der
from tests.support.pki import make_expired_leaf

FORWARD = (
    "planned",
    "wrote fullchain.pem",
    "wrote privkey.pem",
    "written",
    "switched",
    "validate done",
    "reload done",
    "proven",
    "recorded",
    "journal cleared",
)
BACK = ("going back", "switched back", "reloaded back", "proven back", "recorded", "journal cleared")


def served(nginx) -> str:
    return hashlib.sha256(served_der(nginx.port)).hexdigest()


def disk_is_valid(nginx) -> bool:
    """Tell whether nginx would start with what is on disk now."""
    return subprocess.run(shlex.split(nginx.command("-t", "-q")), check=False, timeout=10).returncode == 0


def versions(lab) -> set[str]:
    return {path.name for path in lab.target.iterdir() if path.is_dir() and not path.is_symlink()}


@pytest.mark.parametrize("step", FORWARD)
def test_killed_on_the_way(lab, nginx, old, step):
    """Killed after any step, the host serves the old or the new pair; the next start ends the task once, served."""
    parameters = lab.install_parameters([nginx.endpoint])
    task_id = lab.backend.add("install", parameters)
    killed = command_line(lab.config, "once", at=step)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert served(nginx) in {sha256_of(old.pem), parameters["fingerprint"]}
    assert disk_is_valid(nginx)
    assert command_line(lab.config, "once").returncode == 0
    assert lab.backend.result(task_id)["outcome"] == "served"
    assert served(nginx) == parameters["fingerprint"]
    assert versions(lab) == {"v0001-00000000", f"v0002-{parameters['fingerprint'][:8]}"}
    assert not (lab.folder / "state" / "journal.json").exists()


@pytest.mark.parametrize("step", BACK)
def test_killed_on_the_way_back(lab, nginx, old, step):
    """Killed while going back, the next start goes back to the end and reports the failure once."""
    lab.allow(reloader__web="exec:/bin/true", probe__seconds="1")
    task_id = lab.backend.add("install", lab.install_parameters([nginx.endpoint]))
    killed = command_line(lab.config, "once", at=step)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert disk_is_valid(nginx)
    assert command_line(lab.config, "once").returncode == 0
    result = lab.backend.result(task_id)
    assert (result["stage"], result["rolled_back"]) == ("probe", True), result
    assert result["served_now"] == served(nginx) == sha256_of(old.pem)
    assert versions(lab) == {"v0001-00000000"}


def test_killed_after_making_a_key(lab):
    """The key is on disk before the answer: after a crash the same key answers."""
    parameters = {"order_id": "order-1", "generation": 1, "key_algorithm": "Ed25519", "dns_names": ["a.example"]}
    task_id = lab.backend.add("make-key", {**parameters, "ip_addresses": [], "common_name": None})
    killed = command_line(lab.config, "once", at="key stored")
    key = (lab.folder / "state/keys/order-1/1.pem").read_bytes()

    assert killed.returncode == -signal.SIGKILL
    assert command_line(lab.config, "once").returncode == 0
    assert (lab.folder / "state/keys/order-1/1.pem").read_bytes() == key
    assert lab.backend.result(task_id)["outcome"] == "done"


@pytest.mark.parametrize("step", ["wrote fullchain.pem", "switched", "reload done"])
def test_stopped_on_the_way(lab, nginx, old, step):
    """A stop leads back before the agent ends with 0; nothing is reported, and the task is done at the next start."""
    parameters = lab.install_parameters([nginx.endpoint])
    task_id = lab.backend.add("install", parameters)
    stopped = command_line(lab.config, "run", at=step, by=signal.SIGTERM)

    assert stopped.returncode == 0, stopped.stderr
    assert task_id not in lab.backend.results
    assert served(nginx) == sha256_of(old.pem)
    assert versions(lab) == {"v0001-00000000"}
    assert command_line(lab.config, "once").returncode == 0
    assert lab.backend.result(task_id)["outcome"] == "served"


def test_never_back_to_an_expired_certificate(lab, nginx, old):
    """When the previous certificate has expired meanwhile the new one stays, and the report is an alarm."""
    expired = make_expired_leaf(lab.issuer)
    (lab.target / "v0001-00000000" / "fullchain.pem").write_bytes(expired.chain_pem)
    lab.allow(reloader__web="exec:/bin/true", probe__seconds="1")
    parameters = lab.install_parameters([nginx.endpoint])
    result = lab.do("install", parameters)

    assert (result["stage"], result["rolled_back"]) == ("probe", False)
    assert "ALARM" in result["detail"]
    assert "expired" in result["detail"]
    assert lab.current() == f"v0002-{parameters['fingerprint'][:8]}"
    assert result["served_now"] == sha256_of(old.pem)
