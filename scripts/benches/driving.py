"""Driving a load against a lab: the clients are a process of their own (:mod:`scripts.benches.load`)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from scripts.benches.lab import Lab


class Load(NamedTuple):
    """Who asks for what, and how long; every answer must have the status, and ``says`` in it."""

    line: str
    status: int
    clients: int
    seconds: float
    bodies: list[str]
    says: str = ""


@contextmanager
def clients(lab: Lab, load: Load) -> Iterator[subprocess.Popen[str]]:
    """Start the clients of a load and wait until all are connected."""
    head = f"{load.line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {lab.token()}\r\n"
    head += "Content-Type: application/json\r\n" if load.line.startswith("POST") else ""
    asked = {**load._asdict(), "port": lab.port, "root_pem": str(lab.root_pem), "head": head}
    command = [sys.executable, "-m", "scripts.benches.load"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        process.stdout.readline()
        yield process


def go(process: subprocess.Popen[str]) -> None:
    """Let the clients begin."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def answer_of(process: subprocess.Popen[str], load: Load) -> dict[str, float]:
    """Wait for the end of a load and return its figures."""
    assert process.stdout is not None
    answer = process.stdout.readline()
    if not answer:
        raise RuntimeError(f"{load.line} was not answered as expected: see the lines above")
    found: dict[str, float] = json.loads(answer)
    return found


def measured(lab: Lab, load: Load) -> tuple[dict[str, float], dict[str, float]]:
    """Run a load; return its figures, and the seconds of CPU of the server until it has nothing left to do."""
    with clients(lab, load) as process:
        lab.settle()
        before = lab.cpu()
        go(process)
        found = answer_of(process, load)
        lab.settle()
        after = lab.cpu()
    return found, {name: after[name] - before[name] for name in after}
