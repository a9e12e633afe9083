"""How long questions take as the estate grows: 10,000, 100,000 and, with --full, 1,000,000 certificates.

Each question is asked of the real read models and ledger in this process, with fresh picks, after a warm-up; the time
is that of the whole answer but HTTP. On a busy machine p99 is mostly waiting for others, so that of the CPU stands
beside it. A question whose time follows the size of the estate is a fault of an index.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from types import SimpleNamespace
from typing import Any, get_args

from api.accesses import touches
from api.history import history
from domain.access.team import Team
from infra.audit.evidence import Evidence
from infra.ledger.sqlite import SqliteLedger
from infra.views.sqlite import SqliteViews
from infra.views.views import StoredViews
from projections.audit.meanings import Access
from projections.audit.search import AUDIT, AuditFilter
from projections.certificates.inventory import INVENTORY, InventoryFilter
from projections.query import Filter
from scripts.benches import estate
from scripts.benches.estate import Estate, fabricate
from scripts.benches.growth_picture import draw

SIZES = (10_000, 100_000)
FULL = 1_000_000
KINDS = get_args(Access)
_BIG, _SMALL = Team.id_for("team-0"), Team.id_for("team-7")
_FIVE = tuple(Team.id_for(f"team-{number}") for number in (0, 3, 7, 11, 19))
_WARM_UP = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """An estate that is open for questions."""

    size: int
    views: StoredViews
    edge: Any
    deep: Mapping[str, str | None]

    def pick(self, *, ordered: bool = False) -> int:
        """Return a certificate's number."""
        number = random.randrange(self.size)  # noqa: S311 - a sample, no secret
        return number - number % 5 if ordered else number

    def inventory(self, cursor: str | None = None, team_ids: tuple[str, ...] | None = None, **where: Any) -> int:
        """Ask the inventory for a page; returns how many rows it has."""
        return len(self.views.find(INVENTORY, InventoryFilter(**where), cursor=cursor, team_ids=team_ids).rows)

    def accesses(self, subject: str, cursor: str | None = None) -> int:
        """Ask who accessed something, told from the ledger with its proofs."""
        found = self.views.find(AUDIT, AuditFilter(object_id=subject, accesses=KINDS), cursor=cursor)
        return len(touches(self.edge, found.rows))

    def history(self, number: int) -> int:
        """Ask for a certificate's history, told from the ledger."""
        where = AuditFilter(object_id=estate.id_of(number), order="oldest")
        return len(history(self.edge, self.views.find(AUDIT, where).rows))

    def audit(self, **where: Any) -> int:
        """Search the audit index."""
        return len(self.views.find(AUDIT, AuditFilter(**where)).rows)


Question = Callable[[Asked], int]
QUESTIONS: Mapping[str, Question] = {
    "inventory: newest, first page": lambda a: a.inventory(),
    "inventory: newest, deep page": lambda a: a.inventory(a.deep["newest"]),
    "inventory: by name": lambda a: a.inventory(name=estate.name_of(a.pick())),
    "inventory: by name, for a team": lambda a: a.inventory(name=estate.name_of(a.pick()), team_ids=(_BIG,)),
    "inventory: by fingerprint": lambda a: a.inventory(fingerprint=estate.fingerprint_of(a.pick())),
    "inventory: by serial, for a team": lambda a: a.inventory(serial=estate.serial_of(a.pick()), team_ids=(_BIG,)),
    "inventory: a large team's next to expire": lambda a: a.inventory(team_id=_BIG, state="issued", order="expiry"),
    "inventory: a large team's expiry, deep page": lambda a: a.inventory(
        a.deep["expiry"], team_id=_BIG, order="expiry"
    ),
    "inventory: a small team's next to expire": lambda a: a.inventory(team_id=_SMALL, order="expiry"),
    "inventory: newest, for a person of five teams": lambda a: a.inventory(team_ids=_FIVE),
    "inventory: issued or superseded, by expiry": lambda a: a.inventory(
        states=("issued", "superseded"), order="expiry"
    ),
    "history: of a certificate": lambda a: a.history(a.pick(ordered=True)),
    "history: of one that all look at": lambda a: a.history(estate.HOT),
    "who accessed: a certificate's key": lambda a: a.accesses(estate.key_of(a.pick(ordered=True))),
    "who accessed: the CA's key, newest": lambda a: a.accesses(estate.ISSUER),
    "who accessed: the CA's key, deep page": lambda a: a.accesses(estate.ISSUER, a.deep["issuer"]),
    "audit: by the beginning of a topic": lambda a: a.audit(topic="sslclm.certificate."),
    "audit: by a rare topic": lambda a: a.audit(topic="sslclm.issuer."),
    "audit: by actor": lambda a: a.audit(actor=f"p-{a.pick() % 997}"),
}


def main() -> None:
    """Make estates, ask, and write table, JSON and picture."""
    parser = argparse.ArgumentParser(prog="scripts/bench growth", description=__doc__)
    parser.add_argument("--full", action="store_true", help="a million certificates, too: half an hour, 12 GB")
    parser.add_argument("--rounds", type=int, default=200, help="how often each question is asked")
    parser.add_argument("--estates", type=Path, help="keep estates in this folder, and use those that are there")
    parser.add_argument("--out", type=Path, help="folder for growth.json and growth.png; default: a temporary one")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="certificates of each estate")
    parser.add_argument("--from", dest="start", type=Path, default=Path(), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    out: Path = asked.start / asked.out if asked.out else Path(tempfile.mkdtemp(prefix="sslclm-growth-"))
    out.mkdir(parents=True, exist_ok=True)
    sizes = (*asked.sizes, *((FULL,) if asked.full else ()))
    figures = run(sizes, asked.rounds, asked.start / asked.estates if asked.estates else None)
    (out / "growth.json").write_text(json.dumps(figures, indent=1) + "\n")
    draw(figures, out / "growth.png")
    print(table(figures))
    print(f"\n{out / 'growth.json'}\n{out / 'growth.png'}")


def run(sizes: tuple[int, ...], rounds: int, kept: Path | None = None) -> dict[str, Any]:
    """Return p50 and p99 in milliseconds of each question at each size."""
    found: dict[str, Any] = {name: [] for name in QUESTIONS}
    made = []
    for size in sizes:
        with _folder(kept, size) as folder:
            start = time.perf_counter()
            there = Estate(folder, size) if (folder / "done").exists() else fabricate(folder, size)
            (folder / "done").touch()
            bytes_each = (there.views.stat().st_size + there.ledger.stat().st_size) / size
            made.append({"size": size, "seconds": time.perf_counter() - start, "bytes_each": bytes_each})
            with opened(there) as asked:
                for name, question in QUESTIONS.items():
                    found[name].append({"size": size, **_timed(asked, question, rounds)})
    return {"estates": made, "questions": found}


def table(figures: Mapping[str, Any]) -> str:
    """Return the figures for people."""
    sizes = [one["size"] for one in figures["estates"]]
    lines = [f"{'milliseconds, p50 / p99 / p99 of CPU alone':46}" + "".join(f"{size:>24,}" for size in sizes)]
    for name, rows in figures["questions"].items():
        cells = [f"{row['p50_ms']:.2f} / {row['p99_ms']:.2f} / {row['cpu_p99_ms']:.2f}" for row in rows]
        lines.append(f"{name:46}" + "".join(f"{cell:>24}" for cell in cells))
    return "\n".join(lines)


@contextmanager
def _folder(kept: Path | None, size: int) -> Iterator[Path]:
    if kept is not None:
        folder = kept / f"estate-{size}"
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="sslclm-estate-") as name:
        yield Path(name)


@contextmanager
def opened(there: Estate) -> Iterator[Asked]:
    """Open an estate for questions."""
    views = SqliteViews(there.views, estate.MODELS)
    with SqliteLedger(there.ledger, clock=lambda: estate.START) as ledger:
        directory = SimpleNamespace(known=lambda _pseudonym: None)
        edge = SimpleNamespace(ledger=ledger, evidence=Evidence(ledger), identity=SimpleNamespace(directory=directory))
        try:
            yield Asked(there.certificates, views, edge, _deep(views))
        finally:
            views.close()


def _deep(views: StoredViews) -> dict[str, str | None]:
    """Return cursors to the middle of long lists, made by the way that leads there: half of their pages."""
    lists: Mapping[str, tuple[Any, Filter]] = {
        "newest": (INVENTORY, InventoryFilter()),
        "expiry": (INVENTORY, InventoryFilter(team_id=_BIG, order="expiry")),
        "issuer": (AUDIT, AuditFilter(object_id=estate.ISSUER, accesses=KINDS)),
    }
    return {name: _middle(views, model, where) for name, (model, where) in lists.items()}


def _middle(views: StoredViews, model: Any, where: Filter) -> str | None:
    """Return a cursor to the middle of a list, found by walking it; None where one page holds it all."""
    cursors: list[str] = []
    page = views.find(model, where, limit=200)
    while page.next_cursor is not None:
        cursors.append(page.next_cursor)
        page = views.find(model, where, cursor=page.next_cursor, limit=200)
    return cursors[len(cursors) // 2] if cursors else None


def _timed(asked: Asked, question: Question, rounds: int) -> dict[str, float]:
    for _ in range(_WARM_UP):
        question(asked)
    spent, worked, rows = [], [], 0
    for _ in range(rounds):
        start, before = time.perf_counter(), time.thread_time()
        rows += question(asked)
        spent.append((time.perf_counter() - start) * 1e3)
        worked.append((time.thread_time() - before) * 1e3)
    cuts, cpu = (quantiles(each, n=100, method="inclusive") for each in (spent, worked))
    return {"p50_ms": cuts[49], "p99_ms": cuts[98], "cpu_p99_ms": cpu[98], "rows": rows / rounds}


if __name__ == "__main__":
    main()
