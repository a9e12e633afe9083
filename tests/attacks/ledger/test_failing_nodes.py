"""Nodes of the replica set that die, freeze, vanish or run full while several processes append.

Harm prevented: an entry that was acknowledged is gone, is there twice, or leaves a gap; a caller is told a guess.
"""

from __future__ import annotations

import signal
import subprocess
from contextlib import closing

import pytest

from commands.ports.ledger import LedgerError, LedgerUnavailable, OutcomeUnknown
from domain.errors import Unavailable
from infra.ledger import mongowriter
from infra.ledger.drafts import genesis_draft
from infra.ledger.mongodb import MongoLedger
from tests.support.ledger_crowd import Crowd, check
from tests.support.ledger_stores import migrated, open_ledger
from tests.support.ledgers import LEDGER_ID, ORIGIN, draft, now
from tests.support.mongod import connect, free_port, until
from tests.support.mongosets import own_set
from tests.support.real import missing

URL = "mongodb://127.0.0.1:{}/gone?replicaSet=rs0"


@pytest.fixture
def three(tmp_path):
    """Give a replica set of three nodes."""
    with own_set(tmp_path / "set", 3) as made:
        yield made


def _begun(made):
    url = made.url("clm")
    migrated(url)
    ledger = open_ledger(url)
    ledger.append_blocking(genesis_draft(LEDGER_ID, ORIGIN))
    ledger.close()
    return url


def _healthy(made):
    """Say whether one node is the primary and all others follow it."""
    with made.primary().direct() as client:
        states = [one["stateStr"] for one in client.admin.command("replSetGetStatus")["members"]]
    return sorted(states) == ["PRIMARY", *["SECONDARY"] * (len(states) - 1)]


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.full)])
def test_a_primary_killed_under_load_costs_nothing_that_was_acknowledged(three, kills):
    """Each kill -9 of the primary is ridden out: every command ends definite, none is lost, none is there twice."""
    with Crowd(_begun(three), processes=3, callers=12) as crowd:
        for _ in range(kills):
            crowd.wait_for(200)
            victim = three.primary()
            victim.kill()
            crowd.wait_for(100)
            victim.start()
            until(lambda: _healthy(three), "a whole replica set")
        codes = crowd.stop()

        assert codes == [0, 0, 0]
        assert check(crowd) > 200 * kills


def test_a_frozen_primary_is_left_behind_and_comes_back(three):
    """A primary that is stopped, as behind a partition, takes nothing with it when it wakes up."""
    with Crowd(_begun(three), processes=2, callers=8) as crowd:
        crowd.wait_for(100)
        frozen = three.primary()
        frozen.signal(signal.SIGSTOP)
        crowd.wait_for(200)
        frozen.signal(signal.SIGCONT)
        until(lambda: _healthy(three), "a whole replica set")
        crowd.wait_for(100)

        assert crowd.stop() == [0, 0]
        assert check(crowd) > 300


def test_without_a_majority_everything_is_refused_in_words(three, monkeypatch):
    """With one secondary left nothing is stored, each call ends within its bound, and afterwards all goes on."""
    ledger = open_ledger(_begun(three))
    gone = [node for node in three.nodes if node is not three.primary()]
    for node in gone:
        node.kill()
    monkeypatch.setattr(mongowriter, "BOUND_S", 5.0)
    with pytest.raises(LedgerError) as refused:
        ledger.append_blocking(draft("a"))
    for node in gone:
        node.start()
    until(lambda: _healthy(three), "a whole replica set")
    after = ledger.append_blocking(draft("b"))
    verdict = ledger.verify()
    ledger.close()

    assert isinstance(refused.value, LedgerUnavailable | OutcomeUnknown)
    assert after.first_position in {2, 3}
    assert verdict.holds


def test_a_database_that_is_not_there_is_said_within_a_bound():
    """Whoever starts without a database is told so in one sentence that names the hosts."""
    with closing(connect(URL.format(free_port()))) as connection, pytest.raises(Unavailable, match="does not answer"):
        MongoLedger(connection, clock=now)


@pytest.fixture
def small_disk(tmp_path):
    """Give a disk of 500 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=500m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        missing("a small disk", "run as root, who may mount a tmpfs")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def _fill(path):
    """Write until there is no room."""
    with path.open("wb") as stream:
        while True:
            stream.write(bytes(2**20))


def _append_until_refused(ledger, told):
    while True:
        told.append(ledger.append_blocking(draft(f"f{len(told)}", text="x" * 50_000)))


def test_a_full_disk_loses_nothing(small_disk):
    """On a full disk entries are refused or in doubt, never lost: with room again, all that was told is there."""
    with own_set(small_disk / "set") as made:
        ledger, told = open_ledger(_begun(made)), []
        with pytest.raises(OSError, match="No space"):
            _fill(small_disk / "filler")
        with pytest.raises(LedgerError):
            _append_until_refused(ledger, told)
        ledger.close()
        (small_disk / "filler").unlink()
        made.nodes[0].kill()
        made.nodes[0].start()
        made.primary()
        ledger = open_ledger(made.url("clm"))
        after, verdict = ledger.append_blocking(draft("after")), ledger.verify()
        stored = ledger.entries(1, limit=10_000)
        ledger.close()

    assert verdict.holds
    assert {entry.entry_hash for entry in told} <= {entry.entry_hash for entry in stored}
    assert after == stored[-1]
