"""The append protocol, searched completely by Spin; each invariant is shown to find a protocol that is wrong."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.real import real_part

MODEL = Path(__file__).with_name("append.pml")
HOW = "apt-get install spin gcc"

SMALL = {
    "one failover, one lost connection": ["-DFAILOVERS=1", "-DLOSSES=1"],
    "one lost connection, one crash": ["-DFAILOVERS=0", "-DLOSSES=1", "-DCRASHES=1"],
    "one SQLite file": ["-DSQLITE", "-DFAILOVERS=0", "-DLOSSES=2", "-DCRASHES=1"],
}
LARGE = {
    "one failover, one lost connection, one crash": ["-DFAILOVERS=1", "-DLOSSES=1", "-DCRASHES=1"],
    "two failovers, two lost connections": ["-DFAILOVERS=2", "-DLOSSES=2"],
    "two failovers, one lost connection, one crash": ["-DFAILOVERS=2", "-DLOSSES=1", "-DCRASHES=1"],
    "three writers, one failover": ["-DWRITERS=3", "-DFAILOVERS=1", "-DLOSSES=0", "-DLAG=1"],
}
MUTATIONS = {
    "HEAD_LOCAL": "Gapless",
    "UNORDERED": "Gapless",
    "LAST_POSITION": "SingleWinner",
    "NO_REHASH": "ChainLinks",
    "ACK_EARLY": "AcknowledgedIsDurable",
    "POSITION_ONLY": "AcknowledgedIsDurable",
    "KEY_LOCAL": "AcknowledgedIsDurable",
    "NO_KEY_INDEX": "NoDuplicate",
    "NO_STREAM_INDEX": "StreamVersionsUnique",
    "UNCHANGED_STALE": "UnchangedHolds",
    "RESEND_BLIND": "RefusedMeansAbsent",
    "REDRAW": "RefusedMeansAbsent",
    "JUDGE_IN_DOUBT": "RefusedMeansAbsent",
    "GIVE_UP_IN_DOUBT": "RefusedMeansAbsent",
    "WAIT_FOR_EVER": "DefiniteAnswer",
}
"""What is made wrong, and the invariant that finds it."""


def _run(folder, *command, timeout=280):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _search(folder, defines, *, liveness=False):
    """Build the searcher of one configuration and run it to its end; return what it says."""
    spin, gcc = real_part("spin", HOW), real_part("gcc", HOW)
    claims = ["-DLIVENESS"] if liveness else []
    kind = ["-DNFAIR=4"] if liveness else ["-DSAFETY", "-DNOCLAIM"]
    _run(folder, spin, *defines, *claims, "-a", str(MODEL))
    _run(folder, gcc, "-O1", "-w", "-DCOLLAPSE", "-DMEMLIM=6000", *kind, "-o", "pan", "pan.c")
    how = ["-a", "-f"] if liveness else []
    return _run(folder, "./pan", "-m1000000", *how)


def _holds(said):
    """Say whether the search was complete and found nothing."""
    assert "max search depth too small" not in said, said
    assert "out of memory" not in said, said
    print(re.search(r"[^\n]*depth reached.*?states, stored", said, re.DOTALL)[0])
    return "errors: 0" in said


@pytest.mark.parametrize("defines", SMALL.values(), ids=SMALL)
def test_every_order_of_events_keeps_the_invariants(tmp_path, defines):
    """Whatever fails whenever, entries and answers are as promised, and every run ends with an answer for everybody."""
    assert _holds(_search(tmp_path, defines))


@pytest.mark.full
@pytest.mark.parametrize("defines", LARGE.values(), ids=LARGE)
def test_every_order_of_more_events_keeps_the_invariants(tmp_path, defines):
    """The same with more failures and more writers."""
    assert _holds(_search(tmp_path, defines))


@pytest.mark.full
def test_no_writer_goes_round_for_ever(tmp_path):
    """Where everybody who can go on does go on, every command is answered: no endless repetition, no waiting."""
    assert _holds(_search(tmp_path, ["-DFAILOVERS=1", "-DLOSSES=1"], liveness=True))


@pytest.mark.full
def test_no_line_of_the_model_is_idle(tmp_path):
    """Every step of a writer, of the primary and of an election is taken somewhere: nothing holds for want of cases."""
    said = _search(tmp_path, ["-DFAILOVERS=1", "-DLOSSES=1", "-DCRASHES=1"])
    idle = re.findall(r'append.pml:(\d+), state \d+, "(?!-end-|D_STEP)([^"]*)"', said)

    assert _holds(said)
    assert [] == idle


@pytest.mark.parametrize(("mutation", "invariant"), MUTATIONS.items())
def test_what_is_made_wrong_is_found(tmp_path, mutation, invariant):
    """A protocol with one known mistake breaks the invariant that stands for it."""
    said = _search(tmp_path, [f"-D{mutation}", f"-DONLY=n{invariant}"])

    assert f"assertion violated ({invariant}||" in said


def test_every_invariant_finds_something():
    """No invariant is there for show: for each there is a mistake that it finds."""
    claimed = set(re.findall(r"^#define n(\w+) \d+$", MODEL.read_text(), re.MULTILINE))

    assert set(MUTATIONS.values()) == claimed
