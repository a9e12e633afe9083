"""What a parent and its worker say to each other: JSON lines over a socket pair, whose end is told by the system.

A worker whose channel ends knows that its parent is gone; nothing else has to notice it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any

Message = dict[str, Any]
LONGEST = 4 * 1024 * 1024
"""Bytes of the longest line."""


class Channel:
    """One end; messages are small and are never waited for."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def over(cls, end: socket.socket) -> Channel:
        """Return the channel over one end of a socket pair."""
        end.setblocking(False)
        return cls(*await asyncio.open_unix_connection(sock=end, limit=LONGEST))

    def say(self, message: Mapping[str, Any]) -> None:
        """Send a message; to an end that is gone it goes nowhere."""
        if not self._writer.is_closing():
            self._writer.write(json.dumps(message).encode() + b"\n")

    async def heard(self) -> AsyncIterator[Message]:
        """Yield messages until the other end is gone."""
        with contextlib.suppress(ConnectionError):
            while line := await self._reader.readline():
                if line.endswith(b"\n"):
                    yield json.loads(line)

    async def flush(self) -> None:
        """Return when what was said is on its way."""
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    def close(self) -> None:
        """Close this end."""
        self._writer.close()
