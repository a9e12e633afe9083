"""Finding: scopes, filters of every kind, pages that survive change, hostile values."""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import fields, replace

import pytest

from domain.access.team import Team
from domain.errors import InvalidInput
from infra.views.keyset import scope_of
from projections.access.teams import TEAMS, TeamFilter
from projections.audit.search import AUDIT, AuditFilter
from projections.certificates.inventory import INVENTORY, InventoryFilter
from projections.issuers.issuers import ISSUERS, IssuerFilter
from projections.models import MODELS
from projections.query import Filter
from tests.support.memoryledger import T0_US, at
from tests.support.story import certificate, order


@pytest.fixture
def views(ledger, started):
    """Return views of eight certificates: odd numbers of team-1, even ones of team-2, the last of no team."""
    for number in range(1, 8):
        ledger.save(certificate(number, team=f"team-{2 - number % 2}"), actor=f"p-{number % 3}")
    last = ledger.save(certificate(8, team=None)).last_position
    found, _ = started()
    found.wait_for_blocking(last)
    return found


def _is_filter(member) -> bool:
    return isinstance(member, type) and issubclass(member, Filter) and member is not Filter


def _numbers(page) -> list[int]:
    return [int(row["certificate_id"].removeprefix("certificate-")) for row in page.rows]


def test_a_team_sees_what_it_owns(views):
    """Lists and single reads are scoped alike: other teams' rows, and nobody's, do not exist."""
    mine = views.find(INVENTORY, InventoryFilter(), team_ids=("team-1",))

    assert _numbers(mine) == [7, 5, 3, 1]
    assert _numbers(views.find(INVENTORY, InventoryFilter(), team_ids=("team-1", "team-2"))) == [7, 6, 5, 4, 3, 2, 1]
    assert _numbers(views.find(INVENTORY, InventoryFilter(), team_ids=())) == []
    assert _numbers(views.find(INVENTORY, InventoryFilter(team_id="team-2"), team_ids=("team-1",))) == []
    assert views.get(INVENTORY, "certificate-2", team_ids=("team-1",)) is None
    assert views.get(INVENTORY, "certificate-8", team_ids=("team-1",)) is None
    assert views.get(INVENTORY, "certificate-8") is not None


def test_a_model_without_owners_is_hidden_from_teams(views):
    """What no team owns shows nothing to whoever reads for teams only; what is public shows to all."""
    nobodys = replace(INVENTORY, scope=None)
    assert views.get(nobodys, "certificate-1", team_ids=("team-1",)) is None
    assert scope_of(nobodys, ("team-1",)).value == ()
    assert views.find(ISSUERS, IssuerFilter(), team_ids=("team-1",)).rows == ()


def test_a_team_finds_itself(ledger, started):
    """A model whose key is the owner is scoped by its key."""
    one, two = Team.create(name="one", at=at()), Team.create(name="two", at=at())
    views, _ = started()
    views.wait_for_blocking(ledger.save(one, two).last_position)

    assert [row["name"] for row in views.find(TEAMS, TeamFilter(), team_ids=(one.id,)).rows] == ["one"]
    assert views.get(TEAMS, two.id, team_ids=(one.id,)) is None


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (InventoryFilter(name="n3.shop.test"), [3]),
        (InventoryFilter(name="192.0.2.7", state="started", purpose="order"), [8, 7, 6, 5, 4, 3, 2, 1]),
        (InventoryFilter(name="shop.tes"), []),
        (InventoryFilter(states=("issued", "started"), serial=f"{5:040x}"), [5]),
        (InventoryFilter(states=()), []),
        (InventoryFilter(expires_before_us=T0_US + 300_000_000, order="expiry"), [1, 2]),
        (InventoryFilter(expires_from_us=T0_US + 700_000_000, order="expiry"), [7, 8]),
        (InventoryFilter(name="' OR 1=1 --"), []),
        (InventoryFilter(serial="%"), []),
    ],
)
def test_filters(views, where, expected):
    """Each kind of comparison, alone and together."""
    assert _numbers(views.find(INVENTORY, where)) == expected


@pytest.mark.parametrize(
    ("where", "count"),
    [
        (AuditFilter(object_id="team-1"), 4),
        (AuditFilter(object_id="certificate-2"), 1),
        (AuditFilter(topic="sslclm.certificate."), 8),
        (AuditFilter(topic="sslclm.order."), 0),
        (AuditFilter(actor="p-1"), 3),
        (AuditFilter(correlation_id="c-p-2", command="test"), 2),
        (AuditFilter(from_us=T0_US + 3, before_us=T0_US + 5), 2),
        (AuditFilter(from_position=7), 2),
    ],
)
def test_audit_search(views, where, count):
    """Events are found by object, topic, actor, call and time."""
    assert len(views.find(AUDIT, where).rows) == count


def test_pages_do_not_slip_when_rows_come(ledger, views):
    """Rows that come while somebody pages are neither shown twice nor push others out."""
    first = views.find(INVENTORY, InventoryFilter(), limit=3)
    views.wait_for_blocking(ledger.save(certificate(9)).last_position)

    second = views.find(INVENTORY, InventoryFilter(), limit=5, cursor=first.next_cursor)

    assert (_numbers(first), _numbers(second)) == ([8, 7, 6], [5, 4, 3, 2, 1])
    assert second.next_cursor is None


@pytest.mark.parametrize(
    "where", [InventoryFilter(name="\ud800"), InventoryFilter(expires_from_us=2**70), InventoryFilter(order="; DROP")]
)
def test_values_that_no_store_takes_are_refused(views, where):
    """Lone surrogates, numbers over 64 bits and unknown orders are the asker's mistake."""
    with pytest.raises(InvalidInput):
        views.find(INVENTORY, where)


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_limits(views, limit):
    """A page has 1 to 200 rows."""
    with pytest.raises(InvalidInput, match="1 to 200"):
        views.find(INVENTORY, InventoryFilter(), limit=limit)


@pytest.mark.parametrize(
    "keyset",
    [
        ["orders", "newest", 1, "certificate-1"],
        ["inventory", "expiry", 1, "certificate-1"],
        ["inventory", "newest", "1", "certificate-1"],
        ["inventory", "newest", True, "certificate-1"],
        ["inventory", "newest", 2**63, "certificate-1"],
        ["inventory", "newest", 1, 1],
        ["inventory", "newest", 1, "a\0b"],
        ["inventory", "newest", None, "certificate-1"],
        ["inventory", "newest", 1],
        {"inventory": 1},
    ],
)
def test_cursors_of_other_shapes_are_refused(views, keyset):
    """A cursor must be of this list and order, and of the types that it has."""
    cursor = base64.urlsafe_b64encode(json.dumps(keyset).encode()).decode().rstrip("=")

    with pytest.raises(InvalidInput, match="not a cursor"):
        views.find(INVENTORY, InventoryFilter(), cursor=cursor)


def test_every_filter_names_columns_that_are_there(ledger, started):
    """No filter of any model asks for a column or an order that its model does not have."""
    views, _ = started(MODELS)
    views.wait_for_blocking(ledger.save(certificate(1)).last_position)
    for model in MODELS:
        fold = model.every or next(iter(model.folds.values()))
        where = next(one for one in vars(sys.modules[fold.__module__]).values() if _is_filter(one))
        assert views.find(model, where(), limit=1).position
        for name in where.ORDERS:
            views.find(model, where(order=name), limit=1)
        for one in fields(where):
            if one.name != "order":
                views.find(model, where(**{one.name: ("x",) if "tuple" in str(one.type) else "1"}), limit=1)


def test_an_order_mentions_its_hosts(ledger, views):
    """The history of a host has the orders with a target on it."""
    views.wait_for_blocking(ledger.save(order(hosts=("host-a", "host-b"))).last_position)

    found = views.find(AUDIT, AuditFilter(object_id="host-b")).rows

    assert [row["topic"] for row in found] == ["sslclm.order.requested.v1"]
