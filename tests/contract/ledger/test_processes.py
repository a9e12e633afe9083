"""Several processes on one ledger, and what is left when one of them is killed."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from infra.ledger.proof.verify import verify_entries
from tests.support.ledger_stores import open_ledger

ROOT = Path(__file__).parents[3]
DEADLINE_S = 60


def _writer(spec, name, *, callers, count):
    command = [sys.executable, "-m", "tests.support.ledger_writer", spec, name, str(callers), str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _read(spec):
    ledger = open_ledger(spec)
    stored = ledger.entries(1, limit=100_000)
    ledger.close()
    return stored


def _acknowledged(lines):
    """Return {first position: hash} of the whole lines; a kill may have cut the last one."""
    whole = [line.split() for line in lines if line.endswith("\n")]
    return {int(position): entry_hash for position, entry_hash in whole}


@pytest.mark.usefixtures("ledger")
def test_two_processes_append_to_one_chain(store):
    """Two processes writing at once lose nothing: every acknowledged entry is there, in one verifying chain."""
    writers = [_writer(store.spec, name, callers=8, count=20) for name in ("p", "q")]
    told = [writer.communicate(timeout=DEADLINE_S)[0].splitlines(keepends=True) for writer in writers]
    stored = _read(store.spec)
    hashes = {entry.first_position: entry.entry_hash.hex() for entry in stored}
    acknowledged = [_acknowledged(lines) for lines in told]

    assert [len(one) for one in acknowledged] == [160, 160]
    assert hashes.items() >= (acknowledged[0] | acknowledged[1]).items()
    assert verify_entries(stored).finding is None


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("seed", range(4))
def test_a_killed_writer_loses_nothing_that_was_acknowledged(store, seed):
    """After kill -9 at a random moment a whole prefix is left, which holds every acknowledged entry and goes on."""
    writer = _writer(store.spec, f"k{seed}", callers=16, count=100_000)
    moment = random.Random(seed).randint(1, 600)
    lines = [writer.stdout.readline() for _ in range(moment)]
    writer.kill()
    lines += writer.communicate(timeout=DEADLINE_S)[0].splitlines(keepends=True)
    stored = _read(store.spec)
    hashes = {entry.first_position: entry.entry_hash.hex() for entry in stored}
    survivor = _writer(store.spec, f"s{seed}", callers=2, count=2)
    survivor.communicate(timeout=DEADLINE_S)

    assert len(_acknowledged(lines)) >= moment
    assert hashes.items() >= _acknowledged(lines).items()
    assert verify_entries(stored).finding is None
    assert len(_read(store.spec)) == len(stored) + 4


def test_processes_may_create_a_ledger_at_the_same_moment(store):
    """Processes that open a new place together all find one ledger there, and exactly one of them begins it."""
    writers = [_writer(store.spec, f"r{number}", callers=0, count=0) for number in range(4)]
    codes = [writer.wait(DEADLINE_S) for writer in writers]
    for writer in writers:
        writer.stdout.close()

    assert codes == [0, 0, 0, 0]
    assert _read(store.spec) == []
