"""A lease held for as long as something takes, by a thread that renews it."""

from __future__ import annotations

import contextlib
import threading
from types import TracebackType
from typing import Self

from domain.errors import Unavailable
from infra.views.store import Superseded, ViewStore


class Leased:
    """Holds a lease inside a ``with``; raises Superseded at its beginning where another process holds it."""

    def __init__(self, store: ViewStore, name: str, seconds: float) -> None:
        self._store, self._name, self._seconds = store, name, seconds
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self._writer = self._store.writer()
        if not self._writer.lease(self._name, self._seconds):
            self._writer.close()
            raise Superseded
        self._thread = threading.Thread(target=self._renew, name=f"views-{self._name}", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._writer.close()

    def _renew(self) -> None:
        while not self._over.wait(self._seconds / 3):
            with contextlib.suppress(Unavailable):  # a lease that runs out costs double work and nothing else
                self._writer.lease(self._name, self._seconds)
