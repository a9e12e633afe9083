"""How pages are looked up in MongoDB: the index is the one that was chosen, and no question walks a whole collection.

Harm prevented: a list that takes milliseconds with a thousand certificates and a minute with a million.
"""

from __future__ import annotations

import base64
import json
import sys
from contextlib import closing
from dataclasses import fields

import pytest

from infra.views.database import Catalogue, open_reader
from infra.views.keyset import criteria_of, order_of
from infra.views.mongodb.documents import Shape
from infra.views.mongodb.pages import MongoReading
from infra.views.plan import branches, plan
from infra.views.rebuild import rebuild
from projections.certificates.inventory import INVENTORY
from projections.models import MODELS
from projections.query import Filter
from tests.bench.bench_views import history
from tests.support.mongod import fresh_url
from tests.support.viewstores import place_of

VALUE = {"text": "x", "integer": 5, "boolean": True}


@pytest.fixture(scope="module")
def both(tmp_path_factory, mongo_set):
    """Give every model, built from one history, in both stores."""
    folder, ledger = tmp_path_factory.mktemp("plans"), history(20)
    with (
        place_of("sqlite", folder, str) as sqlite,
        place_of("mongodb", folder, lambda: fresh_url(mongo_set)) as mongodb,
    ):
        for place in (sqlite, mongodb):
            rebuild(ledger, place.open().store, MODELS, cancelled=lambda: False)
        yield sqlite, mongodb


def _filters(model) -> list[Filter]:
    """Return the questions of a model: every order, alone and with each member of its filter, and some together."""
    fold = model.every or next(iter(model.folds.values()))
    members = vars(sys.modules[fold.__module__]).values()
    kind = next(one for one in members if isinstance(one, type) and issubclass(one, Filter) and one is not Filter)
    asked = [{}, *({one.name: _value(model, one)} for one in fields(kind) if one.name != "order")]
    return [kind(order=order, **told) for order in kind.ORDERS for told in asked]


def _value(model, one) -> object:
    if "tuple" in str(one.type):
        return ("x", "y")
    if one.metadata["operator"] == "prefix":
        return "sslclm.certificate."
    if one.metadata["operator"] in {"below", "at-least"}:
        return 9 if one.metadata["operator"] == "below" else 1
    return VALUE["text" if one.metadata["column"] in model.many else _kind(model, one.metadata["column"])]


def _kind(model, column: str) -> str:
    return model.key_type if column == model.key else model.columns[column]


def _sorted_by_sqlite(place, model, where, team_ids) -> bool:
    with closing(open_reader(place.path)) as db:
        table = Catalogue(MODELS).current(db)[model.name]
        lines = []
        for branch in branches(db, table, criteria_of(model, where, team_ids)):
            sql, values = plan(table, branch, order_of(where), None)
            lines += [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql.format(table.all_names)}", (*values, 51))]
    return "TEMP B-TREE FOR ORDER BY" in "\n".join(lines)


def _stages(found) -> set[str]:
    """Return the names of all stages of an explained plan."""
    if isinstance(found, list):
        return set().union(*map(_stages, found)) if found else set()
    if not isinstance(found, dict):
        return set()
    inner = set().union(*(_stages(found[name]) for name in ("inputStage", "inputStages") if name in found), set())
    return inner | ({found["stage"]} if "stage" in found else set())


def _explained(place, model, where, team_ids, cursor) -> list[set[str]]:
    shape, database = Shape(model), place.database
    name = shape.collection(database["views_state"].find_one()["models"][model.name]["generation"])
    with place.connection.client.start_session(snapshot=True) as session:
        looks = list(MongoReading(shape, database[name], session, 1).looks(where, team_ids=team_ids, cursor=cursor))
    found = []
    for look in looks:
        asked = {"find": name, "filter": look.conditions, "hint": look.index, "sort": dict(look.sort), "limit": 51}
        told = database.command({"explain": asked, "verbosity": "queryPlanner"})
        found.append(_stages(told["queryPlanner"]["winningPlan"]))
    return found


def _cursor(model, where) -> str:
    column = order_of(where).column
    keyset = [model.name, where.order, VALUE[_kind(model, column)], VALUE[model.key_type]]
    return base64.urlsafe_b64encode(json.dumps(keyset).encode()).decode().rstrip("=")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_question_is_answered_by_an_index(both, model):
    """No page of any model walks a collection, and none is sorted in memory where SQLite reads it in order."""
    sqlite, mongodb = both
    for where in _filters(model):
        for team_ids in (None, ("team-1",), ("team-1", "team-2")):
            sorts = any(_sorted_by_sqlite(sqlite, model, where, teams) for teams in (None, team_ids))
            for cursor in (None, _cursor(model, where)):
                for stages in _explained(mongodb, model, where, team_ids, cursor):
                    told = f"{where} {team_ids} {cursor} {stages}"
                    assert "COLLSCAN" not in stages, told
                    assert sorts or "SORT" not in stages, told


def test_counting_reads_an_index_alone(both):
    """A million rows are counted without being read."""
    _, mongodb = both
    views = mongodb.open()
    tallied = views.tally(INVENTORY, ("team_id", "state"), least=("not_after_us", 0))
    assert sum(count for _, count, _ in tallied) == 20
    name = next(one for one in mongodb.kept())
    hint = "by_2"
    group = {"_id": {"team_id": "$team_id", "state": "$state"}, "count": {"$sum": 1}}
    told = mongodb.database.command(
        {"explain": {"aggregate": name, "pipeline": [{"$group": group}], "hint": hint, "cursor": {}}}
    )

    assert "FETCH" not in str(told)
