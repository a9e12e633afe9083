"""The real ledgers, driven at random under injected faults: the invariants of ``append.pml`` hold, by name."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from commands.ports.ledger import Entry
from tests.support.append_claims import broken
from tests.support.append_rigs import MongoRig, SqliteRig, node_behind_proxy
from tests.support.ledgers import draft, hashed

DEADLINE_S = 90
STREAMS = st.sampled_from(["a", "b", "c"])
COMMANDS = st.lists(
    st.tuples(st.integers(0, 1), STREAMS, st.sampled_from([None, None, "k", "l"]), st.none() | STREAMS),
    min_size=1,
    max_size=6,
)
"""(writer, stream, idempotency key, a stream that it rests on)"""


class AppendMachine(RuleBasedStateMachine):
    """Callers that know the ledger as it was read last, two writers, and a store that fails at the worst moments."""

    def __init__(self, rig):
        super().__init__()
        self.rig = rig
        self.answers = []
        self.elsewhere = {}
        self.numbers = count(1)
        self.tails = {}

    @rule(commands=COMMANDS, data=st.data())
    def append_together(self, commands, data):
        """Several callers append at once, by way of both writers, while one thing fails."""
        self.rig.arm(data.draw(st.none() | st.sampled_from(self.rig.faults), label="fault"))
        drafts = [(writer, self._draft(*rest)) for writer, *rest in commands]
        told = asyncio.run(self._append(drafts))
        self.answers += zip([one for _, one in drafts], told, strict=True)
        self._look()

    @rule(writer=st.integers(0, 1))
    def restart(self, writer):
        """A writer starts again, with nothing in its memory."""
        self.rig.restart(writer)

    @precondition(lambda self: not self.elsewhere)
    @rule()
    def kill_another(self):
        """Another process on the same ledger is killed -9 while it writes."""
        self.rig.settle()
        self.elsewhere = self.rig.kill_another("k")
        self._look()

    def teardown(self):
        """After whatever was late has arrived, everything still holds, and both writers go on."""
        try:
            self.rig.settle()
            self._look()
            ends = [ledger.append_blocking(draft(f"end-{n}")) for n, ledger in enumerate(self.rig.ledgers)]
            assert all(isinstance(one, Entry) for one in ends)
        finally:
            self.rig.close()

    def _draft(self, stream, key, rests_on):
        rests = {} if rests_on in {None, stream} else {rests_on: self.tails.get(rests_on, 0)}
        version = self.tails.get(stream, 0) + 1
        return draft(stream, version, key=key and hashed(key), unchanged=rests, number=next(self.numbers))

    async def _append(self, drafts):
        calls = (self.rig.ledgers[writer].append(one) for writer, one in drafts)
        return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), DEADLINE_S)

    def _look(self):
        stored = self.rig.ledgers[0].entries(1, limit=100_000)
        hashes = {str(one.first_position): one.entry_hash.hex() for one in stored}
        self.tails = {event.stream_id: event.stream_version for one in stored for event in one.events}

        assert [] == broken(stored, self.answers)
        assert hashes.items() >= self.elsewhere.items()


def _drive(rig, *, runs, steps):
    how = settings(max_examples=runs, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(lambda: AppendMachine(rig()), settings=how)


def test_sqlite_keeps_the_invariants():
    """Two writers on one file, failing commits, a full file, kill -9."""
    _drive(SqliteRig, runs=12, steps=8)


@pytest.fixture(scope="module")
def behind_proxy(tmp_path_factory):
    """Give a node and the proxy before it."""
    with node_behind_proxy(tmp_path_factory.mktemp("behind")) as made:
        yield made


def test_mongodb_keeps_the_invariants(behind_proxy):
    """Two writers on one node, lost and late requests, lost replies, a primary that steps down, kill -9."""
    _drive(lambda: MongoRig(*behind_proxy), runs=4, steps=6)


@pytest.mark.full
@pytest.mark.parametrize("store", ["sqlite", "mongodb"])
def test_longer_runs_keep_the_invariants(store, behind_proxy):
    """The same for longer."""
    _drive(SqliteRig if store == "sqlite" else lambda: MongoRig(*behind_proxy), runs=60, steps=20)
