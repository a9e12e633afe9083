"""SIGKILL at any moment: nothing acknowledged is lost, nothing happens twice, no certificate is without its record."""

from __future__ import annotations

import asyncio
import contextlib
import random
import subprocess

import pytest

from tests.support.crash_backend import CrashBackend
from tests.support.crash_checks import (
    as_rebuilt,
    enrolled_once,
    issued_once,
    on_record,
    on_served_crls,
    received,
    sound_files,
)
from tests.support.crash_stream import Act, Stream

SEED = 20_260


@pytest.mark.timeout(180)
def test_five_kills_in_a_stream_of_commands(tmp_path):
    """Five kills in the middle of mixed commands of six clients leave everything provably right."""
    print(_campaign(tmp_path, kills=5, seed=SEED))


@pytest.mark.full
@pytest.mark.timeout(1_800)
def test_fifty_kills_in_a_stream_of_commands(tmp_path):
    """The same with fifty kills, every fifth of them in the middle of a start."""
    print(_campaign(tmp_path, kills=50, seed=SEED + 1))


def _campaign(folder, *, kills: int, seed: int) -> str:
    chance = random.Random(seed)
    with CrashBackend(folder) as backend:
        stream = Stream(backend, chance)
        stream.furnish()
        unanswered = 0
        for round_ in range(1, kills + 1):
            before = len(stream.acts)
            asyncio.run(stream.until_killed(chance.randint(5, 120), chance.random() * 0.05))
            if round_ % 5 == 0:
                _kill_in_start(backend, chance)
            backend.start()
            stream.sign_in()
            unanswered += _repeat(stream, stream.acts[before:])
            lives = _check(stream, folder)
        failed = sum(life.failed for life in lives.values())
        return (
            f"kill -9: {kills} kills, {backend.starts} starts, {stream.answered()} commands acknowledged, "
            f"{unanswered} unanswered and repeated, {len(received(stream.acts))} certificates received, "
            f"{failed} issuances ended as failed and revoked; 0 lost, 0 twice"
        )


def _kill_in_start(backend: CrashBackend, chance: random.Random) -> None:
    """Kill a process that may be recovering, folding, or making its own certificate."""
    backend.launch()
    assert backend.process is not None
    with contextlib.suppress(subprocess.TimeoutExpired):
        backend.process.wait(chance.random() * 3)
    backend.kill()


def _repeat(stream: Stream, acts: list[Act]) -> int:
    """Repeat what nobody answered, twice: both times the same end."""
    unanswered = [act for act in acts if act.status is None]
    for act in unanswered:
        if act.kind == "enrol":
            _enrol_again(stream, act)
            continue
        first = stream.say(act).position
        assert stream.say(act).position == first, act
    return len(unanswered)


def _enrol_again(stream: Stream, act: Act) -> None:
    """A token whose enrolment was cut short is good, or spent: nothing between."""
    with stream.backend.client() as client:
        answer = client.post(act.path, json=act.body)
        assert answer.status_code in {201, 403}, answer.text
        if answer.status_code == 201:
            act.take(answer)


def _check(stream: Stream, folder):
    backend = stream.backend
    with backend.ledger() as ledger:
        lives = issued_once(stream.acts, ledger)
        on_record(stream.acts, stream.who, ledger)
        enrolled_once(stream.acts, ledger)
    on_served_crls(backend, lives)
    sound_files(backend)
    as_rebuilt(backend, folder / "rebuilt.sqlite")
    return lives
