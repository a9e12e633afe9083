"""A mail server on loopback with STARTTLS, as honest or as odd as a test wants it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from pathlib import Path


@dataclass
class SmtpServer:
    """Speaks enough of RFC 5321; ``refusals`` are sent instead of taking the first messages, one for each."""

    context: ssl.SSLContext
    offers_tls: bool = True
    refusals: list[str] = field(default_factory=list)
    silent: bool = False
    port: int = 0
    taken: list[Message] = field(default_factory=list)
    in_clear: list[bytes] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    recipients: list[bytes] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold one conversation."""
        try:
            if self.silent:
                await reader.read()  # until the client gives up
            else:
                await self._converse(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secured = False
        writer.write(b"220 mail.test\r\n")
        while line := await reader.readline():
            word = line.strip().split(b" ")[0].upper()
            if not secured:
                self.in_clear.append(word)
            if word == b"STARTTLS" and self.offers_tls:
                writer.write(b"220 go\r\n")
                await writer.drain()
                await writer.start_tls(self.context)
                secured = True
                self.versions.append(writer.get_extra_info("ssl_object").version())
            elif word == b"DATA":
                await self._data(reader, writer)
            else:
                self.recipients += [line.strip()] if word == b"RCPT" else []
                writer.write(self._answer(word, secured=secured))
            if word == b"QUIT":
                return

    def _answer(self, word: bytes, *, secured: bool) -> bytes:
        if word == b"EHLO":
            return b"250-mail.test\r\n250 STARTTLS\r\n" if self.offers_tls and not secured else b"250 mail.test\r\n"
        if word == b"RCPT" and self.refusals:
            return self.refusals.pop(0).encode() + b"\r\n"
        known = {b"MAIL", b"RCPT", b"RSET", b"NOOP"}
        return b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n" if word in known else b"502 no\r\n"

    async def _data(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"354 go\r\n")
        body = await reader.readuntil(b"\r\n.\r\n")
        self.taken.append(message_from_bytes(body[:-5]))
        writer.write(b"250 taken\r\n")


@asynccontextmanager
async def serving(certificate: Path, key: Path, **odd: object) -> AsyncIterator[SmtpServer]:
    """Serve until the block ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = SmtpServer(context, **odd)  # type: ignore[arg-type] # a test names its fields
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
