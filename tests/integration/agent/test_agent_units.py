"""The systemd units, judged by systemd's own tools."""

from __future__ import annotations

import re
import subprocess

from tests.support.agent_lab import AGENT
from tests.support.real import real_part


def test_the_agents_unit_is_exposed_less_than_two():
    """``systemd-analyze security`` gives the agent's unit an exposure below 2.0."""
    program = real_part("systemd-analyze", "apt-get install systemd")
    unit = AGENT / "systemd" / "sslclm-agent.service"
    command = (program, "security", "--offline=true", "--threshold=20", "--no-pager", str(unit))
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r"Overall exposure level for sslclm-agent\.service: ([0-9.]+)", done.stdout)

    assert found, done.stderr
    assert float(found[1]) < 2.0
