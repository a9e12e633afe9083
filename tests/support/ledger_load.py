"""A process that appends, and repeats what it was not told the end of, until its standard input is closed.

``python -m tests.support.ledger_load SPEC NAME CALLERS``. Every command has an idempotency key and ends in one line on
stdout: ``stored POSITION HASH KEY`` or ``conflict KEY``.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading

from commands.ports.ledger import DuplicateIdempotencyKey, LedgerUnavailable, OutcomeUnknown, StreamConflict
from tests.support.ledger_stores import open_ledger
from tests.support.ledgers import draft, hashed

CONTENDED = 10
"""Every so-manyth command wants a stream that the other processes want, too."""


def _tell(line):
    os.write(1, f"{line}\n".encode())


async def _command(ledger, stream, key):
    """Repeat one command until its answer is definite, as a client does that was told 503."""
    while True:
        try:
            return await ledger.append(draft(stream, events=1 + len(key) % 2, key=key, details={"reason": "load"}))
        except DuplicateIdempotencyKey as known:
            return known.entry
        except StreamConflict:
            return None
        except (LedgerUnavailable, OutcomeUnknown):
            await asyncio.sleep(0.1)


async def _caller(ledger, name, stop):
    number = 0
    while not stop.is_set():
        number += 1
        stream = f"shared-{number}" if number % CONTENDED == 0 else f"{name}-{number}"
        key = hashed(f"{name}-{number}")
        entry = await _command(ledger, stream, key)
        _tell(f"stored {entry.first_position} {entry.entry_hash.hex()} {key}" if entry else f"conflict {key}")


async def _run(spec, name, callers):
    ledger, stop = open_ledger(spec), threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    await asyncio.gather(*(_caller(ledger, f"{name}-{caller}", stop) for caller in range(callers)))
    ledger.close()


if __name__ == "__main__":
    spec, name, callers = sys.argv[1:]
    asyncio.run(_run(spec, name, int(callers)))
