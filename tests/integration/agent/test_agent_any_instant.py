"""The agent dies at every single call that changes a file: nothing is ever half, and the task ends once."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.support.agent_lab import environment

PERIOD = 6
_DYING = """
import os, signal, sys
from sslclm_agent.cli import main
left = int(sys.argv[1])
def dying(call):
    def counted(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **options)
    return counted
for name in ("open", "write", "mkdir", "symlink", "rename", "replace", "unlink", "rmdir", "fsync", "fchmod"):
    setattr(os, name, dying(getattr(os, name)))
sys.exit(main(sys.argv[2:]))
"""


def die_at(lab, number: int) -> bool:
    """Run the agent until its ``number``-th call; return whether it got that far."""
    command = (sys.executable, "-c", _DYING, str(number), "--config", str(lab.config), "once")
    done = subprocess.run(command, env=environment(), cwd="/", capture_output=True, timeout=60, check=False)
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.returncode != 0


def fits(lab) -> bool:
    """Tell whether ``current`` names a whole pair whose key is the certificate's."""
    folder = lab.target / "current"
    key = load_pem_private_key((folder / "privkey.pem").read_bytes(), None).public_key()
    return key == x509.load_pem_x509_certificate((folder / "fullchain.pem").read_bytes()).public_key()


@pytest.mark.parametrize("phase", range(PERIOD))
def test_killed_at_any_call(lab, phase):
    """Each phase takes every sixth call, so that together they take all of them."""
    lab.target.mkdir()
    first = lab.install_parameters()
    assert lab.do("install", first)["outcome"] == "served"
    number, died = phase + 1, True
    while died:
        parameters = lab.install_parameters()
        task_id = lab.backend.add("install", parameters)
        died = die_at(lab, number)

        assert fits(lab), number
        lab.once()
        assert lab.backend.result(task_id)["outcome"] == "served", number
        assert fits(lab), number
        assert (lab.current() or "").endswith(parameters["fingerprint"][:8]), number
        assert not (lab.folder / "state" / "journal.json").exists(), number
        number += PERIOD

    assert number > 3 * PERIOD
