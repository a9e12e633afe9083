"""Random bytes of the operating system, fetched many at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from uuid import UUID

RandomBytes = Callable[[int], bytes]
_PIECE = 4_096


class RandomPool:
    """Gives out ``os.urandom``'s bytes, each once; one system call for some hundred serials, salts and ids.

    A call costs little, but each lets go of the interpreter's lock, and a busy thread gets it back late. For what is
    public once it is used; keys and tokens are drawn from the operating system directly. A forked child draws anew.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = b""
        self._used = 0
        self._process = 0

    def __call__(self, count: int) -> bytes:
        """Return fresh random bytes."""
        if count > _PIECE:
            return os.urandom(count)
        with self._lock:
            end = self._used + count
            if end > len(self._bytes) or self._process != os.getpid():
                self._bytes, self._process, end = os.urandom(_PIECE), os.getpid(), count
            self._used = end
            return self._bytes[end - count : end]

    def uuid(self) -> str:
        """Return the text of a random UUID (RFC 9562 version 4)."""
        return str(UUID(bytes=self(16), version=4))
