"""Leases, passwords on their way and signs of life, as several processes share them in each store."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import chain

import pytest

from commands.ports.keystore import Secret
from infra.agents.presence import StoredPresence
from infra.keystore.handovers import StoredHandovers
from infra.records.leases import LEASES, RecordLeases
from infra.records.passing import HANDOVER, PASSING, SIGN, forget_expired
from tests.support.identity import TurnedClock, sealer
from tests.support.recordstores import Place, place

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture(params=["sqlite", "mongodb"])
def passing(request, tmp_path):
    """An empty place for what passes."""
    where = str(tmp_path) if request.param == "sqlite" else request.getfixturevalue("mongo_url")
    with place(where, PASSING, LEASES) as made:
        yield made


@pytest.fixture
def clock():
    """A clock to turn."""
    return TurnedClock()


@pytest.fixture
def two(passing):
    """The same store, as two processes have it."""
    return passing.open(PASSING), passing.open(PASSING)


@pytest.fixture
def leased(passing):
    """The leases, as two processes have them."""
    return passing.open(LEASES), passing.open(LEASES)


def test_one_holder_until_it_expires(leased, clock):
    """A lease is its holder's to renew, nobody else's before it expires, and free when it is released."""
    one, other = (RecordLeases(records, clock) for records in leased)

    assert one.lease("task-1", "a", 30)
    assert other.lease("task-1", "a", 30)
    assert not other.lease("task-1", "b", 30)
    one.release("task-1", "b")
    assert not other.lease("task-1", "b", 30)
    clock.forward(30)
    assert other.lease("task-1", "b", 30)
    assert not one.lease("task-1", "a", 30)
    one.release("task-1", "b")
    assert one.lease("task-1", "a", 30)


def test_one_of_many_gets_a_lease(leased, clock):
    """Of many that ask at the same moment one holds it."""
    leases = [RecordLeases(records, clock) for records in leased]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda n: leases[n % 2].lease("upkeep", f"process-{n}", 30), range(16)))

    assert 1 == sum(got)


def test_what_expired_does_not_pile_up(two, clock):
    """Passwords whose time is over are removed, others stay."""
    one, other = two
    handovers = StoredHandovers(one, sealer(), clock)
    for n in range(5):
        handovers.keep(f"task-{n}", "a", Secret(b"password"))
    clock.forward(121)
    handovers.keep("task-new", "a", Secret(b"password"))
    other.transact(lambda tx: tx.put(HANDOVER, {**one.find(HANDOVER)[0], "task_id": "task-over", "until": 1.0}))
    forget_expired(other, clock())

    assert ["task-new"] == [row["task_id"] for row in one.find(HANDOVER)]


def test_a_password_is_taken_once_by_its_holder(two, clock):
    """The newest file's password waits, for its holder, for two minutes, in whichever process."""
    one, other = (StoredHandovers(records, sealer(), clock) for records in two)
    one.keep("task-1", "a", Secret(b"old"))
    other.keep("task-1", "a", Secret(b"new"))
    one.keep("task-2", "a", Secret(b"late"))

    assert other.take("task-1", "b") is None
    assert b"new" == one.take("task-1", "a").reveal()
    assert other.take("task-1", "a") is None
    clock.forward(121)
    assert other.take("task-2", "a") is None


def test_a_password_does_not_lie_about(two, clock, tmp_path):
    """It is sealed while it waits, opens nowhere else, and its ciphertext is gone from the file once it was taken."""
    one, _ = two
    handovers = StoredHandovers(one, sealer(), clock)
    handovers.keep("task-1", "a", Secret(b"CANARY-password"))
    handovers.keep("task-2", "a", Secret(b"other"))
    sealed = one.get(HANDOVER, "task-1")["sealed"]
    files = [path for path in tmp_path.iterdir() if path.is_file()]

    assert b"CANARY" not in sealed
    assert not any(b"CANARY" in path.read_bytes() for path in files)
    one.transact(lambda tx: tx.update(HANDOVER, {"task_id": "task-2"}, {"sealed": sealed}))
    assert handovers.take("task-2", "a") is None
    assert b"CANARY-password" == handovers.take("task-1", "a").reveal()
    assert not any(sealed[12:] in path.read_bytes() for path in files)


def take_all(where, ready, answers):
    """Try to take each of ten passwords from many threads; says which were got."""
    here = Place(where)
    handovers = StoredHandovers(here.open(PASSING), sealer(), TurnedClock())
    ready.wait(60)
    with ThreadPoolExecutor(25) as pool:
        got = list(pool.map(lambda n: handovers.take(f"task-{n % 10}", "a"), range(250)))
    answers.put([one.reveal() for one in got if one])
    here.close()


def test_a_hundred_takers(two, passing, clock):
    """Of a hundred that take the same password at once, in four processes, exactly one gets it."""
    handovers = StoredHandovers(two[0], sealer(), clock)
    for n in range(10):
        handovers.keep(f"task-{n}", "a", Secret(b"%d" % n))
    answers, ready = SPAWN.Queue(), SPAWN.Barrier(4)
    started = [SPAWN.Process(target=take_all, args=(passing.where, ready, answers)) for _ in range(4)]
    for process in started:
        process.start()
    got = [answers.get(timeout=120) for _ in started]
    for process in started:
        process.join(30)

    assert [b"%d" % n for n in range(10)] == sorted(chain.from_iterable(got))


def test_signs_of_life_of_several_processes(two, clock):
    """After a save each knows what the other heard; who only heard an agent keeps what another was told."""
    one, other = (StoredPresence(records, clock) for records in two)
    one.told("host-1", agent_version="1.2", state="safe", detail="why")
    assert other.last("host-1") is None
    one.save()
    clock.forward(10)
    other.heard("host-1")
    other.heard("host-2")
    other.save()
    one.save()

    sign = one.last("host-1")
    assert (clock(), "1.2", "safe") == (sign.at, sign.agent_version, sign.state)
    assert sign == other.last("host-1") == StoredPresence(two[0], clock).last("host-1")
    assert clock() == one.last("host-2").at
    clock.at -= timedelta(hours=1)
    one.heard("host-2")
    one.save()
    assert StoredPresence(two[1], clock).last("host-2").at == clock() + timedelta(hours=1)
    assert 2 == two[0].count(SIGN)
