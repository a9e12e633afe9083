"""What every store of small state promises of transactions: all or nothing, and one winner, whoever competes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest
from pymongo import MongoClient

from domain.errors import Unavailable, WrongState
from tests.support.recordstores import SLOT, THING, TRIED, Place, thing

SPAWN = multiprocessing.get_context("spawn")


def test_an_exception_undoes_everything(records):
    """What the work raises comes through, and no row is changed; the store goes on."""

    def work(tx):
        tx.insert(THING, thing(1))
        tx.put(SLOT, {"name": "s", "holder": "a", "turn": 1})
        assert (1, "a") == (tx.count(THING), tx.get(SLOT, "s")["holder"])
        raise WrongState("no", rule="tried", fix="none")

    with pytest.raises(WrongState):
        records.transact(work)
    assert (0, None) == (records.count(THING), records.get(SLOT, "s"))
    assert records.transact(lambda tx: tx.insert(THING, thing(1)))


def test_a_transaction_sees_its_own_changes(records):
    """Reading after writing inside of the work."""

    def work(tx):
        tx.insert(THING, thing(1))
        tx.update(THING, {"number": 1}, {"note": "x"})
        assert not tx.insert(THING, thing(1))
        return tx.delete(THING, {"note": "x"}), tx.count(THING)

    gone, left = records.transact(work)
    assert (["n1"], 0) == ([row["name"] for row in gone], left)


def count_up(records, times):
    """Read, add one, write: lost updates would show."""

    def work(tx):
        row = tx.get(SLOT, "s") or {"name": "s", "holder": "", "turn": 0}
        tx.put(SLOT, {**row, "turn": row["turn"] + 1})

    for _ in range(times):
        records.transact(work)


def take(records, who):
    """Take every slot that is left, one by one; returns what was got."""
    got = []
    while left := records.find(SLOT, order=("name",), limit=1):
        gone = records.transact(lambda tx, name=left[0]["name"]: tx.delete(SLOT, {"name": name}))
        got += [row["name"] for row in gone]
    return got


def insert(records, who):
    """Try to be first at five numbers; returns those that were won."""
    return [
        n
        for n in range(5)
        if records.transact(lambda tx, n=n: tx.insert(THING, thing(n, name=f"{who}-{n}", note=str(who))))
    ]


def in_process(where, work, given, answers):
    """Do some work in a process of its own."""
    place = Place(where)
    answers.put(work(place.open(TRIED), given))
    place.close()


def in_processes(store, work, many):
    """Do some work in several processes at once; returns what each said."""
    answers = SPAWN.Queue()
    started = [SPAWN.Process(target=in_process, args=(store.where, work, n, answers)) for n in range(many)]
    for one in started:
        one.start()
    said = [answers.get(timeout=120) for _ in started]
    for one in started:
        one.join(30)
    return said


def test_one_winner_among_threads(store):
    """Of eight threads on two connections one is first at each number."""
    opened = [store.open(TRIED), store.open(TRIED)]
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: insert(opened[n % 2], n), range(8)))

    assert list(range(5)) == sorted(chain.from_iterable(won))
    assert [5, 5] == [each.count(THING) for each in opened]


def test_nothing_is_counted_twice_or_lost(store):
    """Of many that read and write the same row each sees what the one before wrote."""
    opened = [store.open(TRIED), store.open(TRIED)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: count_up(opened[n % 2], 10), range(6)))

    assert 60 == opened[0].get(SLOT, "s")["turn"]


def test_one_winner_among_processes(store):
    """Three processes compete for numbers that one may have, and for rows that one may take."""
    records = store.open(TRIED)
    won = in_processes(store, insert, 3)
    assert list(range(5)) == sorted(chain.from_iterable(won))

    names = [f"s{n:02}" for n in range(30)]
    records.transact(lambda tx: tx.put(SLOT, *({"name": name, "holder": "", "turn": 0} for name in names)))
    taken = in_processes(store, take, 3)
    assert names == sorted(chain.from_iterable(taken))


def test_what_is_held_does_not_change(store):
    """Of two transactions, one that relies on a row and one that removes it, only one order is possible."""
    one, two = store.open(TRIED), store.open(TRIED)
    one.transact(lambda tx: tx.put(SLOT, {"name": "s", "holder": "", "turn": 0}))

    def rely(n):
        return one.transact(lambda tx: tx.hold(SLOT, {"name": "s"}) == 1 and tx.insert(THING, thing(n)))

    def remove():
        return two.transact(lambda tx: tx.count(THING) < 3 or tx.delete(SLOT, {"name": "s"}))

    with ThreadPoolExecutor(4) as pool:
        relied = [pool.submit(rely, n) for n in range(20)]
        removed = [pool.submit(remove) for _ in range(20)]
        done = sum(bool(each.result()) for each in relied)
        for each in removed:
            each.result()
    assert one.count(THING) == done
    remove()
    assert (None, False) == (one.get(SLOT, "s"), rely(99))


def die_within(where, moment, ready, _answers):
    """Write much, say so, and die before or after the commit without a word."""
    records = Place(where).open(TRIED)

    def work(tx):
        for n in range(50):
            tx.insert(THING, thing(n))
        if moment == "before":
            ready.send(os.getpid())
            signal.pause()

    records.transact(work)
    ready.send(os.getpid())
    signal.pause()


@pytest.fixture
def reaped_soon(store):
    """Let MongoDB end what a dead client has begun after two seconds; by default it takes a minute."""
    with MongoClient(store.where if store.is_mongodb else None, connect=False) as client:
        if store.is_mongodb:
            client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=2)
        yield
        if store.is_mongodb:
            client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=60)


@pytest.mark.usefixtures("reaped_soon")
@pytest.mark.parametrize(("moment", "left"), [("before", 0), ("after", 50)])
def test_killed_before_and_after_the_commit(store, moment, left):
    """Kill -9 amid a transaction leaves nothing of it; after its commit it leaves all; others go on."""
    mine, theirs = SPAWN.Pipe(duplex=False)
    dying = SPAWN.Process(target=die_within, args=(store.where, moment, theirs, None))
    dying.start()
    assert mine.poll(60)
    mine.recv()
    dying.kill()
    dying.join(30)

    records = store.open(TRIED)
    assert left == records.count(THING)
    assert records.transact(lambda tx: tx.insert(THING, thing(1)) or tx.insert(THING, thing(100)))
    records.scrub()
    assert left + 1 == store.open(TRIED).count(THING)


def test_a_closed_store_is_unavailable(tmp_path):
    """A file is not opened again behind the back of whoever closed it."""
    records = Place(str(tmp_path)).open(TRIED)
    records.count(THING)
    records.close()

    with pytest.raises(Unavailable) as closed:
        records.count(THING)
    assert ("tried-store", True) == (closed.value.rule, bool(closed.value.fix))
