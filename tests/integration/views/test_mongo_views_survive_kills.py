"""The read models in MongoDB: their process killed at any moment, they equal a rebuild from nothing."""

from __future__ import annotations

import multiprocessing
import random
import time

import pytest

from infra.views.rebuild import rebuild
from infra.views.runner import Runner
from infra.views.sqlite import SqliteViews
from projections.models import MODELS
from tests.support.viewrows import all_rows
from tests.support.viewstores import MongoPlace
from tests.support.viewswriter import open_ledger, write_until_killed

KILLS = 4
DEADLINE = 60


def _kill_while_folding(context, folder, place, chance, round_) -> None:
    def position() -> int:
        state = place.database["views_state"].find_one()
        return 0 if state is None else state["position"]

    child = context.Process(target=write_until_killed, args=(folder, round_ * 100_000, place.url))
    until = position() + chance.randint(1, 120)
    child.start()
    try:
        limit = time.monotonic() + DEADLINE
        while position() < until:
            assert time.monotonic() < limit, "the child does not get on"
            assert child.is_alive(), "the child ended by itself"
    finally:
        child.kill()
        child.join()


@pytest.mark.timeout(240)
def test_kills_leave_what_a_rebuild_gives(tmp_path, mongo_url):
    """After kills in the middle of batches position and rows agree, and the next process goes on from there."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.viewswriter"])
    chance, place = random.Random(20), MongoPlace(mongo_url)
    for round_ in range(1, KILLS + 1):
        _kill_while_folding(context, tmp_path, place, chance, round_)

    with open_ledger(tmp_path) as ledger:
        views = place.open()
        runner = Runner(ledger, views)
        runner.start()
        views.wait_for_blocking(ledger.head().position, timeout=DEADLINE)
        runner.stop()
        again = SqliteViews(tmp_path / "again.db", MODELS)
        rebuild(ledger, again.store, MODELS, cancelled=lambda: False)

    assert runner.health().error == ""
    assert place.rows() == all_rows(again.path)
    place.close()
