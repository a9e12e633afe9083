"""Two writers on one ledger whose store can be made to fail: a file, and a replica set of one behind a proxy."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from infra.ledger import writer
from infra.ledger.drafts import genesis_draft
from infra.ledger.schema import connect
from tests.support import tcp_proxy
from tests.support.ledger_stores import MongoStore, SqliteStore, open_ledger
from tests.support.ledgers import LEDGER_ID, ORIGIN
from tests.support.mongod import Node, free_port, fresh_url, initiate, until

ROOT = Path(__file__).parents[2]
_CONNECT = connect


class _Failing:
    """A connection whose next COMMIT answers with a disk error, having committed or not."""

    def __init__(self, connection, *, committed, afterwards=lambda: None):
        self._connection, self._committed, self._afterwards = connection, committed, afterwards

    def execute(self, statement, *values):
        if statement != "COMMIT":
            return self._connection.execute(statement, *values)
        if self._committed:
            self._connection.execute("COMMIT")
        self._afterwards()
        raise sqlite3.OperationalError("disk I/O error")

    def __getattr__(self, name):
        return getattr(self._connection, name)


class Rig:
    """Two writers. ``faults`` can be armed for what is appended next; ``settle`` waits for what may still arrive."""

    faults: tuple[str, ...] = ()

    def __init__(self, spec):
        self.spec = spec
        self.ledgers = [open_ledger(spec), open_ledger(spec)]
        self.ledgers[0].append_blocking(genesis_draft(LEDGER_ID, ORIGIN))

    def restart(self, index):
        """Have one writer forget everything."""
        self.ledgers[index].close()
        self.ledgers[index] = open_ledger(self.spec)

    def kill_another(self, name):
        """Start one more process that appends, and kill it -9 in the middle; returns what it was told."""
        command = [sys.executable, "-m", "tests.support.ledger_writer", self.spec, name, "4", "1000"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
            lines = [other.stdout.readline() for _ in range(5)]
            other.kill()
            lines += other.stdout.readlines()
        return dict(line.split() for line in lines if line.endswith("\n"))

    def settle(self):
        """Nothing arrives late here."""

    def close(self):
        """Close both writers."""
        for ledger in self.ledgers:
            ledger.close()


class SqliteRig(Rig):
    """Two instances on one file."""

    faults = ("not committed", "committed", "unreadable", "full")

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        super().__init__(SqliteStore(Path(self._folder.name)).spec)

    def arm(self, fault):
        """Have the next commits fail; "unreadable": nobody can look afterwards whether it took place."""
        self.settle()
        for ledger in self.ledgers:
            connection = ledger._writer._connection
            if fault is None or connection is None:
                continue
            if fault == "full":
                pages = connection.execute("PRAGMA page_count").fetchone()[0]
                connection.execute(f"PRAGMA max_page_count = {pages}")
            else:
                after = _refuse_once if fault == "unreadable" else lambda: None
                ledger._writer._connection = _Failing(connection, committed=fault != "not committed", afterwards=after)

    def settle(self):
        """Forget what was armed and did not happen."""
        writer.connect = _CONNECT
        for ledger in self.ledgers:
            connection = ledger._writer._connection
            if isinstance(connection, _Failing):
                ledger._writer._connection = connection = connection._connection
            if connection is not None:
                connection.execute(f"PRAGMA max_page_count = {2**30}")

    def close(self):
        """Close, and remove the file."""
        super().close()
        self._folder.cleanup()


def _refuse_once():
    def refuse(_path):
        writer.connect = _CONNECT
        raise sqlite3.OperationalError("unable to open database file")

    writer.connect = refuse


class MongoRig(Rig):
    """Two writers of one process on a fresh database behind a proxy."""

    faults = (*tcp_proxy.FAULTS, "step down")

    def __init__(self, node, proxy):
        self._node, self._proxy = node, proxy
        url = fresh_url(f"mongodb://127.0.0.1:{proxy.port}/?replicaSet=rs0")
        super().__init__(MongoStore(url).spec)

    def arm(self, fault):
        """Have the next inserts fail; "step down": the primary leaves office and comes back."""
        if fault == "step down":
            self._proxy.arm(None)
            with self._node.direct() as client:
                client.admin.command("replSetStepDown", 1, force=True)
        else:
            self._proxy.arm(fault)

    def settle(self):
        """Wait for requests that were held back."""
        self._proxy.arm(None)
        self._proxy.settle()


@contextmanager
def node_behind_proxy(folder):
    """Give a replica set of one whose members' list names the proxy, so that every client goes through it."""
    node = Node(folder / "node", free_port())
    node.start()
    proxy = tcp_proxy.Proxy(node.port)
    try:
        with node.direct() as client:
            initiate(client, [proxy.port])
            until(lambda: client.admin.command("hello")["isWritablePrimary"], "a primary behind the proxy")
        yield node, proxy
    finally:
        node.kill()
        proxy.close()
