"""The command line is a client: it may be installed, read and trusted without knowing the server."""

from __future__ import annotations

import subprocess
import sys

from tests.support.sources import ROOT

_FOREIGN = "{'infra', 'domain', 'commands', 'projections', 'fastapi', 'starlette', 'eventsourcing'}"
_LOOK = f"import sys, api.cli.main; print(sorted({_FOREIGN} & {{name.split('.')[0] for name in sys.modules}}))"


def test_the_client_drags_no_server_along():
    """Harm prevented: rules on the client that differ from the server's, and a slow start."""
    command = [sys.executable, "-c", _LOOK]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)

    assert "[]" == done.stdout.strip()


def test_completion_for_a_shell(fake):
    """A shell can ask for completions of commands."""
    asked = {"_SSLCLM_COMPLETE": "complete_bash", "COMP_WORDS": "sslclm ho", "COMP_CWORD": "1"}
    shown = fake(env=asked, prog_name="sslclm")

    assert "hosts" in shown.stdout
