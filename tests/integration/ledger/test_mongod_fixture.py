"""The replica set that tests against MongoDB stand on."""

from __future__ import annotations

from tests.support.mongod import connect


def test_a_database_of_its_own_answers(mongo_url):
    """Each test has an empty database, on a node that is the primary of its set."""
    connection = connect(mongo_url)
    with connection.reaching():
        connection.database["things"].insert_one({"_id": 1})
        names = connection.database.list_collection_names()
    connection.close()

    assert names == ["things"]


def test_the_next_test_has_another(mongo_url):
    """What one test wrote is not seen by the next."""
    connection = connect(mongo_url)
    with connection.reaching():
        names = connection.database.list_collection_names()
    connection.close()

    assert names == []
