"""The load: keep-alive TLS clients in a process of their own, each sending its next request when it has its answer.

Started by :mod:`scripts.benches.certificates`; reads a :class:`Plan` as one line of JSON, answers ``ready`` once every
client is connected, begins at the next line, and ends with one line of JSON. A request costs it about 60 µs of CPU.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
import uuid
from itertools import count
from typing import Any, cast

import uvloop


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._answer = b""
        self._sent = 0.0
        self.connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self.connected.set_result(None)

    def send(self) -> None:
        """Send the next request."""
        self._answer = b""
        self._sent = time.perf_counter()
        self._transport.write(self._load.request())

    def data_received(self, data: bytes) -> None:
        """Take a piece of the answer; where it is whole, count it and go on."""
        self._answer += data
        end = self._answer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._answer[:end].lower()
        size = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(self._answer) < end + 4 + size:
            return
        now = time.perf_counter()
        self._load.note(self._answer, now - self._sent)
        if now < self._load.until:
            self.send()
        else:
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))


class Load:
    """What all clients share: the requests, the end, the count."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._bodies: list[bytes] = [body.encode() for body in plan["bodies"]]
        self._head: bytes = plan["head"].encode()
        self._run = uuid.uuid4().hex
        self._numbers = count()
        self._expected = f"HTTP/1.1 {plan['status']}".encode()
        self._says: bytes = plan.get("says", "").encode()
        self.until = 0.0
        self.seconds: list[float] = []

    def request(self) -> bytes:
        """Return the next request, with an idempotency key of its own."""
        number = next(self._numbers)
        body = self._bodies[number % len(self._bodies)]
        own = f"Idempotency-Key: {self._run}-{number}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        return self._head + own + body

    def note(self, answer: bytes, seconds: float) -> None:
        """Count an answer; another than expected ends the run."""
        if not answer.startswith(self._expected) or self._says not in answer:
            raise SystemExit(answer[:2000].decode(errors="replace"))
        self.seconds.append(seconds)


async def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Connect, wait for the word, run, and return requests, seconds, latencies (ms) and the CPU used here."""
    load = Load(plan)
    trust = ssl.create_default_context(cafile=plan["root_pem"])
    loop = asyncio.get_running_loop()
    clients: list[Client] = []
    for _ in range(plan["clients"]):
        _, client = await loop.create_connection(
            lambda: Client(load), "127.0.0.1", plan["port"], ssl=trust, server_hostname="localhost"
        )
        clients.append(client)
        await client.connected
    print("ready", flush=True)
    sys.stdin.readline()
    started, cpu = time.perf_counter(), time.process_time()
    load.until = started + plan["seconds"]
    for client in clients:
        client.send()
    await asyncio.gather(*(client.done for client in clients))
    return _figures(load, time.perf_counter() - started, time.process_time() - cpu)


def _figures(load: Load, seconds: float, cpu: float) -> dict[str, Any]:
    ordered = sorted(load.seconds)
    return {
        "requests": len(ordered),
        "seconds": seconds,
        "p50_ms": ordered[len(ordered) // 2] * 1e3,
        "p99_ms": ordered[int(len(ordered) * 0.99)] * 1e3,
        "client_cpu_us": cpu / len(ordered) * 1e6,
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.loads(sys.stdin.readline())))), flush=True)
