"""TLS to the database with our own trust, logging in by password (SCRAM) and by certificate (X.509)."""

from __future__ import annotations

from contextlib import closing

import pytest
from pymongo import MongoClient

from domain.errors import Unavailable
from infra.ledger.drafts import genesis_draft
from infra.ledger.mongodb import MongoLedger
from infra.mongodb.roles import APPLICATION, make_roles
from infra.mongodb.schema import migrate
from tests.support.ledgers import LEDGER_ID, ORIGIN, now
from tests.support.mongod import Node, connect, free_port, initiate, until
from tests.support.pki import make_ca, make_leaf

PASSWORD = "correct-horse"


def _pem(folder, pair, name):
    """Write certificate and key into one file, as MongoDB wants them."""
    path = folder / f"{name}.pem"
    path.write_bytes(pair.chain_pem + pair.key_pem)
    return path


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Give a node that speaks TLS only, its folder of certificates, and a user for each way to log in."""
    folder, ca = tmp_path_factory.mktemp("tls"), make_ca()
    (folder / "ca.pem").write_bytes(ca.pem)
    (folder / "other-ca.pem").write_bytes(make_ca("Other Root").pem)
    _pem(folder, make_leaf(ca), "server")
    _pem(folder, make_leaf(ca, "clm-backend", sans=(), client=True), "app")
    _pem(folder, make_leaf(ca, "stranger", sans=(), client=True), "stranger")
    key = folder / "key"
    key.write_text("c2hhcmVkIGJ5IHRoZSBub2Rlcw==")
    key.chmod(0o400)
    tls = ("--tlsMode", "requireTLS", "--tlsCertificateKeyFile", str(folder / "server.pem"), "--tlsCAFile")
    more = ("--tlsAllowConnectionsWithoutCertificates", "--auth", "--keyFile", str(key))
    made = Node(folder / "node", free_port(), (*tls, str(folder / "ca.pem"), *more))
    made.start()
    try:
        _users(made, folder)
        yield made, folder
    finally:
        made.kill()


def _users(node, folder):
    options = {"directConnection": True, "tls": True, "tlsCAFile": str(folder / "ca.pem")}
    with closing(MongoClient("127.0.0.1", node.port, **options)) as client:
        initiate(client, [node.port])
        until(lambda: client.admin.command("hello")["isWritablePrimary"], "a primary")
        client.admin.command("createUser", "root", pwd=PASSWORD, roles=["root"])
    with closing(connect(_scram(node, folder, "root"))) as root:
        make_roles(root, lambda _: None)
        migrate(root, tell=lambda _: None)
        role = [{"role": APPLICATION, "db": "clm"}]
        root.client.admin.command("createUser", "app", pwd=PASSWORD, roles=role)
        root.client["$external"].command("createUser", "CN=clm-backend", roles=role)


def _scram(node, folder, user, ca="ca"):
    login = f"root:{PASSWORD}" if user == "root" else f"{user}:{PASSWORD}"
    trust = f"tls=true&tlsCAFile={folder / ca}.pem"
    return f"mongodb://{login}@127.0.0.1:{node.port}/clm?replicaSet=rs0&authSource=admin&{trust}"


def _x509(node, folder, name):
    proof = f"authMechanism=MONGODB-X509&authSource=$external&tlsCertificateKeyFile={folder / name}.pem"
    return f"mongodb://127.0.0.1:{node.port}/clm?replicaSet=rs0&tls=true&tlsCAFile={folder / 'ca'}.pem&{proof}"


def test_a_ledger_over_tls_by_password_and_by_certificate(site):
    """Entries are stored and read with either login, over TLS that trusts our CA only."""
    node, folder = site
    with closing(connect(_scram(node, folder, "app"))) as connection, MongoLedger(connection, clock=now) as ledger:
        ledger.append_blocking(genesis_draft(LEDGER_ID, ORIGIN))
    with closing(connect(_x509(node, folder, "app"))) as connection, MongoLedger(connection, clock=now) as ledger:
        assert ledger.verify().holds
        assert ledger.head().position == 1


@pytest.mark.parametrize("wrong", ["another CA", "a stranger's certificate"])
def test_neither_a_foreign_node_nor_a_stranger_is_believed(site, wrong):
    """A node that another CA signed is not spoken to, and a certificate that is no user's gets nowhere."""
    node, folder = site
    url = _x509(node, folder, "stranger") if wrong.startswith("a ") else _scram(node, folder, "app", "other-ca")
    with closing(connect(url)) as connection, pytest.raises(Unavailable, match="does not answer"):
        MongoLedger(connection, clock=now)
