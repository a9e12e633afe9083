"""``sslclm watch`` beside a backend that is killed: one process tells every event, each once, and ends at Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.support.crash_backend import DEADLINE, ROOT, CrashBackend, eventually


@contextmanager
def watching(backend: CrashBackend, token: str, folder):
    """Run ``sslclm watch`` in a process of its own; yields it with the file that it writes to."""
    (folder / "root.pem").write_text(backend.root_pem)
    told = {"SSLCLM_CLI_SERVER": backend.url, "SSLCLM_CLI_TOKEN": token, "SSLCLM_CLI_CA_FILE": str(folder / "root.pem")}
    command = [sys.executable, "-m", "scripts.sslclm", "watch", "--since", "0", "--json"]
    with (folder / "told.jsonl").open("wb") as out, (folder / "said.txt").open("wb") as err:
        process = subprocess.Popen(command, cwd=ROOT, env=backend.environment | told, stdout=out, stderr=err)
    try:
        yield process, folder / "told.jsonl"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(DEADLINE)


def positions(file) -> list[int]:
    """Return the positions that were told so far; a line that is being written does not count."""
    lines = file.read_text().splitlines(keepends=True)
    return [json.loads(line)["position"] for line in lines if line.endswith("\n")]


@pytest.mark.timeout(180)
def test_a_watcher_goes_on_after_a_kill(tmp_path):
    """Killed and started again, the backend's events arrive at one watcher without a gap and without a repetition."""
    with CrashBackend(tmp_path) as backend:
        token = backend.sign_in("adam")
        with watching(backend, token, tmp_path) as (process, file):
            for number in range(2):
                with backend.client() as client:
                    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"team-{number}"}
                    answer = client.post("/api/v1/teams", json={"name": f"team-{number}"}, headers=headers)
                    assert answer.status_code == 201, answer.text
                head = int(answer.headers["Ledger-Position"])
                eventually(lambda head=head: head in positions(file), "the watcher tells the new team")
                if number < 1:
                    backend.kill()
                    backend.start()
            process.send_signal(signal.SIGINT)
            ended = process.wait(DEADLINE)
        found = positions(file)
        said = (tmp_path / "said.txt").read_text()

    assert found == list(range(1, len(found) + 1))
    assert (ended, said.count("trying again") > 0, said.count("is back")) == (0, True, 1)
    assert "Traceback" not in said
