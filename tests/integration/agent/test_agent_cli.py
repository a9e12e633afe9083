"""The command line as an operator uses it: sentences, mending commands, exit codes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from sslclm_agent.clock import Clock
from sslclm_agent.interrupts import Interrupts, StopAgent
from sslclm_agent.loop import Agent
from sslclm_agent.state.lock import only_one
from sslclm_agent.state.outbox import Outbox
from sslclm_agent.state.safe_mode import SafeMode
from tests.support.agent_lab import command_line, environment, quiet, write_properties

DEADLINE = 20.0


def test_enrol_then_status(backend, tmp_path):
    """A token from standard input or a file gives an identity; status tells it, as text and as JSON."""
    config = write_properties(tmp_path / "agent.properties", {"state_dir": str(tmp_path / "state")})
    assert command_line(config, "status").returncode == 4
    missing = command_line(config, "enrol", "--token-file", str(tmp_path / "token"))
    assert (missing.returncode, "No such file" in missing.stderr, "hosts token" in missing.stderr) == (3, True, True)
    (tmp_path / "token").write_text(backend.token())
    done = command_line(config, "enrol", "--token-file", str(tmp_path / "token"))

    assert (done.returncode, backend.host_id in done.stdout) == (0, True), done.stderr
    again = command_line(config, "enrol", "--token-file", str(tmp_path / "token"))
    assert (again.returncode, "--replace" in again.stderr) == (3, True)
    assert "safe mode: no\n" in command_line(config, "status").stdout
    facts = json.loads(command_line(config, "status", "--json").stdout)
    assert (facts["host_id"], facts["results_waiting"], facts["safe_mode"]) == (backend.host_id, 0, None)


def test_an_open_properties_file_stops_everything(lab):
    """The agent does not start, and says the command that mends it."""
    lab.config.chmod(0o644)
    done = command_line(lab.config, "once")

    assert done.returncode == 3
    assert f"mend: chmod 0600 {lab.config}" in done.stderr


def test_a_second_agent_is_refused(lab):
    """Two agents never work at once."""
    with only_one(lab.folder / "state"):
        done = command_line(lab.config, "once")

    assert done.returncode == 7


def test_safe_mode_is_left_by_resume(lab):
    """Safe mode shows in the exit code, in status and to the backend; resume ends it."""
    SafeMode(lab.folder / "state").enter("a test")

    assert command_line(lab.config, "once").returncode == 8
    assert lab.backend.heartbeats[-1]["state"] == "safe-mode"
    assert command_line(lab.config, "status").returncode == 8
    assert command_line(lab.config, "resume").returncode == 0
    assert command_line(lab.config, "once").returncode == 0


@pytest.mark.usefixtures("nginx")
def test_the_doctor_finds_and_mends(lab):
    """A well host has nothing but ok; what is missing is named with the command that mends it."""
    well = command_line(lab.config, "doctor")
    assert (well.returncode, "BAD" in well.stdout) == (0, False), well.stdout
    lab.allow(allow__directory__2=f"{lab.folder}/missing", validator__web="exec:/bin/false")
    found = command_line(lab.config, "doctor", "--json")
    bad = {each["check"]: each["mend"] for each in json.loads(found.stdout) if not each["ok"]}

    assert found.returncode == 9
    assert set(bad) == {f"directory {lab.folder}/missing", "validator.web"}
    assert "install -d" in bad[f"directory {lab.folder}/missing"]


def test_a_stop_while_waiting_is_clean(lab):
    """SIGTERM ends an idle agent with 0."""
    command = (sys.executable, "-m", "sslclm_agent", "--config", str(lab.config), "run")
    agent = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + DEADLINE
        while not lab.backend.heartbeats and time.monotonic() < deadline:
            agent.poll()
        agent.send_signal(signal.SIGTERM)
        _, said = agent.communicate(timeout=DEADLINE)
    finally:
        agent.kill()

    assert agent.returncode == 0, said


@pytest.mark.parametrize("by", ["itself", "task"])
def test_the_agent_renews_its_identity(lab, by):
    """When its time has come, or when it is told, the agent has a new certificate with a new key."""
    before = (lab.folder / "state/identity.pem").read_bytes()
    if by == "itself":
        facts = lab.folder / "state/identity.json"
        facts.write_text(json.dumps({**json.loads(facts.read_text()), "renew_after": "2020-01-01T00:00:00Z"}))
        lab.once()
    else:
        assert lab.do("renew-identity", {}) == {"outcome": "done"}

    assert lab.backend.renewals == 1
    after = (lab.folder / "state/identity.pem").read_bytes()
    assert after.split(b"-----BEGIN CERT")[0] != before.split(b"-----BEGIN CERT")[0]
    assert lab.do("renew-identity", {"x": 1})["stage"] == "refused"


def test_a_backend_that_is_away_is_asked_less_and_less_often(lab, backend):
    """The pauses are random, grow with each failure, and have an end; nothing is given up."""
    backend.agent_url = "https://127.0.0.1:1"
    facts = lab.folder / "state/identity.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "agent_url": backend.agent_url}))
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 40:
            raise StopAgent

    with pytest.raises(StopAgent):
        Agent(lab.settings, Interrupts(), Clock(sleep=sleep), quiet).run()

    assert all(0 <= pause <= min(300, 2**number) for number, pause in enumerate(pauses))
    assert max(pauses) > timedelta(seconds=30).total_seconds()


def test_a_result_waits_until_the_backend_takes_it(lab):
    """An outage when reporting loses nothing: the task is not done again, its result is delivered later."""
    task_id = lab.backend.add("make-key", {"order_id": "order-1"})
    path = f"/agent/v1/tasks/{task_id}/result"
    lab.backend.answers[path] = lambda handler: handler.send_error(503)
    first = command_line(lab.config, "once")

    assert (first.returncode, "503" in first.stderr) == (6, True)
    waiting = json.loads(command_line(lab.config, "status", "--json").stdout)["results_waiting"]
    del lab.backend.answers[path]
    assert (waiting, command_line(lab.config, "once").returncode) == (1, 0)
    assert lab.backend.result(task_id)["stage"] == "refused"


def test_a_result_the_backend_never_takes_is_kept_for_people(lab):
    """It is set aside and named in status instead of blocking what comes after."""
    Outbox(lab.folder / "state").put("task-unknown", {"outcome": "done"})
    lab.backend.answers["/agent/v1/tasks/task-unknown/result"] = lambda handler: handler.send_error(404)
    lab.once()

    assert (lab.folder / "state/rejected/task-unknown.json").exists()
    assert lab.make_key()
