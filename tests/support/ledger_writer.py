"""A process that appends until it is stopped: ``python -m tests.support.ledger_writer SPEC NAME CALLERS COUNT``.

Every acknowledged entry is told on stdout, as one line ``<first position> <entry hash>``, right when it is answered.
"""

from __future__ import annotations

import asyncio
import os
import sys

from tests.support.ledger_stores import open_ledger
from tests.support.ledgers import draft


async def _caller(ledger, name, count):
    for number in range(count):
        entry = await ledger.append(draft(f"{name}-{number}", events=1 + number % 3, details={"reason": "load"}))
        os.write(1, f"{entry.first_position} {entry.entry_hash.hex()}\n".encode())


async def _run(spec, name, callers, count):
    ledger = open_ledger(spec)
    await asyncio.gather(*(_caller(ledger, f"{name}-{caller}", count) for caller in range(callers)))
    ledger.close()


if __name__ == "__main__":
    spec, name, callers, count = sys.argv[1:]
    asyncio.run(_run(spec, name, int(callers), int(count)))
