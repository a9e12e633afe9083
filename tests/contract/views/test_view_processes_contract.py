"""Several processes on one store: one folds, whoever it is; what is there is what a rebuild from nothing gives."""

from __future__ import annotations

import contextlib
import random
import threading
import time

import pytest

from infra.views import rebuild as rebuilding
from infra.views import runner as running
from infra.views.fold import FoldError
from infra.views.rebuild import rebuild
from infra.views.runner import LEASE, Runner
from infra.views.store import Overtaken, Superseded
from projections.certificates.inventory import INVENTORY, InventoryFilter
from projections.models import MODELS
from tests.bench.bench_views import history
from tests.support.memoryledger import MemoryLedger
from tests.support.story import certificate
from tests.support.viewstores import SqlitePlace

DEADLINE = 60


def eventually(condition, what: str) -> None:
    """Wait until something is true."""
    ends = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < ends, what
        time.sleep(0.002)


def test_two_runners_fold_each_entry_once(ledger, place, started, tmp_path):
    """Two runners on one store hear of different entries, and together they fold each once."""
    followed = [started(MODELS) for _ in range(2)]
    for entry in history(6).stored:
        ledger.put_raw([(one.stream_id, one.stream_version, one.topic, one.state, None) for one in entry.events])
    last = ledger.head().position
    for views, _ in followed:
        views.wait_for_blocking(last, timeout=DEADLINE)

    assert [runner.health().error for _, runner in followed] == ["", ""]
    again = SqlitePlace(tmp_path / "again.db")
    rebuild(ledger, again.open().store, MODELS, cancelled=lambda: False)
    assert place.rows() == again.rows()


def test_only_one_of_two_folds(ledger, started):
    """While one process folds and lives, the other follows: it hears of a batch in milliseconds, by looking."""
    followed = [started() for _ in range(2)]
    eventually(lambda: [runner._leads for _, runner in followed].count(True) == 1, "one leads")
    eventually(lambda: all(runner.health().state == "running" for _, runner in followed), "both run")
    (second, other), (first, _) = sorted(followed, key=lambda pair: pair[1]._leads)
    woken = threading.Event()
    other.listen(lambda _told: woken.set())
    other._intake.seen = 0

    last = ledger.save(certificate(1)).last_position
    second.wait_for_blocking(last, timeout=DEADLINE)

    assert woken.wait(DEADLINE)
    assert not other._leads
    assert second.get(INVENTORY, "certificate-1") is not None
    assert first.position == last


def test_a_process_whose_folder_stopped_takes_over(ledger, started):
    """The lease of a runner that stopped is free at once."""
    followed = [started() for _ in range(2)]
    eventually(lambda: [runner._leads for _, runner in followed].count(True) == 1, "one leads")
    (second, other), (_, one) = sorted(followed, key=lambda pair: pair[1]._leads)
    one.stop()

    second.wait_for_blocking(ledger.save(certificate(1)).last_position, timeout=DEADLINE)

    eventually(lambda: other._leads, "the other one leads")


def test_a_lease_is_only_a_hint(ledger, place, started, monkeypatch):
    """A holder that does nothing holds nobody up: who sees no progress folds without the lease."""
    monkeypatch.setattr(running, "LEASE_SECONDS", 600.0)
    idle = place.open().store.writer()
    assert idle.lease(LEASE, 600)
    views, runner = started()

    views.wait_for_blocking(ledger.save(certificate(1)).last_position, timeout=DEADLINE)

    assert not runner._leads
    assert not place.open().store.writer().lease(LEASE, 600)
    idle.close()


def test_of_two_turns_one_is_taken(ledger, place, started):
    """A batch that was folded on a position at which the store no longer stands is not written."""
    views, runner = started((INVENTORY,))
    views.wait_for_blocking(ledger.save(certificate(1)).last_position)
    runner.stop()
    if isinstance(place, SqlitePlace):
        return  # there a turn holds the file: nobody else can write before it ends
    writers = [views.store.writer() for _ in range(2)]
    with writers[0].turn() as first, writers[1].turn() as second:
        first.write([], first.mark)
        with pytest.raises(Overtaken):
            second.write([], second.mark)


def test_a_fold_that_met_another_process_rows_stops_nobody(ledger, place, started, monkeypatch):
    """Who reads rows that were written after the mark was read may find that nothing fits: the other's fold counts."""
    views, runner = started((INVENTORY,))
    views.wait_for_blocking(ledger.save(certificate(1)).last_position)
    runner.stop()
    entry, fold = ledger.save(certificate(2)), runner._fold
    ours, theirs = views.store.writer(), views.store.writer()

    def too_late(_turn, entries):
        if not isinstance(place, SqlitePlace):  # there a turn holds the file, and a fold that fails is wrong
            with theirs.turn() as other:
                fold(other, entries)
        raise FoldError(entry.last_position, "topic", ValueError())

    monkeypatch.setattr(runner, "_fold", too_late)
    with pytest.raises(FoldError) if isinstance(place, SqlitePlace) else contextlib.nullcontext():
        runner.write(ours, [entry])


def test_a_build_that_another_process_began_after_us_is_not_swapped_in(ledger, place, started):
    """Of two builds of one model the one that began last counts."""
    views, runner = started((INVENTORY,))
    views.wait_for_blocking(ledger.save(certificate(1)).last_position)
    runner.stop()
    writer, rival = views.store.writer(), views.store.writer()
    ours = writer.begin((INVENTORY,))
    theirs = rival.begin((INVENTORY,))

    with pytest.raises(Superseded), writer.turn() as turn:
        turn.swap(ours, None)
    rival.index(theirs)
    with rival.turn() as turn:
        turn.swap(theirs, None)

    assert views.find(INVENTORY, InventoryFilter()).rows == ()


def test_two_processes_that_start_at_once_build_once(ledger, place, started, monkeypatch):
    """Processes that find nothing built do not build side by side: one builds, the others wait for it."""
    begun = []
    real = rebuilding._Build.__init__
    monkeypatch.setattr(rebuilding._Build, "__init__", lambda self, *told: (begun.append(1), real(self, *told))[1])
    for number in range(1, 30):
        last = ledger.save(certificate(number)).last_position

    followed = [started() for _ in range(3)]

    for views, _ in followed:
        views.wait_for_blocking(last, timeout=DEADLINE)
    assert len(begun) == 1


def test_reads_go_on_while_a_model_is_rebuilt(ledger, started):
    """Every read during rebuilds and folding sees a whole model: never fewer rows than before."""
    views, runner = started((INVENTORY,))
    for number in range(1, 100):
        last = ledger.save(certificate(number)).last_position
    views.wait_for_blocking(last)
    seen, done = [], threading.Event()

    def read():
        while not done.is_set():
            page = views.find(INVENTORY, InventoryFilter(), limit=1)
            seen.append(page.rows[0]["created"] - page.position)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100, 105):
        runner.rebuild(INVENTORY)
        ledger.save(certificate(number))
    views.wait_for_blocking(ledger.head().position)
    done.set()
    reader.join()

    assert len(seen) > 5
    assert set(seen) == {0}
    assert len(views.find(INVENTORY, InventoryFilter(), limit=200).rows) == 104
    assert runner.health().state == "running"


def test_any_batches_give_the_same_rows(place, tmp_path):
    """A history cut into batches by chance, folded or rebuilt, in any store, gives the same rows of every model."""
    chance, ledger = random.Random(11), history(12)
    views = place.open()
    runner = Runner(MemoryLedger(), views)
    runner._prepare()
    writer, left = views.store.writer(), list(ledger.stored)
    while left:
        size = chance.randint(1, 9)
        runner.write(writer, left[:size])
        left = left[size:]
    writer.close()
    again = SqlitePlace(tmp_path / "again.db")
    rebuild(ledger, again.open().store, MODELS, cancelled=lambda: False)

    assert place.rows() == again.rows()
    rebuild(ledger, views.store, MODELS, cancelled=lambda: False)
    assert place.rows() == again.rows()


def test_an_interrupted_build_leaves_nothing_behind(ledger, place, started, monkeypatch):
    """A build that was cut off half-way is begun anew; what it left is neither read nor kept."""
    views, runner = started((INVENTORY,))
    for number in range(1, 10):
        last = ledger.save(certificate(number)).last_position
    views.wait_for_blocking(last)
    monkeypatch.setattr(rebuilding, "CHUNK", 2)
    with pytest.raises(rebuilding.Cancelled):
        rebuild(ledger, views.store, (INVENTORY,), cancelled=iter((False, True)).__next__)
    before, left = place.rows(), place.kept()

    runner.rebuild(INVENTORY)
    runner.rebuild(INVENTORY)

    assert place.rows() == before
    assert not set(place.kept()) & (set(left) - set(left[:1]))
