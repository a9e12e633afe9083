"""A change stream as a hint that somebody has appended: missing one costs latency, never an entry."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from pymongo.errors import PyMongoError

from infra.ledger.documents import ENTRIES
from infra.mongodb.connection import MongoConnection

_WAIT_MS = 1_000
_RETRY_S = 1.0
_INSERTS: list[Mapping[str, Any]] = [{"$match": {"operationType": "insert"}}, {"$project": {"_id": 1}}]


class MongoHints:
    """Calls ``hint`` from a thread of its own whenever entries may have been stored, by whomever, until closed.

    It is called once more whenever the stream was (re-)opened, since entries may have been missed meanwhile. What is
    true is in the ledger: who is called reads there.
    """

    def __init__(self, connection: MongoConnection, hint: Callable[[], object]) -> None:
        self._connection, self._hint = connection, hint
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger-hints", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread; it takes up to a second."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._listen()
            except PyMongoError:
                self._closed.wait(_RETRY_S)  # no primary, or it does not answer: the slow look goes on meanwhile

    def _listen(self) -> None:
        with self._connection.database[ENTRIES].watch(_INSERTS, max_await_time_ms=_WAIT_MS) as changes:
            self._hint()
            while not self._closed.is_set():
                if changes.try_next() is not None:
                    self._hint()
