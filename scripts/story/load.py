"""A constant load of new TLS connections: whoever replaces a certificate must not lose one of them."""

from __future__ import annotations

import ssl
import threading
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from scripts.story.place import Place
from scripts.story.serving import handshake_and_ask, trusting_root

_THREADS = 4


@dataclass
class Load:
    """Threads that connect anew, verify chain and name, ask for a page, and count; between ``with`` and its end.

    ``served`` counts the answers by the leaf's SHA-256 (hex); ``failures`` says what was not answered, and why.
    """

    place: Place
    port: int
    name: str
    served: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        context = trusting_root(self.place)
        self._threads = [threading.Thread(target=self._connect, args=(context,)) for _ in range(_THREADS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    @property
    def told(self) -> str:
        """What came of it, in words."""
        old_and_new = " + ".join(map(str, self.served.values()))
        return f"{old_and_new} connections to old and new, {len(self.failures)} failed"

    def _connect(self, context: ssl.SSLContext) -> None:
        while not self._over.is_set():
            try:
                leaf = handshake_and_ask(context, self.port, self.name)
            except OSError as error:  # ssl's errors are among them
                with self._lock:
                    self.failures.append(f"{type(error).__name__}: {error}")
            else:
                with self._lock:
                    self.served[leaf] += 1
