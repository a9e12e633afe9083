"""What a database's URL may say; whatever it says, its password is never repeated."""

from __future__ import annotations

import pytest

from domain.errors import InvalidInput
from infra.mongodb.connection import check_url


@pytest.mark.parametrize(
    ("url", "because"),
    [
        ("postgres://u:hunter2@127.0.0.1/clm", "mongodb://"),
        ("mongodb+srv://u:hunter2@cluster.test/clm", "write the hosts out"),
        ("mongodb://u:hunter2@127.0.0.1/?replicaSet=rs0", "names no database"),
        ("mongodb://u:hunter2@127.0.0.1/admin?replicaSet=rs0", "MongoDB's own"),
        ("mongodb://u:hunter2@127.0.0.1/" + "x" * 57 + "?replicaSet=rs0", "too long a name"),
        ("mongodb://u:hunter2@127.0.0.1/clm.ledger?replicaSet=rs0", "names a collection"),
        ("mongodb://u:hunter2@127.0.0.1/clm", "replica set"),
        ("mongodb://u:hunter2@db.test/clm?replicaSet=rs0", "in clear"),
        ("mongodb://u:hunter2@db.test/clm?replicaSet=rs0&tls=true", "tlsCAFile"),
        ("mongodb://u:hunter2@db.test/clm?replicaSet=rs0&tls=true&tlsCAFile=/none", "names no file"),
        ("mongodb://u:hunter2@127.0.0.1/clm?replicaSet=rs0&w=1", "sets w"),
        ("mongodb://u:hunter2@127.0.0.1/clm?replicaSet=rs0&tlsAllowInvalidCertificates=true", "allowinvalid"),
        ("mongodb://u:hunter2@127.0.0.1:port/clm?replicaSet=rs0", "cannot be read"),
        ("mongodb://u:hunter2:x@127.0.0.1/clm?replicaSet=rs0", "cannot be read"),
    ],
)
def test_a_url_that_is_not_safe_is_refused(url, because):
    """The sentence says what is wrong, and never the URL."""
    with pytest.raises(InvalidInput) as refused:
        check_url(url)

    assert because.lower() in f"{refused.value} {refused.value.fix}".lower()
    assert "hunter2" not in f"{refused.value} {refused.value.fix}"


def test_a_url_shows_hosts_and_database_only():
    """Its repr goes into messages and logs."""
    url = check_url("mongodb://u:hunter2@127.0.0.1:27017,127.0.0.1:27018/clm?replicaSet=rs0")

    assert str(url) == repr(url) == "mongodb://127.0.0.1:27017,127.0.0.1:27018/clm"
