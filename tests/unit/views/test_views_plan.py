"""How pages are looked up: the rows are those that a filter means, and no question walks or sorts a whole model.

Harm prevented: a list that takes milliseconds with a thousand certificates and a minute with a million.
"""

from __future__ import annotations

import random
import sqlite3

import pytest

from infra.views.fold import Batch, Routes
from infra.views.keyset import order_of
from infra.views.plan import AT_MOST, branches, page, plan
from infra.views.rows import elements
from infra.views.sqlite_writer import StoredTable
from infra.views.tables import Table
from projections.audit.search import AUDIT, AuditFilter
from projections.certificates.inventory import INVENTORY, InventoryFilter
from projections.query import Criterion
from tests.support.memoryledger import T0_US, MemoryLedger, at
from tests.support.story import certificate

ROWS = 120
TEAMS = tuple(f"team-{number}" for number in range(4))


@pytest.fixture(scope="module")
def tables():
    """Return the tables of inventory and audit index, filled with certificates of several teams and states."""
    db, ledger, chance = sqlite3.connect(":memory:", isolation_level=None), MemoryLedger(), random.Random(7)
    made = {model.name: Table(model, 1) for model in (INVENTORY, AUDIT)}
    for table in made.values():
        table.create(db)
        table.index(db)
    for number in range(1, ROWS + 1):
        one = certificate(number, team=chance.choice(TEAMS), order_id=f"order-{number % 9}")
        if number % 4:
            one.issued(certificate="AA", fingerprint=f"{number:064x}", at=at(number))
        if number % 20 in {5, 10, 15}:
            one.revoke(reason="superseded", at=at(0))
        first, *later = one.collect_events()
        first = first.model_copy(update={"not_after": at(number // 3)})  # several expire at one moment
        batch = Batch({name: StoredTable(table, db) for name, table in made.items()}, Routes((INVENTORY, AUDIT)))
        batch.fold([ledger.put(first, *later, actor=f"p-{number % 3}")])
        for generation, changes in batch.written():
            made[generation.model.name].write(db, changes)
    yield db, made
    db.close()


def everything(db, table) -> list[dict]:
    """Return all rows of a table."""
    return [table.row(record) for record in db.execute(table.select)]


MEANS = {
    "equals": lambda held, value: held == value,
    "any-of": lambda held, value: held in value,
    "at-least": lambda held, value: held is not None and held >= value,
    "below": lambda held, value: held is not None and held < value,
    "prefix": lambda held, value: held.startswith(value),
    "holds": lambda held, value: value in held,
}
"""What each operator means, in plain words."""


def meets(row: dict, criterion: Criterion, model) -> bool:
    """Tell whether a row meets a criterion."""
    many = criterion.column in model.many
    held = elements(model, criterion.column, row) if many else row[criterion.column]
    return MEANS[criterion.operator](held, criterion.value)


def walked(db, table, where, team_ids=None) -> list:
    """Return the keys of all pages, three rows each."""
    keys, cursor = [], None
    while True:
        rows, cursor = page(db, table, where, team_ids=team_ids, cursor=cursor, limit=3)
        keys += [row[table.model.key] for row in rows]
        if cursor is None:
            return keys


@pytest.mark.parametrize("seed", range(60))
def test_pages_are_what_the_filter_means(tables, seed):
    """Whatever is asked together, the pages hold each row that meets it once, in order, and nothing else."""
    db, made = tables
    chance = random.Random(seed)
    chosen = {
        "state": chance.choice(("issued", "started", "revoked")), "team_id": chance.choice(TEAMS),
        "states": tuple(chance.sample(("issued", "started", "revoked"), 2)),
        "name": f"n{chance.randint(1, 40)}.shop.test",
        "order_id": f"order-{chance.randint(0, 9)}",
        "expires_before_us": T0_US + chance.randint(0, ROWS // 3) * 1_000_000,
        "fingerprint": f"{chance.randint(1, ROWS):064x}",
    }  # fmt: skip
    asked = {name: value for name, value in chosen.items() if chance.random() < 0.35}
    where = InventoryFilter(order=chance.choice(("newest", "expiry")), **asked)
    team_ids = chance.choice((None, TEAMS[:1], TEAMS[:3], ()))
    order, model, rows = order_of(where), INVENTORY, everything(db, made["inventory"])
    good = [row for row in rows if all(meets(row, one, model) for one in where.criteria())]
    good = [row for row in good if team_ids is None or row["team_id"] in team_ids]
    good.sort(key=lambda row: (row[order.column], row["certificate_id"]), reverse=order.descending)

    assert walked(db, made["inventory"], where, team_ids) == [row["certificate_id"] for row in good]


@pytest.mark.parametrize("seed", range(40))
def test_audit_pages_are_what_the_filter_means(tables, seed):
    """The same of the audit index: objects, teams, topics by their beginning, spans of time."""
    db, made = tables
    chance = random.Random(seed)
    rows = everything(db, made["audit"])
    moment = chance.choice(rows)["recorded_at_us"]
    chosen = {
        "object_id": chance.choice((f"certificate-{chance.randint(1, ROWS)}", "issuer-1")),
        "actor": f"p-{chance.randint(0, 3)}",
        "topic": chance.choice(("sslclm.", "sslclm.certificate.is", "sslclm.certificate.revoked.v1", "x")),
        "access": chance.choice(("signing", "revocation")),
        "from_us": moment,
        "before_us": moment + chance.randint(0, 90),
    }  # fmt: skip
    where = AuditFilter(
        order=chance.choice(("newest", "oldest")), **{n: v for n, v in chosen.items() if chance.random() < 0.4}
    )
    team_ids = chance.choice((None, TEAMS[:1], TEAMS[:3]))
    good = [row for row in rows if all(meets(row, one, AUDIT) for one in where.criteria())]
    good = [row for row in good if team_ids is None or set(team_ids) & set(row["teams"])]
    keys = sorted((row["position"] for row in good), reverse=order_of(where).descending)

    assert walked(db, made["audit"], where, team_ids) == keys


def explained(db, table, where, after) -> str:
    """Return SQLite's plan of every statement of a page."""
    lines = []
    for branch in branches(db, table, where.criteria()):
        sql, values = plan(table, branch, order_of(where), after)
        lines += [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql.format(table.all_names)}", (*values, 51))]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("name", "where", "after"),
    [
        ("inventory", InventoryFilter(), (5, "x")),
        ("inventory", InventoryFilter(order="expiry"), (5, "x")),
        ("inventory", InventoryFilter(team_id="t"), (5, "x")),
        ("inventory", InventoryFilter(team_id="t", order="expiry"), (5, "x")),
        ("inventory", InventoryFilter(team_id="t", state="issued", expires_before_us=9, order="expiry"), (5, "x")),
        ("inventory", InventoryFilter(state="issued", expires_before_us=9, order="expiry"), (5, "x")),
        ("audit", AuditFilter(), (5, 5)),
        ("audit", AuditFilter(object_id="x"), (5, 5)),
        ("audit", AuditFilter(object_id="x", access="signing", order="oldest"), (5, 5)),
        ("audit", AuditFilter(actor="x"), (5, 5)),
        ("audit", AuditFilter(topic="sslclm.certificate."), (5, 5)),
        ("audit", AuditFilter(from_us=5, before_us=9), (5, 5)),
    ],
)
def test_ordinary_questions_read_in_order(tables, name, where, after):
    """No table is walked without an index, and no page is sorted from more rows than it shows."""
    db, made = tables
    shown = explained(db, made[name], where, after)

    assert "SEARCH" in shown
    assert "SCAN" not in shown.replace("SCAN t USING INDEX", "")
    assert "TEMP B-TREE FOR ORDER BY" not in shown


def test_many_values_are_compared_row_by_row(tables):
    """More values than statements are worth still give the same rows."""
    db, made = tables
    many = tuple(f"team-{number}" for number in range(AT_MOST + 9))
    every = walked(db, made["inventory"], InventoryFilter())

    assert walked(db, made["inventory"], InventoryFilter(), many) == every
    assert walked(db, made["audit"], AuditFilter(), many) == walked(db, made["audit"], AuditFilter())
