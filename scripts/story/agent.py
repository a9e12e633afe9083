"""The agent of the story: a process of its own, run from the checkout, that knows nothing of the story."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2

from scripts.story.calls import trusting
from scripts.story.place import ROOT, Place, StoryError
from scripts.story.processes import BARE, Processes
from scripts.story.webserver import WebServer

NAME = "agent"
_ENROL_S = 60
_POLL_S = 10


def configure(place: Place, server: WebServer) -> Path:
    """Write ``agent.properties``: what the host's owner allows, whatever the backend asks for."""
    lines = [f"state_dir={_state(place)}", *server.agent_properties(), f"poll.seconds={_POLL_S}"]
    path = place.agent / "agent.properties"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o600)
    return path


def is_enrolled(place: Place) -> bool:
    """Tell whether the agent has an identity."""
    return (_state(place) / "identity.json").exists()


def enrol(place: Place, token: str) -> str:
    """Run ``sslclm-agent enrol`` with the token on standard input; returns what it printed."""
    done = subprocess.run(  # noqa: S603 - our own program, arguments as a list
        _words(place, "enrol", "--token-file", "-"),
        input=token, env=_environ(), cwd=ROOT, capture_output=True, text=True, check=False, timeout=_ENROL_S,
    )  # fmt: skip
    if done.returncode:
        raise StoryError(f"sslclm-agent enrol failed: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def start(place: Place, processes: Processes) -> None:
    """Start it; it works until it is stopped."""
    processes.log(NAME).unlink(missing_ok=True)
    processes.start(NAME, _words(place, "run"), _environ())


def queue(place: Place) -> list[dict[str, Any]]:
    """Return the tasks that wait for the agent, as it would get them; what is signed is read, nothing is done."""
    context = trusting(place.ca_file.read_text())
    context.load_cert_chain(_state(place) / "identity.pem")
    with httpx2.Client(base_url=place.agent_url, verify=context, trust_env=False) as client:
        answer = client.get("/agent/v1/tasks", params={"wait": 5})
    return [_payload(task["jws"]) for task in answer.json()["tasks"]]


def is_let_in_without_certificate(place: Place) -> bool:
    """Tell whether the agents' listener answers somebody without a client certificate."""
    try:
        with httpx2.Client(
            base_url=place.agent_url, verify=trusting(place.ca_file.read_text()), trust_env=False
        ) as client:
            return client.get("/agent/v1/tasks").is_success
    except (httpx2.HTTPError, ssl.SSLError):
        return False


def fingerprint_in(token: str) -> str:
    """Return the CA's fingerprint that a bootstrap token carries."""
    return str(_json_of(token.partition(".")[2])["ca"])


def _payload(jws: str) -> dict[str, Any]:
    return _json_of(jws.split(".")[1])


def _json_of(text: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return read


def _state(place: Place) -> Path:
    return place.agent / "state"


def _words(place: Place, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "sslclm_agent", "--config", str(place.agent / "agent.properties"), *arguments]


def _environ() -> dict[str, str]:
    return {**BARE, "PYTHONPATH": str(ROOT / "agent"), "PYTHONDONTWRITEBYTECODE": "1"}
