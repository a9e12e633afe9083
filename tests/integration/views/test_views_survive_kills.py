"""The read models on the real ledger: killed at any moment, they equal a rebuild from nothing."""

from __future__ import annotations

import multiprocessing
import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from infra.views.database import read_mark
from infra.views.rebuild import rebuild
from infra.views.runner import Runner
from infra.views.sqlite import SqliteViews
from projections.audit.search import AUDIT, AuditFilter
from projections.models import MODELS
from tests.support.viewrows import all_rows
from tests.support.viewswriter import issue, open_ledger, write_until_killed

KILLS = 20
DEADLINE = 60


def _position(path: Path) -> int:
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path, timeout=5)) as db:
        if not db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'progress'").fetchone()[0]:
            return 0
        row = db.execute("SELECT position FROM progress").fetchone()
        return row[0] if row else 0


def _kill_while_folding(context, folder: Path, chance: random.Random, round_: int) -> None:
    before = _position(folder / "views.db")
    child = context.Process(target=write_until_killed, args=(folder, round_ * 100_000))
    child.start()
    try:
        until, limit = before + chance.randint(1, 120), time.monotonic() + DEADLINE
        while _position(folder / "views.db") < until:
            assert time.monotonic() < limit, "the child does not get on"
            assert child.is_alive(), "the child ended by itself"
    finally:
        child.kill()
        child.join()


@pytest.mark.timeout(240)
def test_twenty_kills_leave_what_a_rebuild_gives(tmp_path):
    """After 20 kills in the middle of writing and folding, the rows are those of a rebuild, side tables included."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.viewswriter"])
    chance = random.Random(20)
    for round_ in range(1, KILLS + 1):
        _kill_while_folding(context, tmp_path, chance, round_)

    with open_ledger(tmp_path) as ledger:
        views = SqliteViews(tmp_path / "views.db", MODELS)
        runner = Runner(ledger, views)
        runner.start()
        views.wait_for_blocking(ledger.head().position, timeout=DEADLINE)
        runner.stop()
        again = SqliteViews(tmp_path / "again.db", MODELS)
        rebuild(ledger, again.store, MODELS, cancelled=lambda: False)

        assert all_rows(views.path) == all_rows(again.path)
        newest = views.find(AUDIT, AuditFilter(), limit=1).rows[0]
        assert newest["position"] == ledger.head().position
        views.close()


def test_two_runners_on_one_file(tmp_path):
    """Two processes' runners on one file, each with its own writer on the ledger, fold every entry once."""
    first, second = (open_ledger(tmp_path) for _ in range(2))
    followed = [(ledger, SqliteViews(tmp_path / "views.db", MODELS)) for ledger in (first, second)]
    runners = [Runner(ledger, views) for ledger, views in followed]
    issue(first, 1)
    for runner in runners:
        runner.start()
        time_limit = time.monotonic() + DEADLINE
        while runner.health().state != "running":
            assert time.monotonic() < time_limit
    for number in range(2, 12):
        last = issue((first, second)[number % 2], number)
    for _, views in followed:
        views.wait_for_blocking(last, timeout=DEADLINE)
    for runner in runners:
        runner.stop()
    rebuild(first, SqliteViews(tmp_path / "again.db", MODELS).store, MODELS, cancelled=lambda: False)

    assert [runner.health().error for runner in runners] == ["", ""]
    assert all_rows(tmp_path / "views.db") == all_rows(tmp_path / "again.db")
    with closing(sqlite3.connect(tmp_path / "views.db")) as db:
        assert read_mark(db).position == last
    for ledger in (first, second):
        ledger.close()
